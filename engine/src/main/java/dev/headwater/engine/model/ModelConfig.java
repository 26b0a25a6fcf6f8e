package dev.headwater.engine.model;

import dev.headwater.engine.HeadwaterException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a language model is made of, in the terms that the forward pass follows.
 *
 * @param architecture    as Hugging Face names it, "LlamaForCausalLM"
 * @param width           d, of the residual stream
 * @param maxPositions    longest prompt
 * @param norms           which norms a layer has
 * @param parallel        whether the MLP reads what attention reads, and not what attention has added to (GPT-NeoX)
 * @param embeddingScale  factor on token embeddings, 1 but for Gemma and Granite
 * @param residualScale   factor on what attention and MLP add to the stream, 1 but for Granite
 * @param logitsScaling   what logits are divided by, 1 but for Granite
 * @param learnedPositions whether position embeddings are added to the token embeddings (GPT-2)
 * @param finalSoftcap    c in c·tanh(logit / c); 0 for none
 * @param tied            whether the unembedding is the embedding
 */
public record ModelConfig(
        String architecture,
        int layers,
        int width,
        int vocab,
        int maxPositions,
        Attention attention,
        Mlp mlp,
        Norm norm,
        Norms norms,
        boolean parallel,
        double embeddingScale,
        double residualScale,
        double logitsScaling,
        boolean learnedPositions,
        double finalSoftcap,
        boolean tied) {
    /** Attention heads of each layer. */
    public int heads() {
        return attention.heads();
    }

    /** Where a layer normalises. */
    public enum Norms {
        /** What attention and MLP read. */
        BEFORE,
        /** What they add to the residual stream (OLMo 2). */
        AFTER,
        /** Both (Gemma 2 and 3). */
        AROUND
    }

    /** What normalises queries and keys. */
    public enum QkNorm {
        NONE,
        /** Each head for itself. */
        EACH_HEAD,
        /** All heads of a position together (OLMo 2). */
        ALL_HEADS
    }

    /** Numbers in all weights that the forward pass uses. */
    public long parameters() {
        long inputs = (long) width * (vocab * (tied ? 1L : 2L) + (learnedPositions ? maxPositions : 0));
        return inputs
                + layers
                        * (attention.parameters(width)
                                + mlp.parameters(width)
                                + (norms == Norms.AROUND ? 4 : 2) * norm.parameters(width))
                + norm.parameters(width);
    }

    /**
     * @param scale      factor on query-key products
     * @param softcap    c in c·tanh(score / c); 0 for none
     * @param qkNorm     an RMSNorm on queries and keys
     * @param qkvBias    whether the query, key and value projections have biases
     * @param outputBias whether the output projection has one
     * @param sinks      whether each head's softmax has one more slot, which takes probability and gives nothing
     * @param layers     what differs between layers
     */
    public record Attention(
            int heads,
            int kvHeads,
            int headDim,
            double scale,
            double softcap,
            QkNorm qkNorm,
            boolean qkvBias,
            boolean outputBias,
            boolean sinks,
            List<Reach> layers) {
        public Attention {
            layers = List.copyOf(layers);
        }

        /** Of one layer. */
        long parameters(long width) {
            long queries = (long) heads * headDim;
            long keysAndValues = 2L * kvHeads * headDim;
            return (2 * queries + keysAndValues) * width
                    + (qkvBias ? queries + keysAndValues : 0)
                    + (outputBias ? width : 0)
                    + switch (qkNorm) {
                        case NONE -> 0;
                        case EACH_HEAD -> 2L * headDim;
                        case ALL_HEADS -> queries + keysAndValues / 2;
                    }
                    + (sinks ? heads : 0);
        }

        /** Query heads that share a key and value head. */
        public int group() {
            return heads / kvHeads;
        }
    }

    /**
     * How far a layer's attention sees.
     *
     * @param window positions a query sees, its own included; 0 for all before it
     * @param rope   null where positions are learned, or the layer knows none (SmolLM3)
     */
    public record Reach(int window, @Nullable Rope rope) {}

    /** What the feed-forward block of a layer is: its sizes, not its weights. */
    public sealed interface Mlp {
        /** Numbers in the weights of one layer's. */
        long parameters(long modelWidth);
    }

    /** down(activation(gate(x)) · up(x)). */
    public record Gated(int width, Activation activation, boolean bias) implements Mlp {
        @Override
        public long parameters(long modelWidth) {
            return 3L * width * modelWidth + (bias ? 2L * width + modelWidth : 0);
        }
    }

    /** out(activation(in(x))), with biases. */
    public record Plain(int width, Activation activation) implements Mlp {
        @Override
        public long parameters(long modelWidth) {
            return 2L * width * modelWidth + width + modelWidth;
        }
    }

    /**
     * Each position passes {@code chosen} of {@code count} gated MLPs.
     *
     * @param limit        bound on gates and inner activations, to which one is then added (GPT-OSS); 0 for neither
     * @param renormalised whether the chosen experts' weights add up to one
     * @param bias         of the router and of the experts
     */
    public record Experts(
            int width, int count, int chosen, Activation activation, double limit, boolean renormalised, boolean bias)
            implements Mlp {
        @Override
        public long parameters(long modelWidth) {
            return count * (3L * width * modelWidth + modelWidth + (bias ? 2L * width + modelWidth + 1 : 0));
        }
    }

    /**
     * @param centres LayerNorm, which subtracts the mean and has biases; else RMSNorm
     */
    public record Norm(boolean centres, double epsilon) {
        long parameters(long modelWidth) {
            return centres ? 2 * modelWidth : modelWidth;
        }
    }

    /**
     * Reads {@code config.json} of a model directory, or the metadata of a GGUF file.
     *
     * @throws HeadwaterException if it is missing, of an unknown architecture, or says something impossible; the
     *      message
     *     names the key
     */
    public static ModelConfig read(Path model) {
        return ModelFiles.configuration(model);
    }
}
