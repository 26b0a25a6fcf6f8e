package dev.headwater.engine.tokens.pipeline;

import dev.headwater.engine.tokens.regex.CharClass;
import dev.headwater.engine.tokens.regex.RefusedException;
import java.text.Normalizer.Form;
import java.util.Arrays;

/**
 * Unicode as the tokenizers library knows it, where it is older than Java's. The library's normal forms are Unicode 9's, its
 * categories for accents and punctuation Unicode 8's, its scripts Unicode 10's: characters that are newer are strangers to it, and
 * texts with them must give the same tokens here. Each table holds ranges that cover those strangers and no character that it knows,
 * found by comparing the library with Java 25 character by character.
 */
final class OldUnicode {
    private static final int CHUNK = 1 << 16;
    private static final int LONGEST_DECOMPOSITION = 18;

    /** Punctuation since Unicode 8. */
    private static final CharClass NEW_PUNCTUATION = ranges("""
            61D 9FD-A76 C77-C84 1B4E-1B4F 1B7D-1B7F 2E43-2E5D 10D6E-10F89 113D4-1145D 11660-116B9 1183B-11FFF
            12FF1-12FF2 16D6D-16FE2 1E5FF-1E95F""");

    /** Nonspacing marks since Unicode 8. */
    private static final CharClass NEW_ACCENTS = ranges("""
            7FD 897-8E1 9FE AFA-AFF B55 C04-C3C D00 D3B-D3C D81 EBA ECE 180F-1886 1ABF-1ACE 1DF6-1DFB A82C A8C5
            A8FF A9BD 10D24-10F85 11070-11074 110C2 111C9 111CF 1123E-11241 1133B 113BB-1145E 1182F-1612F 16F4F
            16FE4 1CF00-1CF46 1E000-1E5EF 1E944-1E94A""");

    /** Marks of any kind since Unicode 9. */
    private static final CharClass NEW_MARKS = ranges("""
            7FD 897-8D3 9FE AFA-AFF B55 C04-C3C CF3-D00 D3B-D3C D81 EBA ECE 1715 180F 1ABF-1ACE 1CF7 1DF6-1DFA
            A82C A8FF 10D24-10F85 11070-11074 110C2 11145-11146 111C9 111CE-111CF 11241 1133B 113B8-113E2 1145E
            1182C-11A99 11D31-1612F 16F4F 16F7F-16F87 16FE4-16FF1 1CF00-1CF46 1E08F-1E5EF""");

    /** Characters with a decomposition or a combining class, or parts of a composition, since Unicode 9. */
    private static final CharClass NOT_NORMALIZED = ranges("""
            7FD 897-8D3 9FE C3C D3B-D3C EBA 1715 1ABF-1ACE 1DF6-1DFA 32FF A7F2-A7F4 A82C AB69 105C9-107BA
            10D24-10F85 11070 1133B 11382-113D0 1145E 11839-11A99 11D42-1612F 16D63-16FF1 1CCD6-1CCF9
            1E030-1E5EF 1F16C 1FBF0-1FBF9""");

    /** Characters with a script since Unicode 10. */
    private static final CharClass WITHOUT_SCRIPT = ranges("""
            560 588 5EF 61D 7FD-7FF 860-89F 8B5 8BE-8D3 9FC-9FE A76 AFA-AFF B55 C04 C3C C5D C77 C84 CDD CF3-D00
            D04 D3B-D3C D81 E86 E89 E8C E8E-E93 E98 EA0 EA8-EA9 EAC EBA ECE 170D 1715-171F 180F 1878 1ABF-1ACE
            1B4C-1B4F 1B7D-1B7F 1C89-1CBF 1CF7 1CFA 1DF6-1DFA 20BF-20C0 23FF 2427-2429 2B97 2BBA-2BBC 2BC9
            2BD2-2BEB 2BF0-2BFF 2C2F 2C5F 2E45-2E5D 2FFC-2FFF 312E-312F 31BB-31BF 31E4-31EF 32FF 4DB6-4DBF
            9FD6-9FFF A7AF A7B8-A7F6 A82C A8FE-A8FF AB66-AB6B FBC2 FD40-FD4F FDCF FDFE-FDFF 1019C 1032D-1032F
            10570-105F3 10780-107BA 10A34-10A35 10A48 10D00-10D8F 10E80-10FF6 11070-11075 110C2-110CD
            11144-11147 111CE-111CF 1123F-11241 1133B 11380-113E2 1145A 1145E-11461 116B8-116B9 116D0-116E3
            1171A 11740-1183B 11900-11ABF 11B00-11BF9 11D00-11FFF 12F90-12FF2 1342F-143FA 16100-16139
            16A70-16AC9 16D40-16E9A 16F45-16F4F 16F7F-16F87 16FE1-16FF1 187ED-187F7 18AF3-1AFFE 1B002-1B2FB
            1CC00-1CFC3 1D1E9-1D1EA 1D2C0-1D2F3 1D372-1D378 1DF00-1DF2A 1E030-1E7FE 1E94B 1EC71-1ED3D
            1F10D-1F10F 1F12F 1F16C-1F16F 1F1AD 1F260-1F265 1F6D3-1F6DF 1F6F7-1F6FC 1F774-1F77F 1F7D5-1F7F0
            1F8B0-1F90F 1F91F 1F928-1F92F 1F931-1F932 1F93F 1F94C-1F94F 1F95F-1F97F 1F992-1F9BF 1F9C1-1FBF9
            2A6D7-2A6DF 2B735-2B739 2CEB0-2EE5D 30000-323AF""");

    private OldUnicode() {}

    private static CharClass ranges(String hexadecimal) {
        int[] edges = Arrays.stream(hexadecimal.strip().split("\\s+"))
                .flatMapToInt(
                        range -> Arrays.stream(range.contains("-") ? range.split("-") : new String[] {range, range})
                                .mapToInt(edge -> Integer.parseInt(edge, 16)))
                .toArray();
        return CharClass.of(c -> {
            int at = Arrays.binarySearch(edges, c);
            // An edge itself, or between the first and the last of a range.
            return at >= 0 || (-at - 1) % 2 == 1;
        });
    }

    /** ASCII's punctuation and symbols, and the punctuation of Unicode. */
    static boolean isPunctuation(int c) {
        if (c < 128) {
            return c > ' ' && c < 127 && !Character.isLetterOrDigit(c);
        }
        return c == 0x166D
                || c == 0x111C9
                || switch (Character.getType(c)) {
                    case Character.CONNECTOR_PUNCTUATION,
                            Character.DASH_PUNCTUATION,
                            Character.START_PUNCTUATION,
                            Character.END_PUNCTUATION,
                            Character.INITIAL_QUOTE_PUNCTUATION,
                            Character.FINAL_QUOTE_PUNCTUATION,
                            Character.OTHER_PUNCTUATION -> !NEW_PUNCTUATION.contains(c);
                    default -> false;
                };
    }

    /** A nonspacing mark. */
    static boolean isAccent(int c) {
        return c == 0x1734
                || c == 0x1171E
                || Character.getType(c) == Character.NON_SPACING_MARK && !NEW_ACCENTS.contains(c);
    }

    /** A mark of any kind. */
    static boolean isMark(int c) {
        return c == 0x1CF2
                || c == 0x1CF3
                || switch (Character.getType(c)) {
                    case Character.NON_SPACING_MARK, Character.COMBINING_SPACING_MARK, Character.ENCLOSING_MARK ->
                        !NEW_MARKS.contains(c);
                    default -> false;
                };
    }

    /** Controls, formats and private use, as far as the library has them; what was unassigned then is not among them. */
    static boolean isControl(int c) {
        return switch (Character.getType(c)) {
            case Character.CONTROL, Character.PRIVATE_USE -> true;
            case Character.FORMAT ->
                c != 0x890 && c != 0x891 && c != 0x8E2 && c != 0x110CD && (c < 0x13430 || c > 0x1343F);
            default -> false;
        };
    }

    /** Whether a character has no script of its own. */
    static boolean isWithoutScript(int c) {
        return Character.UnicodeScript.of(c) == Character.UnicodeScript.UNKNOWN || WITHOUT_SCRIPT.contains(c);
    }

    /**
     * A text in a normal form; characters that the library does not know stand as they are, and nothing composes across them.
     *
     * @throws RefusedException if that makes it too long
     */
    static String normalize(String text, Form form) {
        if (java.text.Normalizer.isNormalized(text, form)) {
            return text;
        }
        StringBuilder all = new StringBuilder(text.length());
        int done = 0;
        for (int at = 0; at < text.length(); ) {
            int c = text.codePointAt(at);
            int next = at + Character.charCount(c);
            boolean unknown = c > 0x7FC && NOT_NORMALIZED.contains(c);
            if (unknown || at - done >= CHUNK && isStarter(c)) {
                append(text.substring(done, at), form, all);
                all.append(text, at, unknown ? next : at);
                done = unknown ? next : at;
            }
            at = next;
        }
        append(text.substring(done), form, all);
        return all.toString();
    }

    private static void append(String part, Form form, StringBuilder all) {
        Text.checkLength(
                all.length() + (part.length() <= CHUNK ? part.length() : (long) LONGEST_DECOMPOSITION * part.length()));
        all.append(java.text.Normalizer.normalize(part, form));
    }

    /** Characters that never join with what stands before them: enough to cut any ordinary text at. */
    private static boolean isStarter(int c) {
        return c < 128 || c >= 0x3400 && c <= 0x9FFF || c >= 0xAC00 && c <= 0xD7A3;
    }
}
