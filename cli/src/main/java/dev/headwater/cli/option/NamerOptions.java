package dev.headwater.cli.option;

import dev.headwater.engine.UsageException;
import dev.headwater.engine.files.ErrorText;
import dev.headwater.engine.naming.ChatService;
import dev.headwater.engine.naming.ChatService.Patience;
import java.net.URI;
import java.net.URISyntaxException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** A language model that is asked for names. */
public final class NamerOptions {
    /** The environment variable with the service's key. */
    public static final String VARIABLE = "HEADWATER_NAMER_KEY";

    @Option(
            names = "--namer",
            paramLabel = "URL",
            description =
                    "Ask a language model for names, behind the interface that OpenAI defined (https://host/v1, or a server on this "
                            + "machine): it is sent texts of the evidence. A name is taken if it tells better than that from the evidence where features fire. Key: "
                            + VARIABLE + ".")
    private @Nullable String address;

    @Option(names = "--namer-model", paramLabel = "NAME", description = "With --namer: the model's name there.")
    private @Nullable String model;

    @Option(
            names = "--namer-budget",
            paramLabel = "N",
            defaultValue = "200",
            description = "With --namer: requests at most, repeated ones too (default: ${DEFAULT-VALUE}).")
    private int budget;

    /** {@return the model's name at the service; null where none is named} */
    public @Nullable String model() {
        return model;
    }

    /** The service, null where none is named; nothing is sent yet. */
    public @Nullable ChatService open() {
        if (address == null && model == null) {
            return null;
        }
        if (address == null || model == null) {
            throw new UsageException("--namer and --namer-model go together; give both");
        }
        try {
            String key = System.getenv().getOrDefault(VARIABLE, "").strip();
            return new ChatService(new URI(address), model, key, budget, Patience.DEFAULT);
        } catch (URISyntaxException _) {
            throw new UsageException("--namer is '" + ErrorText.of(address) + "', which is no address");
        }
    }
}
