package dev.headwater.engine.intervention;

import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.files.ErrorText;
import dev.headwater.engine.model.ModelConfig;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A change of where an attention head looks. It holds whether patterns are frozen otherwise or not. */
public sealed interface HeadEdit {
    Pattern FORCE = Pattern.compile("(\\d{1,9})/(\\d{1,9})/(-?\\d{1,9})/(-?\\d{1,9})=(.{1,40})");

    /** {@return layer of the head, from 0} */
    int layer();

    /** {@return the query head in its layer, from 0} */
    int head();

    /** The head looks nowhere and writes nothing, on generated tokens too. */
    record KnockOut(int layer, int head) implements HeadEdit {}

    /**
     * From {@code query} the head looks at {@code key} with this probability, as if its score there were another: the rest of its
     * probability keeps its proportions. On the prompt only.
     *
     * @param query negative from the end
     * @param key   negative from the end
     */
    record Force(int layer, int head, int query, int key, float probability) implements HeadEdit {
        public Force {
            if (!(probability >= 0 && probability <= 1)) {
                throw new UsageException("attention is a probability from 0 to 1, not " + probability);
            }
        }
    }

    /**
     * Reads {@code LAYER/HEAD}.
     *
     * @throws UsageException if the text is not of this form
     */
    static KnockOut knockOut(String text) {
        if (!text.matches("\\d{1,9}/\\d{1,9}")) {
            throw new UsageException("'" + ErrorText.of(text) + "' is not a head; write LAYER/HEAD, as in 3/5");
        }
        int slash = text.indexOf('/');
        return new KnockOut(Integer.parseInt(text.substring(0, slash)), Integer.parseInt(text.substring(slash + 1)));
    }

    /**
     * Reads {@code LAYER/HEAD/QUERY/KEY=PROBABILITY}.
     *
     * @throws UsageException if the text is not of this form
     */
    static Force force(String text) {
        Matcher parts = FORCE.matcher(text);
        if (parts.matches()) {
            try {
                return new Force(
                        Integer.parseInt(parts.group(1)),
                        Integer.parseInt(parts.group(2)),
                        Integer.parseInt(parts.group(3)),
                        Integer.parseInt(parts.group(4)),
                        Float.parseFloat(parts.group(5)));
            } catch (NumberFormatException e) {
                // said below
            }
        }
        throw new UsageException("'" + ErrorText.of(text)
                + "' is no attention to force; write LAYER/HEAD/QUERY/KEY=PROBABILITY, as in 3/5/-1/9=0");
    }

    /** @throws UsageException if the head or a position does not exist, or the key comes after the query */
    default void check(ModelConfig config, int positions) {
        String name = "Head " + layer() + "/" + head();
        if (layer() >= config.layers()) {
            throw new UsageException("%s: there is no layer %d; the model's layers are 0 to %d"
                    .formatted(name, layer(), config.layers() - 1));
        }
        if (head() >= config.attention().heads()) {
            throw new UsageException("%s: there is no head %d; those of a layer are 0 to %d"
                    .formatted(name, head(), config.attention().heads() - 1));
        }
        if (this instanceof Force force) {
            int query = fromStart(force.query, positions);
            int key = fromStart(force.key, positions);
            for (int position : new int[] {query, key}) {
                if (position < 0 || position >= positions) {
                    throw new UsageException("%s: there is no position %d; the prompt's are 0 to %d"
                            .formatted(name, position, positions - 1));
                }
            }
            if (key > query) {
                throw new UsageException(
                        "%s: the key at %d comes after the query at %d; a head sees its own position and those before it"
                                .formatted(name, key, query));
            }
        }
    }

    /** Changes probabilities [heads, positions, positions] of some heads from {@code firstHead} on, in place. */
    default void apply(Tensor probabilities, int firstHead) {
        Tensor own = TorchShape.select(probabilities, 0, head() - firstHead);
        switch (this) {
            case KnockOut _ -> Torch.zeroInPlace(own);
            case Force force -> {
                int positions = (int) own.size(0);
                Tensor row = TorchShape.select(own, 0, fromStart(force.query, positions));
                float[] values = row.toFloats();
                int key = fromStart(force.key, positions);
                double others = values[key] < 1 ? (1.0 - force.probability) / (1.0 - values[key]) : 0;
                for (int i = 0; i < values.length; i++) {
                    values[i] = (float) (values[i] * others);
                }
                values[key] = force.probability;
                Torch.copy(row, Torch.to(Tensor.ofFloats(values, values.length), probabilities.device()));
            }
        }
    }

    private static int fromStart(int position, int positions) {
        return position < 0 ? position + positions : position;
    }
}
