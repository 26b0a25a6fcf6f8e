package dev.headwater.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What does not need a model: help, version, completion, doctor. */
class HeadwaterTest {
    @Test
    void helpNamesEveryCommandWithExamples() {
        Run run = Run.headwater("--help");
        assertEquals(0, run.code());
        for (String expected : List.of("attribute", "graph", "doctor", "generate-completion", "Examples:")) {
            assertTrue(run.out().contains(expected), "no '" + expected + "' in\n" + run.out());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"attribute", "graph", "doctor"})
    void everyCommandHasHelpThatFitsEightyColumns(String command) {
        Run run = Run.onTerminal(80, command, "--help");
        assertEquals(0, run.code(), run.err());
        run.out()
                .lines()
                .map(line -> line.replaceAll("\033\\[[0-9;]*m", ""))
                .forEach(line -> assertTrue(line.length() <= 80, "too wide: " + line));
    }

    @Test
    void versionIsOneLine() {
        Run run = Run.headwater("--version");
        assertEquals(0, run.code());
        assertTrue(run.out().matches("headwater \\S+\\R"), run.out());
    }

    @Test
    void completionIsAShellScript() {
        Run run = Run.headwater("generate-completion");
        assertEquals(0, run.code(), run.err());
        assertTrue(run.out().startsWith("#!") && run.out().contains("--node-threshold"), run.out());
    }

    @Test
    void aMistypedCommandGetsASuggestion() {
        Run run = Run.headwater("atribute");
        assertEquals(2, run.code());
        assertTrue(run.err().contains("Did you mean: headwater attribute"), run.err());
    }

    @Test
    void doctorFindsEverythingInOrder() {
        Run run = Run.headwater("doctor");
        assertEquals(0, run.code(), run.out() + run.err());
        for (String expected : List.of(
                "libtorch",
                "MKL",
                "kernels",
                "instructions",
                "bf16 units",
                "float32",
                "bf16x6",
                "threads",
                "CUDA",
                "cache",
                "ok    matrix product",
                "ok    matrix product, bf16x6",
                "ok    edge contraction")) {
            assertTrue(run.out().contains(expected), "no '" + expected + "' in\n" + run.out());
        }
        assertFalse(run.out().contains("wrong"), run.out());
        assertEquals("", Run.headwater("doctor", "--quiet").out());
    }
}
