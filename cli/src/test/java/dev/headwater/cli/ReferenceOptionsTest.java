package dev.headwater.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.cli.option.ReferenceOptions;
import dev.headwater.engine.UsageException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class ReferenceOptionsTest {
    private final List<String> said = new ArrayList<>();

    private String[] ours(String... args) {
        said.clear();
        return ReferenceOptions.replaced(args, said::add);
    }

    @Test
    void optionsOfAttributeAreOurs() {
        assertArrayEquals(
                new String[] {
                    "attribute",
                    "-p",
                    "x",
                    "--transcoders",
                    "gemma",
                    "--max-logits=5",
                    "--logit-prob",
                    "0.9",
                    "--batch-size",
                    "8",
                    "--max-features",
                    "9",
                    "--node-threshold",
                    "0.5",
                    "--edge-threshold",
                    "0.6",
                    "--slug",
                    "s",
                    "--out",
                    "g",
                    "--features",
                    "f",
                    "--server",
                    "--verbose"
                },
                ours(
                        "attribute",
                        "-p",
                        "x",
                        "--transcoder_set",
                        "gemma",
                        "--max_n_logits=5",
                        "--desired_logit_prob",
                        "0.9",
                        "--batch_size",
                        "8",
                        "--max_feature_nodes",
                        "9",
                        "--node_threshold",
                        "0.5",
                        "--edge_threshold",
                        "0.6",
                        "--slug",
                        "s",
                        "--graph_file_dir",
                        "g",
                        "--features_dir",
                        "f",
                        "--server",
                        "--verbose"));
        assertEquals(List.of(), said);
    }

    @Test
    void whatMeansNothingHereIsSaid() {
        assertArrayEquals(
                new String[] {"attribute", "x"},
                ours("attribute", "--offload", "cpu", "--lazy-encoder", "--lazy-decoder", "--backend=nnsight", "x"));
        assertEquals(4, said.size());
        assertTrue(said.getFirst().startsWith("--offload means nothing here"), said.toString());
        assertThrows(UsageException.class, () -> ours("attribute", "--backend"));
    }

    @Test
    void aPickleIsNeverWritten() {
        assertArrayEquals(
                new String[] {"attribute", "--raw", "out/x.safetensors"},
                ours("attribute", "--graph_output_path", "out/x.pt"));
        assertTrue(said.getFirst().contains("never written as .pt"), said.toString());
        assertArrayEquals(new String[] {"attribute", "--raw", "y"}, ours("attribute", "--graph_output_path=y"));
    }

    @Test
    void halfPrecisionIsComputedInMore() {
        assertArrayEquals(new String[] {"plan", "--dtype", "float32"}, ours("plan", "--dtype=float16"));
        assertEquals(1, said.size());
        assertArrayEquals(new String[] {"plan", "--dtype", "bf16"}, ours("plan", "--dtype", "bf16"));
        assertEquals(0, said.size());
    }

    @Test
    void theServersDirectoryIsAnArgument() {
        assertArrayEquals(
                new String[] {"start-server", "graphs", "--features", "f", "--port", "1"},
                ours("start-server", "--graph_file_dir", "graphs", "--features_dir", "f", "--port", "1"));
    }

    @Test
    void theLastOfTwoCountsAndHelpGoesDeep() {
        Run twice = Run.headwater("serve", "--port", "70000", "--port", "70001");
        assertEquals(2, twice.code());
        assertTrue(twice.err().contains("70001") && !twice.err().contains("70000"), twice.err());
        Run help = Run.headwater("help", "features", "build");
        assertEquals(0, help.code(), help.err());
        assertTrue(help.out().contains("--corpus"), help.out());
        Run unknown = Run.headwater("attribute", "--max-featurs", "3", "x");
        assertEquals(2, unknown.code());
        assertTrue(unknown.err().contains("--max-features"), unknown.err());
    }
}
