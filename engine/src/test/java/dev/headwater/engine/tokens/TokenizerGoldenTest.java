package dev.headwater.engine.tokens;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

class TokenizerGoldenTest {
    @TestFactory
    Stream<DynamicTest> agreesWithThePythonTokenizerOnEveryGoldenText() throws IOException, URISyntaxException {
        Path golden = Path.of(TokenizerGoldenTest.class.getResource("/golden").toURI());
        try (Stream<Path> cases = Files.list(golden)) {
            return cases.filter(dir -> Files.exists(dir.resolve("tokenizer_golden.json"))).sorted().toList().stream()
                    .map(dir -> DynamicTest.dynamicTest(dir.getFileName().toString(), () -> compare(dir)));
        }
    }

    private static void compare(Path directory) throws IOException {
        JsonNode golden = new ObjectMapper()
                .readTree(directory.resolve("tokenizer_golden.json").toFile());
        Tokenizer tokenizer = Tokenizer.open(directory.resolve("model"));
        assertEquals(golden.get("vocab_size").asInt(), tokenizer.vocabSize(), "vocab_size");
        assertEquals(
                ids(golden.get("all_special_ids")).boxed().toList(),
                List.copyOf(tokenizer.special().ids()),
                "all_special_ids");
        assertEquals(id(golden.get("bos")), tokenizer.special().bos(), "bos");
        assertEquals(id(golden.get("pad")), tokenizer.special().pad(), "pad");
        assertEquals(id(golden.get("eos")), tokenizer.special().eos(), "eos");
        for (JsonNode text : golden.get("cases")) {
            String prompt = text.get("text").asText();
            int[] ids = tokenizer.encode(prompt, false);
            assertArrayEquals(ids(text.get("ids")).toArray(), ids, "ids of " + prompt);
            assertArrayEquals(
                    ids(text.get("ids_with_special")).toArray(),
                    tokenizer.encode(prompt, true),
                    "ids_with_special of " + prompt);
            assertEquals(text.get("decoded").asText(), tokenizer.decode(ids), "decoded");
        }
    }

    private static IntStream ids(JsonNode array) {
        return StreamSupport.stream(array.spliterator(), false).mapToInt(JsonNode::asInt);
    }

    private static OptionalInt id(JsonNode node) {
        return node.isNull() ? OptionalInt.empty() : OptionalInt.of(node.asInt());
    }
}
