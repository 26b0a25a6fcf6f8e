package dev.headwater.engine.weights;

import dev.headwater.engine.HeadwaterException;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Looks tensors up by name, and helps who asks for one that is not there. */
public final class TensorNames {
    private static final int SHOWN = 5;

    private TensorNames() {}

    /**
     * @return the tensor of that name
     * @throws dev.headwater.engine.HeadwaterException if there is none; it names those that are nearest
     */
    public static <T> T lookup(Map<String, T> tensors, String name, Path file) {
        T found = tensors.get(name);
        if (found == null) {
            throw new HeadwaterException(
                    "There is no tensor '%s' in %s; %s".formatted(name, file, similar(tensors.keySet(), name)));
        }
        return found;
    }

    private static String similar(Set<String> names, String wanted) {
        if (names.isEmpty()) {
            return "it holds no tensors";
        }
        record Candidate(String name, int distance) {}
        List<String> closest = names.stream()
                .limit(10_000)
                .map(name -> new Candidate(name, distance(name, wanted)))
                .sorted(Comparator.comparingInt(Candidate::distance).thenComparing(Candidate::name))
                .limit(SHOWN)
                .map(Candidate::name)
                .toList();
        return (names.size() <= SHOWN ? "it holds " : "the nearest names are ") + String.join(", ", closest);
    }

    /**
     * Edit distance in two rows; names longer than any real one count as far away, so that a hostile file can't make it
     * slow.
     */
    private static int distance(String a, String b) {
        if (a.length() > 200 || b.length() > 200) {
            return Integer.MAX_VALUE;
        }
        int[] above = new int[b.length() + 1];
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            above[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int replaced = above[j - 1] + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                row[j] = Math.min(replaced, 1 + Math.min(above[j], row[j - 1]));
            }
            int[] swap = above;
            above = row;
            row = swap;
        }
        return above[b.length()];
    }
}
