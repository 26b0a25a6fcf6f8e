package dev.headwater.engine.hub;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.ErrorText;
import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.channels.UnresolvedAddressException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * HTTP as the hub needs it. The token goes to the endpoint's own host only; redirects elsewhere are followed without
 * it. Requests that fail for a reason that may pass are repeated.
 */
final class HubHttp implements AutoCloseable {
    private static final Set<Integer> PASSING = Set.of(408, 429, 500, 502, 503, 504);
    private static final Duration LONGEST_PAUSE = Duration.ofMinutes(5);
    private static final Pattern RESET = Pattern.compile(";\\s*t=(\\d{1,6})");

    private final HubSettings settings;
    private @Nullable HttpClient http;

    HubHttp(HubSettings settings) {
        this.settings = settings;
    }

    /** Made on first use: most runs need nothing from the network, and it takes longer than all else here. */
    private synchronized HttpClient http() {
        if (http != null) {
            return http;
        }
        HttpClient.Builder builder = HttpClient.newBuilder()
                .followRedirects(HttpClient.Redirect.NEVER)
                .connectTimeout(Duration.ofSeconds(10))
                // One connection a range: over HTTP/2 they would share one, and its flow control is the slower.
                .version(HttpClient.Version.HTTP_1_1);
        if (settings.proxy() != null) {
            builder.proxy(settings.proxy());
        }
        http = builder.build();
        return http;
    }

    /**
     * Asks, and again after a pause where the reason may pass.
     *
     * @param range    the bytes to ask for, as HTTP has it; null for all
     * @param attempts of which the last may end without any connection
     * @throws UnreachableException if there is no answer
     */
    HttpResponse<InputStream> send(String method, URI address, @Nullable String range, int attempts) {
        HttpRequest.Builder request = HttpRequest.newBuilder(address)
                .method(method, HttpRequest.BodyPublishers.noBody())
                .timeout(Duration.ofSeconds(30))
                .header("User-Agent", "headwater")
                .header("Accept-Encoding", "identity");
        if (range != null) {
            request.header("Range", range);
        }
        if (settings.token() != null && isEndpoint(address)) {
            request.header("Authorization", "Bearer " + settings.token());
        }
        for (int attempt = 1; ; attempt++) {
            Duration pause = settings.backoff().multipliedBy(1L << Math.min(attempt - 1, 8));
            try {
                HttpResponse<InputStream> response =
                        http().send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
                if (!PASSING.contains(response.statusCode()) || attempt >= settings.attempts()) {
                    return response;
                }
                pause = asked(response, pause);
                close(response);
            } catch (IOException e) {
                // Without any connection there is most likely no network, and the cache may do.
                boolean unconnected = e instanceof ConnectException || e instanceof HttpConnectTimeoutException;
                if (attempt >= (unconnected ? attempts : settings.attempts())) {
                    throw new UnreachableException(
                            "Cannot reach " + address.getHost() + " (" + reason(e)
                                    + "): check the network, or set HF_HUB_OFFLINE=1 to use only what is in the cache.",
                            e);
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new CancellationException("the transfer was cancelled");
            } catch (RuntimeException e) {
                // The HTTP client does not expect every header that a server may send.
                throw new UnreachableException(
                        "The server " + address.getHost() + " sends an answer that is not HTTP as it should be: "
                                + ErrorText.of(String.valueOf(e.getMessage())) + ".",
                        e);
            }
            sleep(pause);
        }
    }

    /** The HTTP client leaves out the reasons for having no connection. */
    private static String reason(IOException e) {
        if (e instanceof ConnectException && e.getMessage() == null) {
            return e.getCause() != null && e.getCause().getCause() instanceof UnresolvedAddressException
                    ? "its name is unknown"
                    : "no connection";
        }
        return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    }

    /** The pause and up to a half more, so that transfers that failed together don't come back together. */
    static void sleep(Duration pause) {
        try {
            Thread.sleep(Duration.ofMillis(
                    pause.toMillis() + ThreadLocalRandom.current().nextLong(pause.toMillis() / 2 + 1)));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancellationException("the transfer was cancelled");
        }
    }

    /** The pause that a server asks for: in seconds, as a date, or until its rate limit starts anew. */
    private static Duration asked(HttpResponse<?> response, Duration otherwise) {
        String after = response.headers().firstValue("retry-after").orElse("").strip();
        Duration pause = otherwise;
        Matcher reset = RESET.matcher(response.headers().firstValue("ratelimit").orElse(""));
        if (after.matches("\\d{1,6}")) {
            pause = Duration.ofSeconds(Long.parseLong(after));
        } else if (!after.isEmpty()) {
            try {
                pause = Duration.between(
                        Instant.now(),
                        ZonedDateTime.parse(after, DateTimeFormatter.RFC_1123_DATE_TIME)
                                .toInstant());
            } catch (DateTimeParseException e) {
                // not a date either: our own pause
            }
        } else if (response.statusCode() == 429 && reset.find()) {
            pause = Duration.ofSeconds(Long.parseLong(reset.group(1)));
        }
        return pause.isNegative() ? Duration.ZERO : pause.compareTo(LONGEST_PAUSE) > 0 ? LONGEST_PAUSE : pause;
    }

    /** Where an answer sends on to; null if it does not. */
    @Nullable
    URI redirect(HttpResponse<?> response, URI from) {
        if (!Set.of(301, 302, 303, 307, 308).contains(response.statusCode())) {
            return null;
        }
        try {
            URI location =
                    from.resolve(response.headers().firstValue("location").orElseThrow());
            if (location.getHost() != null
                    && (location.getScheme().equals("https")
                            || location.getScheme().equals("http")
                                    && from.getScheme().equals("http"))) {
                return location;
            }
        } catch (RuntimeException e) {
            // no address, or not a proper one
        }
        throw new HeadwaterException(
                "The server " + from.getHost() + " redirects to an address that is not usable or not secure.");
    }

    /** Whether this is the host that the settings name, which may see the token. */
    boolean isEndpoint(URI address) {
        URI endpoint = settings.endpoint();
        return endpoint.getScheme().equals(address.getScheme())
                && endpoint.getHost().equalsIgnoreCase(address.getHost())
                && endpoint.getPort() == address.getPort();
    }

    /** The body of an answer, which breaks off when it stalls. */
    InputStream guarded(HttpResponse<InputStream> response, Duration whole) {
        return new GuardedBody(response.body(), settings.stall(), whole);
    }

    static void close(HttpResponse<InputStream> response) {
        try {
            response.body().close();
        } catch (IOException e) {
            // nothing was expected of it any more
        }
    }

    @Override
    public synchronized void close() {
        if (http != null) {
            http.shutdownNow();
            http.close();
        }
    }
}
