package dev.headwater.engine.files;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.function.Supplier;

/** A stream that fails once more than a number of bytes has come out of it. */
public final class LimitedStream extends FilterInputStream {
    private final Supplier<? extends RuntimeException> tooLong;
    private long left;

    /** @param tooLong what is thrown then */
    public LimitedStream(InputStream in, long limit, Supplier<? extends RuntimeException> tooLong) {
        super(in);
        this.left = limit;
        this.tooLong = tooLong;
    }

    @Override
    public int read() throws IOException {
        int value = super.read();
        count(value < 0 ? 0 : 1);
        return value;
    }

    @Override
    public int read(byte[] buffer, int offset, int length) throws IOException {
        int read = super.read(buffer, offset, length);
        count(Math.max(read, 0));
        return read;
    }

    @Override
    public long skip(long count) throws IOException {
        long skipped = super.skip(count);
        count(skipped);
        return skipped;
    }

    private void count(long read) {
        left -= read;
        if (left < 0) {
            throw tooLong.get();
        }
    }

    @Override
    public boolean markSupported() {
        return false;
    }
}
