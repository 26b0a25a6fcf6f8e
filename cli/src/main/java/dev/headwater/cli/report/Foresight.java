package dev.headwater.cli.report;

import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.intervention.TokenChange;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** What may follow a prompt, said before it is traced, and what is likely to be wrong with the prompt. */
public final class Foresight {
    private static final int SHOWN = 5;
    private static final double SURE = 0.5;

    private Foresight() {}

    /** On {@code err}: the next tokens where somebody watches, warnings in any case. */
    public static void tell(ReplacementModel model, Prompt prompt, String ending, Console console) {
        List<TokenChange> next = TokenChange.after(model, prompt, SHOWN);
        if (console.errColumns() > 0) {
            console.err()
                    .println(console.errStyle()
                            .dim("next      "
                                    + next.stream()
                                            .map(token -> Text.visible(
                                                            model.tokenizer().quoted(token.token()))
                                                    + String.format(Locale.ROOT, " %.1f %%", 100 * token.before()))
                                            .collect(Collectors.joining("   "))));
        }
        String warning = warning(ending, next.getFirst());
        if (!warning.isEmpty()) {
            console.warn(warning);
        }
    }

    /** @param ending the text that the next token follows, "" where a template stands between */
    static String warning(String ending, TokenChange next) {
        if (ending.endsWith(" ") || ending.endsWith("\t")) {
            return "The prompt ends with a space; most words begin with theirs, so the model may be thrown off: take it away";
        }
        if (next.before() > SURE && next.text().codePoints().noneMatch(Character::isLetterOrDigit)) {
            return "The next token is most probably \"" + Text.visible(next.text())
                    + "\", and a graph of it may be dull: let the prompt end just before a word that matters";
        }
        return "";
    }
}
