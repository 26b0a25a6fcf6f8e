package dev.headwater.cli.command;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.cli.report.Console;
import dev.headwater.cli.report.Style;
import dev.headwater.cli.report.Text;
import dev.headwater.cli.report.Version;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.hub.BundledModel;
import dev.headwater.engine.hub.Hub;
import dev.headwater.engine.hub.HubCache;
import dev.headwater.engine.hub.KnownModels;
import dev.headwater.engine.hub.KnownModels.Pair;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Function;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code headwater models}: which models have transcoders, and what of them is on this machine. */
@Command(
        name = "models",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        description =
                "List models with published transcoders, how large they are, and what of them is on this machine.",
        footer = {
            "",
            "Any other repository or directory of the same formats works too.",
            "",
            "Examples:",
            "  headwater models",
            "  headwater models --json | jq '.pairs[] | select(.transcoders_here)'"
        })
public final class ModelsCommand implements Callable<Integer> {
    private final Console console;

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    public ModelsCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        try (Hub hub = Hub.open()) {
            List<HubCache.Entry> cached = hub.cache().entries();
            Map<String, HubCache.Entry> byName =
                    cached.stream().collect(Collectors.toMap(HubCache.Entry::repository, Function.identity()));
            if (json) {
                console.out().println(json(hub.cache().root(), cached, byName).toPrettyString());
            } else {
                print(hub.cache().root(), cached, byName);
            }
        }
        return 0;
    }

    /** Whether something of it can be read without the network. */
    private static boolean isHere(String reference, Map<String, HubCache.Entry> cache) {
        HubCache.Entry entry = cache.get(repository(reference));
        return BundledModel.isBundled(reference)
                || entry != null && !entry.revisions().isEmpty();
    }

    private static String repository(String reference) {
        String[] parts = reference.split("/", 3);
        return parts.length < 2 ? reference : parts[0] + "/" + parts[1];
    }

    private void print(Path root, List<HubCache.Entry> cached, Map<String, HubCache.Entry> byName) {
        Style style = console.style();
        String model = null;
        for (Pair pair : KnownModels.ALL) {
            if (!pair.model().equals(model)) {
                model = pair.model();
                console.out().println(style.bold(model) + ", " + size(pair.modelBytes()) + here(model, byName));
            }
            String kind = pair.kind() == KnownModels.Kind.PER_LAYER ? "per-layer" : "cross-layer";
            console.out().println("  -t " + pair.transcoders() + here(pair.transcoders(), byName));
            console.out()
                    .println("     "
                            + style.dim(kind + ", " + pair.shape()
                                    + (pair.activation().isEmpty() ? "" : ", " + pair.activation()) + ", "
                                    + size(pair.transcoderBytes())));
        }
        console.out().println();
        console.out().println("Cache " + root + (cached.isEmpty() ? ": nothing in it" : ""));
        cached.forEach(entry -> console.out()
                .println("  " + Text.visible(entry.repository()) + ", " + Text.bytes(entry.bytes())
                        + (entry.revisions().isEmpty()
                                ? ", not complete"
                                : ", " + Text.visible(String.join(", ", entry.revisions())))));
    }

    private String here(String reference, Map<String, HubCache.Entry> cache) {
        return BundledModel.isBundled(reference)
                ? console.style().green("  bundled")
                : isHere(reference, cache) ? console.style().green("  in the cache") : "";
    }

    private static String size(long bytes) {
        return bytes < 0 ? "size unknown" : Text.bytes(bytes);
    }

    private static ObjectNode json(Path root, List<HubCache.Entry> cached, Map<String, HubCache.Entry> byName) {
        ObjectNode result = BoundedJson.mapper().createObjectNode();
        ArrayNode pairs = result.putArray("pairs");
        for (Pair pair : KnownModels.ALL) {
            ObjectNode node = pairs.addObject().put("model", pair.model());
            putSize(node, "model_bytes", pair.modelBytes());
            node.put("model_here", isHere(pair.model(), byName)).put("transcoders", pair.transcoders());
            putSize(node, "transcoder_bytes", pair.transcoderBytes());
            node.put("transcoders_here", isHere(pair.transcoders(), byName))
                    .put("kind", pair.kind() == KnownModels.Kind.PER_LAYER ? "per_layer" : "cross_layer")
                    .put("activation", pair.activation())
                    .put("shape", pair.shape());
        }
        ObjectNode cache = result.putObject("cache").put("directory", root.toString());
        ArrayNode repositories = cache.putArray("repositories");
        for (HubCache.Entry entry : cached) {
            ObjectNode node = repositories
                    .addObject()
                    .put("repository", entry.repository())
                    .put("directory", entry.directory().toString())
                    .put("bytes", entry.bytes());
            entry.revisions().forEach(node.putArray("revisions")::add);
        }
        return result;
    }

    private static void putSize(ObjectNode node, String key, long bytes) {
        if (bytes < 0) {
            node.putNull(key);
        } else {
            node.put(key, bytes);
        }
    }
}
