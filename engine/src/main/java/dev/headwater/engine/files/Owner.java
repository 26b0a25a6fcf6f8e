package dev.headwater.engine.files;

import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The process that holds a lock or writes a temporary file, as other processes can tell whether it still runs.
 *
 * @param machine the machine's name and its space of process numbers (a container has its own), hashed to eight hex digits
 * @param pid     number of the process
 * @param start   when it began, seconds since 1970, 0 if unknown: numbers are given out again
 */
public record Owner(String machine, long pid, long start) {
    private static final Pattern TEXT = Pattern.compile("([0-9a-f]{8})-(\\d{1,18})-([0-9a-f]{1,12})");
    /** The system computes a process's start from its clock, which is set now and then. */
    private static final long CLOCK_SECONDS = 10;

    public static final Owner SELF =
            new Owner(thisMachine(), ProcessHandle.current().pid(), start(ProcessHandle.current()));

    private static String thisMachine() {
        String space;
        try {
            space = Files.readSymbolicLink(Path.of("/proc/self/ns/pid")).toString();
        } catch (IOException | UnsupportedOperationException e) {
            space = "";
        }
        String name;
        try {
            name = InetAddress.getLocalHost().getHostName();
        } catch (IOException e) {
            name = "";
        }
        return "%08x".formatted((name + ' ' + space).hashCode());
    }

    private static long start(ProcessHandle process) {
        return process.info().startInstant().map(Instant::getEpochSecond).orElse(0L);
    }

    /** The owner that {@link #toString} names; empty if the text is of another form. */
    public static Optional<Owner> parse(String text) {
        Matcher matcher = TEXT.matcher(text);
        return matcher.matches()
                ? Optional.of(new Owner(
                        matcher.group(1), Long.parseLong(matcher.group(2)), Long.parseLong(matcher.group(3), 16)))
                : Optional.empty();
    }

    /** Whether this process is known to have ended; of processes on other machines nothing is known. */
    public boolean isGone() {
        return machine.equals(SELF.machine)
                && ProcessHandle.of(pid)
                        .filter(ProcessHandle::isAlive)
                        .filter(process -> {
                            long began = start(process);
                            return began == 0 || start == 0 || Math.abs(began - start) <= CLOCK_SECONDS;
                        })
                        .isEmpty();
    }

    /** {@code machine-pid-start}, the last in hex. */
    @Override
    public String toString() {
        return machine + "-" + pid + "-" + Long.toHexString(start);
    }
}
