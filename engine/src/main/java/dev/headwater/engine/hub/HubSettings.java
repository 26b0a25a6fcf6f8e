package dev.headwater.engine.hub;

import dev.headwater.engine.UsageException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.SocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * How the hub is reached, as the environment variables of Hugging Face's own tools say.
 *
 * @param endpoint   {@code HF_ENDPOINT}
 * @param cache      directory of repositories: {@code HF_HUB_CACHE} or {@code hub} in {@code HF_HOME}
 * @param token      {@code HF_TOKEN}, or the file {@code token} in {@code HF_HOME}, which logging in writes; null if
 *      there is none
 * @param offline    {@code HF_HUB_OFFLINE}: use what is in the cache and nothing else
 * @param proxy      {@code HTTPS_PROXY} and {@code NO_PROXY}, else what the Java platform is set to
 * @param chunkBytes size of one ranged request
 * @param connections requests at a time
 * @param attempts   tries of a request that fails for a reason that may pass
 * @param backoff    pause after the first failure, doubled after each further one
 * @param stall      a transfer that brings nothing for so long counts as dropped
 */
public record HubSettings(
        URI endpoint,
        Path cache,
        @Nullable String token,
        boolean offline,
        ProxySelector proxy,
        long chunkBytes,
        int connections,
        int attempts,
        Duration backoff,
        Duration stall) {
    private static final String DEFAULT_ENDPOINT = "https://huggingface.co";

    /** From the environment of this process. */
    public static HubSettings fromEnvironment() {
        return from(System.getenv());
    }

    /** The same with nothing but the cache. */
    public HubSettings withoutNetwork() {
        return new HubSettings(endpoint, cache, token, true, proxy, chunkBytes, connections, attempts, backoff, stall);
    }

    static HubSettings from(Map<String, String> environment) {
        return new HubSettings(
                endpoint(environment),
                HuggingFaceCache.hub(environment),
                token(environment),
                List.of("1", "on", "yes", "true")
                        .contains(environment
                                .getOrDefault("HF_HUB_OFFLINE", "")
                                .strip()
                                .toLowerCase(Locale.ROOT)),
                proxy(environment),
                16L << 20,
                8,
                6,
                Duration.ofMillis(500),
                Duration.ofSeconds(60));
    }

    private static URI endpoint(Map<String, String> environment) {
        String text = environment.getOrDefault("HF_ENDPOINT", "").strip();
        text = text.isEmpty() ? DEFAULT_ENDPOINT : text;
        while (text.endsWith("/")) {
            text = text.substring(0, text.length() - 1);
        }
        try {
            URI endpoint = URI.create(text);
            if (List.of("http", "https").contains(endpoint.getScheme())
                    && endpoint.getHost() != null
                    && endpoint.getQuery() == null) {
                return endpoint;
            }
        } catch (IllegalArgumentException e) {
            // the sentence below says it
        }
        throw new UsageException("HF_ENDPOINT is \"" + text + "\", which is not an http or https address.");
    }

    private static @Nullable String token(Map<String, String> environment) {
        Stream<String> named =
                Stream.of("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN").map(name -> environment.getOrDefault(name, ""));
        Path file = environment.getOrDefault("HF_TOKEN_PATH", "").isBlank()
                ? HuggingFaceCache.home(environment).resolve("token")
                : Path.of(environment.get("HF_TOKEN_PATH"));
        return Stream.concat(named, Stream.of(file).map(HubSettings::readToken))
                .map(String::strip)
                .filter(token -> !token.isEmpty())
                .findFirst()
                .map(HubSettings::checkedToken)
                .orElse(null);
    }

    private static String readToken(Path file) {
        try {
            return Files.isRegularFile(file) && Files.size(file) < 10_000 ? Files.readString(file) : "";
        } catch (IOException e) {
            return "";
        }
    }

    private static String checkedToken(String token) {
        if (!token.chars().allMatch(c -> c > ' ' && c < 0x7f)) {
            throw new UsageException(
                    "The Hugging Face token (HF_TOKEN, or the token file) has characters that no token has.");
        }
        return token;
    }

    private static ProxySelector proxy(Map<String, String> environment) {
        String address = Stream.of("HTTPS_PROXY", "https_proxy")
                .map(name -> environment.getOrDefault(name, "").strip())
                .filter(value -> !value.isEmpty())
                .findFirst()
                .orElse("");
        if (address.isEmpty()) {
            return ProxySelector.getDefault();
        }
        URI proxy = proxyAddress(address.contains("://") ? address : "http://" + address);
        List<String> direct = Stream.of(environment
                        .getOrDefault("NO_PROXY", environment.getOrDefault("no_proxy", ""))
                        .split(","))
                .map(String::strip)
                .filter(host -> !host.isEmpty())
                .map(host -> host.startsWith(".") ? host.substring(1) : host)
                .toList();
        return new NamedProxy(
                new Proxy(
                        Proxy.Type.HTTP,
                        InetSocketAddress.createUnresolved(
                                proxy.getHost(), proxy.getPort() < 0 ? 80 : proxy.getPort())),
                direct);
    }

    private static URI proxyAddress(String address) {
        try {
            URI proxy = URI.create(address);
            if (proxy.getHost() != null) {
                return proxy;
            }
        } catch (IllegalArgumentException e) {
            // the sentence below says it
        }
        throw new UsageException("HTTPS_PROXY is \"" + address + "\", which is not an address.");
    }

    /** One proxy for all hosts but these and their subdomains. */
    private static final class NamedProxy extends ProxySelector {
        private final Proxy proxy;
        private final List<String> direct;

        NamedProxy(Proxy proxy, List<String> direct) {
            this.proxy = proxy;
            this.direct = direct;
        }

        @Override
        public List<Proxy> select(URI uri) {
            String host = uri.getHost();
            boolean bypassed = host == null
                    || direct.stream()
                            .anyMatch(name -> name.equals("*") || host.equals(name) || host.endsWith("." + name));
            return List.of(bypassed ? Proxy.NO_PROXY : proxy);
        }

        @Override
        public void connectFailed(URI uri, SocketAddress address, IOException failure) {}
    }
}
