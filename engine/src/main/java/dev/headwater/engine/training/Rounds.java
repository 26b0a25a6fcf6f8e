package dev.headwater.engine.training;

/**
 * How windows become rounds, and how far an optimiser goes in each.
 *
 * @param slots  of the buffer
 * @param chunk  windows of a slot
 * @param chunks of the text
 */
record Rounds(int slots, int chunk, int chunks) {
    /** Steps until the rate is whole. */
    private static final int WARM_UP = 30;
    /** Share of the budget from which on the rate falls. */
    private static final double FALL = 0.3;
    /** What the rate falls to, as a share. */
    private static final double LAST = 0.02;

    static Rounds of(TrainingOptions options, int windows, int length) {
        int slots = Math.min(options.settings().visits(), windows);
        int chunk = Math.clamp(options.settings().buffer() / slots / length, 1, windows / slots);
        return new Rounds(slots, chunk, windows / chunk);
    }

    /** The chunk that a slot holds while a round is at work; without an end the text comes again. */
    int inSlot(int slot, int round, boolean endless) {
        int last = endless ? slots - 1 + round : Math.min(chunks - 1, slots - 1 + round);
        return last - Math.floorMod(last - slot, slots);
    }

    /** The share of its rate that the optimiser has at a step, when a share of the budget is spent. */
    static double rate(long step, double share) {
        double warm = Math.min(1, (step + 1.0) / WARM_UP);
        double fall = share < FALL ? 1 : 1 - (1 - LAST) * (share - FALL) / (1 - FALL);
        return warm * fall;
    }
}
