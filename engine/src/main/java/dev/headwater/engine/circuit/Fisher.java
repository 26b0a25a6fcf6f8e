package dev.headwater.engine.circuit;

/** Fisher's exact test of a table of two rows and two columns. */
final class Fisher {
    /** Tables as probable as the observed one up to rounding count, as in R's fisher.test. */
    private static final double ROUNDING = 1e-7;

    private final double[] logFactorial;

    /** @param most of all counts together */
    Fisher(int most) {
        logFactorial = new double[most + 1];
        for (int i = 2; i <= most; i++) {
            logFactorial[i] = logFactorial[i - 1] + Math.log(i);
        }
    }

    /**
     * How probable a difference at least as large is if both have the same share: with the margins fixed, the sum of the hypergeometric
     * probabilities C(n, a)·C(m, b) / C(n + m, a + b) over all tables that are no more probable than this one (two-sided).
     *
     * @param a of {@code n}
     * @param b of {@code m}
     */
    double probability(int a, int n, int b, int m) {
        int both = a + b;
        double observed = log(a, n, both - a, m);
        double sum = 0;
        for (int i = Math.max(0, both - m); i <= Math.min(both, n); i++) {
            double other = log(i, n, both - i, m);
            if (other <= observed + ROUNDING) {
                sum += Math.exp(other);
            }
        }
        return Math.min(1, sum);
    }

    private double log(int a, int n, int b, int m) {
        return choose(n, a) + choose(m, b) - choose(n + m, a + b);
    }

    private double choose(int n, int k) {
        return logFactorial[n] - logFactorial[k] - logFactorial[n - k];
    }
}
