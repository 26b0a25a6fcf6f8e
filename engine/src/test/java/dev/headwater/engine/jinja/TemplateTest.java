package dev.headwater.engine.jinja;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

class TemplateTest {
    private static final Clock CLOCK = Clock.fixed(Instant.parse("2024-07-26T09:05:03Z"), ZoneOffset.UTC);

    @TestFactory
    Stream<DynamicTest> rendersAsJinja2Does() throws IOException {
        return cases(
                "cases",
                (golden, context) -> assertEquals(
                        golden.get("expected").asText(),
                        Template.parse(golden.get("template").asText()).render(context, CLOCK)));
    }

    @TestFactory
    Stream<DynamicTest> refusesWhatJinja2Refuses() throws IOException {
        return cases("errors", (golden, context) -> {
            var e = assertThrows(
                    TemplateException.class,
                    () -> Template.parse(golden.get("template").asText()).render(context, CLOCK));
            assertTrue(e.getMessage().contains(golden.get("error").asText()), e.getMessage());
        });
    }

    private interface Check {
        void accept(JsonNode golden, Map<String, Object> context);
    }

    private static Stream<DynamicTest> cases(String list, Check check) throws IOException {
        ObjectMapper json = new ObjectMapper();
        JsonNode golden = json.readTree(TemplateTest.class.getResourceAsStream("jinja2.json"));
        Map<String, Object> context = json.convertValue(golden.get("context"), new TypeReference<>() {});
        return StreamSupport.stream(golden.get(list).spliterator(), false)
                .map(row -> DynamicTest.dynamicTest(row.get("template").asText(), () -> check.accept(row, context)));
    }

    @Test
    void errorsNameTheirLine() {
        var e = assertThrows(
                TemplateException.class,
                () -> Template.parse("a\nb\n{{ missing.name }}\n").render(Map.of(), CLOCK));
        assertEquals("Chat template, line 3: 'missing' is undefined.", e.getMessage());
    }

    @Test
    void mutatedTemplatesNeverFailOtherwiseThanWithATemplateException() throws IOException {
        JsonNode golden = new ObjectMapper().readTree(TemplateTest.class.getResourceAsStream("jinja2.json"));
        List<String> seeds = golden.findValuesAsText("template");
        Random random = new Random(7);
        for (int i = 0; i < 5_000; i++) {
            StringBuilder template = new StringBuilder(seeds.get(random.nextInt(seeds.size())));
            for (int edits = 1 + random.nextInt(3); edits > 0 && !template.isEmpty(); edits--) {
                int at = random.nextInt(template.length());
                String other = seeds.get(random.nextInt(seeds.size()));
                int from = random.nextInt(other.length());
                template.replace(
                        at,
                        Math.min(template.length(), at + random.nextInt(4)),
                        other.substring(from, Math.min(other.length(), from + random.nextInt(8))));
            }
            try {
                Template.parse(template.toString())
                        .render(Map.of("x", 3, "l", List.of(3, 1, 2), "s", "text", "d", Map.of("a", 1)), CLOCK);
            } catch (TemplateException e) {
                // expected for most
            } catch (RuntimeException e) {
                throw new AssertionError("template " + template, e);
            }
        }
    }
}
