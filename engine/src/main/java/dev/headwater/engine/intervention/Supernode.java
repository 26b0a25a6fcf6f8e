package dev.headwater.engine.intervention;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.document.DocumentNode;
import dev.headwater.engine.document.GraphDocument;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.files.ErrorText;
import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.engine.graph.Prompt;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Features that belong together under a name. */
public record Supernode(String name, List<FeatureRef> features) {
    /** The name of the group of all pinned features. */
    public static final String PINNED = "pinned";

    private static final int LONGEST_URL = 1 << 20;

    public Supernode {
        features = List.copyOf(features);
    }

    /**
     * The groups that were made in a front end, and the pinned features as one group {@link #PINNED}, from a graph
     * file's {@code qParams}. What is not a feature of the file is left out, and so are groups that have none.
     *
     * @throws HeadwaterException if supernodes are not lists of a label and names
     */
    public static List<Supernode> of(GraphDocument document) {
        Map<String, FeatureRef> features = new LinkedHashMap<>();
        for (DocumentNode node : document.nodes()) {
            if (node.kind() == DocumentNode.Kind.FEATURE && node.feature() <= Integer.MAX_VALUE) {
                features.put(node.id(), new FeatureRef(node.layer(), node.position(), (int) node.feature()));
            }
        }
        return of(document.qParams().path("supernodes"), document.qParams().path("pinnedIds"), features::get);
    }

    /**
     * The same from the address of a graph on Neuronpedia: its parameters {@code supernodes} (JSON) and {@code
     * pinnedIds} (a list with commas).
     *
     * @param layers of the model; names of the layers above are logits
     * @throws UsageException if the address has neither, or they cannot be read
     */
    public static List<Supernode> ofUrl(String url, int layers) {
        int query = url.indexOf('?');
        if (query < 0 || url.length() > LONGEST_URL) {
            throw new UsageException("'" + ErrorText.of(url) + "' is no graph's address with parameters");
        }
        JsonNode supernodes = BoundedJson.mapper().createArrayNode();
        var pinned = BoundedJson.mapper().createArrayNode();
        try {
            for (String parameter :
                    url.substring(query + 1).replaceFirst("#.*", "").split("&")) {
                String[] parts = parameter.split("=", 2);
                String value = parts.length < 2 ? "" : URLDecoder.decode(parts[1], StandardCharsets.UTF_8);
                if (parts[0].equals("supernodes") && !value.isEmpty()) {
                    supernodes = BoundedJson.mapper().readTree(value);
                } else if (parts[0].equals("pinnedIds")) {
                    List.of(value.split(",")).forEach(pinned::add);
                }
            }
        } catch (JsonProcessingException e) {
            throw new UsageException("The address's supernodes are not valid JSON" + BoundedJson.where(e));
        } catch (IllegalArgumentException e) {
            throw new UsageException("The address's parameters are not encoded as they should be: "
                    + ErrorText.of(String.valueOf(e.getMessage())));
        }
        List<Supernode> found = of(supernodes, pinned, id -> feature(id, layers));
        if (found.isEmpty()) {
            throw new UsageException("The address names no features: it needs supernodes= or pinnedIds=");
        }
        return found;
    }

    /** {@code layer_feature_position}, or null if it is something else. */
    private static @Nullable FeatureRef feature(String id, int layers) {
        String[] parts = id.split("_");
        if (parts.length != 3 || !id.matches("\\d{1,9}_\\d{1,9}_\\d{1,9}") || Integer.parseInt(parts[0]) >= layers) {
            return null;
        }
        return new FeatureRef(Integer.parseInt(parts[0]), Integer.parseInt(parts[2]), Integer.parseInt(parts[1]));
    }

    private static List<Supernode> of(JsonNode supernodes, JsonNode pinned, Function<String, FeatureRef> named) {
        List<Supernode> found = new ArrayList<>();
        for (JsonNode group : supernodes) {
            if (!group.isArray() || group.isEmpty() || !group.get(0).isTextual()) {
                throw new HeadwaterException("A supernode is not a list of its label and the names of its nodes: "
                        + ErrorText.of(group.toString()));
            }
            List<FeatureRef> members = new ArrayList<>();
            for (int i = 1; i < group.size(); i++) {
                add(members, group.get(i), named);
            }
            if (!members.isEmpty()) {
                found.add(new Supernode(group.get(0).textValue(), members));
            }
        }
        List<FeatureRef> members = new ArrayList<>();
        pinned.forEach(id -> add(members, id, named));
        if (!members.isEmpty()) {
            found.add(new Supernode(PINNED, members));
        }
        return found;
    }

    private static void add(List<FeatureRef> members, JsonNode id, Function<String, FeatureRef> named) {
        FeatureRef feature = id.isTextual() ? named.apply(id.textValue()) : null;
        if (feature != null && !members.contains(feature)) {
            members.add(feature);
        }
    }

    /**
     * Gives every feature of the group the mean activation that it has at its position in other prompts, times a factor.
     *
     * @param at the position here, negative from the end; null for the group's own positions
     */
    public List<Edit> swaps(List<Prompt> others, @Nullable Integer at, float factor) {
        return features.stream()
                .map(feature -> new Edit(
                        feature.layer(),
                        new Positions.At(at == null ? feature.position() : at),
                        feature.feature(),
                        new Change.Swap(
                                others.stream()
                                        .map(other -> new Change.Swap.Place(other, feature.position()))
                                        .toList(),
                                factor)))
                .toList();
    }

    /** The same change of every feature of the group. */
    public List<Edit> edits(Change change) {
        return features.stream().map(feature -> Edit.of(feature, change)).toList();
    }
}
