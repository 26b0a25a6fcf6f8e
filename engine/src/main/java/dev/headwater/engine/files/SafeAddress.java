package dev.headwater.engine.files;

import dev.headwater.engine.UsageException;
import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;

/** Addresses of services that a person names, and the keys that go there. */
public final class SafeAddress {
    private static final int LONGEST_KEY = 500;

    private SafeAddress() {}

    /**
     * Fails unless what is sent there is encrypted, or stays on this machine.
     *
     * @param what the address in a sentence
     * @throws UsageException if it is another or no address
     */
    public static void require(URI address, String what) {
        requireWeb(address, what);
        if (!"https".equalsIgnoreCase(address.getScheme()) && !isThisMachine(address.getHost())) {
            throw new UsageException(what + " is not encrypted; use https");
        }
    }

    /** Fails unless it is an address of http or https, without a name or a password in it. */
    public static void requireWeb(URI address, String what) {
        boolean web = "http".equalsIgnoreCase(address.getScheme()) || "https".equalsIgnoreCase(address.getScheme());
        if (!web || address.getHost() == null || address.getUserInfo() != null) {
            throw new UsageException(what + " is not an https address");
        }
    }

    /** Without a look-up, whose answer could change. */
    public static boolean isThisMachine(String host) {
        try {
            return host.equalsIgnoreCase("localhost")
                    || host.matches("[0-9.]+|\\[[0-9a-fA-F:.]+]")
                            && InetAddress.getByName(host).isLoopbackAddress();
        } catch (UnknownHostException _) {
            return false;
        }
    }

    /**
     * Fails unless a key can be sent; the sentence does not quote it, as the HTTP client's would.
     *
     * @param what the key in a sentence
     */
    public static void requireKey(String key, String what) {
        if (key.isEmpty() || key.length() > LONGEST_KEY || !key.chars().allMatch(c -> c > ' ' && c < 0x7f)) {
            throw new UsageException("%s is not one: it has to be 1 to %d printable characters without spaces"
                    .formatted(what, LONGEST_KEY));
        }
    }
}
