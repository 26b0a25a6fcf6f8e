package dev.headwater.cli.option;

import dev.headwater.engine.UsageException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The options of circuit-tracer 0.5's {@code attribute} and {@code start-server} in our words, so that scripts written for it run. What
 * chooses how the reference saves memory, or which library it uses, means nothing here; each says so.
 */
public final class ReferenceOptions {
    private static final Map<String, String> SPELLINGS = Map.of(
            "--transcoder_set", "--transcoders",
            "--graph_file_dir", "--out",
            "--max_n_logits", "--max-logits",
            "--desired_logit_prob", "--logit-prob",
            "--max_feature_nodes", "--max-features",
            "--node_threshold", "--node-threshold",
            "--edge_threshold", "--edge-threshold",
            "--batch_size", "--batch-size",
            "--features_dir", "--features");
    private static final Map<String, String> IDLE = Map.of(
            "--offload", "layers are not moved between devices; 'headwater plan' says what fits",
            "--backend", "there is one engine",
            "--lazy-encoder", "weights are read from the disk as they are needed",
            "--lazy-decoder", "weights are read from the disk as they are needed");

    private final Consumer<String> say;
    private final List<String> ours = new ArrayList<>();

    private ReferenceOptions(Consumer<String> say) {
        this.say = say;
    }

    /**
     * The arguments with the reference's spellings replaced.
     *
     * @param args the command's name first
     * @param say  takes sentences about options that mean something else here, or nothing
     * @throws UsageException if an option misses its value
     */
    public static String[] replaced(String[] args, Consumer<String> say) {
        ReferenceOptions options = new ReferenceOptions(say);
        boolean server = args.length > 0 && List.of("serve", "start-server").contains(args[0]);
        boolean attribute = args.length > 0 && args[0].equals("attribute");
        for (int i = 0; i < args.length; i++) {
            String name = args[i].startsWith("--") ? args[i].replaceFirst("(?s)=.*", "") : args[i];
            String value = name.length() < args[i].length() ? args[i].substring(name.length() + 1) : null;
            boolean takesNext = attribute
                            && List.of("--offload", "--backend", "--graph_output_path")
                                    .contains(name)
                    || server && name.equals("--graph_file_dir")
                    || name.equals("--dtype");
            if (takesNext && value == null) {
                if (i + 1 == args.length) {
                    throw new UsageException("Missing required parameter for option '" + name + "'");
                }
                value = args[++i];
            }
            options.add(name, value, attribute, server);
        }
        return options.ours.toArray(String[]::new);
    }

    private void add(String name, @Nullable String value, boolean attribute, boolean server) {
        if (attribute && IDLE.containsKey(name)) {
            say.accept(name + " means nothing here: " + IDLE.get(name));
        } else if (attribute && value != null && name.equals("--graph_output_path")) {
            ours.add("--raw");
            ours.add(value.endsWith(".pt") ? safetensors(value) : value);
        } else if (server && value != null && name.equals("--graph_file_dir")) {
            ours.add(value);
        } else if (value != null && name.equals("--dtype")) {
            ours.add(name);
            ours.add(dtype(value));
        } else {
            String spelled = attribute || server ? SPELLINGS.getOrDefault(name, name) : name;
            ours.add(value == null ? spelled : spelled + "=" + value);
        }
    }

    private String safetensors(String path) {
        String instead = path.substring(0, path.length() - ".pt".length()) + ".safetensors";
        say.accept(
                "a graph is never written as .pt, a format that can run code when it is read; this writes " + instead);
        return instead;
    }

    private String dtype(String value) {
        if (!List.of("float16", "fp16", "f16", "half").contains(value.toLowerCase(Locale.ROOT))) {
            return value;
        }
        say.accept("--dtype " + value + ": products are computed in float32, which is more exact than float16");
        return "float32";
    }
}
