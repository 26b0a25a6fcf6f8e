package dev.headwater.engine.circuit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.headwater.engine.UsageException;
import dev.headwater.engine.circuit.Alignment.By;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Which position of one prompt is which of another. */
class AlignmentTest {
    private static final List<List<String>> CAPITALS = List.of(
            prompt("The capital of France is"),
            prompt("The capital of South Korea is"),
            prompt("The capital of Bosnia and Herzegovina is"));

    private static List<String> prompt(String text) {
        return List.of(text.split(" "));
    }

    private static Alignment of(By by, List<List<String>> prompts) {
        return Alignment.of(by, prompts.stream().map(Ends::of).reduce(Ends::and).orElseThrow());
    }

    private static List<String> roles(Alignment alignment, List<String> prompt) {
        return IntStream.range(0, prompt.size())
                .mapToObj(p -> alignment.role(p, prompt.size()).toString())
                .toList();
    }

    @Test
    void theTextAroundASubjectAndItsLastTokenAreTheSame() {
        Alignment alignment = of(By.ROLE, CAPITALS);
        assertEquals(List.of("start+0", "start+1", "start+2", "subject", "final"), roles(alignment, CAPITALS.get(0)));
        assertEquals(
                List.of("start+0", "start+1", "start+2", "subject-2", "subject-1", "subject", "final"),
                roles(alignment, CAPITALS.get(2)));
        assertEquals(3, alignment.widest());
        assertEquals("is", alignment.text(Role.LAST));
        assertEquals("…", alignment.text(new Role(Role.Anchor.SUBJECT, 0)));
        assertEquals(-1, alignment.position(new Role(Role.Anchor.SUBJECT, -1), 5), "France has one token");
    }

    @Test
    void otherWaysToCount() {
        assertEquals(
                List.of("final-4", "final-3", "final-2", "final-1", "final"),
                roles(of(By.END, CAPITALS), CAPITALS.get(0)));
        assertEquals("start+4", roles(of(By.START, CAPITALS), CAPITALS.get(0)).getLast());
    }

    /** One prompt, prompts with nothing in common, and a prompt that is another's beginning or has no subject. */
    @Test
    void theLastTokenIsAlwaysTheLast() {
        assertEquals(
                List.of("start+0", "start+1", "final"), roles(of(By.ROLE, List.of(prompt("a b c"))), prompt("a b c")));
        List<List<String>> strangers = List.of(prompt("a b c"), prompt("d e"));
        assertEquals(List.of("subject-1", "subject", "final"), roles(of(By.ROLE, strangers), strangers.get(0)));
        assertEquals("…", of(By.ROLE, strangers).text(Role.LAST));
        List<List<String>> beginning = List.of(prompt("a b c"), prompt("a b"));
        assertEquals(List.of("start+0", "final"), roles(of(By.ROLE, beginning), beginning.get(1)));
        List<List<String>> none = List.of(prompt("a x b"), prompt("a b"));
        assertEquals(List.of("start+0", "final"), roles(of(By.ROLE, none), none.get(1)));
    }

    /** Every position has one role of its own, which leads back to it; prompts in any order and grouping give the same. */
    @Test
    void rolesArePositions() {
        Random random = new Random(5);
        for (int round = 0; round < 300; round++) {
            List<List<String>> prompts = Stream.generate(() -> IntStream.range(0, 1 + random.nextInt(6))
                            .mapToObj(_ -> "" + random.nextInt(2))
                            .toList())
                    .limit(1 + random.nextInt(4))
                    .toList();
            List<List<String>> shuffled = new ArrayList<>(prompts);
            Collections.shuffle(shuffled, random);
            int cut = random.nextInt(shuffled.size());
            Ends parts = Stream.of(shuffled.subList(0, cut), shuffled.subList(cut, shuffled.size()))
                    .flatMap(part -> part.stream().map(Ends::of).reduce(Ends::and).stream())
                    .reduce(Ends::and)
                    .orElseThrow();
            for (By by : By.values()) {
                Alignment alignment = of(by, prompts);
                assertEquals(alignment, Alignment.of(by, parts));
                for (List<String> prompt : prompts) {
                    alignment.require(prompt);
                    assertEquals(
                            prompt.size(),
                            roles(alignment, prompt).stream().distinct().count());
                    for (int p = 0; p < prompt.size(); p++) {
                        assertEquals(p, alignment.position(alignment.role(p, prompt.size()), prompt.size()));
                    }
                }
            }
        }
    }

    @Test
    void aPromptOfAnotherKindIsRefused() {
        Alignment alignment = of(By.ROLE, CAPITALS);
        alignment.require(prompt("The capital of New Zealand is"));
        var e = assertThrows(UsageException.class, () -> alignment.require(prompt("The anthem of France is")));
        assertEquals(
                "it lacks the text that the circuit's prompts share, \"Thecapitalof…is\", by which roles are told; count positions with --by end",
                e.getMessage());
        of(By.END, CAPITALS).require(prompt("anything"));
    }
}
