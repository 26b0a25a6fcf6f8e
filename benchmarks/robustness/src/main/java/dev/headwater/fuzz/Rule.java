package dev.headwater.fuzz;

import dev.headwater.engine.HeadwaterException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * What every reader promises: bytes are read, or refused in one sentence. A fault of ours that a border catches and
 * dresses up as a sentence is a fault still.
 */
final class Rule {
    private static final int LONGEST_SENTENCE = 1000;

    private static final List<String> JAVAS_WORDS =
            List.of("java.", "Exception", "dev.headwater.", "fasterxml", "FAIL_ON_", "VALUE_", "START_");

    private Rule() {}

    /** @throws AssertionError or what the reader threw, if that was neither nothing nor a sentence */
    static void check(Reader reader, byte[] input) throws Exception {
        try {
            reader.read(input);
        } catch (HeadwaterException refusal) {
            sentence(refusal, input);
            for (Throwable cause = refusal.getCause(); cause != null; cause = cause.getCause()) {
                if (isFault(cause)) {
                    throw new AssertionError("a fault of ours behind the sentence: " + refusal.getMessage(), cause);
                }
            }
        }
    }

    static void sentence(HeadwaterException refusal) {
        sentence(refusal, new byte[0]);
    }

    /** @param input what it may quote: names of classes that stand there are the input's */
    private static void sentence(HeadwaterException refusal, byte[] input) {
        String message = refusal.getMessage();
        if (message == null
                || message.isBlank()
                || message.length() > LONGEST_SENTENCE
                || message.chars().anyMatch(Character::isISOControl)
                || JAVAS_WORDS.stream().anyMatch(word -> message.contains(word) && !contains(input, word))) {
            throw new AssertionError("no sentence: " + message, refusal);
        }
    }

    private static boolean contains(byte[] input, String word) {
        return new String(input, StandardCharsets.ISO_8859_1).contains(word);
    }

    /** Thrown where the code is wrong, unless a library throws it, from whose border on it is the library's. */
    private static boolean isFault(Throwable cause) {
        boolean programming = cause instanceof NullPointerException
                || cause instanceof IndexOutOfBoundsException
                || cause instanceof ClassCastException
                || cause instanceof NegativeArraySizeException
                || cause instanceof OutOfMemoryError;
        return programming && isOurs(cause.getStackTrace());
    }

    private static boolean isOurs(StackTraceElement[] trace) {
        for (StackTraceElement element : trace) {
            String name = element.getClassName();
            if (!name.startsWith("java.") && !name.startsWith("jdk.")) {
                return name.startsWith("dev.headwater.");
            }
        }
        return true;
    }
}
