package dev.headwater.engine.tokens.pipeline;

import dev.headwater.engine.tokens.regex.CharClass;
import dev.headwater.engine.tokens.regex.Regex;
import dev.headwater.engine.tokens.regex.Steps;
import java.text.Normalizer.Form;
import java.util.List;
import java.util.function.IntPredicate;

/** Changes a text before it is cut. */
interface Normalizer {
    String apply(String text, Steps steps);

    /** The changed text; its heads are what becomes of the heads alone. */
    default Text apply(Text text, Steps steps) {
        String changed = apply(text.chars(), steps);
        if (changed.equals(text.chars())) {
            return text;
        }
        return text.withChars(
                changed,
                text.heads() == 0
                        ? 0
                        : Math.min(
                                changed.length(),
                                apply(text.chars().substring(0, text.heads()), steps)
                                        .length()));
    }

    /** All in turn. */
    record Sequence(List<Normalizer> parts) implements Normalizer {
        @Override
        public String apply(String text, Steps steps) {
            String changed = text;
            for (Normalizer part : parts) {
                changed = part.apply(changed, steps);
            }
            return changed;
        }

        @Override
        public Text apply(Text text, Steps steps) {
            Text changed = text;
            for (Normalizer part : parts) {
                changed = part.apply(changed, steps);
            }
            return changed;
        }
    }

    record Unicode(Form form) implements Normalizer {
        @Override
        public String apply(String text, Steps steps) {
            return OldUnicode.normalize(text, form);
        }
    }

    /** Character by character, whatever stands around it. */
    record Lowercase() implements Normalizer {
        @Override
        public String apply(String text, Steps steps) {
            StringBuilder all = new StringBuilder(text.length());
            text.codePoints().forEach(c -> {
                all.appendCodePoint(c == 0x130 ? 'i' : Character.toLowerCase(c));
                if (c == 0x130) {
                    all.append('\u0307');
                }
            });
            return all.toString();
        }
    }

    record Strip(boolean left, boolean right) implements Normalizer {
        @Override
        public String apply(String text, Steps steps) {
            int start = 0;
            int end = text.length();
            while (left && start < end && CharClass.isWhiteSpace(text.charAt(start))) {
                start++;
            }
            while (right && end > start && CharClass.isWhiteSpace(text.charAt(end - 1))) {
                end--;
            }
            return text.substring(start, end);
        }
    }

    record StripAccents() implements Normalizer {
        @Override
        public String apply(String text, Steps steps) {
            return without(text, OldUnicode::isMark);
        }
    }

    /** What Google's NMT does with controls and odd spaces. */
    record Nmt() implements Normalizer {
        @Override
        public String apply(String text, Steps steps) {
            String kept = without(
                    text,
                    c -> c >= 1 && c <= 8
                            || c == 0x0B
                            || c >= 0x0E && c <= 0x1F
                            || c == 0x7F
                            || c == 0x8F
                            || c == 0x9F);
            return spaced(kept, c -> switch (c) {
                case '\t',
                        '\n',
                        '\f',
                        '\r',
                        0x1680,
                        0x200B,
                        0x200C,
                        0x200D,
                        0x200E,
                        0x200F,
                        0x2028,
                        0x2029,
                        0x2581,
                        0xFEFF,
                        0xFFFD -> true;
                default -> false;
            });
        }
    }

    record Prepend(String front) implements Normalizer {
        @Override
        public String apply(String text, Steps steps) {
            Text.checkLength((long) text.length() + front.length());
            return text.isEmpty() ? text : front.concat(text);
        }

        @Override
        public Text apply(Text text, Steps steps) {
            Text.checkLength((long) text.chars().length() + front.length());
            return text.prepend(front);
        }
    }

    /** @param wanted what is replaced */
    record Replace(Wanted wanted, String content) implements Normalizer {
        @Override
        public String apply(String text, Steps steps) {
            return apply(new Text(text, false, 0), steps).chars();
        }

        @Override
        public Text apply(Text text, Steps steps) {
            String chars = text.chars();
            int[] heads = {0};
            StringBuilder all = new StringBuilder(chars.length());
            wanted.cut(chars, steps, (start, end, match) -> {
                int before = all.length();
                if (match) {
                    Text.checkLength((long) before + content.length() + chars.length() - end);
                    all.append(content);
                } else {
                    all.append(chars, start, end);
                }
                if (end <= text.heads()) {
                    heads[0] += all.length() - before;
                } else if (!match && start < text.heads()) {
                    heads[0] += text.heads() - start;
                }
            });
            return text.withChars(all.toString(), heads[0]);
        }
    }

    /** Bytes as characters, as the pre-tokenizer of that name. */
    record ByteLevel() implements Normalizer {
        @Override
        public String apply(String text, Steps steps) {
            return ByteAlphabet.spell(text);
        }
    }

    record Bert(boolean clean, boolean spaceChinese, boolean stripAccents, boolean lowercase) implements Normalizer {
        @Override
        public String apply(String text, Steps steps) {
            String changed = text;
            if (clean) {
                changed = spaced(
                        without(
                                changed,
                                c -> c == 0
                                        || c == 0xFFFD
                                        || c != '\t' && c != '\n' && c != '\r' && OldUnicode.isControl(c)),
                        CharClass::isWhiteSpace);
            }
            if (spaceChinese) {
                StringBuilder all = new StringBuilder(changed.length());
                changed.codePoints().forEach(c -> {
                    if (isChinese(c)) {
                        all.append(' ').appendCodePoint(c).append(' ');
                    } else {
                        all.appendCodePoint(c);
                    }
                });
                Text.checkLength(all.length());
                changed = all.toString();
            }
            if (stripAccents) {
                changed = without(OldUnicode.normalize(changed, Form.NFD), OldUnicode::isAccent);
            }
            return lowercase ? new Lowercase().apply(changed, steps) : changed;
        }

        private static boolean isChinese(int c) {
            return c >= 0x4E00 && c <= 0x9FFF
                    || c >= 0x3400 && c <= 0x4DBF
                    || c >= 0x20000 && c <= 0x2A6DF
                    || c >= 0x2A700 && c <= 0x2B73F
                    || c >= 0x2B740 && c <= 0x2B81F
                    || c >= 0x2B920 && c <= 0x2CEAF
                    || c >= 0xF900 && c <= 0xFAFF
                    || c >= 0x2F800 && c <= 0x2FA1F;
        }
    }

    /** A text or a regular expression to look for. */
    sealed interface Wanted {
        /** As {@link Regex#cut}. */
        void cut(String text, Steps steps, Regex.Stretches into);
    }

    record Literal(String wanted) implements Wanted {
        @Override
        public void cut(String text, Steps steps, Regex.Stretches into) {
            int done = 0;
            steps.spend(text.length());
            for (int at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, done)) {
                if (done < at) {
                    into.accept(done, at, false);
                }
                done = at + wanted.length();
                into.accept(at, done, true);
            }
            if (done < text.length()) {
                into.accept(done, text.length(), false);
            }
        }
    }

    record Expression(Regex regex) implements Wanted {
        @Override
        public void cut(String text, Steps steps, Regex.Stretches into) {
            regex.cut(text, steps, into);
        }
    }

    private static String without(String text, IntPredicate dropped) {
        StringBuilder all = new StringBuilder(text.length());
        text.codePoints().filter(c -> !dropped.test(c)).forEach(all::appendCodePoint);
        return all.toString();
    }

    private static String spaced(String text, IntPredicate spaces) {
        StringBuilder all = new StringBuilder(text.length());
        text.codePoints().map(c -> spaces.test(c) ? ' ' : c).forEach(all::appendCodePoint);
        return all.toString();
    }
}
