package dev.headwater.engine.circuit;

import com.fasterxml.jackson.annotation.JsonProperty;

/**
 * Count, mean and spread of numbers that come one by one or in parts, with the update of Chan, Golub and LeVeque (1979): for parts a and
 * b with d = mean(b) − mean(a), the mean is mean(a) + d·n(b)/n and the sum of squares S(a) + S(b) + d²·n(a)·n(b)/n. Parts in any order
 * and grouping give the same up to rounding.
 *
 * @param squares sum of the squared distances from the mean
 */
public record Moments(long count, double mean, double squares) {
    /** Of no numbers. */
    static final Moments NONE = new Moments(0, 0, 0);

    Moments and(double value) {
        return and(new Moments(1, value, 0));
    }

    Moments and(Moments other) {
        if (count == 0 || other.count == 0) {
            return count == 0 ? other : this;
        }
        long all = count + other.count;
        double distance = other.mean - mean;
        return new Moments(
                all,
                mean + distance * other.count / all,
                squares + other.squares + distance * distance * ((double) count * other.count / all));
    }

    /** The sample's standard deviation, sqrt(squares / (count − 1)); 0 of fewer than two numbers. */
    @JsonProperty
    public double deviation() {
        return count < 2 ? 0 : Math.sqrt(squares / (count - 1));
    }
}
