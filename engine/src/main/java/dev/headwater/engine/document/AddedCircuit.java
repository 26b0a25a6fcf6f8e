package dev.headwater.engine.document;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.AtomicFile;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.files.LockFile;
import dev.headwater.engine.files.RegularFile;
import dev.headwater.engine.files.Sha256;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.file.Path;
import java.util.List;

/**
 * A circuit for a graph's file, beside what people have added to it: kept under a name, and shown unless something is
 * pinned that is kept nowhere else.
 *
 * @param name   wished; a number is added if another circuit has it
 * @param pins   ids of nodes
 * @param groups of them
 */
public record AddedCircuit(String name, List<String> pins, List<Group> groups) {
    private static final String PINS = "pinnedIds";
    private static final String GROUPS = "supernodes";
    private static final String OURS = "headwater";
    private static final String CIRCUITS = "circuits";

    public AddedCircuit {
        pins = List.copyOf(pins);
        groups = List.copyOf(groups);
    }

    /** Nodes under a common label. */
    public record Group(String label, List<String> members) {
        public Group {
            members = List.copyOf(members);
        }
    }

    /**
     * Where it went.
     *
     * @param name  that it has in the file
     * @param shown whether it is what the file shows now
     */
    public record Kept(String name, boolean shown) {}

    /**
     * Writes it into a front end's file; all else in the file keeps its bytes, and a circuit that is there already is not written twice.
     *
     * @throws HeadwaterException if the file is no graph or cannot be written; it is as it was then
     */
    public Kept into(Path file) {
        RegularFile.require(file);
        try {
            return intoReal(file.toRealPath());
        } catch (IOException e) {
            throw AtomicFile.failure(file, e);
        }
    }

    private Kept intoReal(Path file) throws IOException {
        try (LockFile _ = LockFile.ofDirectory(file.resolveSibling(""))) {
            Annotations found = Annotations.find(RegularFile.open(file, GraphLimits.BYTES), Sha256.digest());
            ObjectNode ours = object(found.qParams().path(OURS), file);
            ObjectNode circuits = object(ours.path(CIRCUITS), file);
            ObjectNode circuit = json();
            String free = free(circuits, circuit);
            boolean shown = isKept(found.qParams(), ours.path("places"), circuits);
            circuits.set(free, circuit);
            ours.set(CIRCUITS, circuits);
            ObjectNode changes = BoundedJson.mapper().createObjectNode();
            changes.set(OURS, ours);
            if (shown) {
                changes.set(PINS, circuit.get(PINS));
                changes.set(GROUPS, circuit.get(GROUPS));
            }
            try (AtomicFile target = AtomicFile.create(file);
                    var out = new BufferedOutputStream(Channels.newOutputStream(target.channel()), 1 << 16)) {
                found.rewrite(file, changes, out);
                target.commit();
            }
            return new Kept(free, shown);
        }
    }

    private ObjectNode json() {
        ObjectNode circuit = BoundedJson.mapper().createObjectNode();
        pins.forEach(circuit.putArray(PINS)::add);
        var lists = circuit.putArray(GROUPS);
        for (Group group : groups) {
            var list = lists.addArray().add(group.label);
            group.members.forEach(list::add);
        }
        return circuit;
    }

    private static ObjectNode object(JsonNode found, Path file) {
        if (found.isMissingNode()) {
            return BoundedJson.mapper().createObjectNode();
        }
        if (found instanceof ObjectNode object) {
            return object.deepCopy();
        }
        throw new HeadwaterException(
                file + " keeps something else where circuits go (qParams.headwater); take that out to have one added");
    }

    /** The wished name, or one with a number if another circuit has that. */
    private String free(ObjectNode circuits, ObjectNode circuit) {
        String free = name;
        for (int i = 2; circuits.has(free) && !same(circuits.get(free), circuit); i++) {
            free = name + " (" + i + ")";
        }
        return free;
    }

    /** Whoever saves a circuit in the explorer adds colours and places to it. */
    private static boolean same(JsonNode kept, ObjectNode circuit) {
        return kept.path(PINS).equals(circuit.get(PINS)) && kept.path(GROUPS).equals(circuit.get(GROUPS));
    }

    /** Whether nothing is lost when something else is shown: nothing is pinned, or a kept circuit as it is, where it is. */
    private static boolean isKept(JsonNode now, JsonNode places, ObjectNode circuits) {
        if (isEmpty(now.path(PINS)) && isEmpty(now.path(GROUPS))) {
            return true;
        }
        for (JsonNode circuit : circuits) {
            boolean placed = places.isEmpty() || places.equals(circuit.path("places"));
            if (placed
                    && now.path(PINS).equals(circuit.path(PINS))
                    && now.path(GROUPS).equals(circuit.path(GROUPS))) {
                return true;
            }
        }
        return false;
    }

    /** Nothing, a list of nothing, or the text of one. */
    private static boolean isEmpty(JsonNode value) {
        return value.isMissingNode()
                || value.isNull()
                || value.isArray() && value.isEmpty()
                || value.isTextual() && value.textValue().matches("\\s*(\\[\\s*])?\\s*");
    }
}
