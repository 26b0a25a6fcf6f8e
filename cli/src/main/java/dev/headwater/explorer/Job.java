package dev.headwater.explorer;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.files.MappedFile;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.CancellationException;
import org.jspecify.annotations.Nullable;

/** One piece of work for the live engine and what is known of it. */
final class Job implements Progress {
    enum State {
        QUEUED,
        RUNNING,
        DONE,
        FAILED,
        CANCELLED;

        boolean over() {
            return compareTo(DONE) >= 0;
        }
    }

    /**
     * @param total  units of the phase, -1 if unknown
     * @param result of a job that is done, otherwise null
     * @param error  of a job that failed, otherwise null
     */
    record Status(
            String id,
            String kind,
            String title,
            State state,
            String phase,
            long done,
            long total,
            @Nullable JsonNode result,
            @Nullable String error) {}

    interface Work {
        Object run(Progress progress);
    }

    /** Kinds that leave nothing but their answer, and may take long. */
    private static final Set<String> FOR_ITS_FOLLOWERS = Set.of("explain", "judge", "card", "why-not");

    private final Work work;
    private Status status;
    private long change;
    private boolean cancelled;
    private int followers;

    Job(String id, String kind, String title, Work work) {
        this.work = work;
        this.status = new Status(id, kind, title, State.QUEUED, "", 0, -1, null, null);
    }

    synchronized Status status() {
        return status;
    }

    void run() {
        synchronized (this) {
            if (cancelled) {
                return;
            }
            set(State.RUNNING, null, null);
        }
        try {
            JsonNode result = Json.tree(work.run(this));
            MappedFile.requireWhole();
            set(State.DONE, result, null);
        } catch (CancellationException e) {
            set(State.CANCELLED, null, null);
        } catch (HeadwaterException e) {
            set(State.FAILED, null, e.getMessage());
        } catch (Refusal e) {
            set(State.FAILED, null, e.getMessage());
        } catch (InternalError e) {
            // What Java makes of a mapped file that lost its end.
            set(State.FAILED, null, "A file became shorter, or its disk failed, while it was being read.");
        } catch (RuntimeException | Error e) {
            set(State.FAILED, null, "Something went wrong inside Headwater: " + e + ".");
        }
    }

    /** A queued job ends at once, a running one at its next step. */
    synchronized void cancel() {
        cancelled = true;
        if (status.state() == State.QUEUED) {
            set(State.CANCELLED, null, null);
        }
        notifyAll();
    }

    @Override
    public synchronized boolean cancelled() {
        return cancelled;
    }

    @Override
    public synchronized void phase(String name, long total) {
        update(new Status(status.id(), status.kind(), status.title(), status.state(), name, 0, total, null, null));
    }

    @Override
    public synchronized void advance(long done) {
        update(new Status(
                status.id(),
                status.kind(),
                status.title(),
                status.state(),
                status.phase(),
                done,
                status.total(),
                null,
                null));
    }

    /** Somebody waits for what it makes. */
    synchronized void follow() {
        followers++;
    }

    /**
     * One who followed has gone. What is of use to nobody else is cancelled when they have all gone and none has come back in time, as a
     * browser does whose connection broke.
     */
    synchronized void leave(Duration grace) {
        followers--;
        if (followers > 0 || status.state().over() || !FOR_ITS_FOLLOWERS.contains(status.kind())) {
            return;
        }
        Thread.ofVirtual().start(() -> {
            try {
                Thread.sleep(grace);
            } catch (InterruptedException e) {
                return;
            }
            cancelIfAlone();
        });
    }

    private synchronized void cancelIfAlone() {
        if (followers == 0 && !status.state().over()) {
            cancel();
        }
    }

    private synchronized void set(State state, @Nullable JsonNode result, @Nullable String error) {
        update(new Status(
                status.id(),
                status.kind(),
                status.title(),
                state,
                status.phase(),
                status.done(),
                status.total(),
                result,
                error));
    }

    private void update(Status next) {
        status = next;
        change++;
        notifyAll();
    }

    /** Counts the changes of {@link #status()}. */
    synchronized long change() {
        return change;
    }

    /** Waits for a change after {@code seen}; false if there was none in time. */
    synchronized boolean await(long seen, Duration limit) throws InterruptedException {
        long end = System.nanoTime() + limit.toNanos();
        for (long left; change == seen && (left = (end - System.nanoTime()) / 1_000_000) > 0; ) {
            wait(left);
        }
        return change != seen;
    }
}
