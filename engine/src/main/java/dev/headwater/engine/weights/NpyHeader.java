package dev.headwater.engine.weights;

import dev.headwater.bindings.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The header of numpy's array format, versions 1 to 3.
 *
 * @param type    in safetensors' terms where there is such a type, else as numpy spells it ("|O")
 * @param fortran the elements are in column-major order
 * @param length  bytes before the elements
 * @param bytes   length of the elements, or -1 if it does not follow from a type that Headwater does not read
 */
record NpyHeader(String type, boolean fortran, long[] shape, int length, long bytes) {
    /** What a reader needs to see of a file to parse its header. */
    static final int MAX_LENGTH = 1 << 16;

    private static final int MAX_RANK = 64;
    private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** numpy's spellings, with the size of an element. */
    private enum Type {
        F64("<f8", 8),
        F32("<f4", 4),
        F16("<f2", 2),
        I64("<i8", 8),
        I32("<i4", 4),
        I16("<i2", 2),
        I8("|i1", 1),
        U64("<u8", 8),
        U32("<u4", 4),
        U16("<u2", 2),
        U8("|u1", 1),
        BOOL("|b1", 1);

        final String spelling;
        final int bytes;

        Type(String spelling, int bytes) {
            this.spelling = spelling;
            this.bytes = bytes;
        }
    }

    /** One entry of the dictionary: quoted text, a truth value or a tuple of integers. */
    private static final Pattern ENTRY =
            Pattern.compile("\\s*+'(\\w{1,40})'\\s*+:\\s*+('[ -&(-~]{0,40}'|True|False|\\([0-9, ]*+\\))\\s*+,?\\s*+");

    /** @throws IllegalArgumentException saying what is wrong, as the end of a sentence */
    static NpyHeader parse(MemorySegment array) {
        if (array.byteSize() < 10
                || MemorySegment.mismatch(array, 0, MAGIC.length, MemorySegment.ofArray(MAGIC), 0, MAGIC.length) >= 0) {
            throw new IllegalArgumentException("is not a numpy array");
        }
        int version = array.get(ValueLayout.JAVA_BYTE, 6);
        if (version < 1 || version > 3) {
            throw new IllegalArgumentException(
                    "has version %d of numpy's format, which is not known".formatted(version));
        }
        int start = version == 1 ? 10 : 12;
        long text = version == 1
                ? Short.toUnsignedLong(array.get(SHORT, 8))
                : array.byteSize() < start ? Long.MAX_VALUE : Integer.toUnsignedLong(array.get(INT, 8));
        if (text > array.byteSize() - start || text > MAX_LENGTH - start) {
            throw new IllegalArgumentException(
                    "has a header longer than the array or than %d bytes".formatted(MAX_LENGTH));
        }
        byte[] header = array.asSlice(start, text).toArray(ValueLayout.JAVA_BYTE);
        Map<String, String> entries = entries(new String(header, StandardCharsets.UTF_8).strip());
        if (!entries.keySet().equals(Set.of("descr", "fortran_order", "shape"))) {
            throw new IllegalArgumentException("has a header other than 'descr', 'fortran_order' and 'shape'");
        }
        String descr = entries.get("descr");
        String order = entries.get("fortran_order");
        String tuple = entries.get("shape");
        if (descr == null
                || order == null
                || tuple == null
                || !descr.startsWith("'")
                || !tuple.startsWith("(")
                || !(order.equals("True") || order.equals("False"))) {
            throw new IllegalArgumentException("has a damaged header");
        }
        long[] shape = shape(tuple.substring(1, tuple.length() - 1));
        String spelling = descr.substring(1, descr.length() - 1);
        if (spelling.startsWith(">")) {
            throw new IllegalArgumentException(
                    "is big-endian (%s), which Headwater does not read; save it little-endian".formatted(spelling));
        }
        for (Type type : Type.values()) {
            if (type.spelling.equals(spelling)) {
                return new NpyHeader(type.name(), order.equals("True"), shape, start + (int) text, bytes(type, shape));
            }
        }
        if (Arrays.stream(DType.values()).anyMatch(type -> type.name().equals(spelling))) {
            // Its size would not be checked, but it would pass for a type that is read.
            throw new IllegalArgumentException("has the type '%s', which is none of numpy's".formatted(spelling));
        }
        return new NpyHeader(spelling, order.equals("True"), shape, start + (int) text, -1);
    }

    private static Map<String, String> entries(String dictionary) {
        if (!dictionary.startsWith("{") || !dictionary.endsWith("}")) {
            throw new IllegalArgumentException("has a damaged header");
        }
        Map<String, String> entries = new HashMap<>();
        int end = dictionary.length() - 1;
        Matcher entry = ENTRY.matcher(dictionary).region(1, end);
        int position = 1;
        while (position < end) {
            if (!entry.lookingAt() || entries.put(entry.group(1), entry.group(2)) != null) {
                throw new IllegalArgumentException(
                        "has a damaged header or holds records, which Headwater does not read");
            }
            position = entry.end();
            entry.region(position, end);
        }
        return entries;
    }

    private static long[] shape(String tuple) {
        String stripped = tuple.strip();
        if (stripped.isEmpty()) {
            return new long[0];
        }
        if (stripped.endsWith(",")) {
            stripped = stripped.substring(0, stripped.length() - 1);
        }
        String[] sizes = stripped.split(",", -1);
        if (sizes.length > MAX_RANK) {
            throw new IllegalArgumentException("has more than %d dimensions".formatted(MAX_RANK));
        }
        long[] shape = new long[sizes.length];
        for (int i = 0; i < shape.length; i++) {
            try {
                shape[i] = Long.parseLong(sizes[i].strip());
            } catch (NumberFormatException tooLarge) {
                throw new IllegalArgumentException("has an impossible shape");
            }
        }
        return shape;
    }

    private static long bytes(Type type, long[] shape) {
        try {
            long bytes = type.bytes;
            for (long size : shape) {
                bytes = Math.multiplyExact(bytes, size);
            }
            return bytes;
        } catch (ArithmeticException overflow) {
            throw new IllegalArgumentException("has an impossible shape");
        }
    }
}
