package dev.headwater.engine.tokens.pipeline;

import dev.headwater.engine.tokens.regex.Steps;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Makes text of tokens. */
interface Decoder {
    /** Texts of tokens, each changed or several joined. */
    List<String> decode(List<String> tokens, Steps steps);

    /**
     * What a token adds to a text, in the middle of it: bytes, for a token may be a part of a character.
     *
     * @param token as it stands in the vocabulary, or as an earlier decoder left it
     */
    default byte[] bytes(byte[] token, Steps steps) {
        String text = new String(token, StandardCharsets.UTF_8);
        return decode(List.of(text), steps).getFirst().getBytes(StandardCharsets.UTF_8);
    }

    /** Nothing is found before, between and behind characters: those that a reader sees, where Java would cut pairs of surrogates. */
    private static String replaced(String text, String wanted, String with) {
        if (!wanted.isEmpty()) {
            return text.replace(wanted, with);
        }
        StringBuilder all = new StringBuilder(with);
        text.codePoints().forEach(c -> all.appendCodePoint(c).append(with));
        return all.toString();
    }

    record Sequence(List<Decoder> decoders) implements Decoder {
        @Override
        public List<String> decode(List<String> tokens, Steps steps) {
            List<String> all = tokens;
            for (Decoder decoder : decoders) {
                all = decoder.decode(all, steps);
            }
            return all;
        }

        @Override
        public byte[] bytes(byte[] token, Steps steps) {
            byte[] bytes = token;
            for (Decoder decoder : decoders) {
                bytes = decoder.bytes(bytes, steps);
                if (decoder instanceof Fuse
                        || decoder instanceof ByteLevel
                        || decoder instanceof ByteFallback && isByte(token)) {
                    // What comes behind sees the whole text, or would see half a character.
                    break;
                }
            }
            return bytes;
        }

        private static boolean isByte(byte[] token) {
            return ByteFallback.value(new String(token, StandardCharsets.UTF_8)) >= 0;
        }
    }

    record ByteLevel() implements Decoder {
        @Override
        public List<String> decode(List<String> tokens, Steps steps) {
            ByteArrayOutputStream all = new ByteArrayOutputStream();
            tokens.forEach(token -> all.writeBytes(ByteAlphabet.bytes(token)));
            return List.of(all.toString(StandardCharsets.UTF_8));
        }

        @Override
        public byte[] bytes(byte[] token, Steps steps) {
            return ByteAlphabet.bytes(new String(token, StandardCharsets.UTF_8));
        }
    }

    /** {@code <0x41>} is a byte; bytes that are no characters read as one replacement character each. */
    record ByteFallback() implements Decoder {
        /** -1 if the token is none of these. */
        static int value(String token) {
            if (token.length() != 6 || !token.startsWith("<0x") || token.charAt(5) != '>') {
                return -1;
            }
            int high = token.charAt(3) == '+' ? 0 : hexadecimal(token.charAt(3));
            int low = hexadecimal(token.charAt(4));
            return high < 0 || low < 0 ? -1 : high << 4 | low;
        }

        private static int hexadecimal(char c) {
            return c < 128 ? Character.digit(c, 16) : -1;
        }

        @Override
        public List<String> decode(List<String> tokens, Steps steps) {
            List<String> all = new ArrayList<>();
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            for (String token : tokens) {
                int value = value(token);
                if (value >= 0) {
                    bytes.write(value);
                } else {
                    flush(bytes, all);
                    all.add(token);
                }
            }
            flush(bytes, all);
            return all;
        }

        private static void flush(ByteArrayOutputStream bytes, List<String> all) {
            if (bytes.size() == 0) {
                return;
            }
            try {
                all.add(StandardCharsets.UTF_8
                        .newDecoder()
                        .decode(ByteBuffer.wrap(bytes.toByteArray()))
                        .toString());
            } catch (CharacterCodingException e) {
                for (int i = 0; i < bytes.size(); i++) {
                    all.add("\uFFFD");
                }
            }
            bytes.reset();
        }

        @Override
        public byte[] bytes(byte[] token, Steps steps) {
            int value = value(new String(token, StandardCharsets.UTF_8));
            return value < 0 ? token : new byte[] {(byte) value};
        }
    }

    record Fuse() implements Decoder {
        @Override
        public List<String> decode(List<String> tokens, Steps steps) {
            return List.of(String.join("", tokens));
        }
    }

    record Metaspace(int mark, boolean prepended) implements Decoder {
        @Override
        public List<String> decode(List<String> tokens, Steps steps) {
            List<String> all = new ArrayList<>();
            String written = Character.toString(mark);
            for (String token : tokens) {
                all.add(token.replace(written, all.isEmpty() && prepended ? "" : " "));
            }
            return all;
        }

        @Override
        public byte[] bytes(byte[] token, Steps steps) {
            return new String(token, StandardCharsets.UTF_8)
                    .replace(Character.toString(mark), " ")
                    .getBytes(StandardCharsets.UTF_8);
        }
    }

    record Replace(Normalizer.Replace replace) implements Decoder {
        @Override
        public List<String> decode(List<String> tokens, Steps steps) {
            return tokens.stream().map(token -> replace.apply(token, steps)).toList();
        }
    }

    /** Takes up to so many of a character from each beginning and end. */
    record Strip(int character, int start, int stop) implements Decoder {
        @Override
        public List<String> decode(List<String> tokens, Steps steps) {
            return tokens.stream().map(this::stripped).toList();
        }

        private String stripped(String token) {
            int[] chars = token.codePoints().toArray();
            int from = 0;
            while (from < start && from < chars.length && chars[from] == character) {
                from++;
            }
            int to = chars.length;
            while (chars.length - to < stop && to > from && chars[to - 1] == character) {
                to--;
            }
            return new String(chars, from, to - from);
        }
    }

    record WordPiece(String prefix, boolean cleansUp) implements Decoder {
        @Override
        public List<String> decode(List<String> tokens, Steps steps) {
            List<String> all = new ArrayList<>();
            for (String token : tokens) {
                String text = all.isEmpty() ? token : joined(token);
                all.add(cleansUp ? cleanedUp(text) : text);
            }
            return all;
        }

        private String joined(String token) {
            return token.startsWith(prefix) ? token.substring(prefix.length()) : " " + token;
        }

        @Override
        public byte[] bytes(byte[] token, Steps steps) {
            return joined(new String(token, StandardCharsets.UTF_8)).getBytes(StandardCharsets.UTF_8);
        }

        static String cleanedUp(String text) {
            return text.replace(" .", ".")
                    .replace(" ?", "?")
                    .replace(" !", "!")
                    .replace(" ,", ",")
                    .replace(" ' ", "'")
                    .replace(" n't", "n't")
                    .replace(" 'm", "'m")
                    .replace(" do not", " don't")
                    .replace(" 's", "'s")
                    .replace(" 've", "'ve")
                    .replace(" 're", "'re");
        }
    }

    /** Words end with a suffix, which becomes a space except at the text's end. */
    record WordEnds(String suffix) implements Decoder {
        @Override
        public List<String> decode(List<String> tokens, Steps steps) {
            List<String> all = new ArrayList<>();
            for (String token : tokens) {
                all.add(replaced(token, suffix, all.size() == tokens.size() - 1 ? "" : " "));
            }
            return all;
        }

        @Override
        public byte[] bytes(byte[] token, Steps steps) {
            return replaced(new String(token, StandardCharsets.UTF_8), suffix, " ")
                    .getBytes(StandardCharsets.UTF_8);
        }
    }

    /** Speech: repeated tokens are one, padding parts them. */
    record Ctc(String padding, String delimiter, boolean cleansUp) implements Decoder {
        @Override
        public List<String> decode(List<String> tokens, Steps steps) {
            List<String> all = new ArrayList<>();
            String last = null;
            for (String token : tokens) {
                if (!token.equals(last)) {
                    String text = token.replace(padding, "");
                    text = cleansUp ? replaced(WordPiece.cleanedUp(text), delimiter, " ") : text;
                    if (!text.isEmpty()) {
                        all.add(text);
                    }
                }
                last = token;
            }
            return all;
        }

        @Override
        public byte[] bytes(byte[] token, Steps steps) {
            List<String> text = decode(List.of(new String(token, StandardCharsets.UTF_8)), steps);
            return text.isEmpty() ? new byte[0] : text.getFirst().getBytes(StandardCharsets.UTF_8);
        }
    }
}
