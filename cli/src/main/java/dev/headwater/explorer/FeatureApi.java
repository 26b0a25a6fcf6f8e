package dev.headwater.explorer;

import com.fasterxml.jackson.databind.JsonNode;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Evidence about features over HTTP: one record as JSON, and the files themselves with byte ranges. */
final class FeatureApi {
    private static final Pattern RANGE = Pattern.compile("bytes=(\\d{0,18})-(\\d{0,18})");

    /** In each direction. */
    private static final int MOST_CONNECTIONS = 50;

    private final List<FeatureSource> sources;
    private final List<FeatureDirectory> directories;

    FeatureApi(List<FeatureSource> sources) {
        this.sources = sources;
        this.directories = sources.stream()
                .filter(FeatureDirectory.class::isInstance)
                .map(FeatureDirectory.class::cast)
                .toList();
    }

    void routes(RoutesConfig routes) {
        routes.get("/api/features/{layer}/{feature}", this::feature);
        routes.get("/api/features/{layer}/{feature}/connections", this::connections);
        routes.get("/features/<path>", this::file);
    }

    static Optional<JsonNode> find(List<FeatureSource> sources, String scan, int layer, int feature) {
        return sources.stream()
                .map(source -> source.feature(scan, layer, feature))
                .flatMap(Optional::stream)
                .findFirst();
    }

    private void connections(Context ctx) {
        String scan = scan(ctx);
        directories.stream()
                .map(directory ->
                        directory.connections(scan, index(ctx, "layer"), index(ctx, "feature"), MOST_CONNECTIONS))
                .flatMap(Optional::stream)
                .findFirst()
                .ifPresentOrElse(found -> Json.reply(ctx, found), () -> ctx.status(204));
    }

    private static String scan(Context ctx) {
        String scan = ctx.queryParam("scan");
        if (scan == null) {
            throw new Refusal(400, "Say which transcoders you mean: /api/features/3/1932?scan=atlas-plt.");
        }
        return scan;
    }

    private void feature(Context ctx) {
        String scan = scan(ctx);
        find(sources, scan, index(ctx, "layer"), index(ctx, "feature"))
                .ifPresentOrElse(
                        record -> {
                            Json.reply(ctx, record);
                            ctx.header("Cache-Control", "max-age=300");
                        },
                        () -> ctx.status(204));
    }

    private static int index(Context ctx, String name) {
        String text = ctx.pathParam(name);
        if (!text.matches("\\d{1,9}")) {
            throw new Refusal(400, "The " + name + " must be a number.");
        }
        return Integer.parseInt(text);
    }

    private void file(Context ctx) throws IOException {
        String path = ctx.pathParam("path");
        for (FeatureDirectory directory : directories) {
            FileChannel channel;
            try {
                channel = directory.open(path);
            } catch (IOException e) {
                continue;
            }
            send(ctx, path, channel);
            return;
        }
        throw new Refusal(404, "There is no such feature file.");
    }

    private static void send(Context ctx, String path, FileChannel channel) throws IOException {
        long size = channel.size();
        long start = 0;
        long end = size; // exclusive
        String header = ctx.header("Range");
        ctx.header("Accept-Ranges", "bytes")
                .contentType(path.endsWith(".json") ? "application/json" : "application/octet-stream");
        Matcher range = RANGE.matcher(header == null ? "" : header);
        if (range.matches() && !(range.group(1).isEmpty() && range.group(2).isEmpty())) {
            if (range.group(1).isEmpty()) {
                start = Math.max(0, size - Long.parseLong(range.group(2)));
            } else {
                start = Long.parseLong(range.group(1));
                end = range.group(2).isEmpty() ? size : Math.min(size, Long.parseLong(range.group(2)) + 1);
            }
            if (start >= end) {
                channel.close();
                ctx.header("Content-Range", "bytes */" + size);
                throw new Refusal(416, "The range lies outside the file's " + size + " bytes.");
            }
            ctx.status(206).header("Content-Range", "bytes " + start + "-" + (end - 1) + "/" + size);
        }
        ctx.header("Content-Length", Long.toString(end - start));
        channel.position(start);
        ctx.result(new Part(Channels.newInputStream(channel), end - start));
    }

    private static final class Part extends java.io.FilterInputStream {
        private long left;

        Part(InputStream in, long length) {
            super(in);
            left = length;
        }

        @Override
        public int read() throws IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
        }

        @Override
        public int read(byte[] buffer, int offset, int length) throws IOException {
            if (left == 0) {
                return -1;
            }
            int read = super.read(buffer, offset, (int) Math.min(length, left));
            left -= Math.max(read, 0);
            return read;
        }
    }
}
