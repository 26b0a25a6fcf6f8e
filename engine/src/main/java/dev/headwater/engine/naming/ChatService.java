package dev.headwater.engine.naming;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.files.ErrorText;
import dev.headwater.engine.files.SafeAddress;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A language model behind the interface {@code POST <address>/chat/completions} that OpenAI defined and other services and local
 * servers offer. Every request has a deadline and a largest answer, those that fail for a reason that may pass are repeated a
 * bounded number of times, and all count towards a budget. The key goes to the address itself, in no message and to nowhere
 * else: redirects are not followed. Usable from any thread.
 */
public final class ChatService implements Chat, AutoCloseable {
    private static final int LARGEST_ANSWER = 1 << 20;
    private static final int LONGEST_NAME = 200;
    /** Tokens of an answer, thinking included. */
    private static final int MOST_TOKENS = 1024;

    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(30);
    private static final Set<Integer> PASSING = Set.of(408, 425, 429, 500, 502, 503, 504, 529);
    /** What is wrong with every request. */
    private static final Set<Integer> FINAL = Set.of(401, 402, 403, 404, 405);

    private final URI address;
    private final String model;
    private final String key;
    private final int budget;
    private final Patience patience;
    private final AtomicInteger requests = new AtomicInteger();
    private final HttpClient client;

    /**
     * How long a service is waited for.
     *
     * @param whole for a request, from its first byte to its answer's last
     * @param pause before the second try, twice as long before the third and so on, unless the service asks for another pause
     * @param tries of a request
     */
    public record Patience(Duration whole, Duration pause, int tries) {
        public static final Patience DEFAULT = new Patience(Duration.ofSeconds(60), Duration.ofSeconds(1), 4);
    }

    /**
     * Makes a client; nothing is sent yet.
     *
     * @param address as services state it, {@code https://host/v1}
     * @param model   the model's name there
     * @param key     "" for none
     * @param budget  requests that may be made, tries included
     * @throws UsageException if address, name or key can't be one, or the key would be sent unencrypted to another machine
     */
    public ChatService(URI address, String model, String key, int budget, Patience patience) {
        String what = "The address " + ErrorText.of(address.toString()) + " of the language model";
        if (key.isEmpty()) {
            SafeAddress.requireWeb(address, what);
        } else {
            SafeAddress.require(address, what);
            SafeAddress.requireKey(key, "The key for the language model");
        }
        if (address.getQuery() != null || address.getFragment() != null) {
            throw new UsageException(what + " has a query or a fragment; give what stands before /chat/completions");
        }
        if (model.isBlank() || model.length() > LONGEST_NAME) {
            throw new UsageException("the language model's name has from 1 to %d characters, as the service calls it"
                    .formatted(LONGEST_NAME));
        }
        if (budget < 1) {
            throw new UsageException("the number of requests to the language model must be positive, not " + budget);
        }
        String path = address.getPath() == null ? "" : address.getPath().replaceAll("/+$", "");
        this.address = address.resolve(path.endsWith("/chat/completions") ? path : path + "/chat/completions");
        this.model = model;
        this.key = key;
        this.budget = budget;
        this.patience = patience;
        client = HttpClient.newBuilder()
                .followRedirects(HttpClient.Redirect.NEVER)
                .version(HttpClient.Version.HTTP_1_1)
                .connectTimeout(patience.whole())
                .build();
    }

    /** {@return the model's name} */
    public String model() {
        return model;
    }

    /** Requests that were made. */
    public int requests() {
        return Math.min(requests.get(), budget);
    }

    /** Why there is no answer, for a reason that may pass. */
    private record Failure(String why, Duration pause) {}

    @Override
    public String ask(String instructions, String data) {
        ObjectNode body =
                BoundedJson.mapper().createObjectNode().put("model", model).put("temperature", 0);
        body.put("max_tokens", MOST_TOKENS).put("stream", false);
        body.putArray("messages")
                .add(BoundedJson.mapper()
                        .createObjectNode()
                        .put("role", "system")
                        .put("content", instructions))
                .add(BoundedJson.mapper().createObjectNode().put("role", "user").put("content", data));
        HttpRequest.Builder request = HttpRequest.newBuilder(address)
                .timeout(patience.whole())
                .header("Content-Type", "application/json")
                .header("Accept", "application/json")
                .header("User-Agent", "headwater")
                .POST(HttpRequest.BodyPublishers.ofString(body.toString()));
        if (!key.isEmpty()) {
            request.header("Authorization", "Bearer " + key);
        }
        HttpRequest made = request.build();
        for (int attempt = 1; ; attempt++) {
            if (requests.incrementAndGet() > budget) {
                throw new SpentException(budget);
            }
            Failure failure;
            try {
                HttpResponse<byte[]> answer = send(made);
                int status = answer.statusCode();
                if (status / 100 == 2) {
                    return content(answer.body());
                }
                if (FINAL.contains(status) || status / 100 == 3) {
                    throw new HeadwaterException(refusal(status));
                }
                if (!PASSING.contains(status)) {
                    throw new UnansweredException(refusal(status));
                }
                failure = new Failure(refusal(status), asked(answer, attempt));
            } catch (TimeoutException _) {
                failure = new Failure(host() + " did not answer in time", pause(attempt));
            } catch (IOException _) {
                failure = new Failure(
                        "%s can't be reached, or breaks off; check the network and the address".formatted(host()),
                        pause(attempt));
            }
            if (attempt >= patience.tries()) {
                throw new UnansweredException(failure.why);
            }
            sleep(failure.pause);
        }
    }

    private HttpResponse<byte[]> send(HttpRequest request) throws IOException, TimeoutException {
        // The request's own timeout ends with the answer's head; a body can come drop by drop, or without end.
        CompletableFuture<HttpResponse<byte[]>> answer =
                client.sendAsync(request, BodyHandlers.limiting(BodyHandlers.ofByteArray(), LARGEST_ANSWER));
        try {
            return answer.get(patience.whole().toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
            throw new CancellationException();
        } catch (ExecutionException e) {
            // Whatever it is, and the client does not expect every header that a server may send, the request has
            // failed.
            throw new IOException(e.getCause());
        } finally {
            answer.cancel(true);
        }
    }

    private String content(byte[] answer) {
        try {
            JsonNode json = BoundedJson.mapper().readTree(answer);
            JsonNode content = json == null ? null : json.at("/choices/0/message/content");
            if (content != null && content.isTextual()) {
                return content.textValue();
            }
        } catch (IOException | ArithmeticException | NumberFormatException _) {
            // the same as another answer that is none
        }
        throw new UnansweredException(
                host() + " answers with something else than a chat completion; check the address");
    }

    /** Nothing of what the service says is told: it may quote what it was sent, the key with it. */
    private String refusal(int status) {
        String meaning = switch (status) {
            case 401, 403 -> "it does not accept the key";
            case 402 -> "it wants to be paid";
            case 404, 405 -> "it knows no such place or no such model; check the address and the model's name";
            case 400, 413, 422 -> "it does not take the request; check the model's name";
            case 429 -> "too many requests";
            default ->
                status / 100 == 3
                        ? "it points elsewhere; give the final address"
                        : status / 100 == 5 ? "it failed itself; try again later" : "it refuses";
        };
        return "%s answers with status %d: %s".formatted(host(), status, meaning);
    }

    private String host() {
        return "The language model's service at " + ErrorText.of(address.getHost());
    }

    private Duration pause(int attempt) {
        return patience.pause().multipliedBy(1L << (attempt - 1));
    }

    /** The pause that the service asks for, in seconds, as long as it is not too long. */
    private Duration asked(HttpResponse<?> answer, int attempt) {
        String after = answer.headers().firstValue("retry-after").orElse("").strip();
        Duration pause = after.matches("\\d{1,6}") ? Duration.ofSeconds(Long.parseLong(after)) : pause(attempt);
        return pause.compareTo(LONGEST_PAUSE) > 0 ? LONGEST_PAUSE : pause;
    }

    private static void sleep(Duration pause) {
        try {
            Thread.sleep(pause);
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
            throw new CancellationException();
        }
    }

    @Override
    public void close() {
        client.shutdownNow();
        client.close();
    }
}
