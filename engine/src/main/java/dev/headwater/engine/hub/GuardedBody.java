package dev.headwater.engine.hub;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;

/**
 * The body of an answer, which is closed when it brings nothing for a while: then its reader sees a broken connection.
 */
final class GuardedBody extends FilterInputStream {
    private static final ScheduledExecutorService CLOCK = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().name("headwater-hub-clock").factory());
    private static final int CHECKS = 4;

    private final long stall;
    private final long end;
    private final ScheduledFuture<?> check;
    private volatile long heardAt = System.nanoTime();
    private volatile boolean late;

    /**
     * @param stall how long it may bring nothing
     * @param whole how long all of it may take
     */
    GuardedBody(InputStream in, Duration stall, Duration whole) {
        super(in);
        this.stall = stall.toNanos();
        this.end = heardAt + whole.toNanos();
        long period = Math.max(1, this.stall / CHECKS);
        check = CLOCK.scheduleWithFixedDelay(this::look, period, period, TimeUnit.NANOSECONDS);
    }

    private void look() {
        long now = System.nanoTime();
        if (now - heardAt > stall || now - end > 0) {
            late = true;
            try {
                close();
            } catch (IOException e) {
                // It is gone either way.
            }
        }
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] buffer, int offset, int length) throws IOException {
        try {
            int read = super.read(buffer, offset, length);
            if (read >= 0 || !late) {
                heardAt = System.nanoTime();
                return read;
            }
        } catch (IOException e) {
            if (!late) {
                throw e;
            }
        }
        throw new IOException("the server stopped sending");
    }

    @Override
    public void close() throws IOException {
        check.cancel(false);
        super.close();
    }
}
