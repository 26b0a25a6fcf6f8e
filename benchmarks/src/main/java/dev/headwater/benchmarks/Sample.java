package dev.headwater.benchmarks;

import java.util.Arrays;
import java.util.Collection;
import java.util.Locale;

/** Repeated measurements of one quantity, ascending. */
record Sample(double[] sorted) {
    static Sample of(Collection<Double> values) {
        return new Sample(
                values.stream().mapToDouble(Double::doubleValue).sorted().toArray());
    }

    double median() {
        int n = sorted.length;
        return n == 0 ? Double.NaN : (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
    }

    double min() {
        return sorted[0];
    }

    /**
     * The median with the least and the greatest, as in {@code 3.21 (3.15 to 3.40)}; {@code format} for each number.
     */
    String spread(String format) {
        String median = number(format, median());
        return sorted.length < 2
                ? median
                : median + " (" + number(format, sorted[0]) + " to " + number(format, sorted[sorted.length - 1]) + ")";
    }

    /** Slope of a straight line through the points in logarithms: the exponent of growth. */
    static double exponent(double[] x, double[] y) {
        double meanX = Arrays.stream(x).map(Math::log).average().orElse(0);
        double meanY = Arrays.stream(y).map(Math::log).average().orElse(0);
        double covariance = 0;
        double variance = 0;
        for (int i = 0; i < x.length; i++) {
            covariance += (Math.log(x[i]) - meanX) * (Math.log(y[i]) - meanY);
            variance += (Math.log(x[i]) - meanX) * (Math.log(x[i]) - meanX);
        }
        return covariance / variance;
    }

    private static String number(String format, double value) {
        return String.format(Locale.ROOT, format, value);
    }
}
