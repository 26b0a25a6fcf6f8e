package dev.headwater.explorer;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.features.BundledFeatures;
import io.javalin.Javalin;
import io.javalin.compression.CompressionStrategy;
import io.javalin.config.JavalinConfig;
import io.javalin.http.Context;
import java.net.InetAddress;
import java.net.URI;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.eclipse.jetty.http.HttpURI;
import org.eclipse.jetty.http.UriCompliance;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.NetworkConnectionLimit;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.component.LifeCycle;

/**
 * The explorer's HTTP server: the page, the graphs, the evidence about features, and the live engine if there is one.
 */
public final class ExplorerServer implements AutoCloseable {
    /** Beyond those that {@link Connections} keeps, so that the others can be told that the server is busy. */
    private static final int MOST_CONNECTIONS = 2048;

    private static final long IDLE_MILLIS = 30_000;
    /** Where requests for the base path itself go; no path that a client sends is that. */
    private static final String BASE = "/.base";

    private static final Pattern BROKEN_ESCAPE = Pattern.compile("%(?![0-9A-Fa-f]{2})");

    private static final int LARGEST_HEADER = 16 << 10;

    private final Javalin app;
    private final Jobs jobs;
    private final URI address;

    private ExplorerServer(Javalin app, Jobs jobs, URI address) {
        this.app = app;
        this.jobs = jobs;
        this.address = address;
    }

    /** Throws a {@link HeadwaterException} if the graphs can't be opened or the port can't be had. */
    public static ExplorerServer start(ExplorerConfig config) {
        GraphStore store = GraphStore.open(config.graphs(), config.maxGraphBytes());
        FeatureSource bundled =
                (scan, layer, feature) -> BundledFeatures.of(scan).flatMap(evidence -> evidence.record(layer, feature));
        FeatureSource own = (scan, layer, feature) ->
                config.engine().evidence(scan).flatMap(evidence -> evidence.record(layer, feature));
        List<FeatureSource> features = Stream.concat(
                        config.features().stream().map(FeatureDirectory::new), Stream.of(bundled, own))
                .toList();
        Access access = new Access(config.host(), config.front());
        Jobs jobs = new Jobs();
        Page page = new Page();
        Connections connections = new Connections();
        Javalin app = Javalin.create(javalin -> {
            quiet(javalin);
            listen(javalin, config, connections);
            var routes = javalin.routes;
            routes.before(connections::check);
            routes.before(access::check);
            routes.before(ExplorerServer::requireReadablePath);
            routes.get("/", page::index);
            if (!config.front().basePath().isEmpty()) {
                // The page's own addresses are relative, so it has to be a folder.
                routes.get(BASE, ctx -> ctx.redirect(config.front().basePath() + "/"));
            }
            routes.get("/assets/{file}", page::asset);
            routes.get("/api/openapi.yaml", page::openApi);
            new GraphApi(store, features, config.maxGraphBytes()).routes(routes);
            new FeatureApi(features).routes(routes);
            new EngineApi(config.engine(), store, jobs).routes(routes);
            new AttentionApi(config.engine(), store, jobs).routes(routes);
            new CircuitApi(config.engine(), store, jobs).routes(routes);
            answerFailures(javalin);
        });
        try {
            app.start();
        } catch (RuntimeException e) {
            jobs.close();
            throw new HeadwaterException(
                    "Port " + config.port() + " of " + config.host()
                            + " can't be had: choose another one, or 0 for any that is free.",
                    e);
        }
        access.listensOn(app.port());
        URI address = URI.create("http://" + visible(config.host()) + ":" + app.port()
                + config.front().basePath() + "/"
                + access.token().map(token -> "?token=" + token).orElse(""));
        return new ExplorerServer(app, jobs, address);
    }

    /** What follows a semicolon the server below passes on as it came, and the routes would fail to decode it. */
    private static void requireReadablePath(Context ctx) {
        if (BROKEN_ESCAPE.matcher(ctx.req().getRequestURI()).find()) {
            throw new Refusal(400, "The address can't be read: two hexadecimal digits belong after each %.");
        }
    }

    /** Where to go with a browser, the token included where one is needed. */
    public URI address() {
        return address;
    }

    public int port() {
        return app.port();
    }

    /** Methods and paths that are answered, such as {@code GET /api/graphs/{name}}. */
    Set<String> routes() {
        return app.unsafe.internalRouter.allHttpHandlers().stream()
                .map(parsed -> parsed.endpoint)
                .filter(endpoint -> endpoint.method.isHttpMethod())
                .map(endpoint ->
                        endpoint.method + " " + endpoint.path.replace('<', '{').replace('>', '}'))
                .collect(Collectors.toCollection(TreeSet::new));
    }

    @Override
    public void close() {
        jobs.close();
        app.stop();
    }

    private static void quiet(JavalinConfig javalin) {
        javalin.startup.showJavalinBanner = false;
        javalin.startup.showOldJavalinVersionWarning = false;
        javalin.startup.startupWatcherEnabled = false;
        javalin.http.compressionStrategy =
                CompressionStrategy.NONE; // each answer knows best whether it is compressed already
        javalin.concurrency.useVirtualThreads = true; // a slow reader or a job's listener costs no platform thread
    }

    private static void listen(JavalinConfig javalin, ExplorerConfig config, Connections connections) {
        javalin.jetty.modifyHttpConfiguration(http -> {
            http.setUriCompliance(UriCompliance.DEFAULT); // no %2e, %2f, // or %00 in a path
            http.setSendServerVersion(false);
            http.setRequestHeaderSize(LARGEST_HEADER);
            if (!config.front().basePath().isEmpty()) {
                http.addCustomizer((request, _) -> below(config.front().basePath(), request));
            }
        });
        javalin.jetty.addConnector((server, http) -> {
            ServerConnector connector = new ServerConnector(server, 1, 1, new HttpConnectionFactory(http));
            connector.setHost(config.host());
            connector.setPort(config.port());
            connector.setIdleTimeout(IDLE_MILLIS);
            connector.addBean(connections);
            connector.addEventListener(new LifeCycle.Listener() {
                @Override
                public void lifeCycleStarted(LifeCycle event) {
                    connections.watch(connector.getScheduler());
                }
            });
            server.addBean(new NetworkConnectionLimit(MOST_CONNECTIONS, connector));
            return connector;
        });
    }

    /** The request as it is without the base path, where it comes with it. */
    private static Request below(String base, Request request) {
        HttpURI uri = request.getHttpURI();
        String path = uri.getPath() == null ? "" : uri.getPath();
        if (!path.equals(base) && !path.startsWith(base + "/")) {
            return request;
        }
        HttpURI inner = HttpURI.build(
                uri, path.equals(base) ? BASE : path.substring(base.length()), uri.getParam(), uri.getQuery());
        return new Request.Wrapper(request) {
            @Override
            public HttpURI getHttpURI() {
                return inner;
            }
        };
    }

    private static void answerFailures(JavalinConfig javalin) {
        javalin.routes.exception(Refusal.class, (e, ctx) -> refuse(ctx, e.status(), e.getMessage()));
        javalin.routes.exception(StaleVersion.class, (e, ctx) -> {
            ctx.status(412);
            Map<String, Object> answer = new LinkedHashMap<>();
            answer.put("error", e.getMessage());
            answer.put("version", e.version());
            answer.put("annotations", e.qParams());
            Json.reply(ctx, answer);
        });
        javalin.routes.exception(UsageException.class, (e, ctx) -> refuse(ctx, 400, e.getMessage()));
        javalin.routes.exception(HeadwaterException.class, (e, ctx) -> refuse(ctx, 500, e.getMessage()));
        javalin.routes.exception(
                io.javalin.http.HttpResponseException.class,
                (e, ctx) -> refuse(ctx, e.getStatus(), "There is nothing at this address."));
        javalin.routes.exception(
                Exception.class,
                (e, ctx) -> refuse(
                        ctx,
                        500,
                        "Something went wrong inside the explorer: "
                                + e.getClass().getSimpleName() + "."));
    }

    private static void refuse(Context ctx, int status, String sentence) {
        ctx.status(status);
        Json.reply(ctx, Map.of("error", sentence));
    }

    private static String visible(String host) {
        try {
            InetAddress given = InetAddress.getByName(host);
            if (given.isAnyLocalAddress()) {
                return InetAddress.getLocalHost().getHostAddress();
            }
        } catch (java.net.UnknownHostException e) {
            // the name as it was given
        }
        return host.indexOf(':') >= 0 ? "[" + host + "]" : host;
    }
}
