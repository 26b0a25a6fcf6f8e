package dev.headwater.engine.transcoder;

import dev.headwater.bindings.Device;
import dev.headwater.engine.MemoryBudget;
import dev.headwater.engine.MemoryBudget.Place;
import java.util.Arrays;
import java.util.Locale;

/**
 * What of a transcoder set stays on a GPU from prompt to prompt, decided from sizes before anything is loaded: encoders first, since every
 * prompt reads all of them, then decoders, of which it reads the active features' rows. Layer by layer as far as they fit; the others
 * are streamed: encoders in tiles, of decoders the rows that are needed. Work keeps a third of the memory, so that no set
 * crowds it out.
 *
 * @param room          bytes that may be taken, what is there already left out
 * @param work          of these, bytes that are left to work
 * @param encoderLayers layers, from the first on, whose encoders stay
 * @param encoderBytes  of these
 * @param decoderLayers layers, from the first on, whose decoders stay
 * @param decoderBytes  of these
 * @param layers        of the set; 0 if there is nothing that could stay
 * @param streamedBytes of encoders that cross the bus for each prompt
 */
public record Residency(
        long room,
        long work,
        int encoderLayers,
        long encoderBytes,
        int decoderLayers,
        long decoderBytes,
        int layers,
        long streamedBytes) {
    /** Of what may be taken, work keeps one part in so many. */
    private static final int WORK = 3;

    /** Nothing stays, as on the CPU, where weights are used in the files that they are mapped from. */
    public static final Residency NONE = new Residency(0, 0, 0, 0, 0, 0, 0, 0);

    /**
     * Decides.
     *
     * @param room     bytes of the GPU's memory that may be taken, the model's weights already taken off
     * @param encoders bytes of each layer's encoder, in the type of its file
     * @param decoders the same of its decoder
     */
    public static Residency of(long room, long[] encoders, long[] decoders) {
        long work = Math.max(0, room) / WORK;
        long left = Math.max(0, room) - work;
        int encoderLayers = fitting(left, encoders);
        long encoderBytes = sum(encoders, encoderLayers);
        int decoderLayers = fitting(left - encoderBytes, decoders);
        return new Residency(
                room,
                room - encoderBytes - sum(decoders, decoderLayers),
                encoderLayers,
                encoderBytes,
                decoderLayers,
                sum(decoders, decoderLayers),
                encoders.length,
                sum(encoders, encoders.length) - encoderBytes);
    }

    /**
     * Decides for a set that is not here: its files' length tells whether numbers take two bytes or four.
     *
     * @param layers of the model
     * @param width  of its residual stream
     * @param files  bytes, not above 0 if that is not known
     */
    public static Residency of(long room, SetOutline set, int layers, int width, long files) {
        boolean cross = set.kind() == TranscoderConfig.Kind.CROSS_LAYER;
        long matrix = (long) set.features() * width;
        long numbers = matrix * layers * (cross ? layers + 3 : 4) / 2;
        long size = files > 0 && files < 3 * numbers ? Short.BYTES : Float.BYTES;
        long[] encoders = new long[layers];
        long[] decoders = new long[layers];
        Arrays.fill(encoders, matrix * size);
        Arrays.setAll(decoders, layer -> matrix * size * (cross ? layers - layer : 1));
        return of(room, encoders, decoders);
    }

    /** Bytes of a GPU's memory from which a model's set stays whole: what is kept, half as much to work, and of all a quarter for others. */
    public long wholeFrom(long weights) {
        return (weights + (bytes() + streamedBytes) * 3 / 2) * 4 / 3;
    }

    /** Decides for a set that was just opened, reserves the memory for as long as the budget is in use, and has the set keep to it. */
    public static Residency settle(FeatureBasis basis, Device device, MemoryBudget memory) {
        if (device.isCpu()) {
            return NONE;
        }
        Residency residency = basis.residency(memory.left(Place.DEVICE));
        MemoryBudget.Reservation _ = memory.reserve("transcoders", Place.DEVICE, residency.bytes());
        basis.keep(residency);
        return residency;
    }

    private static int fitting(long room, long[] bytes) {
        int count = 0;
        long taken = 0;
        while (count < bytes.length && taken + bytes[count] <= room) {
            taken += bytes[count++];
        }
        return count;
    }

    private static long sum(long[] bytes, int count) {
        return Arrays.stream(bytes, 0, count).sum();
    }

    /** {@return bytes that stay} */
    public long bytes() {
        return encoderBytes + decoderBytes;
    }

    /** In one sentence: "encoders of 26 layers stay (1.96 GB), decoders of 20 of 26 (1.51 GB)". */
    public String describe() {
        if (layers == 0) {
            return "nothing of the features' weights has to stay";
        }
        return "encoders " + part(encoderLayers, encoderBytes, "streamed for each prompt") + "; decoders "
                + part(decoderLayers, decoderBytes, "their active features' rows are sent");
    }

    private String part(int count, long bytes, String otherwise) {
        if (count == 0) {
            return "do not fit: " + otherwise;
        }
        String amount = bytes < 1e9
                ? String.format(Locale.ROOT, "%.1f MB", bytes / 1e6)
                : String.format(Locale.ROOT, "%.2f GB", bytes / 1e9);
        return count == layers
                ? "of all " + layers + " layers stay (" + amount + ")"
                : "of " + count + " of " + layers + " layers stay (" + amount + "), of the others " + otherwise;
    }
}
