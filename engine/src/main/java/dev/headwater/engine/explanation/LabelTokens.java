package dev.headwater.engine.explanation;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/**
 * A label as {@link dev.headwater.engine.features.FeatureLabels} writes it, taken apart: "in, of → Texas, Texans" fires on the first
 * two and says the others. A name that a person gave is one thing that it fires on.
 */
record LabelTokens(List<String> fires, List<String> says) {
    /** What a token of spaces is called, which names nothing. */
    private static final String BLANK = "␣";

    static LabelTokens of(String label) {
        String[] ends = label.split("→", 2);
        return new LabelTokens(listed(ends[0]), ends.length < 2 ? List.of() : listed(ends[1]));
    }

    private static List<String> listed(String text) {
        return Arrays.stream(text.split(", "))
                .map(String::strip)
                .filter(token -> !token.isEmpty() && !token.equals(BLANK))
                .toList();
    }

    /**
     * Whether they speak of a thing in common; "Texas" and "texas" are one.
     *
     * @param token at which both stand, which is nothing in common
     */
    boolean shares(LabelTokens other, String token) {
        return things().filter(mine -> !mine.equalsIgnoreCase(token.strip()))
                .anyMatch(mine -> other.things().anyMatch(mine::equalsIgnoreCase));
    }

    private Stream<String> things() {
        return Stream.concat(fires.stream(), says.stream());
    }
}
