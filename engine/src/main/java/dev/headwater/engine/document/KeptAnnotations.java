package dev.headwater.engine.document;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.engine.files.BoundedJson;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;

/**
 * What people added to a graph, for the same graph with other nodes: pins, groups, colours and places of nodes that are still
 * there. Those of nodes that are not wait under {@link #ABSENT} and come back with their nodes. Labels belong to features, not to
 * nodes, and all stay, as does what we do not know.
 */
final class KeptAnnotations {
    /** Member of {@code qParams}. */
    static final String ABSENT = "headwaterAbsent";

    private static final String PINS = "pinnedIds";
    private static final String GROUPS = "supernodes";
    private static final String OURS = "headwater";
    private static final String PLACES = "places";
    private static final String COLOURS = "colours";

    private record Group(String label, Set<String> members) {
        static Group of(JsonNode list) {
            Set<String> members = new LinkedHashSet<>();
            for (int i = 1; i < list.size(); i++) {
                members.add(list.get(i).asText());
            }
            return new Group(list.path(0).asText(), members);
        }
    }

    private final Predicate<String> known;
    private final ObjectNode kept;
    private final ObjectNode absent = BoundedJson.mapper().createObjectNode();

    private KeptAnnotations(ObjectNode earlier, Predicate<String> known) {
        this.known = known;
        this.kept = earlier.deepCopy();
    }

    /** @param known whether the new graph has a node of this id */
    static ObjectNode of(ObjectNode earlier, Predicate<String> known) {
        return new KeptAnnotations(earlier, known).split(earlier);
    }

    private ObjectNode split(ObjectNode earlier) {
        JsonNode waiting = earlier.path(ABSENT);
        kept.remove(ABSENT);
        pins(earlier, waiting);
        Map<String, String> heirs = groups(earlier, waiting);
        ours(PLACES, earlier, waiting, Map.of());
        ours(COLOURS, earlier, waiting, heirs);
        if (!known.test(kept.path("clickedId").asText())) {
            kept.put("clickedId", "");
        }
        if (!absent.isEmpty()) {
            kept.set(ABSENT, absent);
        }
        return kept;
    }

    private void pins(JsonNode earlier, JsonNode waiting) {
        Set<String> all = new LinkedHashSet<>();
        JsonNode pins = earlier.path(PINS);
        if (pins.isTextual() && !pins.textValue().startsWith("[")) {
            all.addAll(List.of(pins.textValue().split(",")));
        } else {
            list(pins).forEach(id -> all.add(id.asText()));
        }
        list(waiting.path(PINS)).forEach(id -> all.add(id.asText()));
        ArrayNode present = kept.putArray(PINS);
        for (String id : all) {
            if (known.test(id)) {
                present.add(id);
            } else {
                absent.withArrayProperty(PINS).add(id);
            }
        }
    }

    /** For the first member of each group that has lost its first member, who had been that: groups have their colours by it. */
    private Map<String, String> groups(JsonNode earlier, JsonNode waiting) {
        List<Group> all = new ArrayList<>();
        list(earlier.path(GROUPS)).forEach(group -> all.add(Group.of(group)));
        for (JsonNode group : list(waiting.path(GROUPS))) {
            Group back = Group.of(group);
            all.stream()
                    .filter(other -> other.label.equals(back.label))
                    .findFirst()
                    .ifPresentOrElse(other -> other.members.addAll(back.members), () -> all.add(back));
        }
        ArrayNode present = kept.putArray(GROUPS);
        Map<String, String> heirs = new LinkedHashMap<>();
        for (Group group : all) {
            ArrayNode here = BoundedJson.mapper().createArrayNode().add(group.label);
            ArrayNode gone = BoundedJson.mapper().createArrayNode().add(group.label);
            group.members.forEach(id -> (known.test(id) ? here : gone).add(id));
            if (here.size() > 1) {
                present.add(here);
                heirs.put(here.get(1).asText(), group.members.iterator().next());
            }
            if (gone.size() > 1) {
                absent.withArrayProperty(GROUPS).add(gone);
            }
        }
        return heirs;
    }

    private void ours(String member, JsonNode earlier, JsonNode waiting, Map<String, String> heirs) {
        Map<String, JsonNode> all = new LinkedHashMap<>();
        waiting.path(member).properties().forEach(entry -> all.put(entry.getKey(), entry.getValue()));
        earlier.path(OURS).path(member).properties().forEach(entry -> all.put(entry.getKey(), entry.getValue()));
        if (all.isEmpty()) {
            return;
        }
        ObjectNode present =
                (kept.path(OURS) instanceof ObjectNode ours ? ours : kept.putObject(OURS)).putObject(member);
        heirs.forEach((heir, first) -> {
            if (all.containsKey(first)) {
                present.set(heir, all.get(first));
            }
        });
        all.forEach((id, value) -> {
            if (!known.test(id)) {
                absent.withObjectProperty(member).set(id, value);
            } else if (!present.has(id)) {
                present.set(id, value);
            }
        });
    }

    /** A list, also where it stands as JSON in a text; anything else is empty. */
    private static JsonNode list(JsonNode value) {
        if (value.isTextual()) {
            try {
                return list(BoundedJson.mapper().readTree(value.textValue()));
            } catch (JsonProcessingException e) {
                return BoundedJson.mapper().createArrayNode();
            }
        }
        return value.isArray() ? value : BoundedJson.mapper().createArrayNode();
    }
}
