package dev.headwater.engine.gguf;

import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Element types of tensors that Headwater reads: numbers by themselves, or blocks of so many numbers in so many bytes.
 */
public enum GgufType {
    F32(0, 1, 4),
    F16(1, 1, 2),
    BF16(30, 1, 2),
    Q4_0(2, 32, 18, 0),
    Q4_1(3, 32, 20, 0, 2),
    Q5_0(6, 32, 22, 0),
    Q5_1(7, 32, 24, 0, 2),
    Q8_0(8, 32, 34, 0),
    Q2_K(10, 256, 84, 80, 82),
    Q3_K(11, 256, 110, 108),
    Q4_K(12, 256, 144, 0, 2),
    Q5_K(13, 256, 176, 0, 2),
    Q6_K(14, 256, 210, 208),
    IQ4_NL(20, 32, 18, 0),
    IQ4_XS(23, 256, 136, 0, 2),
    MXFP4(39, 32, 17);

    private static final Map<Integer, GgufType> BY_ID =
            Arrays.stream(values()).collect(Collectors.toMap(type -> type.id, type -> type));
    private static final Map<Integer, String> UNREAD = Map.ofEntries(
            Map.entry(9, "Q8_1"),
            Map.entry(15, "Q8_K"),
            Map.entry(16, "IQ2_XXS"),
            Map.entry(17, "IQ2_XS"),
            Map.entry(18, "IQ3_XXS"),
            Map.entry(19, "IQ1_S"),
            Map.entry(21, "IQ3_S"),
            Map.entry(22, "IQ2_S"),
            Map.entry(24, "I8"),
            Map.entry(25, "I16"),
            Map.entry(26, "I32"),
            Map.entry(27, "I64"),
            Map.entry(28, "F64"),
            Map.entry(29, "IQ1_M"),
            Map.entry(34, "TQ1_0"),
            Map.entry(35, "TQ2_0"),
            Map.entry(40, "NVFP4"));

    private final int id;
    private final int numbers;
    private final int bytes;
    private final int[] halves;

    /** @param halves where the block's 16-bit numbers are, which lie in the file's byte order */
    GgufType(int id, int numbers, int bytes, int... halves) {
        this.id = id;
        this.numbers = numbers;
        this.bytes = bytes;
        this.halves = halves;
    }

    static Optional<GgufType> of(int id) {
        return Optional.ofNullable(BY_ID.get(id));
    }

    /** A type by the name that llama.cpp gives it, also if Headwater does not read it. */
    static String name(int id) {
        return of(id).map(Enum::name).orElse(UNREAD.getOrDefault(id, "number " + Integer.toUnsignedString(id)));
    }

    /** Numbers in a block. */
    public int numbers() {
        return numbers;
    }

    /** Bytes of a block. */
    public int bytes() {
        return bytes;
    }

    /** Whether a block is a single number. */
    public boolean isPlain() {
        return numbers == 1;
    }

    int[] halves() {
        return halves;
    }
}
