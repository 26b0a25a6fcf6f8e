package dev.headwater.engine.attribution;

import dev.headwater.engine.UsageException;
import java.util.Locale;

/** How the features of a graph are chosen, where more are active than it may have. */
public enum Rank {
    /**
     * By their influence, in rounds: each round computes the rows of the most influential features so far (reference section 2.7).
     */
    INFLUENCE,
    /**
     * By their total effects on the targets over all paths, summed with the targets' probabilities: one pass down the linear model,
     * features included, tells those of all.
     */
    TOTAL;

    /**
     * @param name as {@link #toString} says it
     * @param of   what the user gave it under
     */
    public static Rank of(String name, String of) {
        for (Rank rank : values()) {
            if (rank.toString().equals(name)) {
                return rank;
            }
        }
        throw new UsageException(of + " is '" + name + "'; it can be influence or total");
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
