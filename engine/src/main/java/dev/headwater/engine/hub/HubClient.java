package dev.headwater.engine.hub;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.files.ErrorText;
import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.channels.UnresolvedAddressException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The hub's HTTP interface. The token goes to the endpoint's own host only; redirects elsewhere are followed without
 * it. Requests that fail for a reason that may pass are repeated.
 */
final class HubClient implements AutoCloseable {
    private static final Set<Integer> PASSING = Set.of(408, 429, 500, 502, 503, 504);
    private static final Duration LONGEST_PAUSE = Duration.ofMinutes(5);
    private static final int MOST_REDIRECTS = 5;
    private static final int MOST_PAGES = 1000;
    /** With {@link RemoteFile#MOST_BYTES} each, so that no sum of sizes overflows. */
    private static final int MOST_FILES = 1 << 20;

    private static final int MOST_JSON_BYTES = 64 << 20;
    /** An answer of JSON may take so many times the time in which something has to come. */
    private static final int JSON_STALLS = 8;

    private static final Pattern NEXT_PAGE = Pattern.compile("<([^>]*)>\\s*;[^,]*\\brel=\"?next\"?");
    private static final Pattern RESET = Pattern.compile(";\\s*t=(\\d{1,6})");

    private final HubSettings settings;
    private HttpClient http;

    HubClient(HubSettings settings) {
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
     * What a HEAD request tells about a file.
     *
     * @param etag     content's name: sha256 or git blob id
     * @param size     bytes
     * @param location where to get it; another host for large files
     */
    record Metadata(String etag, long size, URI location) {}

    /** The commit that a revision names now. */
    String commit(Reference.Remote reference) {
        JsonNode answer = json(ask(api(reference, "revision", reference.revision(), "")), reference);
        String commit = answer.path("sha").asText("");
        if (!Reference.Remote.isCommit(commit)) {
            throw new HeadwaterException("The hub's answer about " + reference + " has no commit: is "
                    + settings.endpoint() + " a Hugging Face hub?");
        }
        return commit;
    }

    /** All files of a commit. */
    List<RemoteFile> files(Reference.Remote reference, String commit) {
        List<RemoteFile> files = new ArrayList<>();
        URI page = api(reference, "tree", commit, "?recursive=true&expand=false");
        for (int pages = 0; page != null; pages++) {
            HttpResponse<InputStream> response = ask(page);
            for (JsonNode entry : json(response, reference)) {
                if (!entry.path("type").asText().equals("file")) {
                    continue;
                }
                String path = entry.path("path").asText("");
                long size =
                        entry.path("lfs").path("size").asLong(entry.path("size").asLong(-1));
                if (!Reference.Remote.isSafePath(path) || size < 0 || size > RemoteFile.MOST_BYTES) {
                    throw new HeadwaterException("The hub lists a file of " + reference
                            + " with an unsafe name or size: \"" + path.replaceAll("\\p{Cntrl}", "?") + "\".");
                }
                if (files.size() == MOST_FILES) {
                    throw new HeadwaterException("The hub's list of the files of " + reference + " has no end.");
                }
                files.add(new RemoteFile(
                        path,
                        size,
                        checkedEtag(
                                entry.path("lfs")
                                        .path("oid")
                                        .asText(entry.path("oid").asText("")),
                                reference)));
            }
            page = nextPage(response, page);
            if (pages > MOST_PAGES) {
                throw new HeadwaterException("The hub's list of the files of " + reference + " has no end.");
            }
        }
        return files;
    }

    /** A question to the endpoint, which answers for repositories that were renamed by a redirect to itself. */
    private HttpResponse<InputStream> ask(URI address) {
        HttpResponse<InputStream> response = send("GET", address, null, 2);
        for (int redirects = 0; redirects < MOST_REDIRECTS; redirects++) {
            URI location = redirect(response, address);
            if (location == null || !isEndpoint(location)) {
                break;
            }
            close(response);
            address = location;
            response = send("GET", address, null, 2);
        }
        return response;
    }

    private URI nextPage(HttpResponse<?> response, URI page) {
        Matcher next = NEXT_PAGE.matcher(String.join(",", response.headers().allValues("link")));
        if (!next.find()) {
            return null;
        }
        URI address;
        try {
            address = page.resolve(next.group(1));
        } catch (IllegalArgumentException e) {
            throw new HeadwaterException("The hub's list of files goes on at an address that is none.", e);
        }
        if (address.getHost() == null || !isEndpoint(address)) {
            throw new HeadwaterException("The hub's list of files goes on at another host, " + address.getHost()
                    + ", which is not trusted.");
        }
        return address;
    }

    /** Name, size ({@code listedSize} if the server doesn't say) and place of a file's content. */
    Metadata metadata(Reference.Remote file, String commit, long listedSize) {
        URI address = resolve(file, commit);
        for (int redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
            HttpResponse<InputStream> response = send("HEAD", address, null, 2);
            URI location = redirect(response, address);
            String linked = response.headers().firstValue("x-linked-etag").orElse(null);
            if (location != null && linked == null && isEndpoint(location)) {
                address = location;
                continue;
            }
            if (location == null && response.statusCode() != 200) {
                throw failure(response, file);
            }
            String etag = linked != null
                    ? linked
                    : response.headers().firstValue("etag").orElse("");
            // A redirect's own length says nothing about the file.
            String size = location == null ? "content-length" : "x-linked-size";
            long bytes = response.headers()
                    .firstValue("x-linked-size")
                    .or(() -> response.headers().firstValue(size))
                    .filter(number -> number.matches("\\d{1,18}"))
                    .map(Long::parseLong)
                    .orElse(listedSize);
            if (bytes > RemoteFile.MOST_BYTES) {
                throw new HeadwaterException("The hub announces " + bytes + " bytes for " + file
                        + ", more than any file of a model has: is " + settings.endpoint() + " a Hugging Face hub?");
            }
            return new Metadata(
                    checkedEtag(etag.replaceFirst("^W/", "").replace("\"", ""), file),
                    bytes,
                    location != null ? location : address);
        }
        throw new HeadwaterException("The hub sends requests for " + file + " in circles.");
    }

    /**
     * A file's bytes from {@code from} to {@code to} (exclusive; -1 for the end). The answer's status is 206, or 200 if
     * the server sends the whole file anyway.
     *
     * @throws IOException if the location, which may be valid for an hour only, isn't any more
     */
    HttpResponse<InputStream> range(URI location, Reference.Remote file, long from, long to) throws IOException {
        URI address = location;
        String range = from == 0 && to < 0 ? null : "bytes=" + from + "-" + (to < 0 ? "" : to - 1);
        for (int redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
            HttpResponse<InputStream> response = send("GET", address, range, settings.attempts());
            URI next = redirect(response, address);
            if (next != null) {
                close(response);
                address = next;
                continue;
            }
            if (response.statusCode() == 206 || response.statusCode() == 200) {
                return response;
            }
            if (!isEndpoint(address) && response.statusCode() < 500) {
                close(response);
                throw new IOException(address.getHost() + " answers with status " + response.statusCode());
            }
            throw failure(response, file);
        }
        throw new HeadwaterException("The server sends requests for " + file + " in circles.");
    }

    private HttpResponse<InputStream> send(String method, URI address, String range, int attempts) {
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

    private URI redirect(HttpResponse<?> response, URI from) {
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

    private boolean isEndpoint(URI address) {
        URI endpoint = settings.endpoint();
        return endpoint.getScheme().equals(address.getScheme())
                && endpoint.getHost().equalsIgnoreCase(address.getHost())
                && endpoint.getPort() == address.getPort();
    }

    private JsonNode json(HttpResponse<InputStream> response, Reference.Remote reference) {
        if (response.statusCode() != 200) {
            throw failure(response, reference);
        }
        try (InputStream body = guarded(response, settings.stall().multipliedBy(JSON_STALLS))) {
            byte[] bytes = body.readNBytes(MOST_JSON_BYTES);
            if (bytes.length == MOST_JSON_BYTES) {
                throw new HeadwaterException("The hub's answer about " + reference + " is too long.");
            }
            return BoundedJson.mapper().readTree(bytes);
        } catch (JsonProcessingException e) {
            throw new HeadwaterException(
                    "The hub's answer about " + reference + " is not JSON: is " + settings.endpoint()
                            + " a Hugging Face hub?",
                    e);
        } catch (IOException e) {
            throw new UnreachableException(
                    "The connection to " + settings.endpoint().getHost() + " broke: " + e.getMessage() + ". Try again.",
                    e);
        }
    }

    /** The body of an answer, which breaks off when it stalls. */
    InputStream guarded(HttpResponse<InputStream> response, Duration whole) {
        return new GuardedBody(response.body(), settings.stall(), whole);
    }

    /** The sentence for a refusal. */
    private HeadwaterException failure(HttpResponse<InputStream> response, Reference.Remote reference) {
        close(response);
        String code = response.headers().firstValue("x-error-code").orElse("");
        String page = settings.endpoint() + "/" + reference.repository();
        boolean anonymous = settings.token() == null;
        int status = response.statusCode();
        String message = switch (code) {
            case "GatedRepo" ->
                reference.repository() + " is gated: accept its conditions at " + page
                        + (anonymous
                                ? ", then set HF_TOKEN to a token of your account."
                                : " with the account whose token is in use, or wait until its owner grants access.");
            case "RevisionNotFound" ->
                reference.repository() + " has no revision \"" + reference.revision() + "\": see " + page + "/refs.";
            case "EntryNotFound" ->
                reference.repository() + " has no file " + reference.path() + " at revision " + reference.revision()
                        + ".";
            default ->
                switch (status) {
                    case 401, 404 ->
                        code.equals("RepoNotFound") || status == 401
                                ? "There is no model repository " + reference.repository() + " on "
                                        + settings.endpoint().getHost() + " (nor a directory of that name here)"
                                        + (anonymous
                                                ? ", or it is private: then set HF_TOKEN to a token that can read it."
                                                : ", or the token in use cannot read it.")
                                : reference + " is not on "
                                        + settings.endpoint().getHost() + ".";
                    case 403 ->
                        "Access to " + reference.repository() + " is refused: "
                                + (anonymous
                                        ? "set HF_TOKEN to a token that can read it."
                                        : "the token in use lacks the permission to read it.");
                    case 416 -> "The server has less of " + reference + " than it announced: try again.";
                    case 429 ->
                        "The hub limits the rate of requests and asked for more patience than there was: "
                                + (anonymous
                                        ? "set HF_TOKEN for a higher limit, or try again later."
                                        : "try again later.");
                    default ->
                        "The server answers requests for " + reference + " with status " + status
                                + ": try again later.";
                };
        };
        return status >= 500 || status == 429
                ? new UnreachableException(message, null)
                : new HeadwaterException(message);
    }

    private URI api(Reference.Remote reference, String what, String revision, String query) {
        return URI.create(settings.endpoint() + "/api/models/" + encoded(reference.repository()) + "/" + what + "/"
                + encodedPart(revision) + query);
    }

    private URI resolve(Reference.Remote file, String commit) {
        return URI.create(settings.endpoint() + "/" + encoded(file.repository()) + "/resolve/" + encodedPart(commit)
                + "/" + encoded(file.path()));
    }

    private static String encoded(String path) {
        return Stream.of(path.split("/")).map(HubClient::encodedPart).collect(Collectors.joining("/"));
    }

    private static String encodedPart(String part) {
        return URLEncoder.encode(part, StandardCharsets.UTF_8).replace("+", "%20");
    }

    /** An etag becomes a file's name, so it may be nothing but a plain word. */
    private static String checkedEtag(String etag, Reference.Remote reference) {
        if (!etag.matches("[A-Za-z0-9][A-Za-z0-9_-]{0,127}")) {
            throw new HeadwaterException("The hub names the content of " + reference
                    + " in a way that is not understood: is " + reference.repository() + " on a Hugging Face hub?");
        }
        return etag.toLowerCase(Locale.ROOT);
    }

    private static void close(HttpResponse<InputStream> response) {
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
