package dev.headwater.engine.explanation;

import java.util.ArrayList;
import java.util.List;

/**
 * Puts features together that play the same part: at the same token, with the same label, or with nearly the same inputs and outputs in
 * the graph, where a thing that both labels name counts too. Groups grow by the mean over their pairs, the likest first.
 */
final class Grouping {
    /** From here on they are one: the explorer suggests groups at 0.75, where one like pair is enough. */
    private static final double ALIKE = 0.57;

    private static final double NAMED = 0.2;
    /** Layers; farther apart, a feature is what became of another and not its like, unless both name something beside the token. */
    private static final int NEAR = 3;

    private Grouping() {}

    /**
     * @param members nodes
     * @param labels  of each
     * @param texts   of the prompt's tokens
     * @return places in the list of members, each group ascending, groups by their first
     */
    static List<List<Integer>> of(Wiring wiring, List<Integer> members, List<String> labels, List<String> texts) {
        double[][] alike = wiring.alike(members);
        List<LabelTokens> tokens = labels.stream().map(LabelTokens::of).toList();
        for (int i = 0; i < alike.length; i++) {
            for (int j = 0; j < alike.length; j++) {
                var a = wiring.feature(members.get(i));
                var b = wiring.feature(members.get(j));
                if (a.position() != b.position()) {
                    alike[i][j] = Double.NEGATIVE_INFINITY;
                } else if (labels.get(i).equals(labels.get(j))
                        && tokens.get(i).shares(tokens.get(i), texts.get(a.position()))) {
                    alike[i][j] = 1;
                } else if (Math.abs(a.layer() - b.layer()) > NEAR) {
                    alike[i][j] = Double.NEGATIVE_INFINITY;
                } else if (labels.get(i).equals(labels.get(j)) && !labels.get(i).isEmpty()) {
                    alike[i][j] = 1;
                } else if (tokens.get(i).shares(tokens.get(j), texts.get(a.position()))) {
                    alike[i][j] += NAMED;
                }
            }
        }
        List<List<Integer>> groups = new ArrayList<>();
        for (int i = 0; i < members.size(); i++) {
            groups.add(new ArrayList<>(List.of(i)));
        }
        while (true) {
            int first = -1;
            int second = -1;
            double best = ALIKE;
            for (int i = 0; i < groups.size(); i++) {
                for (int j = i + 1; j < groups.size(); j++) {
                    double mean = mean(alike, groups.get(i), groups.get(j));
                    if (mean >= best && (first < 0 || mean > best)) {
                        first = i;
                        second = j;
                        best = mean;
                    }
                }
            }
            if (first < 0) {
                groups.forEach(group -> group.sort(null));
                return groups;
            }
            groups.get(first).addAll(groups.remove(second));
        }
    }

    private static double mean(double[][] alike, List<Integer> a, List<Integer> b) {
        double sum = 0;
        for (int i : a) {
            for (int j : b) {
                sum += alike[i][j];
            }
        }
        return sum / (a.size() * b.size());
    }
}
