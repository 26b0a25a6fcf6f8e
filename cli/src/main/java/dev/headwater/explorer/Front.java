package dev.headwater.explorer;

import dev.headwater.engine.UsageException;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;

/**
 * How the explorer is seen from outside, where it stands behind another server or in another's page. All is off by
 * default.
 *
 * @param basePath  path below which the page's addresses lie, such as {@code /user/me/proxy/8041}, or empty. Both
 *      kinds of
 *     proxies will do: those that pass it on and those that take it away
 * @param hosts     names, with their ports if they are not the usual ones, under which others reach it; over http or
 *      https
 * @param ancestors pages that may show it in a frame: {@code self}, or {@code https://host[:port]}
 */
public record Front(String basePath, List<String> hosts, List<String> ancestors) {
    private static final Pattern PATH = Pattern.compile("(/[A-Za-z0-9._~@%-]+)*");
    private static final Pattern HOST =
            Pattern.compile("([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\\.?)+(:\\d{1,5})?|\\[[0-9A-Fa-f:.]+](:\\d{1,5})?");
    private static final Pattern PAGE = Pattern.compile("https?://(\\*\\.)?[A-Za-z0-9.-]+(:(\\d{1,5}|\\*))?");

    /** Seen as it is. After the patterns, which it is checked by. */
    public static final Front NONE = new Front("", List.of(), List.of());

    /** @throws UsageException if one of them can't be what it should */
    public Front {
        basePath = basePath.strip().replaceAll("/+$", "");
        if (!basePath.isEmpty() && !basePath.startsWith("/")) {
            basePath = "/" + basePath;
        }
        if (!PATH.matcher(basePath).matches() || basePath.matches(".*/\\.{1,2}(/.*)?")) {
            throw new UsageException(
                    "\"" + basePath + "\" is not a path to serve below: write it as /user/me/proxy/8041");
        }
        hosts = hosts.stream()
                .map(host -> host.strip().toLowerCase(Locale.ROOT))
                .toList();
        for (String host : hosts) {
            if (!HOST.matcher(host).matches()) {
                throw new UsageException("\"" + host + "\" is not a host: write a name or name:port, without https://");
            }
        }
        ancestors = ancestors.stream().map(String::strip).toList();
        for (String page : ancestors) {
            if (!page.equals("self") && !PAGE.matcher(page).matches()) {
                throw new UsageException("\"" + page
                        + "\" can't name pages that show the explorer in a frame: write self or https://host[:port]");
            }
        }
    }

    /** For a Content-Security-Policy. */
    String frameAncestors() {
        return ancestors.isEmpty()
                ? "'none'"
                : String.join(
                        " ",
                        ancestors.stream()
                                .map(page -> page.equals("self") ? "'self'" : page)
                                .toList());
    }
}
