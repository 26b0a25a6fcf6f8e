package dev.headwater.engine.sharing;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.files.ErrorText;
import dev.headwater.engine.files.SafeAddress;
import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Uploads graphs to Neuronpedia, by its public interface (reference section 3.5): asks for an address to store the file
 * at, stores it there, then asks for it to be entered. The user's key goes to the site itself, never to the store and
 * never into a message.
 */
public final class Neuronpedia implements AutoCloseable {
    public static final URI SITE = URI.create("https://www.neuronpedia.org");
    private static final int LONGEST_ANSWER = 1 << 20;
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final Duration STORE_PATIENCE = Duration.ofMinutes(30);

    private final URI site;
    private final String key;
    private final HttpClient client;

    /**
     * @param site where the interface is, https unless it is this machine
     * @param key  of the user's account
     * @throws UsageException if the address or the key can't be one
     */
    public Neuronpedia(URI site, String key) {
        SafeAddress.require(site, "The address " + ErrorText.of(site.toString()));
        SafeAddress.requireKey(key, "The Neuronpedia key");
        this.site = site;
        this.key = key;
        // Redirects could lead the key to another host.
        client = HttpClient.newBuilder()
                .followRedirects(HttpClient.Redirect.NEVER)
                .connectTimeout(PATIENCE)
                .build();
    }

    /**
     * Uploads a graph.
     *
     * @return the address at which the site shows it
     * @throws HeadwaterException if the file breaks the site's rules, or the site refuses it or can't be reached
     */
    public URI upload(Path file) {
        return upload(file, Optional.empty(), Optional.empty());
    }

    /**
     * Uploads a graph under the site's names.
     *
     * @param scan      the model there, if not the graph's own scan or what is known of that
     * @param sourceSet the dashboards of its features there, likewise
     */
    public URI upload(Path file, Optional<String> scan, Optional<String> sourceSet) {
        Upload upload = Upload.of(file, scan, sourceSet);
        if (!upload.problems().isEmpty() || upload.unstorable().isPresent()) {
            throw new HeadwaterException("%s is no graph that Neuronpedia takes: %s"
                    .formatted(file, upload.unstorable().orElseGet(() -> String.join("; ", upload.problems()))));
        }
        byte[] body = upload.body();
        ObjectNode request = BoundedJson.mapper()
                .createObjectNode()
                .put("filename", upload.slug() + ".json")
                .put("contentLength", body.length)
                .put("contentType", "application/json");
        JsonNode place = post("/api/graph/signed-put", request, "to ask for a place to store the graph at");
        String id = text(place, "putRequestId");
        store(text(place, "url"), body, upload.packed());
        JsonNode entered = post(
                "/api/graph/save-to-db",
                BoundedJson.mapper().createObjectNode().put("putRequestId", id),
                "to enter the graph");
        try {
            URI shown = site.resolve(new URI(text(entered, "url")));
            if (!"https".equalsIgnoreCase(shown.getScheme()) && !"http".equalsIgnoreCase(shown.getScheme())) {
                throw new HeadwaterException("%s answered with an address that is not one of a page".formatted(site));
            }
            return shown;
        } catch (URISyntaxException e) {
            throw new HeadwaterException(
                    "%s answered with an address that is none: %s".formatted(site, ErrorText.of(text(entered, "url"))),
                    e);
        }
    }

    private JsonNode post(String path, ObjectNode body, String purpose) {
        HttpRequest request = HttpRequest.newBuilder(site.resolve(path))
                .timeout(PATIENCE)
                .header("Content-Type", "application/json")
                .header("Accept", "application/json")
                .header("x-api-key", key)
                .POST(HttpRequest.BodyPublishers.ofString(body.toString()))
                .build();
        byte[] answer = send(request, site.getHost(), purpose);
        try {
            JsonNode json = BoundedJson.mapper().readTree(answer);
            if (json != null && json.isObject()) {
                return json;
            }
        } catch (IOException _) {
            // the same as another answer that is no object
        }
        throw new HeadwaterException("%s answered the request %s with something that is not JSON; is the address right?"
                .formatted(site, purpose));
    }

    private void store(String address, byte[] body, boolean packed) {
        URI place;
        try {
            place = new URI(address);
            SafeAddress.require(place, "The address of the store that " + site.getHost() + " named");
        } catch (URISyntaxException | UsageException e) {
            throw new HeadwaterException("%s named a store whose address is not safe to send to".formatted(site), e);
        }
        HttpRequest.Builder request =
                HttpRequest.newBuilder(place).timeout(STORE_PATIENCE).header("Content-Type", "application/json");
        if (packed) {
            request.header("Content-Encoding", "gzip");
        }
        send(request.PUT(HttpRequest.BodyPublishers.ofByteArray(body)).build(), place.getHost(), "to store the graph");
    }

    /** The answer's body, if the answer is yes. */
    private byte[] send(HttpRequest request, String host, String purpose) {
        // The request's own timeout ends with the answer's head; a body can come drop by drop, or without end.
        var answer = client.sendAsync(
                request, HttpResponse.BodyHandlers.limiting(HttpResponse.BodyHandlers.ofByteArray(), LONGEST_ANSWER));
        try {
            HttpResponse<byte[]> response =
                    answer.get(request.timeout().orElseThrow().toSeconds(), TimeUnit.SECONDS);
            if (response.statusCode() / 100 != 2) {
                throw new HeadwaterException(refusal(host, response.statusCode(), purpose, said(response.body())));
            }
            return response.body();
        } catch (TimeoutException e) {
            answer.cancel(true);
            throw new HeadwaterException(
                    "%s did not answer the request %s in time; try again later".formatted(host, purpose), e);
        } catch (InterruptedException e) {
            answer.cancel(true);
            Thread.currentThread().interrupt();
            throw new CancellationException();
        } catch (ExecutionException e) {
            Throwable cause = e.getCause() == null ? e : e.getCause();
            throw switch (cause) {
                case HttpTimeoutException _ ->
                    new HeadwaterException(
                            "%s did not answer the request %s in time; try again later".formatted(host, purpose), e);
                case ConnectException _ ->
                    new HeadwaterException(
                            "Cannot reach %s %s; check the network and the address".formatted(host, purpose), e);
                default ->
                    new HeadwaterException(
                            "The connection to %s failed %s: %s"
                                    .formatted(host, purpose, hidden(ErrorText.of(String.valueOf(cause.getMessage())))),
                            e);
            };
        }
    }

    private static String refusal(String host, int status, String purpose, String said) {
        String meaning = switch (status) {
            case 401 -> "it does not know the key; see the account's settings there for a valid one";
            case 403 -> "it does not allow this; the key may lack the right, or the time to store may have run out";
            case 413 -> "the graph is too large; prune it with lower thresholds";
            case 429 -> "too many uploads; the daily number is limited, try again tomorrow";
            case 400, 404, 422 ->
                "it does not take this graph; its scan has to be a model that the site knows, and its slug unused";
            default ->
                status / 100 == 3
                        ? "it points elsewhere; give the final address"
                        : status / 100 == 5 ? "it failed itself; try again later" : "it refused";
        };
        return "%s answered the request %s with status %d: %s%s"
                .formatted(host, purpose, status, meaning, said.isEmpty() ? "" : " (it says: " + said + ")");
    }

    /** What an error's body says, made fit for a message. */
    private String said(byte[] answer) {
        try {
            JsonNode json = BoundedJson.mapper().readTree(answer);
            String text = json == null
                    ? ""
                    : json.path("error").asText(json.path("message").asText(""));
            return hidden(ErrorText.of(text));
        } catch (IOException _) {
            return "";
        }
    }

    private String hidden(String text) {
        return text.replace(key, "…");
    }

    private String text(JsonNode answer, String field) {
        if (!answer.path(field).isTextual()) {
            throw new HeadwaterException(
                    "%s answered without the field '%s'; is the address right?".formatted(site, field));
        }
        return answer.get(field).textValue();
    }

    @Override
    public void close() {
        client.close();
    }
}
