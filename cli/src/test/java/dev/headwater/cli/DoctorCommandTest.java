package dev.headwater.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.fixtures.FakeHub;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code doctor --deep}: what was fetched is read whole, and what is damaged is named. */
class DoctorCommandTest {
    @TempDir
    private Path directory;

    private Run doctor() throws Exception {
        return Run.start(directory, Map.of("HF_HOME", directory.toString()), "doctor", "--deep")
                .end();
    }

    private Path blob(byte[] content) throws Exception {
        Path blobs = Files.createDirectories(directory.resolve("hub/models--org--model/blobs"));
        return Files.write(blobs.resolve(FakeHub.etag(content)), content);
    }

    @Test
    void damagedFilesOfTheHubsCacheAreNamed() throws Exception {
        byte[] large = "large ".repeat(1000).getBytes(StandardCharsets.UTF_8);
        Path first = blob(large);
        Path second = blob("small".getBytes(StandardCharsets.UTF_8));
        Files.writeString(first.resolveSibling("not-a-hash"), "of no interest");
        Run sound = doctor();
        assertEquals(0, sound.code(), sound.out() + sound.err());
        assertTrue(sound.out().contains("fetched       sound"), sound.out());
        large[3] ^= 1;
        Files.write(first, large);
        Files.writeString(second, "smalL");
        Run damaged = doctor();
        assertEquals(1, damaged.code(), damaged.out());
        for (Path file : new Path[] {first, second}) {
            assertTrue(damaged.out().contains("damaged: " + file + " (delete it, and fetch again)"), damaged.out());
        }
    }
}
