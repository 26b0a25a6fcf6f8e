package dev.headwater.engine.gguf;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.stream.LongStream;

/**
 * Spreads a tensor's blocks out as float32, all cores at once, from the mapping into the target and through the caches
 * only.
 */
final class Dequantizer {
    /** Numbers that are decoded at a time; a multiple of every block, and small enough for a core's own cache. */
    private static final int CHUNK = 1 << 13;

    private Dequantizer() {}

    /**
     * Numbers {@code from} to {@code from + numbers}, both at the border of a block.
     *
     * @param target room for them
     */
    static void toFloats(GgufTensor tensor, ByteOrder order, long from, long numbers, MemorySegment target) {
        GgufType type = tensor.readType();
        LongStream.range(0, Math.ceilDiv(numbers, CHUNK)).parallel().forEach(chunk -> {
            long first = chunk * CHUNK;
            int count = (int) Math.min(CHUNK, numbers - first);
            int blocks = count / type.numbers();
            byte[] in = new byte[blocks * type.bytes()];
            float[] out = new float[count];
            MemorySegment.copy(
                    tensor.readData(), JAVA_BYTE, (from + first) / type.numbers() * type.bytes(), in, 0, in.length);
            if (order == ByteOrder.BIG_ENDIAN) {
                toLittleEndian(type, in, blocks);
            }
            decode(type, in, out, blocks);
            MemorySegment.copy(out, 0, target, JAVA_FLOAT, first * Float.BYTES, count);
        });
    }

    private static void toLittleEndian(GgufType type, byte[] in, int blocks) {
        if (type.isPlain()) {
            reverse(in, type.bytes());
            return;
        }
        for (int block = 0; block < blocks; block++) {
            for (int half : type.halves()) {
                int at = block * type.bytes() + half;
                byte first = in[at];
                in[at] = in[at + 1];
                in[at + 1] = first;
            }
        }
    }

    private static void reverse(byte[] in, int size) {
        for (int from = 0; from < in.length; from += size) {
            for (int i = 0; i < size / 2; i++) {
                byte first = in[from + i];
                in[from + i] = in[from + size - 1 - i];
                in[from + size - 1 - i] = first;
            }
        }
    }

    private static void decode(GgufType type, byte[] in, float[] out, int blocks) {
        switch (type) {
            case F32 -> MemorySegment.ofArray(out).copyFrom(MemorySegment.ofArray(in));
            case F16 -> {
                for (int i = 0; i < blocks; i++) {
                    out[i] = SmallBlocks.half(in, 2 * i);
                }
            }
            case BF16 -> {
                for (int i = 0; i < blocks; i++) {
                    out[i] = Float.intBitsToFloat((in[2 * i] & 0xff) << 16 | in[2 * i + 1] << 24);
                }
            }
            case Q4_0 -> SmallBlocks.q4x0(in, out, blocks);
            case Q4_1 -> SmallBlocks.q4x1(in, out, blocks);
            case Q5_0 -> SmallBlocks.q5x0(in, out, blocks);
            case Q5_1 -> SmallBlocks.q5x1(in, out, blocks);
            case Q8_0 -> SmallBlocks.q8x0(in, out, blocks);
            case Q2_K -> SuperBlocks.q2k(in, out, blocks);
            case Q3_K -> SuperBlocks.q3k(in, out, blocks);
            case Q4_K -> SuperBlocks.q4k(in, out, blocks);
            case Q5_K -> SuperBlocks.q5k(in, out, blocks);
            case Q6_K -> SuperBlocks.q6k(in, out, blocks);
            case IQ4_NL -> SmallBlocks.iq4nl(in, out, blocks);
            case IQ4_XS -> SuperBlocks.iq4xs(in, out, blocks);
            case MXFP4 -> SmallBlocks.mxfp4(in, out, blocks);
        }
    }
}
