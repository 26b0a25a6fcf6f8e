package dev.headwater.engine.explanation;

import dev.headwater.engine.explanation.Explanation.Flow;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Names groups by the evidence about their features: at the last token by what they make the model say, elsewhere by what they fire
 * on; the thing that most of them name, weighed by how much each matters. "say Austin" raises the answer itself.
 */
final class BoxNames {
    private final String answer;
    private final int last;
    private final List<String> texts;
    private final Set<String> taken = new HashSet<>(Set.of(Flow.ANSWER));

    /**
     * @param answer the answer's token
     * @param texts  of the prompt's tokens
     */
    BoxNames(String answer, List<String> texts) {
        this.answer = answer.strip();
        this.texts = texts;
        last = texts.size() - 1;
    }

    /**
     * A name that no other group has.
     *
     * @param position of the group
     * @param labels   of its features
     * @param weights  how much each matters
     * @param feature  what to call it where no label says anything
     */
    String of(int position, List<String> labels, List<Double> weights, String feature) {
        List<LabelTokens> tokens = labels.stream().map(LabelTokens::of).toList();
        List<List<String>> says = tokens.stream().map(LabelTokens::says).toList();
        List<List<String>> fires = tokens.stream().map(LabelTokens::fires).toList();
        List<String> said = common(says, weights);
        List<String> fired = common(fires, weights);
        double saying = 0;
        double all = 0;
        for (int i = 0; i < labels.size(); i++) {
            all += says.get(i).isEmpty() ? 0 : weights.get(i);
            saying += says.get(i).stream().anyMatch(answer::equalsIgnoreCase) ? weights.get(i) : 0;
        }
        List<String> named = !said.isEmpty() && position == last || fired.isEmpty() ? said : fired;
        List<String> tries = new ArrayList<>();
        if (position == last && !answer.isEmpty() && 2 * saying > all) {
            tries.add("say " + answer);
        }
        String at = texts.get(position).strip();
        if (!named.isEmpty()) {
            String one = named.getFirst();
            tries.add(position == last || at.isEmpty() || one.equalsIgnoreCase(at) ? one : one + " at " + at);
            tries.add(String.join(", ", named.subList(0, Math.min(2, named.size()))));
        }
        if (named.isEmpty()) {
            tries.add(feature);
        }
        String plain = tries.getFirst();
        for (int i = 2; i <= taken.size() + 2; i++) {
            tries.add(plain + " (" + i + ")");
        }
        return tries.stream().filter(taken::add).findFirst().orElseThrow();
    }

    /** By the weight that they carry; an earlier place in a label counts more. */
    private static List<String> common(List<List<String>> named, List<Double> weights) {
        Map<String, Double> sums = new LinkedHashMap<>();
        for (int i = 0; i < named.size(); i++) {
            for (int k = 0; k < named.get(i).size(); k++) {
                sums.merge(named.get(i).get(k), weights.get(i) / (k + 1), Double::sum);
            }
        }
        return sums.entrySet().stream()
                .sorted(Map.Entry.<String, Double>comparingByValue().reversed())
                .map(Map.Entry::getKey)
                .toList();
    }
}
