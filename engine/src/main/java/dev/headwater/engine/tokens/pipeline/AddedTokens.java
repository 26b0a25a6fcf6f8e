package dev.headwater.engine.tokens.pipeline;

import dev.headwater.engine.tokens.regex.CharClass;
import dev.headwater.engine.tokens.regex.RefusedException;
import dev.headwater.engine.tokens.regex.Steps;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Tokens that are looked for before the model sees a text: special ones, and others beside its vocabulary. Of those that begin at
 * the same place the longest counts. Some are looked for in the text as it is, the others after normalization.
 */
public final class AddedTokens {
    /**
     * One of them.
     *
     * @param singleWord only where no word character stands beside it
     * @param stripsLeft takes the whitespace before it
     * @param stripsRight takes the whitespace behind it
     * @param normalized is looked for in the normalized text, and is normalized itself
     * @param special    has a role beyond its text
     */
    public record Added(
            String content,
            boolean singleWord,
            boolean stripsLeft,
            boolean stripsRight,
            boolean normalized,
            boolean special) {
        /** {@return a special token that matches anywhere, without stripping} */
        public static Added special(String content) {
            return new Added(content, false, false, false, false, true);
        }
    }

    private final Model model;
    private final @Nullable Normalizer normalizer;
    private final boolean passesSpecial;
    private final Map<String, Integer> ids = new LinkedHashMap<>();
    private final Map<Integer, Added> tokens = new LinkedHashMap<>();
    /** Texts of special tokens; one that was special once stays so, whatever a later token with its text says. */
    private final Set<String> special = new HashSet<>();

    private final Trie raw = new Trie();
    private final Trie normalized = new Trie();

    /** @param passesSpecial whether special tokens that are written out in a text are ordinary text */
    AddedTokens(Model model, @Nullable Normalizer normalizer, List<Added> added, boolean passesSpecial) {
        this.model = model;
        this.normalizer = normalizer;
        this.passesSpecial = passesSpecial;
        int next = model.size();
        List<Added> specials = new ArrayList<>();
        List<Added> others = new ArrayList<>();
        for (Added token : added) {
            if (token.content.isEmpty() || token.equals(tokens.get(ids.get(token.content)))) {
                continue;
            }
            int id = id(token.content);
            if (id < 0) {
                id = next;
            }
            // Ids go on behind the model's own, and behind any that an added token has beyond them.
            next = Math.max(next, id + 1);
            ids.put(token.content, id);
            tokens.put(id, token);
            if (token.special && special.add(token.content)) {
                specials.add(token);
            } else if (!special.contains(token.content)) {
                others.add(token);
            }
        }
        // The first of a text says whether it is looked for before or after normalization, the last says the rest. Of
        // two that are normalized to the same, a special one counts, then the first: put in reverse, the last put
        // stays.
        others.reversed().forEach(this::put);
        specials.reversed().forEach(this::put);
    }

    private void put(Added token) {
        if (token.normalized) {
            Steps steps = Steps.forText(token.content.length());
            put(
                    normalized,
                    normalizer == null ? token.content : normalizer.apply(token.content, steps),
                    id(token.content));
        } else {
            put(raw, token.content, id(token.content));
        }
    }

    private static void put(Trie trie, String content, int id) {
        if (content.isEmpty()) {
            throw new RefusedException("it has an added token that normalization leaves nothing of");
        }
        trie.put(content, id);
    }

    /** Of an added token or one of the model's; -1 if there is none. */
    int id(String token) {
        Integer id = ids.get(token);
        return id != null ? id : model.vocabulary().id(token);
    }

    /** Null if there is none. */
    @Nullable
    String token(int id) {
        Added token = tokens.get(id);
        return token != null ? token.content : model.vocabulary().token(id);
    }

    Map<Integer, Added> tokens() {
        return Collections.unmodifiableMap(tokens);
    }

    /** Distinct tokens of the model and added ones. */
    int size() {
        return model.vocabulary().size()
                + (int) ids.keySet().stream()
                        .filter(token -> model.vocabulary().id(token) < 0)
                        .count();
    }

    /** Gives the added tokens in a text and what is between them, normalized, in order. */
    void cut(Text text, Steps steps, IntConsumer token, Consumer<Text> between) {
        cut(raw, text, steps, token, part -> {
            Text changed = normalizer == null ? part : normalizer.apply(part, steps);
            Text.checkLength(changed.chars().length());
            if (!changed.chars().isEmpty()) {
                cut(normalized, changed, steps, token, between);
            }
        });
    }

    private void cut(Trie trie, Text text, Steps steps, IntConsumer token, Consumer<Text> between) {
        String chars = text.chars();
        int done = 0;
        for (int at = 0; at < chars.length(); ) {
            int node = 0;
            int end = -1;
            int id = -1;
            int walked = at;
            while (walked < chars.length() && (node = trie.child(node, chars.charAt(walked))) != 0) {
                walked++;
                if (trie.value(node) >= 0) {
                    id = trie.value(node);
                    end = walked;
                }
            }
            steps.spend(walked - at + 1);
            Added added = id < 0 ? null : tokens.get(id);
            if (added == null) {
                at++;
                continue;
            }
            if (!(passesSpecial && special.contains(added.content))
                    && (!added.singleWord || standsAlone(chars, at, end))) {
                int start = added.stripsLeft ? Math.max(leftOfSpace(chars, at, steps), done) : at;
                int stop = added.stripsRight ? rightOfSpace(chars, end, steps) : end;
                if (done < start) {
                    between.accept(text.slice(done, start));
                }
                if (start < stop) {
                    // Else the one before it has taken all of it as whitespace.
                    token.accept(id);
                }
                done = stop;
            }
            at = end;
        }
        if (done < chars.length()) {
            between.accept(text.slice(done, chars.length()));
        }
    }

    /** What Rust's regular expressions take for a part of a word: joiners too. */
    static boolean isWord(int c) {
        return CharClass.WORD.contains(c) || c == 0x200C || c == 0x200D;
    }

    private static boolean standsAlone(String text, int start, int end) {
        return (start == 0 || !isWord(text.codePointBefore(start)))
                && (end == text.length() || !isWord(text.codePointAt(end)));
    }

    private static int leftOfSpace(String text, int from, Steps steps) {
        int at = from;
        while (at > 0 && CharClass.isWhiteSpace(text.charAt(at - 1))) {
            at--;
        }
        steps.spend(from - at);
        return at;
    }

    private static int rightOfSpace(String text, int from, Steps steps) {
        int at = from;
        while (at < text.length() && CharClass.isWhiteSpace(text.charAt(at))) {
            at++;
        }
        steps.spend(at - from);
        return at;
    }
}
