package dev.headwater.engine.tokens.pipeline;

import dev.headwater.engine.tokens.pipeline.Cutter.Behavior;
import dev.headwater.engine.tokens.regex.CharClass;
import dev.headwater.engine.tokens.regex.Regex;
import dev.headwater.engine.tokens.regex.Steps;
import java.lang.Character.UnicodeScript;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/** Cuts a text into the parts that the model makes tokens of one by one. */
interface PreTokenizer {
    void cut(Text text, Steps steps, Consumer<Text> into);

    /** Each cuts what the one before it gives. */
    record Sequence(List<PreTokenizer> parts) implements PreTokenizer {
        @Override
        public void cut(Text text, Steps steps, Consumer<Text> into) {
            Consumer<Text> next = into;
            for (PreTokenizer part : parts.reversed()) {
                Consumer<Text> after = next;
                next = each -> part.cut(each, steps, after);
            }
            next.accept(text);
        }
    }

    /** Cuts into words by GPT-2's pattern, if wanted, and spells their bytes. */
    record ByteLevel(boolean addPrefixSpace, boolean usesPattern) implements PreTokenizer {
        private static final Regex GPT_2 =
                Regex.of("'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+");

        @Override
        public void cut(Text text, Steps steps, Consumer<Text> into) {
            Text spaced = addPrefixSpace && !text.chars().startsWith(" ") ? text.prepend(" ") : text;
            if (!usesPattern) {
                spell(spaced, into);
                return;
            }
            Cutter cutter = new Cutter(spaced, Behavior.ISOLATED, false, each -> spell(each, into));
            GPT_2.cut(spaced.chars(), steps, cutter);
            cutter.end();
        }

        private static void spell(Text text, Consumer<Text> into) {
            int heads = text.heads() == 0
                    ? 0
                    : ByteAlphabet.spell(text.chars().substring(0, text.heads()))
                            .length();
            into.accept(text.withChars(ByteAlphabet.spell(text.chars()), heads));
        }
    }

    record Split(Normalizer.Wanted pattern, Behavior behavior, boolean inverted) implements PreTokenizer {
        @Override
        public void cut(Text text, Steps steps, Consumer<Text> into) {
            Cutter cutter = new Cutter(text, behavior, inverted, into);
            pattern.cut(text.chars(), steps, cutter);
            cutter.end();
        }
    }

    /** Cuts at single characters: digits, punctuation, whitespace, a delimiter. */
    record AtCharacters(IntPredicate wanted, Behavior behavior) implements PreTokenizer {
        static final AtCharacters WHITESPACE = new AtCharacters(CharClass::isWhiteSpace, Behavior.REMOVED);
        static final PreTokenizer BERT =
                new Sequence(List.of(WHITESPACE, new AtCharacters(OldUnicode::isPunctuation, Behavior.ISOLATED)));

        static boolean isNumeric(int c) {
            return switch (Character.getType(c)) {
                case Character.DECIMAL_DIGIT_NUMBER, Character.LETTER_NUMBER, Character.OTHER_NUMBER -> true;
                default -> false;
            };
        }

        @Override
        public void cut(Text text, Steps steps, Consumer<Text> into) {
            Cutter cutter = new Cutter(text, behavior, false, into);
            String chars = text.chars();
            int done = 0;
            steps.spend(chars.length());
            for (int at = 0; at < chars.length(); ) {
                int c = chars.codePointAt(at);
                int next = at + Character.charCount(c);
                if (wanted.test(c)) {
                    if (done < at) {
                        cutter.accept(done, at, false);
                    }
                    cutter.accept(at, next, true);
                    done = next;
                }
                at = next;
            }
            if (done < chars.length()) {
                cutter.accept(done, chars.length(), false);
            }
            cutter.end();
        }
    }

    /** Runs of word characters, and runs of what is neither those nor whitespace. */
    record Whitespace() implements PreTokenizer {
        @Override
        public void cut(Text text, Steps steps, Consumer<Text> into) {
            String chars = text.chars();
            int start = 0;
            int kind = 0;
            steps.spend(chars.length());
            for (int at = 0; at < chars.length(); ) {
                int c = chars.codePointAt(at);
                int here = AddedTokens.isWord(c) ? 1 : CharClass.isWhiteSpace(c) ? 0 : 2;
                if (here != kind) {
                    if (kind != 0) {
                        into.accept(text.slice(start, at));
                    }
                    start = at;
                    kind = here;
                }
                at += Character.charCount(c);
            }
            if (kind != 0) {
                into.accept(text.slice(start, chars.length()));
            }
        }
    }

    /** SentencePiece's way with spaces: each becomes a mark, which is also put in front of a text. */
    record Metaspace(String mark, Scheme scheme, boolean splits) implements PreTokenizer {
        enum Scheme {
            ALWAYS,
            FIRST,
            NEVER
        }

        @Override
        public void cut(Text text, Steps steps, Consumer<Text> into) {
            Text marked = new Normalizer.Replace(new Normalizer.Literal(" "), mark).apply(text, steps);
            if (!marked.chars().startsWith(mark)
                    && (scheme == Scheme.ALWAYS || scheme == Scheme.FIRST && text.first())) {
                marked = marked.prepend(mark);
            }
            if (!splits) {
                into.accept(marked);
                return;
            }
            Cutter cutter = new Cutter(marked, Behavior.MERGED_WITH_NEXT, false, into);
            new Normalizer.Literal(mark).cut(marked.chars(), steps, cutter);
            cutter.end();
        }
    }

    /** Cuts where the script changes; kana count as Han, spaces as any. What stands before the first script is dropped. */
    record Scripts() implements PreTokenizer {
        @Override
        public void cut(Text text, Steps steps, Consumer<Text> into) {
            String chars = text.chars();
            UnicodeScript last = null;
            int start = -1;
            steps.spend(chars.length());
            for (int at = 0; at < chars.length(); ) {
                int c = chars.codePointAt(at);
                UnicodeScript script = script(c);
                if (script != null) {
                    if (!Objects.equals(script, last)) {
                        if (start >= 0) {
                            into.accept(text.slice(start, at));
                        }
                        start = at;
                    }
                    last = script;
                }
                at += Character.charCount(c);
            }
            if (start >= 0) {
                into.accept(text.slice(start, chars.length()));
            }
        }

        private static @Nullable UnicodeScript script(int c) {
            if (c == 0x30FC) {
                return UnicodeScript.HAN;
            }
            if (c == ' ' || OldUnicode.isWithoutScript(c)) {
                return null;
            }
            UnicodeScript script = UnicodeScript.of(c);
            return script == UnicodeScript.HIRAGANA || script == UnicodeScript.KATAKANA ? UnicodeScript.HAN : script;
        }
    }

    record FixedLength(int length) implements PreTokenizer {
        @Override
        public void cut(Text text, Steps steps, Consumer<Text> into) {
            String chars = text.chars();
            for (int at = 0; at < chars.length(); ) {
                int end = at;
                for (int i = 0; i < length && end < chars.length(); i++) {
                    end += Character.charCount(chars.codePointAt(end));
                }
                into.accept(text.slice(at, end));
                at = end;
            }
        }
    }
}
