package dev.headwater.engine.features;

import java.util.Comparator;
import java.util.List;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/**
 * How a feature is connected with another one whatever the prompt, straight along the residual stream ("Global weights" in Ameisen et al.,
 * Circuit Tracing, 2025). For source s with activation a_s, target t with activation a_t, both at one position, and expectations over the
 * positions of a text:
 *
 * <ul>
 *   <li>weight: the virtual weight V, s's decoder vectors at the layers below t's times t's encoder vector;
 *   <li>ERA, expected residual attribution: E[1(a_t &gt; 0) · a_s] · V′;
 *   <li>TWERA, target-weighted expected residual attribution: E[a_t · a_s] / E[a_t] · V′.
 * </ul>
 *
 * <p>V has the norms' gains folded in and leaves out their denominators; V′ has the means of their reciprocals over the text, so that ERA and
 * TWERA have the unit of an edge of a graph: what s adds to t's pre-activation.
 *
 * @param layer   of the feature at the other end
 * @param feature its number there
 * @param weight  V
 * @param era     null where there are no statistics of a text, or the two were not active together often enough to be kept
 * @param twera   null together with that
 */
public record Connection(
        int layer,
        int feature,
        double weight,
        @Nullable Double era,
        @Nullable Double twera) {
    /** What connections are ordered by: the larger its absolute value, the stronger the connection. */
    public enum By {
        /** The virtual weight, much of which is interference: features that never fire together have one too. */
        WEIGHT(Connection::weight),
        /** Expected residual attribution. */
        ERA(connection -> connection.era == null ? 0 : connection.era),
        /** Target-weighted expected residual attribution. */
        TWERA(connection -> connection.twera == null ? 0 : connection.twera);

        private final ToDoubleFunction<Connection> value;

        By(ToDoubleFunction<Connection> value) {
            this.value = value;
        }

        /** {@return the number that this order looks at, 0 if there is none} */
        public double of(Connection connection) {
            return value.applyAsDouble(connection);
        }
    }

    /** The strongest of some connections, strongest first; equally strong ones by layer and number. */
    static List<Connection> strongest(List<Connection> all, By by, int most) {
        return all.stream()
                .sorted(Comparator.<Connection>comparingDouble(one -> -Math.abs(by.of(one)))
                        .thenComparingInt(Connection::layer)
                        .thenComparingInt(Connection::feature))
                .limit(most)
                .toList();
    }
}
