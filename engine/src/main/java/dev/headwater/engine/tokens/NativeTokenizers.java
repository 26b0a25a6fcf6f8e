package dev.headwater.engine.tokens;

import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.CacheDirectory;
import dev.headwater.engine.hub.Unpacked;
import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Properties;

/**
 * Loads the native half of Hugging Face's tokenizers, which DJL's jar carries.
 *
 * <p>DJL's own loader is passed by: it calls home over the network, unpacks into {@code ~/.djl.ai}, looks for CUDA
 * through JNA
 * and logs, and all that costs more time than the tokenizer itself. What is left is the library file and the class that
 * declares
 * its native methods.
 */
final class NativeTokenizers {
    private static final String FOLDER = "/native/lib/";

    private NativeTokenizers() {}

    /** The native methods, with their library loaded. */
    static TokenizersLibrary library() {
        return Loaded.LIBRARY;
    }

    private static final class Loaded {
        static final TokenizersLibrary LIBRARY = load();
    }

    private static TokenizersLibrary load() {
        String platform = platform(System.getProperty("os.name"), System.getProperty("os.arch"));
        String file = System.mapLibraryName("tokenizers");
        URL source = TokenizersLibrary.class.getResource(FOLDER + platform + "/cpu/" + file);
        if (source == null) {
            throw new HeadwaterException(
                    "There is no native tokenizer library for this platform (" + platform + ") in the build.");
        }
        try (InputStream in = TokenizersLibrary.class.getResourceAsStream(FOLDER + "tokenizers.properties")) {
            Properties properties = new Properties();
            properties.load(in);
            Path target = CacheDirectory.headwater()
                    .resolve("native")
                    .resolve("tokenizers-" + properties.getProperty("version") + "-" + platform);
            long size = source.openConnection().getContentLengthLong();
            Path directory = Unpacked.directory(target, List.of(new Unpacked.Entry(file, source, size, null)));
            System.load(directory.resolve(file).toString());
            return TokenizersLibrary.LIB;
        } catch (IOException | UnsatisfiedLinkError e) {
            throw new HeadwaterException("Cannot load the native tokenizer library: " + e.getMessage(), e);
        }
    }

    private static String platform(String os, String architecture) {
        String system = os.toLowerCase(Locale.ROOT).startsWith("mac")
                ? "osx"
                : os.toLowerCase(Locale.ROOT).startsWith("windows") ? "win" : "linux";
        return system + "-"
                + switch (architecture) {
                    case "amd64" -> "x86_64";
                    case "arm64" -> "aarch64";
                    default -> architecture;
                };
    }
}
