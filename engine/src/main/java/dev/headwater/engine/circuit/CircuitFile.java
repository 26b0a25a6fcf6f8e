package dev.headwater.engine.circuit;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.Version;
import dev.headwater.engine.circuit.Alignment.By;
import dev.headwater.engine.circuit.MergedCircuit.Edge;
import dev.headwater.engine.circuit.MergedCircuit.Node;
import dev.headwater.engine.circuit.MergedCircuit.Source;
import dev.headwater.engine.document.DocumentNode;
import dev.headwater.engine.document.DocumentNode.Kind;
import dev.headwater.engine.document.GraphDocument;
import dev.headwater.engine.document.GraphJson;
import dev.headwater.engine.document.GraphLimits;
import dev.headwater.engine.document.GraphName;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.files.RegularFile;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * A merged circuit as a graph's file, which every front end opens: its prompt is the text that the prompts share, with one token for each
 * of the others' that a node is at; activations, weights and the answer's probability are means, and a node's influence is what it is in
 * any graph file, from mean influences. Whose they are stands under {@value #FIELD}, which front ends pass over.
 */
public final class CircuitFile {
    /** The member of the file that says which graphs are behind its nodes and edges. */
    public static final String FIELD = "merged_circuit";

    private static final int MOST_ANSWERS = 4;

    private final MergedCircuit circuit;
    private final String slug;
    private final int length;
    private final List<String> ids;

    private CircuitFile(MergedCircuit circuit, String slug) {
        this.circuit = circuit;
        this.slug = slug;
        this.length = length(circuit);
        this.ids = circuit.nodes().stream().map(node -> id(node.member())).toList();
    }

    /**
     * Writes the file, whole or not at all, in the place of an earlier one of its kind.
     *
     * @param file           a graph's name and {@code .json}
     * @param featureDetails where front ends find details of features, empty if nowhere
     * @throws UsageException if the name is no graph's
     * @throws HeadwaterException if something else has that name, or the circuit is too large for a graph's file
     */
    public static void write(MergedCircuit circuit, Path file, Map<String, String> featureDetails) {
        String slug = check(file);
        if (circuit.nodes().size() > GraphLimits.NODES || circuit.edges().size() > GraphLimits.LINKS) {
            throw new HeadwaterException(
                    "The circuit has %d nodes and %d edges, and a graph's file at most %d and %d: keep fewer features (--top)."
                            .formatted(
                                    circuit.nodes().size(),
                                    circuit.edges().size(),
                                    GraphLimits.NODES,
                                    GraphLimits.LINKS));
        }
        new CircuitFile(circuit, slug).document(featureDetails).write(file);
    }

    /**
     * Says early what {@link #write} would say of a file's name.
     *
     * @return the graph's name
     */
    public static String check(Path file) {
        String name = String.valueOf(file.getFileName());
        String slug = name.endsWith(".json") ? name.substring(0, name.length() - ".json".length()) : "";
        if (!GraphName.isValid(slug)) {
            throw new UsageException(
                    "'" + file + "' cannot be a graph's file: it ends in .json, and for its name " + GraphName.RULE);
        }
        if (Files.exists(file, LinkOption.NOFOLLOW_LINKS)
                && !GraphDocument.readNodes(RegularFile.open(file, GraphLimits.BYTES), file.toString())
                        .rest()
                        .has(FIELD)) {
            throw new HeadwaterException(
                    file + " is there, and no circuit of many prompts: give another name, or move the file away.");
        }
        return slug;
    }

    /** Tokens of the prompt that stands for all. */
    private static int length(MergedCircuit circuit) {
        Alignment alignment = circuit.alignment();
        IntStream offsets = circuit.nodes().stream()
                .filter(node ->
                        alignment.by() != By.ROLE || node.member().role().anchor() == Role.Anchor.SUBJECT)
                .filter(node -> !node.member().equals(Member.ANSWER))
                .mapToInt(node -> Math.abs(node.member().role().offset()) + 1);
        int reach = offsets.max().orElse(0);
        return alignment.by() != By.ROLE
                ? Math.max(1, reach)
                : alignment.shared().size()
                        + Math.max(reach, Math.min(1, alignment.widest()))
                        + alignment.ending().size();
    }

    private int position(Member member) {
        return member.equals(Member.ANSWER) ? length - 1 : circuit.alignment().position(member.role(), length);
    }

    /** The layer that front ends give to outputs: above the last that is there, as the merged graphs do not say how many there are. */
    private int top() {
        return circuit.nodes().stream()
                        .mapToInt(node -> node.member().layer())
                        .max()
                        .orElse(0)
                + 2;
    }

    private String id(Member member) {
        return switch (member.kind()) {
            case FEATURE -> member.layer() + "_" + member.feature() + "_" + position(member);
            case TOKEN -> "E_-1_" + position(member);
            default -> top() + "_0_" + position(member);
        };
    }

    private GraphDocument document(Map<String, String> featureDetails) {
        ObjectNode rest = BoundedJson.mapper().createObjectNode();
        rest.set("metadata", metadata(featureDetails));
        ObjectNode parameters = rest.putObject("qParams");
        parameters.putArray("pinnedIds");
        parameters.putArray("supernodes");
        parameters.put("linkType", "both").put("clickedId", "").put("sg_pos", "");
        rest.set(FIELD, block());
        double[] shares = cumulativeShares();
        List<DocumentNode> nodes = new ArrayList<>();
        for (int i = 0; i < ids.size(); i++) {
            nodes.add(node(i, shares[i]));
        }
        return new GraphDocument(
                rest,
                nodes,
                circuit.edges().stream()
                        .map(edge -> new GraphDocument.Link(
                                edge.source(), edge.target(), edge.weight().mean(), null))
                        .toList(),
                0);
    }

    private ObjectNode metadata(Map<String, String> featureDetails) {
        Alignment alignment = circuit.alignment();
        List<String> texts = IntStream.range(0, length)
                .mapToObj(position -> alignment.text(alignment.role(position, length)))
                .toList();
        ObjectNode metadata = BoundedJson.mapper().createObjectNode();
        metadata.put("slug", slug).put("scan", circuit.origin().scan());
        texts.forEach(metadata.putArray("prompt_tokens")::add);
        metadata.put("prompt", String.join("", texts)).put("schema_version", 1);
        ObjectNode info = metadata.putObject("info");
        info.putObject("generator").put("name", "Headwater").put("version", Version.number());
        info.put("description", "What " + circuit.graphs().size() + " graphs have in common");
        info.put("transcoder_set", circuit.origin().transcoders())
                .put("model", circuit.origin().model());
        if (!featureDetails.isEmpty()) {
            metadata.putPOJO("feature_details", featureDetails);
        }
        return metadata;
    }

    /** As influence stands in a graph's file: with all nodes of more influence together, among those that are here. */
    private double[] cumulativeShares() {
        List<Node> nodes = circuit.nodes();
        double all = nodes.stream().mapToDouble(Node::influence).sum();
        double[] shares = new double[nodes.size()];
        double sum = 0;
        for (int i : IntStream.range(0, shares.length)
                .boxed()
                .sorted(Comparator.comparingDouble(i -> -nodes.get(i).influence()))
                .toList()) {
            sum += nodes.get(i).influence();
            shares[i] = all > 0 ? Math.min(1, sum / all) : 1;
        }
        return shares;
    }

    private DocumentNode node(int number, double share) {
        Node node = circuit.nodes().get(number);
        Member member = node.member();
        boolean answer = member.kind() == Kind.LOGIT;
        String layer = member.ofFeature() ? Integer.toString(member.layer()) : answer ? Integer.toString(top()) : "E";
        long feature =
                member.ofFeature() ? GraphJson.cantor(member.layer(), member.feature()) : answer ? 0 : position(member);
        String label = answer ? answers() : node.label();
        double probability = answer ? probability() : 0;
        ObjectNode json = BoundedJson.mapper()
                .createObjectNode()
                .put("node_id", ids.get(number))
                .put("feature", feature)
                .put("layer", layer)
                .put("feature_type", member.kind().type())
                .put("ctx_idx", position(member))
                .put("token_prob", probability)
                .put("is_target_logit", answer)
                .put("run_idx", 0)
                .put("reverse_ctx_idx", 0)
                .put("jsNodeId", layer + "_" + (member.ofFeature() ? member.feature() + "-0" : "0-" + position(member)))
                .put("clerp", label);
        boolean active = member.ofFeature() && node.activation().count() > 0;
        json.put("influence", answer ? null : share);
        json.put("activation", active ? node.activation().mean() : null);
        return new DocumentNode(
                ids.get(number),
                member.kind(),
                answer ? top() : member.layer(),
                member.ofFeature() ? member.feature() : feature,
                feature,
                position(member),
                label,
                probability,
                answer ? Double.NaN : share,
                active ? node.activation().mean() : Double.NaN,
                json);
    }

    private double probability() {
        return circuit.graphs().stream()
                .mapToDouble(Source::probability)
                .average()
                .orElse(0);
    }

    /** The answers, the most frequent first; one alone as in any graph's file. */
    private String answers() {
        Map<String, Long> counts = circuit.graphs().stream()
                .collect(Collectors.groupingBy(Source::answer, TreeMap::new, Collectors.counting()));
        List<String> ranked = counts.entrySet().stream()
                .sorted(Map.Entry.<String, Long>comparingByValue().reversed())
                .map(Map.Entry::getKey)
                .toList();
        return ranked.size() == 1
                ? String.format(Locale.ROOT, "Output \"%s\" (p=%.3f)", ranked.getFirst(), probability())
                : "the answer:" + String.join(",", ranked.subList(0, Math.min(MOST_ANSWERS, ranked.size())))
                        + (ranked.size() > MOST_ANSWERS ? ", …" : "");
    }

    private ObjectNode block() {
        Alignment alignment = circuit.alignment();
        ObjectNode block = BoundedJson.mapper().createObjectNode();
        block.put("version", 1).put("by", alignment.by().toString().toLowerCase(Locale.ROOT));
        alignment.shared().forEach(block.putArray("shared")::add);
        alignment.ending().forEach(block.putArray("ending")::add);
        block.put("min_share", circuit.minShare());
        ArrayNode graphs = block.putArray("graphs");
        for (Source graph : circuit.graphs()) {
            graphs.addObject()
                    .put("slug", graph.slug())
                    .put("prompt", graph.prompt())
                    .put("answer", graph.answer())
                    .put("probability", graph.probability());
        }
        ArrayNode nodes = block.putArray("nodes");
        for (int i = 0; i < ids.size(); i++) {
            Node node = circuit.nodes().get(i);
            ObjectNode entry = nodes.addObject()
                    .put("node", ids.get(i))
                    .put("role", node.member().role().toString())
                    .put("share", node.share())
                    .put("influence", node.influence());
            if (node.activation().count() > 0) {
                entry.put("activation", node.activation().mean())
                        .put("deviation", node.activation().deviation());
            }
            entry.put("graphs", ranges(node.in()));
        }
        ArrayNode edges = block.putArray("edges");
        for (Edge edge : circuit.edges()) {
            edges.addObject()
                    .put("source", ids.get(edge.source()))
                    .put("target", ids.get(edge.target()))
                    .put("share", edge.share())
                    .put("deviation", edge.weight().deviation())
                    .put("graphs", ranges(edge.in()));
        }
        return block;
    }

    /** Ascending numbers as {@code 0-11,13}: a list of them for each edge would be more values than a graph's file may hold. */
    static String ranges(List<Integer> numbers) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < numbers.size(); ) {
            int first = i;
            while (i + 1 < numbers.size() && numbers.get(i + 1) == numbers.get(i) + 1) {
                i++;
            }
            text.append(text.isEmpty() ? "" : ",").append(numbers.get(first));
            if (i > first) {
                text.append('-').append(numbers.get(i));
            }
            i++;
        }
        return text.toString();
    }
}
