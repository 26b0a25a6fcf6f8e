package dev.headwater.fuzz;

import dev.headwater.engine.Progress;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.explanation.Card;
import dev.headwater.engine.explanation.Explanation;
import dev.headwater.engine.explanation.Judgement;
import dev.headwater.engine.explanation.WhyNot;
import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.explorer.Engine;
import dev.headwater.explorer.ExplorerConfig;
import dev.headwater.explorer.ExplorerServer;
import dev.headwater.explorer.Front;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/** Requests to the explorer's server in this process: every answer is HTTP, and none says that something went wrong inside. */
abstract class ExplorerReader implements Reader {
    private static final int ANSWER_MILLIS = 10_000;
    private static final int MOST_GRAPHS = 40;
    static final String GRAPH = """
            {"metadata":{"slug":"a","scan":"s","prompt":"p","prompt_tokens":["p"],"schema_version":1,"node_threshold":0.8},
             "qParams":{"pinnedIds":[],"supernodes":[],"linkType":"both"},
             "nodes":[{"node_id":"E_1_0","feature":0,"layer":"E","ctx_idx":0,"feature_type":"embedding","jsNodeId":"E_1-0","clerp":"","influence":0.1,"activation":null,"token_prob":0.0,"is_target_logit":false,"run_idx":0,"reverse_ctx_idx":0},
             {"node_id":"0_7_0","feature":28,"layer":"0","ctx_idx":0,"feature_type":"cross layer transcoder","jsNodeId":"0_7-0","clerp":"","influence":0.1,"activation":1.5,"token_prob":0.0,"is_target_logit":false,"run_idx":0,"reverse_ctx_idx":0}],
             "links":[{"source":"E_1_0","target":"0_7_0","weight":0.5}]}
            """;

    private final Scratch scratch = new Scratch();
    private final Path graphs = scratch.directory().resolve("graphs");
    private final ExplorerServer server;

    ExplorerReader() throws IOException {
        Files.createDirectories(graphs);
        reset();
        Path features = Files.createDirectories(scratch.directory().resolve("features/s"));
        Files.writeString(features.resolve("28.json"), "{\"index\":7}");
        server = ExplorerServer.start(new ExplorerConfig(
                ExplorerConfig.LOOPBACK, 0, graphs, List.of(features.getParent()), new Stub(), Front.NONE, 1 << 20));
    }

    private void reset() throws IOException {
        List<Path> files;
        try (Stream<Path> all = Files.list(graphs)) {
            files = all.toList();
        }
        if (files.size() > MOST_GRAPHS) {
            for (Path file : files) {
                Files.deleteIfExists(file);
            }
        }
        if (!Files.exists(graphs.resolve("a.json"))) {
            Files.writeString(graphs.resolve("a.json"), GRAPH);
        }
    }

    /** Sends it, closes our half, and takes what comes. */
    final void ask(byte[] request) throws IOException {
        reset();
        byte[] answer;
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), server.port())) {
            socket.setSoTimeout(ANSWER_MILLIS);
            try {
                socket.getOutputStream().write(request);
                socket.shutdownOutput();
            } catch (SocketException e) {
                // It has heard enough; its answer may be there.
            }
            answer = all(socket);
        }
        String head = new String(answer, 0, Math.min(answer.length, 2000), StandardCharsets.ISO_8859_1);
        if (!head.isEmpty() && !head.startsWith("HTTP/1.1 ")) {
            throw new AssertionError("not HTTP: " + head);
        }
        if (head.startsWith("HTTP/1.1 500") || head.contains("went wrong inside")) {
            throw new AssertionError("a fault of the server: " + head);
        }
    }

    private static byte[] all(Socket socket) throws IOException {
        ByteArrayOutputStream answer = new ByteArrayOutputStream();
        try {
            socket.getInputStream().transferTo(answer);
        } catch (SocketException e) {
            // Reset, because the server did not want the rest.
        }
        return answer.toByteArray();
    }

    @Override
    public void close() throws IOException {
        server.close();
        scratch.close();
    }

    /** Bytes as they are. */
    static final class Requests extends ExplorerReader {
        Requests() throws IOException {}

        @Override
        public void read(byte[] input) throws IOException {
            ask(input);
        }
    }

    /** The first byte chooses what is asked, the rest is its body, or its path or query where it has none. */
    static final class Bodies extends ExplorerReader {
        private static final List<String> WITH_BODY = List.of(
                "POST /api/graphs?name=b",
                "PUT /api/graphs/a/annotations",
                "POST /save_graph/a",
                "POST /api/jobs/attribute",
                "POST /api/jobs/intervene",
                "POST /api/jobs/tokens");
        private static final List<String> WITHOUT = List.of(
                "GET /api/graphs/",
                "GET /api/compare?",
                "GET /features/",
                "GET /api/features/",
                "DELETE /api/graphs/",
                "GET /data/",
                "GET /api/jobs/",
                "GET /");

        /** Behind the others, which inputs that are kept count by. */
        private static final List<String> OF_CIRCUITS = List.of(
                "POST /api/jobs/explain", "POST /api/jobs/judge", "POST /api/jobs/card", "POST /api/jobs/why-not");

        Bodies() throws IOException {}

        @Override
        public void read(byte[] input) throws IOException {
            if (input.length == 0) {
                return;
            }
            int choice = (input[0] & 0xff) % (2 * WITH_BODY.size() + WITHOUT.size() + OF_CIRCUITS.size());
            byte[] rest = Arrays.copyOfRange(input, 1, input.length);
            String headers = "Host: localhost\r\nConnection: close\r\nIf-Match: *\r\n";
            ByteArrayOutputStream request = new ByteArrayOutputStream();
            int circuit = choice - 2 * WITH_BODY.size() - WITHOUT.size();
            if (choice < 2 * WITH_BODY.size() || circuit >= 0) {
                boolean zipped = circuit < 0 && choice >= WITH_BODY.size();
                String route = circuit < 0 ? WITH_BODY.get(choice % WITH_BODY.size()) : OF_CIRCUITS.get(circuit);
                request.writeBytes((route + " HTTP/1.1\r\n" + headers
                                + "Content-Type: application/json\r\n" + (zipped ? "Content-Encoding: gzip\r\n" : "")
                                + "Content-Length: " + rest.length + "\r\n\r\n")
                        .getBytes(StandardCharsets.ISO_8859_1));
                request.writeBytes(rest);
            } else {
                request.writeBytes(WITHOUT.get(choice - 2 * WITH_BODY.size()).getBytes(StandardCharsets.ISO_8859_1));
                request.writeBytes(rest);
                request.writeBytes((" HTTP/1.1\r\n" + headers + "\r\n").getBytes(StandardCharsets.ISO_8859_1));
            }
            ask(request.toByteArray());
        }
    }

    /** Answers at once. */
    private static final class Stub implements Engine {
        @Override
        public List<Model> models() {
            return List.of(new Model("m", "m", List.of("t"), List.of("s"), 1, 1, 8, true, List.of()));
        }

        @Override
        public List<String> tokens(String model, Prompt prompt) {
            return List.of(prompt.toString());
        }

        @Override
        public Outlook outlook(String model, String transcoders, Prompt prompt, int maxFeatureNodes) {
            return new Outlook(tokens(model, prompt), List.of(new TokenProbability(1, "a", 0.5)), 1);
        }

        @Override
        public void attribute(GraphRequest request, Path target, Progress progress) {
            try {
                Files.writeString(target, GRAPH);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        public SteerResult intervene(SteerRequest request, Progress progress) {
            Outcome outcome = new Outcome(
                    List.of(), request.watch().stream().map(_ -> 0.0).toList(), List.of());
            return new SteerResult(outcome, outcome, List.of());
        }

        @Override
        public AttentionResult attention(AttentionRequest request, Progress progress) {
            throw new UsageException("There is no attention in this model.");
        }

        @Override
        public Timed<Explanation> explain(Subject subject, Explanation.Options options, Progress progress) {
            throw new UsageException("There is no circuit in this graph.");
        }

        @Override
        public Timed<Judgement> judge(
                Subject subject, List<FeatureRef> circuit, Explanation.Options options, Progress progress) {
            throw new UsageException("There is no circuit of " + circuit.size() + " features.");
        }

        @Override
        public Timed<Card> card(
                Subject subject, List<FeatureRef> circuit, Explanation.Options options, Progress progress) {
            throw new UsageException("There is no circuit of " + circuit.size() + " features.");
        }

        @Override
        public Timed<WhyNot> whyNot(Subject subject, String token, int size, Progress progress) {
            throw new UsageException("Nothing holds \"" + token + "\" down.");
        }
    }
}
