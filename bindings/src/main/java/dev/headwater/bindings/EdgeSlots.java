package dev.headwater.bindings;

/**
 * Where the edges of each target go: those of the sources up to its position are the floats from {@code base[t]} on. Checked once,
 * when it is made, against the targets and sources that it is for.
 */
public final class EdgeSlots {
    private final Ragged ragged;
    private final Segments segments;
    private final IndexArray bases;
    private final long reach;

    private EdgeSlots(Ragged ragged, Segments segments, IndexArray bases, long reach) {
        this.ragged = ragged;
        this.segments = segments;
        this.bases = bases;
        this.reach = reach;
    }

    /**
     * Slots of these targets' edges with these sources. The array for the device belongs to the scope in which this was made.
     *
     * @param base the first slot of each target; no two targets' slots may overlap
     * @throws IllegalArgumentException if there are not as many as targets, one is negative, or a target's position has no segment
     */
    public static EdgeSlots of(Ragged ragged, Segments segments, long[] base) {
        Shipment alone = new Shipment(ragged.offsets().device());
        EdgeSlots slots = of(ragged, segments, alone.longs(base));
        alone.send();
        return slots;
    }

    /** The same of 64-bit numbers in a shipment, of use once it was sent. */
    public static EdgeSlots of(Ragged ragged, Segments segments, IndexArray base) {
        if (base.count() != ragged.targets() || ragged.positions() > segments.positions()) {
            throw new IllegalArgumentException(base.count() + " bases and " + segments.positions() + " segments for "
                    + ragged.targets() + " targets at " + ragged.positions() + " positions");
        }
        if (!ragged.offsets().device().equals(segments.starts().device())) {
            throw new IllegalArgumentException(
                    "targets are on " + ragged.offsets().device() + ", segments on "
                            + segments.starts().device());
        }
        long reach = 0;
        for (int t = 0; t < base.count(); t++) {
            long first = base.value(t);
            if (first < 0) {
                throw new IllegalArgumentException("target " + t + "'s first slot is " + first);
            }
            reach = Math.max(reach, Math.addExact(first, segments.upTo(ragged.position(t) + 1)));
        }
        return new EdgeSlots(ragged, segments, base, reach);
    }

    /** Floats that the output must have. */
    public long reach() {
        return reach;
    }

    Ragged ragged() {
        return ragged;
    }

    Segments segments() {
        return segments;
    }

    IndexArray bases() {
        return bases;
    }
}
