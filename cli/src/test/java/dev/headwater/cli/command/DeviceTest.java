package dev.headwater.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.cli.Run;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What commands say of a device. */
class DeviceTest {
    private static final String PROMPT = "Fact: the capital of the state containing Dallas is";

    @TempDir
    private Path directory;

    @Test
    void planSaysWhatStays() {
        Run absent = Run.headwater("plan", "--device", "cuda:7");
        assertEquals(0, absent.code(), absent.err());
        assertTrue(absent.out().contains("stays        all of the transcoders (9.4 MB) on a GPU with "), absent.out());
        Run here = Run.headwater("plan", "--device", "pretended");
        assertTrue(here.out().contains("stays        encoders of all 6 layers stay (4.7 MB); decoders of"), here.out());
    }

    @Test
    void saysWhatGoesToADevice() {
        String[] run = {
            "--verbose",
            "attribute",
            PROMPT,
            "--device",
            "pretended",
            "--max-features",
            "200",
            "--batch-size",
            "20",
            "--update-interval",
            "1",
            "--out",
            directory.toString()
        };
        Run pretended = Run.headwater(run);
        assertEquals(0, pretended.code(), pretended.err());
        for (String expected : List.of(
                "transcoders  encoders of all ",
                "; decoders of all ",
                "traffic      encode: ",
                "traffic      logit rows: 1 copy to the device (",
                " rounds, none with more than 3 copies and 1 wait")) {
            assertTrue(pretended.err().contains(expected), "no '" + expected + "' in\n" + pretended.err());
        }
        assertTrue(pretended.out().contains("is → Austin"), pretended.out());
    }
}
