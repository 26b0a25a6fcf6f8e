package dev.headwater.engine;

import com.sun.management.OperatingSystemMXBean;
import dev.headwater.bindings.Cuda;
import dev.headwater.bindings.Device;
import java.lang.management.ManagementFactory;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * Bytes that work may take of the host's memory and of a device's, reserved part by part before they are allocated. On the
 * CPU both are the host's. Safe to use from several threads.
 */
public final class MemoryBudget {
    /** Of what a machine or a GPU has, this much may be taken; the rest is for others and for what is not counted. */
    private static final double SHARE = 0.75;

    /** Whose memory. */
    public enum Place {
        HOST,
        DEVICE
    }

    private final Pool host;
    private final Pool device;
    private final Map<String, Long> taken = new LinkedHashMap<>();
    private final Map<String, Long> peaks = new LinkedHashMap<>();

    /** Memory of one place: what may be taken, what is, and the most that was. */
    private static final class Pool {
        final String name;
        final long limit;
        long taken;
        long peak;

        Pool(String name, long limit) {
            this.name = name;
            this.limit = limit;
        }
    }

    private MemoryBudget(long hostLimit, long deviceLimit, Device on) {
        host = new Pool("this machine's memory", hostLimit);
        device = on.isCpu() ? host : new Pool("the memory of " + on, deviceLimit);
    }

    /** Three quarters of the machine's memory, and of what is free on a GPU. */
    public static MemoryBudget of(Device device) {
        long free = switch (device.type()) {
            case CPU -> 0;
            case CUDA -> Cuda.memory(device).free();
            case PRETENDED -> hostMemory() / 2;
        };
        return new MemoryBudget((long) (SHARE * hostMemory()), (long) (SHARE * free), device);
    }

    /** With given limits, in bytes; on the CPU the host's alone counts. */
    public static MemoryBudget of(Device device, long hostLimit, long deviceLimit) {
        if (hostLimit < 0 || deviceLimit < 0) {
            throw new IllegalArgumentException("a budget of " + hostLimit + " and " + deviceLimit + " bytes");
        }
        return new MemoryBudget(hostLimit, deviceLimit, device);
    }

    /** Bytes of memory that this machine has. */
    public static long hostMemory() {
        return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getTotalMemorySize();
    }

    private Pool pool(Place place) {
        return place == Place.HOST ? host : device;
    }

    /** Bytes for what can be made smaller at the price of time: a third of all, as far as they are left. */
    public synchronized long working(Place place) {
        Pool pool = pool(place);
        return Math.max(0, Math.min(pool.limit / 3, pool.limit - pool.taken));
    }

    /** Bytes that may still be reserved. */
    public synchronized long left(Place place) {
        return pool(place).limit - pool(place).taken;
    }

    /** The most bytes that were reserved at a time. */
    public synchronized long peak(Place place) {
        return pool(place).peak;
    }

    /** For each part the most bytes that it had reserved at a time, in the order in which they came. */
    public synchronized Map<String, Long> peaks() {
        return new LinkedHashMap<>(peaks);
    }

    /**
     * Reserves memory for a part of the work.
     *
     * @param part what it is for, "gradients"
     * @throws HeadwaterException if there is not so much left
     */
    public synchronized Reservation reserve(String part, Place place, long bytes) {
        Pool pool = pool(place);
        if (bytes > pool.limit - pool.taken) {
            throw new HeadwaterException(String.format(
                    Locale.ROOT,
                    "The %s need %.2f GB, but only %.2f GB are left of the %.2f GB that may be taken of %s%s; "
                            + "ask for fewer features, a shorter prompt or fewer prompts at a time",
                    part,
                    bytes / 1e9,
                    Math.max(0, pool.limit - pool.taken) / 1e9,
                    pool.limit / 1e9,
                    pool.name,
                    taken.isEmpty() ? "" : " (taken: " + String.join(", ", taken.keySet()) + ")"));
        }
        pool.taken += bytes;
        pool.peak = Math.max(pool.peak, pool.taken);
        long now = taken.merge(part, bytes, Long::sum);
        peaks.merge(part, now, Math::max);
        return new Reservation(part, pool, bytes);
    }

    private synchronized void giveBack(Reservation reservation) {
        if (!reservation.open) {
            return;
        }
        reservation.open = false;
        reservation.pool.taken -= reservation.bytes;
        taken.computeIfPresent(
                reservation.part, (part, bytes) -> bytes == reservation.bytes ? null : bytes - reservation.bytes);
    }

    /** Memory that was reserved, until it is closed. */
    public final class Reservation implements AutoCloseable {
        private final String part;
        private final Pool pool;
        private final long bytes;
        private boolean open = true;

        private Reservation(String part, Pool pool, long bytes) {
            this.part = part;
            this.pool = pool;
            this.bytes = bytes;
        }

        @Override
        public void close() {
            giveBack(this);
        }
    }
}
