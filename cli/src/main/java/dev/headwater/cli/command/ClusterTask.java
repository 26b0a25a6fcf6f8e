package dev.headwater.cli.command;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.engine.files.BoundedJson;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * What a worker is asked to do.
 *
 * @param version   of the Headwater that asks
 * @param arguments how graphs are made: {@link BatchOptions} as they stand on a command line
 * @param folder    where graphs are put
 * @param marker    a file that the worker must find in the folder, to be sure that it is the same one
 * @param due       numbers of the lines whose graphs are to be written; null if only the prompts' lengths are asked for
 */
public record ClusterTask(
        String version,
        List<String> arguments,
        String folder,
        String marker,
        List<BatchLine> lines,
        @Nullable Set<Integer> due) {
    /** For {@link #read}, in another process. */
    String json() {
        ObjectNode json = BoundedJson.mapper()
                .createObjectNode()
                .put("version", version)
                .put("folder", folder)
                .put("marker", marker);
        arguments.forEach(json.putArray("arguments")::add);
        lines.forEach(line -> json.withArray("lines").add(line.json()));
        if (due != null) {
            due.forEach(json.putArray("due")::add);
        }
        return json.toString();
    }

    /** The task of which this is the {@link #json}. */
    public static ClusterTask read(String text) {
        JsonNode json;
        try {
            json = BoundedJson.mapper().readTree(text);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("no task", e);
        }
        List<String> arguments = new ArrayList<>();
        json.path("arguments").forEach(argument -> arguments.add(argument.asText()));
        List<BatchLine> lines = new ArrayList<>();
        json.path("lines").forEach(line -> lines.add(BatchLine.of(line)));
        Set<Integer> due = new TreeSet<>();
        json.path("due").forEach(line -> due.add(line.asInt()));
        return new ClusterTask(
                json.path("version").asText(),
                arguments,
                json.path("folder").asText(),
                json.path("marker").asText(),
                lines,
                json.has("due") ? due : null);
    }
}
