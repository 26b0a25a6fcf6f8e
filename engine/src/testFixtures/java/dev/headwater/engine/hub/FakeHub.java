package dev.headwater.engine.hub;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * A hub on this machine that speaks the endpoints which a download uses, with a second server as its content network.
 */
public final class FakeHub implements AutoCloseable {
    public static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";

    /** A request as it came in. */
    public record Request(String server, String method, String path, String range, String authorization) {}

    /** Answers a request itself and gives true, or leaves it. */
    public interface Fault {
        boolean handle(HttpExchange exchange, Request request, byte[] content) throws IOException;
    }

    private record Pending(Predicate<Request> when, Fault fault) {}

    public final List<Request> requests = new CopyOnWriteArrayList<>();
    private final List<Pending> faults = new CopyOnWriteArrayList<>();
    private final Map<String, Map<String, byte[]>> repositories = new TreeMap<>();
    private final Map<String, String> listedNames = new TreeMap<>();
    private final HttpServer hub;
    private final HttpServer network;
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    int pageSize = 1000;
    boolean ignoresRanges;

    public FakeHub() throws IOException {
        hub = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        network = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        hub.createContext("/", exchange -> answer(exchange, "hub"));
        network.createContext("/", exchange -> answer(exchange, "network"));
        hub.setExecutor(threads);
        network.setExecutor(threads);
        hub.start();
        network.start();
    }

    public URI endpoint() {
        return URI.create("http://127.0.0.1:" + hub.getAddress().getPort());
    }

    /** Puts a file into a repository; large ones (as LFS) are served by the content network. */
    public FakeHub with(String repository, String path, byte[] content) {
        repositories.computeIfAbsent(repository, _ -> new TreeMap<>()).put(path, content);
        return this;
    }

    public FakeHub with(String repository, String path, String content) {
        return with(repository, path, content.getBytes(StandardCharsets.UTF_8));
    }

    /** Puts all files below a directory into a folder of a repository, "" for its top. */
    public FakeHub withTree(String repository, String folder, Path directory) throws IOException {
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                with(
                        repository,
                        folder + directory.relativize(file).toString().replace('\\', '/'),
                        Files.readAllBytes(file));
            }
        }
        return this;
    }

    /** Lists a file under another name than it has. */
    void listAs(String path, String name) {
        listedNames.put(path, name);
    }

    /** Handles the next {@code times} matching requests otherwise. */
    public void fault(int times, Predicate<Request> when, Fault fault) {
        for (int i = 0; i < times; i++) {
            faults.add(new Pending(when, fault));
        }
    }

    /** Answers as it should again. */
    public void endFaults() {
        faults.clear();
    }

    public static Fault status(int code, String... headers) {
        return (exchange, _, _) -> {
            for (int i = 0; i < headers.length; i += 2) {
                exchange.getResponseHeaders().add(headers[i], headers[i + 1]);
            }
            exchange.sendResponseHeaders(code, -1);
            return true;
        };
    }

    /** Sends so many bytes of the content, then cuts the connection. */
    public static Fault cutAfter(int bytes) {
        return (exchange, request, content) -> {
            int from = request.range() == null
                    ? 0
                    : Integer.parseInt(request.range().replaceAll("bytes=(\\d+)-.*", "$1"));
            int to = request.range() == null || request.range().endsWith("-")
                    ? content.length
                    : Integer.parseInt(request.range().replaceAll(".*-", "")) + 1;
            exchange.getResponseHeaders().add("Content-Range", "bytes " + from + "-" + (to - 1) + "/" + content.length);
            exchange.sendResponseHeaders(request.range() == null ? 200 : 206, to - from);
            exchange.getResponseBody().write(content, from, Math.min(bytes, to - from));
            exchange.getResponseBody().flush();
            return true;
        };
    }

    public static boolean isLarge(byte[] content) {
        return content.length >= 1000;
    }

    public static String etag(byte[] content) {
        try {
            if (isLarge(content)) {
                return HexFormat.of()
                        .formatHex(MessageDigest.getInstance("SHA-256").digest(content));
            }
            MessageDigest digest = MessageDigest.getInstance("SHA-1");
            digest.update(("blob " + content.length + "\0").getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(digest.digest(content));
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError(e);
        }
    }

    private void answer(HttpExchange exchange, String server) throws IOException {
        try (exchange) {
            String path = URLDecoder.decode(
                    exchange.getRequestURI().getRawPath().replace("%2F", "%252F"), StandardCharsets.UTF_8);
            Request request = new Request(
                    server,
                    exchange.getRequestMethod(),
                    path,
                    exchange.getRequestHeaders().getFirst("Range"),
                    exchange.getRequestHeaders().getFirst("Authorization"));
            requests.add(request);
            byte[] content = content(request);
            for (Pending pending : faults) {
                if (pending.when().test(request)
                        && faults.remove(pending)
                        && pending.fault().handle(exchange, request, content)) {
                    return;
                }
            }
            if (server.equals("network")) {
                send(exchange, request, content);
            } else if (path.startsWith("/api/models/")) {
                api(exchange, path.substring("/api/models/".length()));
            } else {
                resolve(exchange, request, content);
            }
        }
    }

    private byte[] content(Request request) {
        String path = request.path();
        for (var repository : repositories.entrySet()) {
            String prefix = "/" + repository.getKey() + "/resolve/";
            if (request.server().equals("hub") && path.startsWith(prefix)) {
                return repository.getValue().get(path.substring(prefix.length()).replaceFirst("[^/]*/", ""));
            }
            for (byte[] content : repository.getValue().values()) {
                if (request.server().equals("network") && path.equals("/" + etag(content))) {
                    return content;
                }
            }
        }
        return null;
    }

    private void api(HttpExchange exchange, String path) throws IOException {
        String repository = repositories.keySet().stream()
                .filter(name -> path.startsWith(name + "/"))
                .findFirst()
                .orElse(null);
        if (repository == null) {
            status(401, "X-Error-Message", "Invalid username or password.").handle(exchange, null, null);
            return;
        }
        String[] call = path.substring(repository.length() + 1).split("/");
        if (!List.of("main", "v1", "refs%2Fpr%2F1", COMMIT).contains(call[1])) {
            status(404, "X-Error-Code", "RevisionNotFound").handle(exchange, null, null);
        } else if (call[0].equals("revision")) {
            json(exchange, Map.of("id", repository, "sha", COMMIT));
        } else {
            tree(exchange, repository);
        }
    }

    private void tree(HttpExchange exchange, String repository) throws IOException {
        List<Map<String, Object>> entries = new ArrayList<>();
        entries.add(Map.of("type", "directory", "oid", "0", "size", 0, "path", "folder"));
        repositories.get(repository).forEach((path, content) -> {
            Map<String, Object> entry = new LinkedHashMap<>();
            entry.put("type", "file");
            entry.put("path", listedNames.getOrDefault(path, path));
            entry.put("size", content.length);
            entry.put("oid", isLarge(content) ? "f".repeat(40) : etag(content));
            if (isLarge(content)) {
                entry.put("lfs", Map.of("oid", etag(content), "size", content.length, "pointerSize", 130));
            }
            entries.add(entry);
        });
        String query = String.valueOf(exchange.getRequestURI().getQuery());
        int from = query.contains("cursor=") ? Integer.parseInt(query.replaceAll(".*cursor=(\\d+).*", "$1")) : 0;
        int to = Math.min(entries.size(), from + pageSize);
        if (to < entries.size()) {
            exchange.getResponseHeaders()
                    .add(
                            "Link",
                            "<" + endpoint() + exchange.getRequestURI().getPath() + "?recursive=true&cursor=" + to
                                    + ">; rel=\"next\"");
        }
        json(exchange, entries.subList(from, to));
    }

    private void resolve(HttpExchange exchange, Request request, byte[] content) throws IOException {
        if (content == null) {
            status(404, "X-Error-Code", "EntryNotFound").handle(exchange, request, null);
            return;
        }
        exchange.getResponseHeaders().add("X-Repo-Commit", COMMIT);
        if (!isLarge(content)) {
            send(exchange, request, content);
            return;
        }
        exchange.getResponseHeaders().add("X-Linked-ETag", "\"" + etag(content) + "\"");
        exchange.getResponseHeaders().add("X-Linked-Size", Integer.toString(content.length));
        exchange.getResponseHeaders().add("ETag", "\"" + "e".repeat(40) + "\"");
        exchange.getResponseHeaders()
                .add("Location", "http://127.0.0.1:" + network.getAddress().getPort() + "/" + etag(content));
        exchange.sendResponseHeaders(302, -1);
    }

    private void send(HttpExchange exchange, Request request, byte[] content) throws IOException {
        if (content == null) {
            exchange.sendResponseHeaders(404, -1);
            return;
        }
        exchange.getResponseHeaders().add("ETag", "W/\"" + etag(content) + "\"");
        byte[] part = content;
        int status = 200;
        if (request.range() != null && !ignoresRanges) {
            String[] bounds = request.range().substring("bytes=".length()).split("-", 2);
            int from = Integer.parseInt(bounds[0]);
            int to = bounds[1].isEmpty() ? content.length : Math.min(content.length, Integer.parseInt(bounds[1]) + 1);
            part = Arrays.copyOfRange(content, from, to);
            status = 206;
            exchange.getResponseHeaders().add("Content-Range", "bytes " + from + "-" + (to - 1) + "/" + content.length);
        }
        if (request.method().equals("HEAD")) {
            exchange.getResponseHeaders().add("Content-Length", Integer.toString(part.length));
            exchange.sendResponseHeaders(status, -1);
            return;
        }
        exchange.sendResponseHeaders(status, part.length == 0 ? -1 : part.length);
        try (OutputStream body = exchange.getResponseBody()) {
            body.write(part);
        } catch (IOException e) {
            // the client had enough
        }
    }

    private static void json(HttpExchange exchange, Object value) throws IOException {
        byte[] bytes = new ObjectMapper().writeValueAsBytes(value);
        exchange.getResponseHeaders().add("Content-Type", "application/json");
        exchange.sendResponseHeaders(200, bytes.length);
        exchange.getResponseBody().write(bytes);
    }

    @Override
    public void close() {
        hub.stop(0);
        network.stop(0);
        threads.shutdownNow();
    }
}
