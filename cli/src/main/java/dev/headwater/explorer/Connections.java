package dev.headwater.explorer;

import io.javalin.http.Context;
import java.util.Comparator;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.util.thread.Scheduler;

/**
 * Keeps clients that hold connections from keeping others out. Jetty itself limits the pauses between the bytes of a
 * connection; here the time is limited in which a whole request has to come, the first of a connection and the later
 * ones alike. When there are too many connections, the one that has been waiting longest for a request goes; where all
 * are being answered, the one that has been for longest, if that is long; otherwise new ones hear that the server is
 * busy.
 */
final class Connections implements Connection.Listener {
    private static final int MOST = 1024;
    private static final long REQUEST_NANOS = TimeUnit.SECONDS.toNanos(15);
    private static final long ANSWER_NANOS = TimeUnit.SECONDS.toNanos(30);
    private static final long LOOK_MILLIS = 1000;

    /** What a connection was doing when it was last looked at. */
    private static final class Seen {
        private final long opened = System.nanoTime();
        private volatile long messages;
        private volatile long since = opened;

        /** Requests that have come and answers that are done: while this stays, the connection does the same thing. */
        private void look(Connection connection) {
            long now = connection.getMessagesIn() + connection.getMessagesOut();
            if (now != messages) {
                messages = now;
                since = System.nanoTime();
            }
        }
    }

    private final int most;
    private final Map<Connection, Seen> open = new ConcurrentHashMap<>();

    Connections() {
        this(MOST);
    }

    Connections(int most) {
        this.most = most;
    }

    /** Begins to look at the connections from time to time, until the scheduler is stopped. */
    void watch(Scheduler scheduler) {
        scheduler.schedule(() -> closeLate(scheduler), LOOK_MILLIS, TimeUnit.MILLISECONDS);
    }

    /** Tells all but the ones that there is room for. */
    void check(Context ctx) {
        if (open.size() > most) {
            ctx.header("Connection", "close").header("Retry-After", "5");
            throw new Refusal(503, "Too many connections at once: try again in a moment.");
        }
    }

    private void closeLate(Scheduler scheduler) {
        long now = System.nanoTime();
        open.forEach((connection, seen) -> {
            seen.look(connection);
            if (isWaiting(connection) && now - seen.since > REQUEST_NANOS) {
                connection.getEndPoint().close();
            }
        });
        watch(scheduler);
    }

    private static boolean isWaiting(Connection connection) {
        return connection.getMessagesIn() == connection.getMessagesOut();
    }

    @Override
    public void onOpened(Connection connection) {
        open.put(connection, new Seen());
        if (open.size() > most) {
            makeRoom(connection);
        }
    }

    private void makeRoom(Connection newest) {
        long now = System.nanoTime();
        open.forEach((connection, seen) -> seen.look(connection));
        Comparator<Map.Entry<Connection, Seen>> longest = Comparator.comparingLong(entry -> entry.getValue().since);
        Stream<Map.Entry<Connection, Seen>> waiting =
                open.entrySet().stream().filter(entry -> entry.getKey() != newest && isWaiting(entry.getKey()));
        waiting.min(longest)
                .or(() -> open.entrySet().stream()
                        .filter(entry -> entry.getKey() != newest && now - entry.getValue().since > ANSWER_NANOS)
                        .min(longest))
                .ifPresent(entry -> {
                    open.remove(entry.getKey());
                    entry.getKey().getEndPoint().close();
                });
    }

    @Override
    public void onClosed(Connection connection) {
        open.remove(connection);
    }
}
