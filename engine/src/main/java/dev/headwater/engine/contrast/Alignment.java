package dev.headwater.engine.contrast;

import dev.headwater.engine.UsageException;
import dev.headwater.engine.graph.Prompt;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Which positions of other prompts a prompt's positions are held against. In prompts of as many tokens position meets position. In
 * longer and shorter ones positions meet at the start as far as the tokens are the same, and after that from the end, so that last
 * meets last; positions in the middle of the longer of the two meet nothing.
 *
 * @param positions of the prompt, P
 * @param shared    positions at the start where all the prompts have the same tokens: nothing can differ there
 * @param places    for each prompt of the contrast the position that each of the prompt's meets, -1 for none [P]
 */
public record Alignment(Contrast contrast, int positions, int shared, List<List<Integer>> places) {
    public Alignment {
        places = places.stream().map(List::copyOf).toList();
    }

    /**
     * @param zeros positions at the start that are not looked at, and meet each other whatever they hold
     * @throws UsageException if a position meets nothing in any of the prompts, or all of them are the prompt itself
     */
    public static Alignment of(Prompt prompt, Contrast contrast, int zeros) {
        List<List<Integer>> places = new ArrayList<>();
        int shared = prompt.length();
        for (Prompt other : contrast.prompts()) {
            int same = same(prompt.tokens(), other.tokens());
            if (same < prompt.length() || other.length() != prompt.length()) {
                shared = Math.min(shared, Math.min(same, Math.min(prompt.length(), other.length()) - 1));
            }
            places.add(places(prompt, other, Math.max(same, zeros)));
        }
        if (shared == prompt.length()) {
            throw new UsageException(
                    "the contrast holds nothing but the prompt itself, from which nothing differs; give it other prompts");
        }
        for (int p = zeros; p < prompt.length(); p++) {
            int at = p;
            if (places.stream().allMatch(other -> other.get(at) < 0)) {
                throw new UsageException(
                        ("position %d (\"%s\") of the prompt meets none in the contrast, whose prompts are "
                                        + "shorter; prompts meet where they begin alike and from the end: give one of %d tokens")
                                .formatted(p, prompt.texts().get(p), prompt.length()));
            }
        }
        return new Alignment(contrast, prompt.length(), shared, places);
    }

    private static int same(int[] one, int[] other) {
        int same = 0;
        while (same < Math.min(one.length, other.length) && one[same] == other[same]) {
            same++;
        }
        return same;
    }

    private static List<Integer> places(Prompt prompt, Prompt other, int same) {
        int further = other.length() - prompt.length();
        int start = further == 0 ? prompt.length() : Math.min(same, Math.min(prompt.length(), other.length()) - 1);
        return IntStream.range(0, prompt.length())
                .map(p -> p < start ? p : p + further < start ? -1 : p + further)
                .boxed()
                .toList();
    }
}
