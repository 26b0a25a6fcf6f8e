package dev.headwater.faults;

import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicBoolean;

/** Slow clients of every kind, and ordinary ones beside them, which are answered soon and lose nothing. */
final class Load {
    private static final int SLOW_OF_A_KIND = 300;
    private static final int MOST_UNREAD = 20;
    private static final long PAUSE_MILLIS = 20;

    private final Trial trial;
    private final Duration time;
    private final Duration soon;
    private final AtomicBoolean over = new AtomicBoolean();

    /**
     * @param time of the load
     * @param soon in which an ordinary client is answered
     */
    Load(Trial trial, Duration time, Duration soon) {
        this.trial = trial;
        this.time = time;
        this.soon = soon;
    }

    /** What a slow client does on its connection, again and again. */
    private interface Slow {
        void act(Socket socket, OutputStream out, int turn) throws IOException, InterruptedException;
    }

    private static final String HEAD = "GET /api/graphs/g HTTP/1.1\r\nHost: localhost\r\n";

    private static void silent(Socket socket, OutputStream out, int turn) throws InterruptedException {
        Thread.sleep(1000);
    }

    private static void headerByByte(Socket socket, OutputStream out, int turn)
            throws IOException, InterruptedException {
        out.write(turn < HEAD.length() ? HEAD.charAt(turn) : 'x');
        Thread.sleep(1000);
    }

    private static void secondRequestByByte(Socket socket, OutputStream out, int turn)
            throws IOException, InterruptedException {
        if (turn == 0) {
            out.write((HEAD + "\r\n").getBytes(StandardCharsets.US_ASCII));
        } else {
            out.write(HEAD.charAt(Math.min(turn, HEAD.length()) - 1));
        }
        Thread.sleep(1000);
    }

    private static void bodyByByte(Socket socket, OutputStream out, int turn) throws IOException, InterruptedException {
        out.write((turn == 0
                        ? "PUT /api/graphs/g/annotations HTTP/1.1\r\nHost: localhost\r\nIf-Match: *\r\n"
                                + "Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n{"
                        : " ")
                .getBytes(StandardCharsets.US_ASCII));
        Thread.sleep(1000);
    }

    private static void neverReads(Socket socket, OutputStream out, int turn) throws IOException, InterruptedException {
        // Some megabytes of answers, more than lies between the two.
        if (turn < MOST_UNREAD) {
            out.write((HEAD + "\r\n").getBytes(StandardCharsets.US_ASCII));
        }
        Thread.sleep(1000);
    }

    List<Row> rows() throws IOException, InterruptedException {
        Path folder = trial.folder("load");
        trial.start("attribute", "a b", "--max-features", "50", "--slug", "g", "--out", folder.toString(), "--quiet")
                .end();
        List<Row> rows = new ArrayList<>();
        try (Explorer explorer = Explorer.start(trial, folder, "--no-model")) {
            List<Thread> clients = new ArrayList<>();
            for (Slow slow : List.<Slow>of(
                    Load::silent, Load::headerByByte, Load::secondRequestByByte, Load::bodyByByte, Load::neverReads)) {
                for (int i = 0; i < SLOW_OF_A_KIND; i++) {
                    clients.add(Thread.ofVirtual().start(() -> slow(explorer.address(), slow)));
                }
            }
            Thread.sleep(1000);
            rows.add(ordinary(explorer.address(), folder.resolve("g.json")));
            over.set(true);
            for (Thread client : clients) {
                client.interrupt();
                client.join();
            }
        }
        return rows;
    }

    private void slow(URI address, Slow slow) {
        while (!over.get()) {
            try (Socket socket = new Socket(address.getHost(), address.getPort())) {
                OutputStream out = socket.getOutputStream();
                for (int turn = 0; !over.get(); turn++) {
                    slow.act(socket, out, turn);
                }
            } catch (IOException e) {
                pause();
            } catch (InterruptedException e) {
                return;
            }
        }
    }

    private static void pause() {
        try {
            Thread.sleep(200);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Reads and saves in turn; every answer is right and comes soon, and the last save is in the file. */
    private Row ordinary(URI address, Path file) throws IOException, InterruptedException {
        long tried = 0;
        long survived = 0;
        long again = 0;
        double slowest = 0;
        String note = "";
        String last = "";
        long end = System.nanoTime() + time.toNanos();
        try (HttpClient client = HttpClient.newHttpClient()) {
            while (System.nanoTime() < end) {
                boolean save = tried % 2 == 1;
                HttpRequest.Builder request = HttpRequest.newBuilder(
                                address.resolve(save ? "/api/graphs/g/annotations" : "/api/graphs/g"))
                        .timeout(Duration.ofSeconds(30));
                if (save) {
                    request.header("Content-Type", "application/json")
                            .header("If-Match", "*")
                            .PUT(HttpRequest.BodyPublishers.ofString("{\"clickedId\":\"" + tried + "\"}"));
                }
                long start = System.nanoTime();
                String lost = null;
                try {
                    int status = status(client, request.build());
                    // A server that is full says so at once; who asks again has to be let in in time.
                    while (status == 503 && System.nanoTime() - start < soon.toNanos()) {
                        again++;
                        Thread.sleep(PAUSE_MILLIS);
                        status = status(client, request.build());
                    }
                    lost = status >= 300 ? "status " + status : null;
                    last = save && lost == null ? Long.toString(tried) : last;
                } catch (IOException e) {
                    lost = e.toString();
                }
                double seconds = (System.nanoTime() - start) / 1e9;
                slowest = Math.max(slowest, seconds);
                if (lost == null && seconds > soon.toNanos() / 1e9) {
                    lost = String.format(Locale.ROOT, "answered after %.1f s", seconds);
                }
                tried++;
                survived += lost == null ? 1 : 0;
                note = note.isEmpty() && lost != null ? lost : note;
                Thread.sleep(PAUSE_MILLIS);
            }
        }
        if (!last.isEmpty() && !Files.readString(file).contains("\"clickedId\":\"" + last + "\"")) {
            survived = Math.min(survived, tried - 1);
            note = note.isEmpty() ? "the last save is not in the file" : note;
        }
        return new Row(
                5 * SLOW_OF_A_KIND + " slow clients beside an ordinary one",
                tried,
                survived,
                note
                        + (note.isEmpty() ? "" : "; ")
                        + String.format(
                                Locale.ROOT,
                                "slowest answer %.2f s; told %d times that the server is full",
                                slowest,
                                again));
    }

    private static int status(HttpClient client, HttpRequest request) throws IOException, InterruptedException {
        return client.send(request, HttpResponse.BodyHandlers.discarding()).statusCode();
    }
}
