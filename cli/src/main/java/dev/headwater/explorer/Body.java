package dev.headwater.explorer;

import dev.headwater.engine.files.LimitedStream;
import io.javalin.http.Context;
import java.io.ByteArrayOutputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.zip.GZIPInputStream;

/** The body of a request: JSON only, bounded in size, and not slower than a client that means it. */
final class Body {
    private static final long GRACE_SECONDS = 20;
    private static final long LEAST_BYTES_PER_SECOND = 4 << 10;
    private static final long DRAINED = 64 << 20;

    private Body() {}

    /** The whole body, at most {@code limit} bytes of it. */
    static byte[] bytes(Context ctx, int limit) {
        try (InputStream in = stream(ctx, limit)) {
            var bytes = new ByteArrayOutputStream();
            in.transferTo(bytes);
            return bytes.toByteArray();
        } catch (IOException e) {
            throw broken();
        }
    }

    /**
     * The body as it comes in, unpacked if it is compressed; a {@link Refusal} (413) once there are more than {@code
     * limit} bytes.
     */
    static InputStream stream(Context ctx, long limit) {
        String type = ctx.contentType();
        if (type == null || !type.split(";", 2)[0].strip().equalsIgnoreCase("application/json")) {
            // Other sites' pages can't send this type without asking first, and we don't answer when they ask.
            throw new Refusal(415, "Send application/json.");
        }
        long announced = ctx.req().getContentLengthLong();
        if (announced > limit) {
            drain(ctx, announced);
            throw tooLarge(limit);
        }
        InputStream wire = bounded(new Arriving(ctx.bodyInputStream(), true), limit);
        String encoding = ctx.header("Content-Encoding");
        if (encoding == null || encoding.equals("identity")) {
            return wire;
        }
        if (!encoding.equals("gzip")) {
            throw new Refusal(
                    415,
                    "The content encoding " + encoding.replaceAll("[^\\w-]", "")
                            + " is not understood: send gzip or none.");
        }
        try {
            return bounded(new Arriving(new GZIPInputStream(wire), false), limit);
        } catch (IOException e) {
            throw broken();
        }
    }

    /**
     * A client that still sends when the connection closes never hears why: so what is not far too large is read to its
     * end.
     */
    private static void drain(Context ctx, long announced) {
        if (announced > DRAINED) {
            return;
        }
        try (InputStream in = bounded(new Arriving(ctx.bodyInputStream(), true), DRAINED)) {
            in.transferTo(OutputStream.nullOutputStream());
        } catch (IOException e) {
            throw broken();
        }
    }

    static Refusal broken() {
        return new Refusal(
                400,
                "The request's body did not arrive as it should: it is cut short, or it is not gzip as announced.");
    }

    private static Refusal tooLarge(long limit) {
        return new Refusal(413, "The request's body is larger than the " + limit + " bytes that are accepted here.");
    }

    private static InputStream bounded(InputStream in, long limit) {
        return new LimitedStream(in, limit, () -> tooLarge(limit));
    }

    /** What breaks on the way is the client's fault; so is, if it is timed, to send too slowly. */
    private static final class Arriving extends FilterInputStream {
        private final long start = System.nanoTime();
        private final boolean timed;
        private long count;

        Arriving(InputStream in, boolean timed) {
            super(in);
            this.timed = timed;
        }

        @Override
        public int read() throws IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
        }

        @Override
        public int read(byte[] buffer, int offset, int length) throws IOException {
            int read;
            try {
                read = super.read(buffer, offset, length);
            } catch (IOException e) {
                throw broken();
            }
            count += Math.max(read, 0);
            long seconds = (System.nanoTime() - start) / 1_000_000_000;
            if (timed && seconds > GRACE_SECONDS + count / LEAST_BYTES_PER_SECOND) {
                throw new Refusal(408, "The request's body came too slowly.");
            }
            return read;
        }

        @Override
        public boolean markSupported() {
            return false;
        }
    }
}
