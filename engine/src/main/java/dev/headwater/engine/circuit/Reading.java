package dev.headwater.engine.circuit;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.document.DocumentNode;
import dev.headwater.engine.document.DocumentNode.Kind;
import dev.headwater.engine.document.GraphDocument;
import dev.headwater.engine.document.PlainGraph;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One graph of a set as what it has of each member: features, tokens and its most probable output. Errors, other outputs and nodes of
 * kinds that we don't know are left out, with their edges.
 *
 * @param slug        the file's name without its ending
 * @param prompt      as text
 * @param answer      text of the most probable output, "" if there is none
 * @param probability of that
 * @param nodes       distinct
 * @param features    influence of all features of the file
 */
record Reading(
        String slug,
        String prompt,
        String answer,
        double probability,
        Map<Member, Seen> nodes,
        List<Link> links,
        double features) {
    /**
     * A node.
     *
     * @param activation NaN if the file does not say
     * @param influence  its share of the influence of all nodes of its graph
     * @param label      "" if the file does not say
     */
    record Seen(double activation, double influence, String label) {}

    /** An edge. */
    record Link(Member source, Member target, double weight) {}

    /** @throws HeadwaterException if the file is no graph, or one in which influence has no meaning */
    static Reading of(Path file, Alignment alignment) {
        return of(file.toString(), slug(file), GraphDocument.read(file), alignment);
    }

    private static String slug(Path file) {
        String name = file.getFileName().toString();
        return name.substring(0, name.length() - ".json".length());
    }

    static Reading of(String name, String slug, GraphDocument document, Alignment alignment) {
        int length = texts(document, name).size();
        try (PlainGraph graph = PlainGraph.of(name, document)) {
            graph.requireOutputsAtEnd("a circuit over several graphs");
            double[] influence = graph.influenceShares();
            int answer = answer(graph);
            @Nullable Member[] members = new Member[graph.size()];
            Map<Member, Seen> nodes = new HashMap<>();
            double features = 0;
            for (int i = 0; i < members.length; i++) {
                DocumentNode node = document.nodes().get(i);
                members[i] = member(name, node, i == answer, alignment, length);
                Member member = members[i];
                if (member != null
                        && nodes.put(member, new Seen(activation(node), influence[i], node.label())) != null) {
                    throw new HeadwaterException(name + " has " + member + " in two nodes.");
                }
                features += node.kind() == Kind.FEATURE ? influence[i] : 0;
            }
            List<Link> links = new ArrayList<>();
            graph.edges().forEachEdge((target, source, weight) -> {
                Member from = members[source];
                Member to = members[target];
                if (from != null && to != null) {
                    links.add(new Link(from, to, finite(name, weight)));
                }
            });
            return new Reading(
                    slug,
                    graph.promptText(),
                    answer < 0 ? "" : document.nodes().get(answer).said(),
                    answer < 0 ? 0 : graph.weights()[answer],
                    nodes,
                    links,
                    features);
        }
    }

    private static double activation(DocumentNode node) {
        return Float.isFinite((float) node.activation()) ? node.activation() : Double.NaN;
    }

    private static double finite(String name, float weight) {
        if (!Float.isFinite(weight)) {
            throw new HeadwaterException(name + " has weights that are too large to be summed.");
        }
        return weight;
    }

    /** Texts of the prompt's tokens, at least one. */
    static List<String> texts(GraphDocument document, String name) {
        List<String> texts = new ArrayList<>();
        document.metadata().path("prompt_tokens").forEach(token -> texts.add(token.asText()));
        if (texts.isEmpty()) {
            throw new HeadwaterException(name + " does not say which tokens its prompt has (prompt_tokens).");
        }
        return texts;
    }

    /** The number of the most probable output, the first of equal ones; -1 if there is none. */
    private static int answer(PlainGraph graph) {
        int best = -1;
        for (int i = 0; i < graph.size(); i++) {
            if (graph.nodes().get(i).kind() == Kind.LOGIT && (best < 0 || graph.weights()[i] > graph.weights()[best])) {
                best = i;
            }
        }
        return best;
    }

    private static @Nullable Member member(
            String name, DocumentNode node, boolean isAnswer, Alignment alignment, int length) {
        if (isAnswer) {
            return Member.ANSWER;
        }
        if (node.kind() != Kind.FEATURE && node.kind() != Kind.TOKEN) {
            return null;
        }
        if (node.position() >= length || node.feature() > Integer.MAX_VALUE) {
            throw new HeadwaterException(
                    "%s has the node %d/%d/%d, outside its prompt of %d tokens or what can be numbered."
                            .formatted(name, node.layer(), node.position(), node.feature(), length));
        }
        Role role = alignment.role(node.position(), length);
        return node.kind() == Kind.TOKEN
                ? Member.token(role)
                : Member.feature(node.layer(), (int) node.feature(), role);
    }
}
