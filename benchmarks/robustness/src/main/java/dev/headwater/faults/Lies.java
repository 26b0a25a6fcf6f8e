package dev.headwater.faults;

import dev.headwater.fixtures.FakeHub;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** A hub that lies, in one way after the other: each is a sentence, nothing wrong is kept, and the honest answer works then. */
final class Lies {
    private record Lie(String name, Predicate<FakeHub.Request> when, FakeHub.Fault fault) {}

    private final Trial trial;
    private final int most;

    /** @param most of the lies to try */
    Lies(Trial trial, int most) {
        this.trial = trial;
        this.most = most;
    }

    private static FakeHub.Fault body(String text) {
        return (exchange, _, _) -> {
            byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(200, bytes.length == 0 ? -1 : bytes.length);
            exchange.getResponseBody().write(bytes);
            return true;
        };
    }

    private static FakeHub.Fault header(String name, String value) {
        return (exchange, _, _) -> {
            exchange.getResponseHeaders().add(name, value);
            return false;
        };
    }

    private static List<Lie> all() {
        Predicate<FakeHub.Request> revision = request -> request.path().contains("/revision/");
        Predicate<FakeHub.Request> tree = request -> request.path().contains("/tree/");
        Predicate<FakeHub.Request> head = request -> request.method().equals("HEAD");
        Predicate<FakeHub.Request> content = request -> request.server().equals("network");
        List<Lie> lies = new ArrayList<>();
        for (String text :
                List.of("", "{", "[]", "null", "{\"sha\":3}", "{\"sha\":\"main\"}", "<html>", "[".repeat(5000))) {
            lies.add(new Lie("revision " + text, revision, body(text)));
        }
        String entry =
                "[{\"type\":\"file\",\"path\":\"%s\",\"size\":%s,\"oid\":\"9e26dfeeb6e641a33dae4961196235bdb965b21b\"}]";
        for (String path :
                List.of("../../x", "/etc/x", "a\\\\b", "", "config.json/../..", "C:x", "con\\u0000fig.json")) {
            lies.add(new Lie("tree with " + path, tree, body(entry.formatted(path, "2"))));
        }
        for (String size :
                List.of("-1", "9223372036854775807", "1e30", "\"2\"", "1E2147483647", "4611686018427387904")) {
            lies.add(new Lie("tree of size " + size, tree, body(entry.formatted("config.json", size))));
        }
        lies.add(new Lie("tree in pages without end", tree, header("Link", "<?cursor=0>; rel=\"next\"")));
        lies.add(new Lie("tree that goes on elsewhere", tree, header("Link", "<http://192.0.2.1/x>; rel=\"next\"")));
        lies.add(new Lie("tree that goes on nowhere", tree, header("Link", "<http://a b/>; rel=\"next\"")));
        for (String size : List.of("99999999999999999", "-5", "0", "5-9")) {
            lies.add(new Lie(
                    "linked size " + size,
                    head,
                    FakeHub.status(
                            302,
                            "Location",
                            "http://127.0.0.1:1/",
                            "X-Linked-Size",
                            size,
                            "X-Linked-ETag",
                            "\"" + "a".repeat(64) + "\"")));
        }
        for (String etag : List.of("", "../../x", "\"\"", "a".repeat(5000))) {
            lies.add(new Lie(
                    "etag " + etag,
                    head,
                    FakeHub.status(
                            302, "Location", "http://127.0.0.1:1/", "X-Linked-Size", "9", "X-Linked-ETag", etag)));
        }
        lies.add(new Lie("a circle", head, FakeHub.status(307, "Location", "/org/model/resolve/main/config.json")));
        lies.add(new Lie("other content", content, (exchange, request, bytes) -> {
            byte[] other = bytes.clone();
            other[other.length / 2] ^= 1;
            int[] range = range(request, bytes.length);
            exchange.getResponseHeaders()
                    .add("Content-Range", "bytes %d-%d/%d".formatted(range[0], range[1] - 1, bytes.length));
            exchange.sendResponseHeaders(206, range[1] - range[0]);
            exchange.getResponseBody().write(Arrays.copyOfRange(other, range[0], range[1]));
            return true;
        }));
        lies.add(new Lie("another range", content, (exchange, _, bytes) -> {
            exchange.getResponseHeaders().add("Content-Range", "bytes 7-8/" + bytes.length);
            exchange.sendResponseHeaders(206, 2);
            exchange.getResponseBody().write(bytes, 7, 2);
            return true;
        }));
        for (int status : new int[] {400, 403, 404, 410, 416}) {
            lies.add(new Lie("status " + status, content, FakeHub.status(status)));
            lies.add(new Lie("revision with status " + status, revision, FakeHub.status(status)));
        }
        return lies;
    }

    private static int[] range(FakeHub.Request request, int length) {
        if (request.range() == null) {
            return new int[] {0, length};
        }
        String[] bounds = request.range().substring("bytes=".length()).split("-", 2);
        int to = bounds[1].isEmpty() ? length : Math.min(length, Integer.parseInt(bounds[1]) + 1);
        return new int[] {Integer.parseInt(bounds[0]), to};
    }

    List<Row> rows() throws IOException, InterruptedException {
        List<Lie> lies = all();
        int step = Math.max(1, lies.size() / most);
        int tried = 0;
        int survived = 0;
        String note = "";
        for (int i = 0; i < lies.size(); i += step) {
            String lost = tell(lies.get(i));
            tried++;
            survived += lost == null ? 1 : 0;
            note = note.isEmpty() && lost != null ? lies.get(i).name() + ": " + lost : note;
        }
        return List.of(new Row("a hub that lies", tried, survived, note));
    }

    private @Nullable String tell(Lie lie) throws IOException, InterruptedException {
        byte[] weights = new byte[100_000];
        new Random(1).nextBytes(weights);
        Path home = trial.folder("lied");
        try (FakeHub hub = new FakeHub()
                .with("org/model", "config.json", "{\"model_type\":\"llama\"}")
                .with("org/model", "model.safetensors", weights)) {
            Map<String, String> environment = Map.of(
                    "HF_ENDPOINT",
                    hub.endpoint().toString(),
                    "HF_HUB_OFFLINE",
                    "0",
                    "NO_PROXY",
                    "127.0.0.1",
                    "HF_HOME",
                    home.toString());
            hub.fault(1000, lie.when(), lie.fault());
            Trial.Started lied = trial.start(environment, List.of("fetch", "org/model", "--quiet"));
            int code = lied.end();
            // Some lies change nothing, such as a size that the answer's body then corrects.
            String lost = code == 0 ? null : lied.disorder(code);
            if (lost != null) {
                return lost;
            }
            hub.endFaults();
            Trial.Started honest = trial.start(environment, List.of("fetch", "org/model", "--quiet"));
            if (honest.end() != 0) {
                return "the honest answer after it: " + honest.output().strip();
            }
            Path file = home.resolve("hub/models--org--model/snapshots/" + FakeHub.COMMIT + "/model.safetensors");
            return Arrays.equals(weights, Files.readAllBytes(file)) ? null : "other bytes: model.safetensors";
        }
    }
}
