package dev.headwater.faults;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.fixtures.FakeHub;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * {@code kill -9} at moments drawn from a whole run: what has a name is whole, and the same command again ends with what
 * it would have made undisturbed, and nothing beside it.
 */
final class Kills {
    private final Trial trial;
    private final int rounds;
    private final Random random = new Random(13);

    Kills(Trial trial, int rounds) {
        this.trial = trial;
        this.rounds = rounds;
    }

    /** A command for a folder that it fills. */
    private interface Work {
        List<String> in(Path folder) throws IOException;
    }

    List<Row> rows() throws IOException, InterruptedException {
        List<Row> rows = new ArrayList<>();
        rows.add(killed("kill -9 in attribute", Map.of(), Kills::attribute));
        rows.add(killed("kill -9 in batch", Map.of(), Kills::batch));
        rows.add(killed("kill -9 in convert", Map.of(), Kills::convert));
        rows.add(killed("kill -9 in features build", Map.of(), Kills::features));
        rows.add(fetch());
        rows.add(saves());
        return rows;
    }

    private static List<String> attribute(Path folder) {
        return List.of(
                "attribute",
                "The capital of France is",
                "--max-features",
                "100",
                "--out",
                folder.toString(),
                "--raw",
                folder.resolve("whole.safetensors").toString(),
                "--quiet");
    }

    private static List<String> batch(Path folder) throws IOException {
        Path prompts = folder.resolveSibling(folder.getFileName() + ".txt");
        Files.writeString(prompts, "The capital of France is\nParis is near\nOne, two,\nFact: the sun\n");
        return List.of("batch", prompts.toString(), "--max-features", "50", "--out", folder.toString(), "--quiet");
    }

    private static List<String> convert(Path folder) {
        return List.of("convert", "atlas-plt", folder.resolve("set").toString(), "--quiet");
    }

    private static List<String> features(Path folder) throws IOException {
        Path corpus = folder.resolveSibling(folder.getFileName() + ".txt");
        Files.writeString(corpus, "The capital of France is Paris.\nOne, two, three.\n".repeat(200));
        return List.of("features", "build", "--corpus", corpus.toString(), "--out", folder.toString(), "--quiet");
    }

    private Row killed(String name, Map<String, String> environment, Work work)
            throws IOException, InterruptedException {
        Path undisturbed = trial.folder("whole");
        long start = System.nanoTime();
        Trial.Started first = trial.start(environment, work.in(undisturbed));
        if (first.end() != 0) {
            throw new HeadwaterException(name + " does not even run undisturbed: " + first.output());
        }
        long nanos = System.nanoTime() - start;
        Map<String, String> expected = Trial.files(undisturbed);
        int survived = 0;
        String note = "";
        for (int round = 0; round < rounds; round++) {
            Path folder = trial.folder("killed");
            Trial.Started run = trial.start(environment, work.in(folder));
            Thread.sleep((long) (nanos / 1e6 * (round + random.nextDouble()) / rounds));
            run.process().destroyForcibly().waitFor();
            String lost = halfWritten(folder, expected);
            // It was killed after its work: who never writes over a result then refuses to.
            boolean done = difference(Trial.files(folder), expected) == null;
            Trial.Started again = trial.start(environment, work.in(folder));
            int code = again.end();
            if (lost == null && code != 0 && !done) {
                lost = "the run after it: " + again.output().strip();
            }
            lost = lost == null ? difference(Trial.files(folder), expected) : lost;
            survived += lost == null ? 1 : 0;
            note = note.isEmpty() && lost != null ? lost : note;
        }
        return new Row(name, rounds, survived, note);
    }

    /** The first file with a name of its own that is not what it should be; journals and states of work may be on their way. */
    private static @Nullable String halfWritten(Path folder, Map<String, String> expected) throws IOException {
        for (var file : Trial.files(folder).entrySet()) {
            String name = file.getKey();
            String whole = expected.get(name);
            if (whole != null && !whole.equals(file.getValue()) && !isGrowing(name) && !parses(folder.resolve(name))) {
                return "half-written: " + name;
            }
        }
        return null;
    }

    private static boolean isGrowing(String name) {
        return name.endsWith(".jsonl");
    }

    private static boolean parses(Path file) {
        try {
            return file.toString().endsWith(".json")
                    && BoundedJson.read(file, 1 << 28).isObject();
        } catch (HeadwaterException e) {
            return false;
        }
    }

    /** Journals are left out: they tell times. */
    private static @Nullable String difference(Map<String, String> files, Map<String, String> expected) {
        for (String name : files.keySet()) {
            if (Trial.isUnfinished(name)) {
                return "left behind: " + name;
            }
            if (!expected.containsKey(name)) {
                return "too much: " + name;
            }
        }
        for (var file : expected.entrySet()) {
            if (!files.containsKey(file.getKey())) {
                return "missing: " + file.getKey();
            }
            if (!isGrowing(file.getKey()) && !files.get(file.getKey()).equals(file.getValue())) {
                return "other bytes: " + file.getKey();
            }
        }
        return null;
    }

    private Row fetch() throws IOException, InterruptedException {
        byte[] weights = new byte[40 << 20];
        new Random(1).nextBytes(weights);
        try (FakeHub hub = new FakeHub()
                .with("org/model", "config.json", "{\"model_type\":\"llama\"}")
                .with("org/model", "model.safetensors", weights)) {
            Map<String, String> environment = new HashMap<>(
                    Map.of("HF_ENDPOINT", hub.endpoint().toString(), "HF_HUB_OFFLINE", "0", "NO_PROXY", "127.0.0.1"));
            int survived = 0;
            String note = "";
            for (int round = 0; round < rounds; round++) {
                Path folder = trial.folder("fetched");
                environment.put("HF_HOME", folder.toString());
                Trial.Started run = trial.start(environment, List.of("fetch", "org/model", "--quiet"));
                Thread.sleep(300 + random.nextInt(1200));
                run.process().destroyForcibly().waitFor();
                Trial.Started again = trial.start(environment, List.of("fetch", "org/model", "--quiet"));
                String lost = again.end() != 0 ? again.output().strip() : fetched(folder, weights);
                survived += lost == null ? 1 : 0;
                note = note.isEmpty() && lost != null ? lost : note;
            }
            return new Row("kill -9 in fetch", rounds, survived, note);
        }
    }

    private static @Nullable String fetched(Path folder, byte[] weights) throws IOException {
        Path snapshot = folder.resolve("hub/models--org--model/snapshots/" + FakeHub.COMMIT);
        if (!java.util.Arrays.equals(weights, Files.readAllBytes(snapshot.resolve("model.safetensors")))) {
            return "other bytes: model.safetensors";
        }
        return Trial.files(folder).keySet().stream()
                .filter(Trial::isUnfinished)
                .findFirst()
                .map(name -> "left behind: " + name)
                .orElse(null);
    }

    /** Kills the explorer while annotations come in: the file holds the last save that was answered, or the one after it. */
    private Row saves() throws IOException, InterruptedException {
        Path graph = trial.folder("graph");
        Trial.Started made = trial.start(
                "attribute", "a b", "--max-features", "5", "--slug", "g", "--out", graph.toString(), "--quiet");
        if (made.end() != 0) {
            throw new HeadwaterException("no graph to annotate: " + made.output());
        }
        int survived = 0;
        String note = "";
        for (int round = 0; round < rounds; round++) {
            Path folder = trial.folder("saves");
            Files.copy(graph.resolve("g.json"), folder.resolve("g.json"));
            Explorer explorer = Explorer.start(trial, folder, "--no-model");
            AtomicInteger answered = new AtomicInteger();
            Thread client = Thread.ofPlatform().start(() -> save(explorer.address(), answered));
            while (answered.get() < 3 && client.isAlive()) {
                Thread.sleep(5);
            }
            Thread.sleep(random.nextInt(300));
            explorer.kill();
            client.join();
            int kept;
            try {
                kept = BoundedJson.read(folder.resolve("g.json"), 1 << 28)
                        .at("/qParams/clickedId")
                        .asInt(-1);
            } catch (HeadwaterException e) {
                kept = -1;
            }
            boolean fine = kept == answered.get() || kept == answered.get() + 1;
            survived += fine ? 1 : 0;
            note = note.isEmpty() && !fine ? "save " + answered.get() + " was answered, " + kept + " is there" : note;
        }
        return new Row("kill -9 while the explorer saves", rounds, survived, note);
    }

    private static void save(URI address, AtomicInteger answered) {
        try (HttpClient client = HttpClient.newHttpClient()) {
            for (int i = 1; ; i++) {
                HttpResponse<String> answer = client.send(
                        HttpRequest.newBuilder(address.resolve("/api/graphs/g/annotations"))
                                .header("Content-Type", "application/json")
                                .header("If-Match", "*")
                                .PUT(HttpRequest.BodyPublishers.ofString("{\"clickedId\":\"" + i + "\"}"))
                                .build(),
                        HttpResponse.BodyHandlers.ofString());
                if (answer.statusCode() >= 300) {
                    return;
                }
                answered.set(i);
            }
        } catch (IOException e) {
            // The server was killed.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
