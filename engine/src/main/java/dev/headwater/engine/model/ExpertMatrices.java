package dev.headwater.engine.model;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.Torch;
import java.lang.foreign.MemorySegment;
import java.util.stream.IntStream;

/** One matrix for each expert of a layer. */
sealed interface ExpertMatrices {
    /** [out, in], made in the caller's scope. */
    Tensor matrix(int expert);

    /** @param all [experts, in, out] */
    record Dense(Tensor all) implements ExpertMatrices {
        @Override
        public Tensor matrix(int expert) {
            return Torch.t(Torch.select(all, 0, expert));
        }
    }

    /**
     * Four-bit floats in groups of 32 along a row, with a power of two for each group (OCP MX format). They stay in the
     * mapped file
     * and are spread out when an expert is needed: all experts of a 20B model at once would take 80 GB.
     *
     * @param blocks [experts, out, in / 32, 16] bytes; the low half of a byte comes first
     * @param scales [experts, out, in / 32] exponents, biased by 127
     */
    record Mxfp4(MemorySegment blocks, MemorySegment scales, int out, int in, DType compute, Device device)
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
                long group = ((long) expert * out + row) * groups;
                long value = (long) row * in;
                for (int g = 0; g < groups; g++, group++) {
                    // Exponents 0 and 255 are out of float's normal range: scalb rounds and saturates as it should.
                    float scale = Math.scalb(1f, (scales.get(JAVA_BYTE, group) & 0xff) - 127);
                    for (long b = group * 16; b < group * 16 + 16; b++) {
                        byte pair = blocks.get(JAVA_BYTE, b);
                        target.setAtIndex(JAVA_FLOAT, value++, VALUES[pair & 0xf] * scale);
                        target.setAtIndex(JAVA_FLOAT, value++, VALUES[pair >> 4 & 0xf] * scale);
                    }
                }
            });
            return Torch.to(Torch.to(matrix, compute), device);
        }
    }
}
