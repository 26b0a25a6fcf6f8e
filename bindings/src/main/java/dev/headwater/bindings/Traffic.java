package dev.headwater.bindings;

/**
 * What went between the host's memory and a device's on this thread, since it began: explicit copies, their bytes, and how often the
 * thread waited for the device. Both kinds of copies count that this package makes; what libtorch may copy inside an operator it does
 * not tell, and none of the operators in use does. On the CPU nothing is counted: there is nothing to copy.
 *
 * @param toDevice      copies from the host's memory to a device's
 * @param toDeviceBytes their bytes
 * @param toHost        copies back
 * @param toHostBytes   their bytes
 * @param waits         times that the thread waited for the device: for a copy that is not from page-locked memory, or a number
 */
public record Traffic(long toDevice, long toDeviceBytes, long toHost, long toHostBytes, long waits) {
    /** Of nothing. */
    public static final Traffic NONE = new Traffic(0, 0, 0, 0, 0);

    private static final ThreadLocal<long[]> COUNTS = ThreadLocal.withInitial(() -> new long[5]);

    /** This thread's, so far. */
    public static Traffic now() {
        long[] counts = COUNTS.get();
        return new Traffic(counts[0], counts[1], counts[2], counts[3], counts[4]);
    }

    /** What came after an earlier moment. */
    public Traffic since(Traffic earlier) {
        return new Traffic(
                toDevice - earlier.toDevice,
                toDeviceBytes - earlier.toDeviceBytes,
                toHost - earlier.toHost,
                toHostBytes - earlier.toHostBytes,
                waits - earlier.waits);
    }

    /** Both together. */
    public Traffic plus(Traffic other) {
        return new Traffic(
                toDevice + other.toDevice,
                toDeviceBytes + other.toDeviceBytes,
                toHost + other.toHost,
                toHostBytes + other.toHostBytes,
                waits + other.waits);
    }

    /** {@return copies in both directions} */
    public long copies() {
        return toDevice + toHost;
    }

    /** A copy; between two places of the same kind it does not count. */
    static void copied(Device from, Device to, long bytes, boolean waited) {
        if (from.isCpu() == to.isCpu()) {
            return;
        }
        long[] counts = COUNTS.get();
        int direction = from.isCpu() ? 0 : 2;
        counts[direction]++;
        counts[direction + 1] += bytes;
        counts[4] += waited ? 1 : 0;
    }

    /** The thread has waited for a device, without a copy of ours. */
    static void waited(Device device) {
        if (!device.isCpu()) {
            COUNTS.get()[4]++;
        }
    }
}
