package dev.headwater.engine.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.engine.HeadwaterException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class BoundedYamlTest {
    @Test
    void readsPlainDataAsPythonWritesIt() {
        Map<String, Object> config = BoundedYaml.parse("""
                # a comment
                model_name: google/gemma-2-2b
                model_kind: transcoder_set
                transcoders:
                - hf://org/repo/layer_0/params.npz?revision=0123456789012345678901234567890123456789
                - 'layer_1'
                k: 16
                scale: 1.0e-3
                lazy: True
                nothing: null
                nested: {0: a, "b": [1, -2]}
                """, "config.yaml");
        assertEquals("google/gemma-2-2b", config.get("model_name"));
        assertEquals(
                List.of(
                        "hf://org/repo/layer_0/params.npz?revision=0123456789012345678901234567890123456789",
                        "layer_1"),
                config.get("transcoders"));
        assertEquals(16, config.get("k"));
        assertEquals(1e-3, config.get("scale"));
        assertEquals(true, config.get("lazy"));
        assertEquals(null, config.get("nothing"));
        assertEquals(Map.of("0", "a", "b", List.of(1, -2)), config.get("nested"));
        assertEquals("model_name", config.keySet().iterator().next(), "keys keep their order");
    }

    @Test
    void whatTheLibraryHasNoExceptionForIsASentence() {
        for (String text : List.of(
                "? &a [*a]\n: b\n",
                "m:\n\":\\x",
                "\"\\u12",
                "\"\\U",
                "&a {*a : 1}",
                "a: &a [*a]",
                "? &b {x: *b}\n: 1",
                "a: 1e999999999999",
                "a: 0x",
                "%YAML 99999999999999999999.1\n---\na: 1",
                "?\n?")) {
            try {
                BoundedYaml.parse(text, "config.yaml");
            } catch (HeadwaterException e) {
                assertTrue(e.getMessage().startsWith("config.yaml "), e.getMessage());
                assertFalse(e.getMessage().contains("java."), e.getMessage());
            }
        }
        assertThrows(HeadwaterException.class, () -> BoundedYaml.parse("? &a [*a]\n: b\n", "config.yaml"));
        assertThrows(HeadwaterException.class, () -> BoundedYaml.parse("m:\n\":\\x", "config.yaml"));
    }

    @Test
    void fewAliasesAreExpanded() {
        assertEquals(
                Arrays.asList("x", "x"),
                BoundedYaml.parse("a: &a x\nb: [*a, *a]", "config.yaml").get("b"));
    }

    @Test
    void theResultCannotBeChanged() {
        Map<String, Object> config = BoundedYaml.parse("a: 1", "config.yaml");
        assertThrows(UnsupportedOperationException.class, () -> config.put("b", 2));
    }
}
