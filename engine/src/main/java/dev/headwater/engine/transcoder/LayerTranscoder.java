package dev.headwater.engine.transcoder;

import java.util.Optional;

/**
 * One layer of a set: its matrices on disk, its vectors in memory.
 *
 * @param encoder     [F, d]
 * @param encoderBias [F]
 * @param decoder     [F, targets·d]: what a feature writes to this layer and, in a cross-layer set, to each later one
 * @param decoderBias [d]
 * @param skip        [d, d], S in x · S; empty if there is none
 * @param centred     whether features read the input less decoderBias
 */
record LayerTranscoder(
        WeightMatrix encoder,
        float[] encoderBias,
        Activation activation,
        WeightMatrix decoder,
        float[] decoderBias,
        Optional<WeightMatrix> skip,
        boolean centred) {
    int features() {
        return encoderBias.length;
    }

    int width() {
        return decoderBias.length;
    }

    /** Layers that features write to, the own one first. */
    int targets() {
        return Math.toIntExact(decoder.columns() / width());
    }

    /** The part of the decoder by which features of layer {@code from} write to layer {@code to}. */
    WeightMatrix decoder(int from, int to) {
        if (to < from || to - from >= targets()) {
            throw new IllegalArgumentException("features of layer %d write to layers %d to %d, not to %d"
                    .formatted(from, from, from + targets() - 1, to));
        }
        return decoder.columns((long) (to - from) * width(), width());
    }
}
