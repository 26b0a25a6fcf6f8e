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

    /** The part of the decoder that writes to the own layer (0) or to one after it. */
    WeightMatrix decoder(int target) {
        return decoder.columns((long) target * width(), width());
    }
}
