package dev.headwater.engine.gguf;

/**
 * Decodes blocks of 32 numbers. The order of the operations is that of the public Python package {@code gguf}, so that
 * results are the same to the bit.
 */
final class SmallBlocks {
    private static final int NUMBERS = 32;
    /** The sixteen values of IQ4_NL and IQ4_XS. */
    static final float[] NON_LINEAR = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
    /** The sixteen four-bit floats of MXFP4, doubled. */
    private static final float[] FLOATS = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

    private SmallBlocks() {}

    /** The 16-bit float at a place, little-endian. */
    static float half(byte[] in, int at) {
        return Float.float16ToFloat((short) (in[at] & 0xff | in[at + 1] << 8));
    }

    static void q4x0(byte[] in, float[] out, int blocks) {
        for (int b = 0, from = 0, to = 0; b < blocks; b++, from += 18, to += NUMBERS) {
            float d = half(in, from);
            for (int i = 0; i < 16; i++) {
                int pair = in[from + 2 + i];
                out[to + i] = d * ((pair & 15) - 8);
                out[to + 16 + i] = d * ((pair >> 4 & 15) - 8);
            }
        }
    }

    static void q4x1(byte[] in, float[] out, int blocks) {
        for (int b = 0, from = 0, to = 0; b < blocks; b++, from += 20, to += NUMBERS) {
            float d = half(in, from);
            float m = half(in, from + 2);
            for (int i = 0; i < 16; i++) {
                int pair = in[from + 4 + i];
                out[to + i] = d * (pair & 15) + m;
                out[to + 16 + i] = d * (pair >> 4 & 15) + m;
            }
        }
    }

    static void q5x0(byte[] in, float[] out, int blocks) {
        for (int b = 0, from = 0, to = 0; b < blocks; b++, from += 22, to += NUMBERS) {
            float d = half(in, from);
            int high = fifthBits(in, from + 2);
            for (int i = 0; i < 16; i++) {
                int pair = in[from + 6 + i];
                out[to + i] = d * ((pair & 15 | (high >>> i & 1) << 4) - 16);
                out[to + 16 + i] = d * ((pair >> 4 & 15 | (high >>> i + 16 & 1) << 4) - 16);
            }
        }
    }

    static void q5x1(byte[] in, float[] out, int blocks) {
        for (int b = 0, from = 0, to = 0; b < blocks; b++, from += 24, to += NUMBERS) {
            float d = half(in, from);
            float m = half(in, from + 2);
            int high = fifthBits(in, from + 4);
            for (int i = 0; i < 16; i++) {
                int pair = in[from + 8 + i];
                out[to + i] = d * (pair & 15 | (high >>> i & 1) << 4) + m;
                out[to + 16 + i] = d * (pair >> 4 & 15 | (high >>> i + 16 & 1) << 4) + m;
            }
        }
    }

    private static int fifthBits(byte[] in, int at) {
        return in[at] & 0xff | (in[at + 1] & 0xff) << 8 | (in[at + 2] & 0xff) << 16 | in[at + 3] << 24;
    }

    static void q8x0(byte[] in, float[] out, int blocks) {
        for (int b = 0, from = 0, to = 0; b < blocks; b++, from += 34, to += NUMBERS) {
            float d = half(in, from);
            for (int i = 0; i < NUMBERS; i++) {
                out[to + i] = in[from + 2 + i] * d;
            }
        }
    }

    static void iq4nl(byte[] in, float[] out, int blocks) {
        for (int b = 0, from = 0, to = 0; b < blocks; b++, from += 18, to += NUMBERS) {
            looked(in, from + 2, half(in, from), NON_LINEAR, out, to);
        }
    }

    static void mxfp4(byte[] in, float[] out, int blocks) {
        for (int b = 0, from = 0, to = 0; b < blocks; b++, from += 17, to += NUMBERS) {
            int exponent = in[from] & 0xff;
            // Half the power of two, since the values are doubled; the two smallest are subnormal.
            float scale = Float.intBitsToFloat(exponent < 2 ? 0x200000 << exponent : exponent - 1 << 23);
            looked(in, from + 1, scale, FLOATS, out, to);
        }
    }

    /** 32 numbers from 16 pairs of four bits, first all low halves. */
    static void looked(byte[] in, int from, float scale, float[] values, float[] out, int to) {
        for (int i = 0; i < 16; i++) {
            int pair = in[from + i];
            out[to + i] = scale * values[pair & 15];
            out[to + 16 + i] = scale * values[pair >> 4 & 15];
        }
    }
}
