package dev.headwater.explorer;

import dev.headwater.engine.files.Sha256;
import io.javalin.http.Context;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.HexFormat;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;
import java.util.zip.GZIPOutputStream;

/** The static files of the page: ours from this module, and one file of D3 from the class path. */
final class Page {
    private static final Pattern FILE = Pattern.compile("[a-z0-9-]+(\\.min)?\\.(html|css|js|svg)");
    private static final Map<String, String> TYPES = Map.of(
            "html",
            "text/html;charset=utf-8",
            "css",
            "text/css;charset=utf-8",
            "js",
            "text/javascript;charset=utf-8",
            "svg",
            "image/svg+xml",
            "yaml",
            "application/yaml;charset=utf-8");

    private record Asset(byte[] plain, byte[] gzip, String version, String type) {}

    private final ConcurrentHashMap<String, Asset> assets = new ConcurrentHashMap<>();

    void index(Context ctx) {
        send(ctx, "index.html");
    }

    void openApi(Context ctx) {
        send(ctx, "openapi.yaml");
    }

    void asset(Context ctx) {
        String file = ctx.pathParam("file");
        if (!FILE.matcher(file).matches()) {
            throw new Refusal(404, "There is no such file.");
        }
        send(ctx, file);
    }

    private void send(Context ctx, String file) {
        Asset asset = assets.computeIfAbsent(file, Page::load);
        ctx.header("Cache-Control", "no-cache")
                .header("Vary", "Accept-Encoding")
                .header("ETag", "\"" + asset.version() + "\"")
                .contentType(asset.type());
        if (("\"" + asset.version() + "\"").equals(ctx.header("If-None-Match"))) {
            ctx.status(304);
        } else if (acceptsGzip(ctx)) {
            ctx.header("Content-Encoding", "gzip").result(asset.gzip());
        } else {
            ctx.result(asset.plain());
        }
    }

    static boolean acceptsGzip(Context ctx) {
        String accepted = ctx.header("Accept-Encoding");
        return accepted != null
                && accepted.contains("gzip")
                && !accepted.matches(".*gzip\\s*;\\s*q=0(\\.0*)?\\s*(,.*)?");
    }

    private static Asset load(String file) {
        try (InputStream in = file.equals("d3.min.js")
                ? Page.class.getClassLoader().getResourceAsStream(d3())
                : Page.class.getResourceAsStream(file)) {
            String type = TYPES.get(file.substring(file.lastIndexOf('.') + 1));
            if (in == null || type == null) {
                throw new Refusal(404, "There is no such file.");
            }
            byte[] plain = in.readAllBytes();
            var digest = Sha256.digest();
            digest.update(plain);
            var gzip = new ByteArrayOutputStream();
            try (var out = new GZIPOutputStream(gzip)) {
                out.write(plain);
            }
            return new Asset(plain, gzip.toByteArray(), HexFormat.of().formatHex(digest.digest(), 0, 12), type);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A WebJar's files lie under its version, and its pom.properties say which. */
    private static String d3() throws IOException {
        try (InputStream in =
                Page.class.getClassLoader().getResourceAsStream("META-INF/maven/org.webjars.npm/d3/pom.properties")) {
            Properties properties = new Properties();
            if (in == null) {
                throw new IOException("the build lacks the D3 WebJar");
            }
            properties.load(in);
            return "META-INF/resources/webjars/d3/" + properties.getProperty("version") + "/dist/d3.min.js";
        }
    }
}
