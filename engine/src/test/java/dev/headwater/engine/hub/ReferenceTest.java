package dev.headwater.engine.hub;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.engine.UsageException;
import dev.headwater.engine.hub.Reference.Bundled;
import dev.headwater.engine.hub.Reference.Local;
import dev.headwater.engine.hub.Reference.Remote;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ReferenceTest {
    @ParameterizedTest
    @CsvSource({
        "gemma, mwhanna/gemma-scope-transcoders, '', main",
        "llama, mntss/transcoder-Llama-3.2-1B, '', main",
        "gpt2, gpt2, '', main",
        "google/gemma-2-2b, google/gemma-2-2b, '', main",
        "org/repo@v1.0, org/repo, '', v1.0",
        "org/repo@refs/pr/3, org/repo, '', refs/pr/3",
        "org/repo/a/b@dev, org/repo, a/b, dev",
        "org/repo/transcoder_all/width_16k_l0_small, org/repo, transcoder_all/width_16k_l0_small, main",
        "hf://org/repo, org/repo, '', main",
        "hf://org/repo/layer_0/params.npz, org/repo, layer_0/params.npz, main",
        "hf://org/repo/a?revision=0123, org/repo, a, 0123",
        "hf://org/repo/a@dev, org/repo, a, dev",
        "https://huggingface.co/org/repo, org/repo, '', main",
        "https://huggingface.co/org/repo/?x=1#files, org/repo, '', main",
        "https://huggingface.co/org/repo/tree/main/, org/repo, '', main",
        "https://huggingface.co/org/repo/tree/dev/a/b/, org/repo, a/b, dev",
        "https://hf.co/org/repo/blob/v1/layer_0/params.npz, org/repo, layer_0/params.npz, v1",
        "'  org/repo ', org/repo, '', main"
    })
    void repositories(String text, String repository, String path, String revision) {
        assertEquals(new Remote(repository, path, revision), Reference.parse(text));
    }

    @Test
    void theCanonicalFormReadsBackAsTheSame() {
        for (String text :
                new String[] {"org/repo", "org/repo/a/b@dev", "gpt2", "org/repo@v1", "atlas-plt", "/abs/dir"}) {
            assertEquals(text, Reference.parse(text).toString());
        }
    }

    @Test
    void pathsAndBundledNames(@TempDir Path directory) throws IOException {
        assertEquals(new Bundled("atlas"), Reference.parse("atlas"));
        assertEquals(new Local(directory), Reference.parse(directory.toString()));
        assertEquals(new Local(Path.of("models/x").toAbsolutePath()), Reference.parse("./models/x"));
        assertEquals(new Local(Path.of("").toAbsolutePath()), Reference.parse("."));
        assertEquals(new Local(Path.of("").toAbsolutePath().getParent().resolve("y")), Reference.parse("../y"));
        assertEquals(new Local(Path.of(System.getProperty("user.home"), "z")), Reference.parse("~/z"));
        assertEquals(
                new Local(Path.of("src/main").toAbsolutePath()),
                Reference.parse("src/main"),
                "a directory here comes before a repository");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "  ",
                "org/",
                "org//repo",
                "org/repo/",
                "org/repo/../x",
                "org/repo/./x",
                "org/repo@",
                "org/repo@a b",
                "org/repo@../x",
                "org/re po",
                "-org/repo",
                "org/..",
                "org/re--po",
                "hf://",
                "hf:///x",
                "hf://org/repo?rev=1",
                "hf://org/repo?revision=a&b=c",
                "https://host/org/repo",
                "org/repo\\x",
                "org/repo/a\u0000b",
                "a\nb"
            })
    void otherTextsAreRefused(String text) {
        assertThrows(UsageException.class, () -> Reference.parse(text));
    }

    @Test
    void theEnvironmentNamesEndpointCacheAndToken(@TempDir Path home) throws IOException {
        HubSettings plain = HubSettings.from(Map.of("HF_HOME", home.toString()));
        assertEquals(home.resolve("hub"), plain.cache());
        assertEquals("https", plain.endpoint().getScheme());
        assertNull(plain.token());
        assertFalse(plain.offline());
        Files.writeString(home.resolve("token"), "from-file\n");
        assertEquals(
                "from-file",
                HubSettings.from(Map.of("HF_HOME", home.toString())).token());
        HubSettings named = HubSettings.from(Map.of(
                "HF_HOME",
                home.toString(),
                "HF_TOKEN",
                "named",
                "HF_HUB_OFFLINE",
                "Yes",
                "HF_ENDPOINT",
                "http://mirror:8080/hf/",
                "HF_HUB_CACHE",
                "/elsewhere"));
        assertEquals("named", named.token());
        assertTrue(named.offline());
        assertEquals(URI.create("http://mirror:8080/hf"), named.endpoint());
        assertEquals(Path.of("/elsewhere"), named.cache());
        assertThrows(UsageException.class, () -> HubSettings.from(Map.of("HF_ENDPOINT", "ftp://x")));
        assertThrows(UsageException.class, () -> HubSettings.from(Map.of("HF_ENDPOINT", "not an address")));
        assertThrows(UsageException.class, () -> HubSettings.from(Map.of("HF_TOKEN", "two words")));
        assertThrows(UsageException.class, () -> HubSettings.from(Map.of("HTTPS_PROXY", "http://")));
    }

    @Test
    void theProxyIsUsedButForTheHostsThatNeedNone() {
        var proxy = HubSettings.from(
                        Map.of("HTTPS_PROXY", "http://proxy:3128", "NO_PROXY", "localhost,.inside.example"))
                .proxy();
        assertEquals(
                "[HTTP @ proxy/<unresolved>:3128]",
                proxy.select(URI.create("https://hub.example/x")).toString());
        assertEquals(
                "[DIRECT]",
                proxy.select(URI.create("https://a.inside.example/x")).toString());
        assertEquals(
                "[DIRECT]", proxy.select(URI.create("http://localhost:8080/x")).toString());
    }

    @Test
    void knownModelsHaveReferences() {
        for (KnownModels.Pair pair : KnownModels.ALL) {
            Reference.parse(pair.model());
            if (!pair.transcoders().contains("<")) {
                Reference.parse(pair.transcoders());
            }
        }
    }
}
