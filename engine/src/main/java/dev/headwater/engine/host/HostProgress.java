package dev.headwater.engine.host;

import dev.headwater.engine.Progress;
import java.nio.charset.StandardCharsets;

/** A host's progress function: hears how far work has come, and may ask for its end, as the end of the process does. */
final class HostProgress implements Progress {
    private final long function;
    private final long user;
    private byte[] phase = {};
    private long total;
    private long done;
    private boolean cancelled;

    private HostProgress(long function, long user) {
        this.function = function;
        this.user = user;
    }

    /** @param function its address, 0 for none */
    static Progress of(long function, long user) {
        return new HostProgress(function, user);
    }

    /**
     * Calls the host's function, if there is one; {@code libheadwater.so} registers what does.
     *
     * @param phase in UTF-8, ending with a 0
     * @return not 0 to end the work
     */
    private static native int tell(long function, long user, byte[] phase, long done, long total);

    @Override
    public synchronized void phase(String name, long total) {
        phase = (name + "\0").getBytes(StandardCharsets.UTF_8);
        this.total = total;
        advance(0);
    }

    @Override
    public synchronized void advance(long done) {
        this.done = done;
        ask();
    }

    @Override
    public synchronized boolean cancelled() {
        if (phase.length > 0) {
            ask();
        }
        return cancelled;
    }

    /** Once it has asked for the end, the function is not called again. */
    private void ask() {
        cancelled = cancelled || tell(function, user, phase, done, total) != 0;
    }
}
