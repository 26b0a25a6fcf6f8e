package dev.headwater.fuzz;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * What the fuzzer has found worth keeping, again: {@code corpus/NAME.zip}, inputs that take different ways through a
 * reader, and {@code cases/NAME}, inputs that once broke something.
 */
class CorpusTest {
    private static final Path CORPUS = Path.of("corpus");
    private static final Path CASES = Path.of("cases");

    @TestFactory
    List<DynamicTest> everyInputIsReadOrRefusedInASentence() {
        List<DynamicTest> tests = new ArrayList<>();
        for (String name : Readers.names()) {
            tests.add(DynamicTest.dynamicTest(name, () -> replay(name)));
        }
        return tests;
    }

    private static void replay(String name) throws Exception {
        Map<String, byte[]> inputs = Campaign.inputs(Path.of(""), name);
        assertTrue(inputs.size() > 1, "there is a corpus for " + name);
        try (Reader reader = Readers.open(name)) {
            for (var input : inputs.entrySet()) {
                try {
                    Rule.check(reader, input.getValue());
                } catch (Exception | Error e) {
                    throw new AssertionError(name + ", " + input.getKey() + ": " + e, e);
                }
            }
        }
    }

    @Test
    void everyCorpusHasItsReader() throws IOException {
        TreeSet<String> found = new TreeSet<>();
        try (Stream<Path> files = Files.list(CORPUS)) {
            files.forEach(file -> found.add(file.getFileName().toString().replace(".zip", "")));
        }
        assertEquals(new TreeSet<>(Readers.names()), found);
        try (Stream<Path> files = Files.list(CASES)) {
            assertTrue(files.allMatch(
                    file -> Readers.names().contains(file.getFileName().toString())));
        }
    }
}
