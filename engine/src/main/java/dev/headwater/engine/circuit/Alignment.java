package dev.headwater.engine.circuit;

import dev.headwater.engine.UsageException;
import dev.headwater.engine.circuit.Role.Anchor;
import dev.headwater.engine.files.ErrorText;
import java.util.List;

/**
 * Which position of one prompt is which of another. By role, the tokens that all prompts begin with are counted from the start, those
 * that all end with from the end, and the stretch between, which differs, from its last token: the subject's. Prompts of one template
 * with one gap are so aligned at the text around the gap and at the gap's last token; of prompts that share nothing all positions but the
 * last are the subject's, which is to count from the end.
 *
 * @param by     how
 * @param shared texts that all prompts begin with, less the last token of the shortest prompt
 * @param ending texts that all prompts end with, less those already in {@code shared}; the last token of every prompt is its last even
 *               where its text differs, and then this is one empty text
 * @param widest tokens of the widest stretch between the two
 */
public record Alignment(By by, List<String> shared, List<String> ending, int widest) {
    /** How positions are compared. */
    public enum By {
        /** By what is shared and what differs. */
        ROLE,
        /** By the distance from the last token. */
        END,
        /** By the distance from the first token. */
        START
    }

    /** What stands for a token that differs from prompt to prompt. */
    private static final String ANY = "…";

    static Alignment of(By by, Ends ends) {
        int front = Math.min(ends.first().size(), ends.shortest() - 1);
        int back = Math.clamp(ends.last().size(), 0, ends.shortest() - front);
        List<String> ending = back == 0
                ? List.of("")
                : ends.last().subList(ends.last().size() - back, ends.last().size());
        return new Alignment(
                by,
                List.copyOf(ends.first().subList(0, front)),
                List.copyOf(ending),
                ends.longest() - front - ending.size());
    }

    /** The role of a position. */
    public Role role(int position, int length) {
        return switch (by) {
            case START -> new Role(Anchor.START, position);
            case END -> fromEnd(position, length);
            case ROLE ->
                position < shared.size()
                        ? new Role(Anchor.START, position)
                        : position >= length - ending.size()
                                ? fromEnd(position, length)
                                : new Role(Anchor.SUBJECT, position - (length - ending.size() - 1));
        };
    }

    private static Role fromEnd(int position, int length) {
        return new Role(Anchor.FINAL, position - length + 1);
    }

    /** The position of a role in a prompt of so many tokens; -1 if it has none. */
    public int position(Role role, int length) {
        int position = switch (role.anchor()) {
            case START -> role.offset();
            case SUBJECT -> length - ending.size() - 1 + role.offset();
            case FINAL -> length - 1 + role.offset();
        };
        return position >= 0 && position < length && role(position, length).equals(role) ? position : -1;
    }

    /**
     * Asks of a prompt the shared text, so that roles mean there what they mean here; other ways to count fit any prompt.
     *
     * @throws UsageException if it lacks it: what is wrong with "it"
     */
    public void require(List<String> tokens) {
        if (!fits(tokens)) {
            throw new UsageException(
                    "it lacks the text that the circuit's prompts share, \"%s…%s\", by which roles are told; count positions with --by end"
                            .formatted(ErrorText.of(String.join("", shared)), ErrorText.of(String.join("", ending))));
        }
    }

    private boolean fits(List<String> tokens) {
        return by != By.ROLE
                || tokens.size() >= shared.size() + ending.size()
                        && tokens.subList(0, shared.size()).equals(shared)
                        && (ending.equals(List.of(""))
                                || tokens.subList(tokens.size() - ending.size(), tokens.size())
                                        .equals(ending));
    }

    /** The text of a role, {@value #ANY} where it differs from prompt to prompt. */
    public String text(Role role) {
        int fromEnd = ending.size() - 1 + role.offset();
        return role.anchor() == Anchor.START && role.offset() < shared.size()
                ? shared.get(role.offset())
                : role.anchor() == Anchor.FINAL
                                && fromEnd >= 0
                                && !ending.get(fromEnd).isEmpty()
                        ? ending.get(fromEnd)
                        : ANY;
    }
}
