package dev.headwater.engine.explanation;

import dev.headwater.engine.document.PlainGraph;
import dev.headwater.engine.explanation.Explanation.Box;
import dev.headwater.engine.explanation.Explanation.Flow;
import dev.headwater.engine.explanation.Explanation.Member;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** A circuit's features in boxes, and what flows between these. */
final class Diagram {
    /** Flows into a box that are told. */
    private static final int FLOWS = 4;

    private final PlainGraph graph;
    private final Wiring wiring;
    private final List<String> texts;

    /** @param texts of the prompt's tokens */
    Diagram(PlainGraph graph, Wiring wiring, List<String> texts) {
        this.graph = graph;
        this.wiring = wiring;
        this.texts = texts;
    }

    /** The members of each box, from the first tokens and layers on. */
    List<List<Member>> groups(List<Member> members) {
        List<List<Integer>> groups = Grouping.of(
                wiring,
                members.stream().map(Member::node).toList(),
                members.stream().map(Member::label).toList(),
                texts);
        return groups.stream()
                .map(group -> group.stream().map(members::get).toList())
                .sorted(Comparator.<List<Member>>comparingInt(
                                group -> group.getFirst().feature().position())
                        .thenComparing(group -> group.getFirst().feature()))
                .toList();
    }

    /** The strongest flows into every box, and then what each gives to the answer. */
    List<Flow> flows(List<Box> boxes, int answerNode) {
        List<Flow> flows = new ArrayList<>();
        for (Box to : boxes) {
            List<Flow> into = new ArrayList<>();
            for (Box from : boxes) {
                double effect = from == to ? 0 : wiring.effect(nodes(from), nodes(to));
                if (effect != 0) {
                    into.add(new Flow(from.name(), to.name(), effect));
                }
            }
            tokens(to).forEach((token, effect) -> into.add(new Flow("\"" + token + "\"", to.name(), effect)));
            into.stream()
                    .sorted(Comparator.<Flow>comparingDouble(flow -> -Math.abs(flow.effect()))
                            .thenComparing(Flow::from))
                    .limit(FLOWS)
                    .forEach(flows::add);
        }
        if (answerNode >= 0) {
            boxes.forEach(
                    box -> flows.add(new Flow(box.name(), Flow.ANSWER, wiring.effect(nodes(box), Set.of(answerNode)))));
        }
        return flows;
    }

    /** By text, the same token at two positions together. */
    private Map<String, Double> tokens(Box to) {
        Map<String, Double> effects = new HashMap<>();
        wiring.tokens(nodes(to))
                .forEach((node, effect) ->
                        effects.merge(texts.get(graph.nodes().get(node).position()), effect, Double::sum));
        return effects;
    }

    private static Set<Integer> nodes(Box box) {
        Set<Integer> nodes = new LinkedHashSet<>();
        box.members().forEach(member -> nodes.add(member.node()));
        return nodes;
    }
}
