package dev.headwater.engine.naming;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.attribution.Attribution;
import dev.headwater.engine.attribution.AttributionOptions;
import dev.headwater.engine.document.PlainGraph;
import dev.headwater.engine.explanation.Explanation;
import dev.headwater.engine.features.SetEvidence;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.naming.ChatService.Patience;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A service on this machine that speaks the interface, and does not always keep to it. */
class ChatServiceTest {
    private static final String KEY = "sk-secret";
    private static final Patience SHORT = new Patience(Duration.ofMillis(600), Duration.ofMillis(1), 3);

    private final ConcurrentLinkedQueue<String> seen = new ConcurrentLinkedQueue<>();
    private HttpServer server;

    private interface Reply {
        void to(HttpExchange exchange) throws IOException;
    }

    private volatile Reply reply;

    @BeforeEach
    void start() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
        server.createContext("/", exchange -> {
            seen.add(exchange.getRequestURI() + " "
                    + exchange.getRequestHeaders().getFirst("Authorization"));
            reply.to(exchange);
            exchange.close();
        });
        server.start();
    }

    @AfterEach
    void stop() {
        server.stop(0);
    }

    private URI address() {
        return URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/v1");
    }

    private ChatService service(int budget) {
        return new ChatService(address(), "some-model", KEY, budget, SHORT);
    }

    private static void send(HttpExchange exchange, int status, String body) throws IOException {
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
        exchange.getResponseBody().write(bytes);
    }

    private static String answer(String content) {
        var json = BoundedJson.mapper().createObjectNode();
        json.putArray("choices").addObject().putObject("message").put("content", content);
        return json.toString();
    }

    private void fails(Class<? extends HeadwaterException> kind, int requests, String why, Reply hostile) {
        seen.clear();
        reply = hostile;
        try (ChatService chat = service(100)) {
            String message = assertThrows(kind, () -> chat.ask("a", "b"), why).getMessage();
            assertTrue(message.contains(why) && !message.contains(KEY), message);
            assertEquals(requests, chat.requests(), why);
            assertEquals(requests, seen.size(), why);
        }
    }

    @Test
    void hostileAnswersAreBoundedInNumberSizeAndTime() {
        reply = exchange -> send(exchange, 200, answer("NAME: cities"));
        try (ChatService chat = service(1)) {
            assertEquals("NAME: cities", chat.ask("a", "b"));
            assertEquals("/v1/chat/completions Bearer " + KEY, seen.peek());
            assertThrows(SpentException.class, () -> chat.ask("a", "b"));
            assertEquals(1, chat.requests());
        }
        fails(UnansweredException.class, 3, "status 500", e -> send(e, 500, KEY));
        fails(UnansweredException.class, 3, "status 429", e -> {
            e.getResponseHeaders().add("Retry-After", "0");
            send(e, 429, "");
        });
        fails(HeadwaterException.class, 1, "does not accept the key", e -> send(e, 401, "bad key " + KEY));
        fails(HeadwaterException.class, 1, "points elsewhere", e -> {
            e.getResponseHeaders().add("Location", address() + "/other");
            send(e, 302, "");
        });
        fails(UnansweredException.class, 1, "something else", e -> send(e, 200, "{\"choices\": [{\"message\""));
        fails(UnansweredException.class, 1, "something else", e -> send(e, 200, "[".repeat(100_000)));
        fails(UnansweredException.class, 1, "something else", e -> send(e, 200, "{\"choices\": 1e999999999}"));
        fails(UnansweredException.class, 3, "breaks off", e -> {
            e.sendResponseHeaders(200, 0);
            for (int i = 0; i < 64; i++) {
                e.getResponseBody().write(new byte[1 << 16]);
            }
        });
        fails(UnansweredException.class, 3, "in time", e -> {
            e.sendResponseHeaders(200, 0);
            try {
                for (int i = 0; i < 50; i++) {
                    e.getResponseBody().write(' ');
                    e.getResponseBody().flush();
                    Thread.sleep(40);
                }
            } catch (InterruptedException _) {
                Thread.currentThread().interrupt();
            }
        });
    }

    @Test
    void nothingButANameIsTaken() {
        assertEquals("cities in Texas", Answers.name("<think>NAME: no</think>\n**NAME:** \"cities in Texas\".\n"));
        assertEquals("a [31m b", Answers.name("NAME: a\u001b[31m\u202e → b"));
        assertEquals(Answers.LONGEST, Answers.name("NAME: " + "x".repeat(150)).length());
        for (String none : List.of("", "NAME: …", "one\ntwo", "NAME: " + "x".repeat(1 << 19), "\"".repeat(1 << 19))) {
            assertThrows(UnansweredException.class, () -> Answers.name(none));
        }
        assertArrayEquals(new boolean[] {true, false}, Answers.verdicts("[0] then [1, 0]", 2));
        assertThrows(UnansweredException.class, () -> Answers.verdicts("[1, 1, 1]", 2));
        assertThrows(UnansweredException.class, () -> Answers.verdicts("all of them", 2));
    }

    @Test
    void addressesThatWouldLeakAreRefused() {
        for (String bad : List.of("http://example.org/v1", "ftp://x/v1", "https://a:b@x/v1", "https://x/v1?key=1")) {
            assertThrows(UsageException.class, () -> new ChatService(URI.create(bad), "m", KEY, 1, SHORT), bad);
        }
        assertThrows(UsageException.class, () -> new ChatService(address(), "m", "a\nb", 1, SHORT));
        assertThrows(UsageException.class, () -> new ChatService(address(), " ", "", 1, SHORT));
        assertThrows(UsageException.class, () -> new ChatService(address(), "m", "", 0, SHORT));
    }

    /** A judge that knows nothing leaves the names from the evidence; one that is right about the model's name has it taken. */
    @Test
    void aNameIsTakenIfItIsBetter() {
        try (ReplacementModel model = ReplacementModel.load("atlas", "atlas-plt", ReplacementModel.Options.DEFAULT);
                PlainGraph graph = PlainGraph.of(
                        "graph",
                        Attribution.of(
                                model,
                                model.prompt("Fact: the capital of Texas is"),
                                AttributionOptions.DEFAULT.withMaxFeatures(100),
                                Progress.NONE))) {
            var evidence = SetEvidence.of("atlas-plt").orElseThrow();
            Explanation found = Explanation.of(
                    model,
                    graph,
                    (feature, _) -> "f" + feature.feature(),
                    new Explanation.Options(OptionalInt.empty(), 3, 100, 1, 0),
                    Progress.NONE);
            Chat blind = (task, data) -> {
                int texts = BoundedJson.mapper()
                        .valueToTree(tree(data))
                        .path("texts")
                        .size();
                return task.startsWith("You name") ? "NAME: ignore all that" : "[" + "1,".repeat(texts - 1) + "1]";
            };
            BoxNaming kept = BoxNaming.of(model, evidence, found, blind, Progress.NONE);
            assertEquals(found, kept.explanation());
            assertTrue(kept.boxes().stream().noneMatch(BoxNaming.Named::taken), kept.toString());
            assertTrue(
                    kept.boxes().stream().anyMatch(box -> box.why().isEmpty() && box.before() == 0.5), kept.toString());
            Chat failing = (_, _) -> {
                throw new HeadwaterException("no service");
            };
            BoxNaming none = BoxNaming.of(model, evidence, found, failing, Progress.NONE);
            assertEquals(found, none.explanation());
            assertFalse(none.boxes().getFirst().why().isEmpty());
        }
        Subject subject = new Subject(
                "f",
                List.of(),
                List.of(new Context(List.of("a"), new float[] {1})),
                List.of(new Context(List.of("yes"), new float[] {1}), new Context(List.of("yes"), new float[] {1})),
                List.of(new Context(List.of("no"), new float[1]), new Context(List.of("no"), new float[1])),
                0);
        Namer.Named named = new Namer((task, data) -> {
                    if (task.startsWith("You name")) {
                        return "NAME: what is affirmed";
                    }
                    var texts = tree(data);
                    StringBuilder verdicts = new StringBuilder("[");
                    texts.path("texts")
                            .forEach(text -> verdicts.append(verdicts.length() > 1 ? "," : "")
                                    .append(
                                            texts.path("name").asText().equals("f")
                                                            || text.asText().equals("yes")
                                                    ? 1
                                                    : 0));
                    return verdicts.append("]").toString();
                })
                .name(subject);
        assertEquals(new Namer.Named("what is affirmed", "what is affirmed", true, 0.5, 1), named);
    }

    private static com.fasterxml.jackson.databind.JsonNode tree(String json) {
        try {
            return BoundedJson.mapper().readTree(json);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
