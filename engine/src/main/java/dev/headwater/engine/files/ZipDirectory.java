package dev.headwater.engine.files;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * The checked directory of a zip archive. The JDK's reader does not say where a member's bytes are in the file, which
 * is what mapping needs; this one reads what numpy writes (stored or deflated, with 64-bit sizes) and refuses all else.
 */
public final class ZipDirectory {
    public static final int STORED = 0;
    public static final int DEFLATED = 8;

    /** @param start offset of the member's bytes, {@code compressed} of them, in the file */
    public record Member(String name, int method, long start, long compressed, long size, int crc) {}

    private static final int END = 0x06054b50;
    private static final int END_64 = 0x06064b50;
    private static final int LOCATOR_64 = 0x07064b50;
    private static final int CENTRAL = 0x02014b50;
    private static final int LOCAL = 0x04034b50;
    private static final int END_BYTES = 22;
    private static final int END_64_BYTES = 56;
    private static final int LOCATOR_64_BYTES = 20;
    private static final int CENTRAL_BYTES = 46;
    private static final int LOCAL_BYTES = 30;
    private static final int EXTRA_64 = 1;
    private static final int MAX_COMMENT = 0xffff;
    private static final int MAX_MEMBERS = 1 << 16;
    private static final int MAX_NAME = 1024;
    private static final int ENCRYPTED = 1 | 1 << 6 | 1 << 13;
    private static final long IN_EXTRA = 0xffffffffL;
    /** Deflate cannot do better than 1032 to 1. */
    private static final long MAX_RATIO = 1032;

    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final MemorySegment file;
    private long start;
    private long end;
    private long count;

    private ZipDirectory(MemorySegment file) {
        this.file = file;
    }

    /** @throws IllegalArgumentException saying what is wrong, as the end of a sentence about the file */
    public static List<Member> members(MemorySegment file) {
        ZipDirectory directory = new ZipDirectory(file);
        directory.locate();
        return directory.read();
    }

    private void locate() {
        long size = file.byteSize();
        long at = size - END_BYTES;
        while (at >= 0 && (int32(at) != END || at + END_BYTES + int16(at + 20) != size)) {
            if (at-- <= size - END_BYTES - MAX_COMMENT) {
                at = -1;
            }
        }
        if (at < 0) {
            throw new IllegalArgumentException("is not a zip archive, or is truncated");
        }
        count = int16(at + 10);
        long length = uint32(at + 12);
        start = uint32(at + 16);
        end = at;
        if (at >= LOCATOR_64_BYTES && int32(at - LOCATOR_64_BYTES) == LOCATOR_64) {
            end = file.get(LONG, at - LOCATOR_64_BYTES + 8);
            if (end < 0 || end > at - LOCATOR_64_BYTES - END_64_BYTES || int32(end) != END_64) {
                throw new IllegalArgumentException("has a damaged zip directory");
            }
            count = file.get(LONG, end + 32);
            length = file.get(LONG, end + 40);
            start = file.get(LONG, end + 48);
        }
        if (start < 0 || length < 0 || start > end || length != end - start) {
            throw new IllegalArgumentException("has a damaged zip directory");
        }
        if (count < 0 || count > MAX_MEMBERS) {
            throw new IllegalArgumentException(
                    "lists %s members, more than %d".formatted(Long.toUnsignedString(count), MAX_MEMBERS));
        }
    }

    private List<Member> read() {
        List<Member> members = new ArrayList<>();
        List<long[]> extents = new ArrayList<>();
        Set<String> names = new HashSet<>();
        long at = start;
        for (long i = 0; i < count; i++) {
            if (end - at < CENTRAL_BYTES || int32(at) != CENTRAL) {
                throw new IllegalArgumentException("has a damaged zip directory");
            }
            int nameLength = int16(at + 28);
            int extraLength = int16(at + 30);
            long next = at + CENTRAL_BYTES + nameLength + extraLength + int16(at + 32);
            if (next > end || nameLength > MAX_NAME) {
                throw new IllegalArgumentException("has a damaged zip directory");
            }
            String name = name(at + CENTRAL_BYTES, nameLength);
            if (!names.add(name)) {
                throw new IllegalArgumentException("has two members named '%s'".formatted(name));
            }
            members.add(member(at, name, nameLength, extraLength, extents));
            at = next;
        }
        if (at != end) {
            throw new IllegalArgumentException("has a damaged zip directory");
        }
        requireDisjoint(extents);
        return members;
    }

    private Member member(long at, String name, int nameLength, int extraLength, List<long[]> extents) {
        if ((int16(at + 8) & ENCRYPTED) != 0) {
            throw new IllegalArgumentException("has the encrypted member '%s'".formatted(name));
        }
        int method = int16(at + 10);
        if (method != STORED && method != DEFLATED) {
            throw new IllegalArgumentException(
                    "has the member '%s', compressed by method %d, which Headwater does not read"
                            .formatted(name, method));
        }
        long[] wide = {uint32(at + 24), uint32(at + 20), uint32(at + 42)};
        wide(wide, at + CENTRAL_BYTES + nameLength, extraLength);
        long size = wide[0];
        long compressed = wide[1];
        long local = wide[2];
        if (size < 0
                || compressed < 0
                || local < 0
                || local > start - LOCAL_BYTES
                || int32(local) != LOCAL
                || int16(local + 8) != method
                || int16(local + 26) != nameLength) {
            throw new IllegalArgumentException("has a damaged zip entry for '%s'".formatted(name));
        }
        long data = local + LOCAL_BYTES + nameLength + int16(local + 28);
        if (data > start
                || compressed > start - data
                || MemorySegment.mismatch(
                                file,
                                local + LOCAL_BYTES,
                                local + LOCAL_BYTES + nameLength,
                                file,
                                at + CENTRAL_BYTES,
                                at + CENTRAL_BYTES + nameLength)
                        >= 0) {
            throw new IllegalArgumentException("has a damaged zip entry for '%s'".formatted(name));
        }
        if (method == STORED ? size != compressed : size / MAX_RATIO > compressed) {
            throw new IllegalArgumentException(
                    "has the member '%s', which cannot be %d bytes made from %d".formatted(name, size, compressed));
        }
        extents.add(new long[] {local, data + compressed});
        return new Member(name, method, data, compressed, size, int32(at + 16));
    }

    /** Replaces sizes and offset that did not fit 32 bits by those of the 64-bit extra field. */
    private void wide(long[] values, long extra, int length) {
        long stop = extra + length;
        for (long at = extra; stop - at >= 4; ) {
            long field = at + 4;
            long fieldEnd = field + int16(at + 2);
            if (fieldEnd > stop) {
                throw new IllegalArgumentException("has a damaged zip directory");
            }
            if (int16(at) == EXTRA_64) {
                for (int i = 0; i < values.length; i++) {
                    if (values[i] == IN_EXTRA && fieldEnd - field >= Long.BYTES) {
                        values[i] = file.get(LONG, field);
                        field += Long.BYTES;
                    }
                }
            }
            at = fieldEnd;
        }
    }

    /**
     * A plain relative path: nothing is ever unpacked, but a name that tries to leave its directory is a sign of
     * malice.
     */
    private String name(long at, int length) {
        String name = new String(file.asSlice(at, length).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8);
        boolean plain = !name.isEmpty()
                && name.codePoints().allMatch(c -> ErrorText.isPlain(c) && c != '\\' && c != ':' && c != 0xfffd);
        for (String part : name.split("/", -1)) {
            plain &= !part.isEmpty() && !part.equals("..") && !part.equals(".");
        }
        if (!plain) {
            throw new IllegalArgumentException("has a member with the unsafe name '%s'".formatted(ErrorText.of(name)));
        }
        return name;
    }

    private static void requireDisjoint(List<long[]> extents) {
        extents.sort(Comparator.comparingLong(extent -> extent[0]));
        for (int i = 1; i < extents.size(); i++) {
            if (extents.get(i)[0] < extents.get(i - 1)[1]) {
                throw new IllegalArgumentException("has members that overlap, as in a zip bomb");
            }
        }
    }

    private int int16(long at) {
        return Short.toUnsignedInt(file.get(SHORT, at));
    }

    private int int32(long at) {
        return file.get(INT, at);
    }

    private long uint32(long at) {
        return Integer.toUnsignedLong(file.get(INT, at));
    }
}
