package dev.headwater.cli.report;

import dev.headwater.engine.Progress;

/** Progress of files, which comes in bytes, told in megabytes. */
public record Megabytes(Progress listener) implements Progress {
    private static final long MEGABYTE = 1_000_000;

    @Override
    public void phase(String name, long bytes) {
        listener.phase(name + ", MB", bytes < 0 ? bytes : Math.ceilDiv(bytes, MEGABYTE));
    }

    @Override
    public void advance(long bytes) {
        listener.advance(bytes / MEGABYTE);
    }

    @Override
    public boolean cancelled() {
        return listener.cancelled();
    }
}
