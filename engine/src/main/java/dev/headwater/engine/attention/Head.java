package dev.headwater.engine.attention;

import dev.headwater.engine.UsageException;
import dev.headwater.engine.model.ModelConfig;

/** An attention head; both numbers count from 0. */
public record Head(int layer, int head) {
    /**
     * Reads {@code LAYER/HEAD}, {@code 5/2} for instance.
     *
     * @throws UsageException if the text is not of this form
     */
    public static Head of(String text) {
        if (!text.matches("\\d{1,9}/\\d{1,9}")) {
            throw new UsageException("'" + text + "' is not a head; write LAYER/HEAD, as in 5/2");
        }
        int slash = text.indexOf('/');
        return new Head(Integer.parseInt(text.substring(0, slash)), Integer.parseInt(text.substring(slash + 1)));
    }

    /** @throws UsageException if the model has no such head */
    public void check(ModelConfig config) {
        if (layer < 0 || layer >= config.layers()) {
            throw new UsageException("Head %s: there is no layer %d; the model's layers are 0 to %d"
                    .formatted(this, layer, config.layers() - 1));
        }
        if (head < 0 || head >= config.attention().heads()) {
            throw new UsageException("Head %s: there is no head %d; those of a layer are 0 to %d"
                    .formatted(this, head, config.attention().heads() - 1));
        }
    }

    /** {@code LAYER/HEAD}. */
    @Override
    public String toString() {
        return layer + "/" + head;
    }
}
