package dev.headwater.engine.transcoder;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.headwater.engine.files.BoundedJson;
import java.util.Map;

/** The text of a config.yaml: one key a line. */
final class ConfigText {
    private ConfigText() {}

    /** @param keys texts and numbers by name, in the order of the lines */
    static String of(Map<String, Object> keys) {
        StringBuilder yaml = new StringBuilder();
        keys.forEach((key, value) ->
                yaml.append(key).append(": ").append(scalar(value)).append('\n'));
        return yaml.toString();
    }

    /** JSON's texts and numbers are YAML's too. */
    private static String scalar(Object value) {
        try {
            return BoundedJson.mapper().writeValueAsString(value);
        } catch (JsonProcessingException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
