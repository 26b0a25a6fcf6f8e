package dev.headwater.engine.hub;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.BoundedJson;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** What the hub can be asked: commits, lists of files, and files, in part or whole. */
final class HubClient implements AutoCloseable {
    private static final int MOST_REDIRECTS = 5;
    private static final int MOST_PAGES = 1000;
    /** With {@link RemoteFile#MOST_BYTES} each, so that no sum of sizes overflows. */
    private static final int MOST_FILES = 1 << 20;

    private static final int MOST_JSON_BYTES = 64 << 20;
    /** An answer of JSON may take so many times the time in which something has to come. */
    private static final int JSON_STALLS = 8;

    private static final Pattern NEXT_PAGE = Pattern.compile("<([^>]*)>\\s*;[^,]*\\brel=\"?next\"?");

    private static final Duration STRETCH_PATIENCE = Duration.ofMinutes(10);

    private final HubSettings settings;
    private final Map<Reference.Remote, URI> locations = new ConcurrentHashMap<>();
    private final HubHttp http;

    HubClient(HubSettings settings) {
        this.settings = settings;
        http = new HubHttp(settings);
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
        HttpResponse<InputStream> response = http.send("GET", address, null, 2);
        for (int redirects = 0; redirects < MOST_REDIRECTS; redirects++) {
            URI location = http.redirect(response, address);
            if (location == null || !http.isEndpoint(location)) {
                break;
            }
            HubHttp.close(response);
            address = location;
            response = http.send("GET", address, null, 2);
        }
        return response;
    }

    private @Nullable URI nextPage(HttpResponse<?> response, URI page) {
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
        if (address.getHost() == null || !http.isEndpoint(address)) {
            throw new HeadwaterException("The hub's list of files goes on at another host, " + address.getHost()
                    + ", which is not trusted.");
        }
        return address;
    }

    /** Name, size ({@code listedSize} if the server doesn't say) and place of a file's content. */
    Metadata metadata(Reference.Remote file, String commit, long listedSize) {
        URI address = resolve(file, commit);
        for (int redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
            HttpResponse<InputStream> response = http.send("HEAD", address, null, 2);
            URI location = http.redirect(response, address);
            String linked = response.headers().firstValue("x-linked-etag").orElse(null);
            if (location != null && linked == null && http.isEndpoint(location)) {
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
            HttpResponse<InputStream> response = http.send("GET", address, range, settings.attempts());
            URI next = http.redirect(response, address);
            if (next != null) {
                HubHttp.close(response);
                address = next;
                continue;
            }
            if (response.statusCode() == 206 || response.statusCode() == 200) {
                return response;
            }
            if (!http.isEndpoint(address) && response.statusCode() < 500) {
                HubHttp.close(response);
                throw new IOException(address.getHost() + " answers with status " + response.statusCode());
            }
            throw failure(response, file);
        }
        throw new HeadwaterException("The server sends requests for " + file + " in circles.");
    }

    /**
     * A stretch of a file, which has it.
     *
     * @throws UnreachableException if it doesn't come
     */
    byte[] bytes(Reference.Remote file, String commit, long from, int length) {
        for (boolean again = false; ; again = true) {
            URI location = locations.computeIfAbsent(
                    file, _ -> metadata(file, commit, -1).location());
            try {
                HttpResponse<InputStream> response = range(location, file, from, from + length);
                try (InputStream in = guarded(response, STRETCH_PATIENCE)) {
                    Downloads.skipTo(from, response, in);
                    byte[] bytes = in.readNBytes(length);
                    if (bytes.length < length) {
                        throw new IOException("it ends too early");
                    }
                    return bytes;
                }
            } catch (IOException e) {
                // A location is good for some time only.
                locations.remove(file);
                if (again) {
                    throw new UnreachableException("A part of " + file + " cannot be read: " + e.getMessage() + ".", e);
                }
            }
        }
    }

    private JsonNode json(HttpResponse<InputStream> response, Reference.Remote reference) {
        if (response.statusCode() != 200) {
            throw failure(response, reference);
        }
        try (InputStream body = http.guarded(response, settings.stall().multipliedBy(JSON_STALLS))) {
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

    /** The sentence for a refusal. */
    private HeadwaterException failure(HttpResponse<InputStream> response, Reference.Remote reference) {
        HubHttp.close(response);
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

    /** The body of an answer, which breaks off when it stalls. */
    InputStream guarded(HttpResponse<InputStream> response, Duration whole) {
        return http.guarded(response, whole);
    }

    @Override
    public void close() {
        http.close();
    }
}
