package dev.headwater.fuzz;

import dev.headwater.engine.Progress;
import dev.headwater.engine.files.Trees;
import dev.headwater.engine.hub.Hub;
import dev.headwater.engine.hub.HubSettings;
import dev.headwater.engine.hub.Reference;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;

/**
 * What a hub answers: the parts of the input, one for each request, the last for all that follow. A part that begins
 * with {@code HTTP} goes out as it is; another is the body of an answer that is otherwise as it should be.
 */
final class HubReader implements Reader {
    private static final int MOST_ANSWERS = 6;
    /** A hub's listings are kept as long as it is. */
    private static final int INPUTS_FOR_A_HUB = 1000;

    private final Scratch scratch = new Scratch();
    private final ServerSocket server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    private volatile List<byte[]> answers = List.of();
    private int asked;
    private int inputs;
    private Hub hub;

    HubReader() throws IOException {
        hub = hub();
        Thread.ofPlatform().daemon().start(this::serve);
    }

    private void serve() {
        while (!server.isClosed()) {
            try (Socket socket = server.accept()) {
                socket.setSoTimeout(1000);
                head(socket.getInputStream());
                byte[] answer = answers.get(Math.min(asked++, answers.size() - 1));
                socket.getOutputStream().write(whole(answer));
                socket.shutdownOutput();
            } catch (IOException e) {
                // This client had enough; the next one.
            }
        }
    }

    private static void head(InputStream in) throws IOException {
        int ends = 0;
        for (int c = in.read(); c >= 0 && ends < 4; c = ends < 4 ? in.read() : c) {
            ends = c == '\r' || c == '\n' ? ends + 1 : 0;
        }
    }

    private static byte[] whole(byte[] answer) {
        if (new String(answer, 0, Math.min(4, answer.length), StandardCharsets.ISO_8859_1).equals("HTTP")) {
            return answer;
        }
        byte[] head = ("HTTP/1.1 200 OK\r\nETag: \"0123456789012345678901234567890123456789\"\r\nContent-Length: "
                        + answer.length + "\r\nConnection: close\r\n\r\n")
                .getBytes(StandardCharsets.US_ASCII);
        byte[] whole = java.util.Arrays.copyOf(head, head.length + answer.length);
        System.arraycopy(answer, 0, whole, head.length, answer.length);
        return whole;
    }

    private Hub hub() {
        return new Hub(new HubSettings(
                URI.create("http://127.0.0.1:" + server.getLocalPort()),
                scratch.directory().resolve("cache"),
                null,
                false,
                HttpClient.Builder.NO_PROXY,
                1 << 14,
                1,
                1,
                Duration.ofMillis(1),
                Duration.ofMillis(500)));
    }

    @Override
    public void read(byte[] input) throws IOException {
        answers = Scratch.parts(input, MOST_ANSWERS);
        asked = 0;
        if (++inputs % INPUTS_FOR_A_HUB == 0) {
            hub.close();
            hub = hub();
        }
        try {
            hub.either(Reference.parse("org/model-" + inputs), Progress.NONE);
        } finally {
            Trees.delete(scratch.directory().resolve("cache"));
        }
    }

    @Override
    public void close() throws IOException {
        hub.close();
        server.close();
        scratch.close();
    }
}
