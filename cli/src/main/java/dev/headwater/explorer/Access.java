package dev.headwater.explorer;

import io.javalin.http.Context;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/**
 * Decides who may speak to the server, before any request is looked at.
 *
 * <p>On the loopback interface everybody on this computer may, but no web page of another site: the {@code Host} header
 * must name this computer (DNS rebinding), {@code Origin} and {@code Sec-Fetch-Site} must be our own. On other
 * interfaces a token is asked for as well: once in the address, afterwards it is a cookie.
 */
final class Access {
    private static final String CONTENT_POLICY =
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
                    + "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors ";

    private final Front front;
    private final boolean everywhere;
    private final Set<String> hosts;
    private final Optional<String> token;
    private final String session = secret();
    private String cookie = "headwater";

    /** @param host the interface to listen on: a name or an address */
    Access(String host, Front front) {
        this.front = front;
        InetAddress address;
        try {
            address = InetAddress.getByName(host);
        } catch (UnknownHostException e) {
            throw new dev.headwater.engine.UsageException("The host \"" + host
                    + "\" is not known here: give an address of this computer, such as 127.0.0.1 or 0.0.0.0.");
        }
        everywhere = address.isAnyLocalAddress();
        token = address.isLoopbackAddress() ? Optional.empty() : Optional.of(secret());
        hosts = Set.of(
                "localhost",
                "127.0.0.1",
                "[::1]",
                address.isLoopbackAddress() ? "localhost." : bracketed(host.toLowerCase(Locale.ROOT)));
    }

    /** What a first visit must bring, if anything. */
    Optional<String> token() {
        return token;
    }

    /** Cookies are shared by all ports of a host, so the port is in the name. */
    void listensOn(int port) {
        cookie = "headwater_" + port;
    }

    void check(Context ctx) {
        ctx.header("Content-Security-Policy", CONTENT_POLICY + front.frameAncestors());
        ctx.header("X-Content-Type-Options", "nosniff");
        ctx.header("Referrer-Policy", "no-referrer");
        ctx.header("Cross-Origin-Resource-Policy", "same-origin");
        ctx.header("Cross-Origin-Opener-Policy", "same-origin");
        if (front.ancestors().isEmpty()) {
            ctx.header("X-Frame-Options", "DENY");
        }

        String host = ctx.header("Host");
        if (host == null || !known(name(host)) && !isAllowed(host)) {
            throw new Refusal(
                    421,
                    "This server does not answer for that host name: use localhost or the address it was started with, "
                            + "or start it with --allow-host.");
        }
        String origin = ctx.header("Origin");
        if (origin != null && !origin.equalsIgnoreCase("http://" + host) && !isAllowedOrigin(origin)) {
            throw new Refusal(403, "Requests from pages of other sites are refused.");
        }
        String site = ctx.header("Sec-Fetch-Site");
        boolean followsLink = ctx.method() == io.javalin.http.HandlerType.GET
                && "navigate".equals(ctx.header("Sec-Fetch-Mode"))
                && ctx.path().equals("/");
        if (site != null && !site.equals("same-origin") && !site.equals("none") && !followsLink) {
            throw new Refusal(403, "Requests from pages of other sites are refused.");
        }
        if (token.isPresent()) {
            identify(ctx, token.get());
        }
    }

    private void identify(Context ctx, String expected) {
        String authorization = ctx.header("Authorization");
        if (same(session, ctx.cookie(cookie)) || authorization != null && same("Bearer " + expected, authorization)) {
            return;
        }
        if (!ctx.path().equals("/") || !same(expected, ctx.queryParam("token"))) {
            throw new Refusal(401, "A token is needed: open the address that Headwater printed when it started.");
        }
        ctx.header("Set-Cookie", cookie + "=" + session + "; Path=" + front.basePath() + "/; HttpOnly; SameSite=Lax");
        ctx.header("Cache-Control", "no-store");
        ctx.redirect(front.basePath() + "/", io.javalin.http.HttpStatus.SEE_OTHER);
    }

    private boolean known(String host) {
        // An address can't be rebound to another computer by a name server, so any will do where we listen on all of
        // them.
        return hosts.contains(host) || everywhere && (isAddress(host) || host.equals(ownName()));
    }

    /** With its port, or by its name alone if that was allowed. */
    private boolean isAllowed(String host) {
        return front.hosts().contains(host.toLowerCase(Locale.ROOT))
                || front.hosts().contains(name(host));
    }

    /** Behind a proxy the page has the proxy's address, whatever host the proxy names to us. */
    private boolean isAllowedOrigin(String origin) {
        String[] parts = origin.split("://", 2);
        return parts.length == 2 && parts[0].toLowerCase(Locale.ROOT).matches("https?") && isAllowed(parts[1]);
    }

    private static boolean isAddress(String host) {
        return host.startsWith("[") || host.matches("\\d{1,3}(\\.\\d{1,3}){3}");
    }

    private static String ownName() {
        try {
            return InetAddress.getLocalHost().getHostName().toLowerCase(Locale.ROOT);
        } catch (UnknownHostException e) {
            return "localhost";
        }
    }

    /** A Host header without its port. */
    private static String name(String host) {
        int colon = host.lastIndexOf(':');
        boolean port = colon >= 0 && host.indexOf(']', colon) < 0;
        return (port ? host.substring(0, colon) : host).toLowerCase(Locale.ROOT);
    }

    private static String bracketed(String host) {
        return host.indexOf(':') >= 0 && !host.startsWith("[") ? "[" + host + "]" : host;
    }

    private static boolean same(String expected, String given) {
        return given != null
                && MessageDigest.isEqual(
                        expected.getBytes(StandardCharsets.UTF_8), given.getBytes(StandardCharsets.UTF_8));
    }

    private static String secret() {
        byte[] bytes = new byte[24];
        new SecureRandom().nextBytes(bytes);
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }
}
