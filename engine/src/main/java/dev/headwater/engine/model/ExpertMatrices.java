package dev.headwater.engine.model;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.gguf.GgufFile;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.IntStream;

/** One matrix for each expert of a layer. */
sealed interface ExpertMatrices {
    /** [out, in], made in the caller's scope. */
    Tensor matrix(int expert);

    /** @param all [out, in] an expert */
    record Each(List<Tensor> all) implements ExpertMatrices {
        @Override
        public Tensor matrix(int expert) {
            return TorchShape.narrow(all.get(expert), 0, 0, all.get(expert).size(0));
        }
    }

    /** @param all [experts, in, out] */
    record Dense(Tensor all) implements ExpertMatrices {
        @Override
        public Tensor matrix(int expert) {
            return TorchShape.t(TorchShape.select(all, 0, expert));
        }
    }

    /**
     * Blocks of a GGUF file [experts, out, in], which stay in the mapping and are spread out when an expert is needed:
     * all experts at once would take many times the file's size.
     */
    record Blocks(GgufFile file, String name, int out, int in, DType compute, Device device) implements ExpertMatrices {
        @Override
        public Tensor matrix(int expert) {
            Tensor matrix = Tensor.empty(DType.F32, Device.CPU, out, in);
            file.readFloats(name, (long) expert * out * in, (long) out * in, matrix.data());
            return Torch.to(Torch.to(matrix, compute), device);
        }
    }

    /**
     * Four-bit floats in groups of 32 along a row, with a power of two for each group (OCP MX format), as Hugging Face
     * checkpoints have them. They stay in the mapped file and are spread out when an expert is needed: all experts of a
     * 20B model at once would take 80 GB.
     *
     * @param blocks [experts, step · out, in / 32, 16] bytes; the low half of a byte comes first
     * @param scales [experts, step · out, in / 32] exponents, biased by 127
     * @param first  the first row of the matrix among the stored ones; the others follow each {@code step} on
     */
    record Mxfp4(
            MemorySegment blocks,
            MemorySegment scales,
            int out,
            int in,
            int first,
            int step,
            DType compute,
            Device device)
            implements ExpertMatrices {
        static final int GROUP = 32;
        private static final float[] VALUES = {
            0f, 0.5f, 1f, 1.5f, 2f, 3f, 4f, 6f, -0f, -0.5f, -1f, -1.5f, -2f, -3f, -4f, -6f
        };

        @Override
        public Tensor matrix(int expert) {
            Tensor matrix = Tensor.empty(DType.F32, Device.CPU, out, in);
            MemorySegment target = matrix.data();
            int groups = in / GROUP;
            IntStream.range(0, out).parallel().forEach(row -> {
                long group = ((long) expert * out * step + first + (long) row * step) * groups;
                byte[] pairs = new byte[in / 2];
                float[] values = new float[in];
                MemorySegment.copy(blocks, JAVA_BYTE, group * GROUP / 2, pairs, 0, pairs.length);
                for (int g = 0; g < groups; g++) {
                    // Exponents 0 and 255 are out of float's normal range: scalb rounds and saturates as it should.
                    float scale = Math.scalb(1f, (scales.get(JAVA_BYTE, group + g) & 0xff) - 127);
                    for (int b = g * GROUP / 2; b < (g + 1) * GROUP / 2; b++) {
                        values[2 * b] = VALUES[pairs[b] & 0xf] * scale;
                        values[2 * b + 1] = VALUES[pairs[b] >> 4 & 0xf] * scale;
                    }
                }
                MemorySegment.copy(values, 0, target, JAVA_FLOAT, (long) row * in * Float.BYTES, in);
            });
            return Torch.to(Torch.to(matrix, compute), device);
        }
    }
}
