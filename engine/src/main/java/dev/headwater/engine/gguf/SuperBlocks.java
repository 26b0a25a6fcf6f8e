package dev.headwater.engine.gguf;

import static dev.headwater.engine.gguf.SmallBlocks.half;

/**
 * Decodes blocks of 256 numbers, which consist of smaller ones with scales of few bits; otherwise as {@link
 * SmallBlocks}.
 */
final class SuperBlocks {
    private static final int NUMBERS = 256;

    private SuperBlocks() {}

    /** Sixteen scales and minima of four bits, 64 bytes of two-bit numbers, d, dmin. */
    static void q2k(byte[] in, float[] out, int blocks) {
        for (int b = 0, from = 0, to = 0; b < blocks; b++, from += 84, to += NUMBERS) {
            float d = half(in, from + 80);
            float dmin = half(in, from + 82);
            for (int s = 0; s < 16; s++) {
                int scale = in[from + s];
                float dl = d * (scale & 15);
                float ml = dmin * (scale >> 4 & 15);
                int quarters = from + 16 + s / 8 * 32 + s % 2 * 16;
                int shift = s / 2 % 4 * 2;
                for (int i = 0; i < 16; i++) {
                    out[to + 16 * s + i] = dl * (in[quarters + i] >> shift & 3) - ml;
                }
            }
        }
    }

    /** 32 bytes of third bits, 64 bytes of two-bit numbers, sixteen scales of six bits in 12 bytes, d. */
    static void q3k(byte[] in, float[] out, int blocks) {
        for (int b = 0, from = 0, to = 0; b < blocks; b++, from += 110, to += NUMBERS) {
            float d = half(in, from + 108);
            for (int s = 0; s < 16; s++) {
                int low = in[from + 96 + s % 8] >> (s < 8 ? 0 : 4) & 15;
                int high = in[from + 104 + s % 4] >> s / 4 * 2 & 3;
                float dl = d * ((low | high << 4) - 32);
                int quarters = from + 32 + s / 8 * 32 + s % 2 * 16;
                int thirds = from + s % 2 * 16;
                int shift = s / 2 % 4 * 2;
                int bit = s / 2;
                for (int i = 0; i < 16; i++) {
                    // The offset is zero where the bit is one.
                    int third = in[thirds + i] >> bit & 1 ^ 1;
                    out[to + 16 * s + i] = dl * ((in[quarters + i] >> shift & 3) - (third << 2));
                }
            }
        }
    }

    /** The six bits of the scale (or, 4 bytes on, of the minimum) of one of eight parts, in 12 bytes. */
    private static int six(byte[] in, int at, int part, boolean minimum) {
        if (part < 4) {
            return in[at + (minimum ? 4 : 0) + part] & 63;
        }
        int low = minimum ? in[at + 4 + part] >> 4 & 15 : in[at + 4 + part] & 15;
        return low | in[at + (minimum ? 4 : 0) + part - 4] >> 2 & 48;
    }

    /** d, dmin, eight scales and minima of six bits, 128 bytes of four-bit numbers. */
    static void q4k(byte[] in, float[] out, int blocks) {
        for (int b = 0, from = 0, to = 0; b < blocks; b++, from += 144, to += NUMBERS) {
            float d = half(in, from);
            float dmin = half(in, from + 2);
            for (int s = 0; s < 8; s++) {
                float dl = d * six(in, from + 4, s, false);
                float ml = dmin * six(in, from + 4, s, true);
                int pairs = from + 16 + s / 2 * 32;
                int shift = s % 2 * 4;
                for (int i = 0; i < 32; i++) {
                    out[to + 32 * s + i] = dl * (in[pairs + i] >> shift & 15) - ml;
                }
            }
        }
    }

    /** As {@link #q4k}, with 32 bytes of fifth bits before the numbers. */
    static void q5k(byte[] in, float[] out, int blocks) {
        for (int b = 0, from = 0, to = 0; b < blocks; b++, from += 176, to += NUMBERS) {
            float d = half(in, from);
            float dmin = half(in, from + 2);
            for (int s = 0; s < 8; s++) {
                float dl = d * six(in, from + 4, s, false);
                float ml = dmin * six(in, from + 4, s, true);
                int fifths = from + 16;
                int pairs = from + 48 + s / 2 * 32;
                int shift = s % 2 * 4;
                for (int i = 0; i < 32; i++) {
                    out[to + 32 * s + i] = dl * (in[pairs + i] >> shift & 15 | (in[fifths + i] >> s & 1) << 4) - ml;
                }
            }
        }
    }

    /** 128 bytes of low four bits, 64 of high two bits, sixteen scales, d. */
    static void q6k(byte[] in, float[] out, int blocks) {
        for (int b = 0, from = 0, to = 0; b < blocks; b++, from += 210, to += NUMBERS) {
            float d = half(in, from + 208);
            for (int s = 0; s < 16; s++) {
                float dl = d * in[from + 192 + s];
                int low = from + s / 8 * 64 + s / 2 % 2 * 32 + s % 2 * 16;
                int lowShift = s / 4 % 2 * 4;
                int high = from + 128 + s / 8 * 32 + s % 2 * 16;
                int highShift = s / 2 % 4 * 2;
                for (int i = 0; i < 16; i++) {
                    out[to + 16 * s + i] =
                            dl * ((in[low + i] >> lowShift & 15 | (in[high + i] >> highShift & 3) << 4) - 32);
                }
            }
        }
    }

    /** d, the high two bits of eight scales, their low four bits, 128 bytes of numbers that are looked up. */
    static void iq4xs(byte[] in, float[] out, int blocks) {
        for (int b = 0, from = 0, to = 0; b < blocks; b++, from += 136, to += NUMBERS) {
            float d = half(in, from);
            int high = in[from + 2] & 0xff | in[from + 3] << 8;
            for (int s = 0; s < 8; s++) {
                int low = in[from + 4 + s / 2] >> s % 2 * 4 & 15;
                float dl = d * ((low | (high >> 2 * s & 3) << 4) - 32);
                SmallBlocks.looked(in, from + 8 + 16 * s, dl, SmallBlocks.NON_LINEAR, out, to + 32 * s);
            }
        }
    }
}
