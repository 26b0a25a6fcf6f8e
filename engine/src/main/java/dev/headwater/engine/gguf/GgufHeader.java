package dev.headwater.engine.gguf;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.ErrorText;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The checked beginning of one GGUF file, versions 2 and 3: metadata, and where each tensor lies. Nobody vouches for
 * the file, so every count and every place is compared with its length first.
 *
 * @param order of the bytes of all numbers, tensors' included
 */
record GgufHeader(Map<String, Object> metadata, Map<String, GgufTensor> tensors, ByteOrder order) {
    static final byte[] MAGIC = {'G', 'G', 'U', 'F'};

    private static final int MAX_KEYS = 1 << 16;
    private static final int MAX_TENSORS = 1 << 18;
    /** Items in all lists together; the largest published vocabularies have 262,144 tokens and 600,000 merges. */
    private static final int MAX_ITEMS = 1 << 24;

    private static final long MAX_BYTES = 1L << 28;
    private static final int MAX_DEPTH = 4;
    private static final int MAX_RANK = 8;
    private static final int DEFAULT_ALIGNMENT = 32;
    private static final long MAX_ALIGNMENT = 1 << 20;

    static GgufHeader parse(Path path, MemorySegment file) {
        if (file.byteSize() < 24 || MemorySegment.mismatch(file, 0, 4, MemorySegment.ofArray(MAGIC), 0, 4) >= 0) {
            throw new HeadwaterException(
                    "%s is not a GGUF file, or it is cut off: it has %d bytes".formatted(path, file.byteSize()));
        }
        return new Parser(path, file, order(file)).parse();
    }

    /** A small version read in the wrong order is a huge one. */
    private static ByteOrder order(MemorySegment file) {
        ValueLayout.OfInt version = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
        return file.get(version, MAGIC.length) << 16 == 0 ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN;
    }

    private static final class Parser {
        private final Path path;
        private final MemorySegment file;
        private final ByteOrder order;
        private final ValueLayout.OfShort shorts;
        private final ValueLayout.OfInt ints;
        private final ValueLayout.OfLong longs;
        private long at = MAGIC.length;
        private int items;

        Parser(Path path, MemorySegment file, ByteOrder order) {
            this.path = path;
            this.file = file;
            this.order = order;
            shorts = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(order);
            ints = ValueLayout.JAVA_INT_UNALIGNED.withOrder(order);
            longs = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(order);
        }

        GgufHeader parse() {
            int version = int32();
            if (version < 2 || version > 3) {
                throw new HeadwaterException("%s is a GGUF file of version %s; Headwater reads versions 2 and 3%s"
                        .formatted(
                                path, Integer.toUnsignedString(version), version == 1 ? ", so convert it anew" : ""));
            }
            long tensorCount = count("tensors", MAX_TENSORS);
            long keyCount = count("metadata keys", MAX_KEYS);
            Map<String, Object> metadata = new LinkedHashMap<>();
            for (long i = 0; i < keyCount; i++) {
                String key = name();
                if (metadata.put(key, value(int32(), 0)) != null) {
                    throw bad("it has the key '%s' twice".formatted(key));
                }
            }
            List<Place> places = new ArrayList<>();
            for (long i = 0; i < tensorCount; i++) {
                places.add(place());
            }
            return new GgufHeader(metadata, tensors(places, alignment(metadata)), order);
        }

        private long alignment(Map<String, Object> metadata) {
            Object value = metadata.getOrDefault("general.alignment", (long) DEFAULT_ALIGNMENT);
            if (!(value instanceof Long alignment)
                    || alignment < 1
                    || alignment > MAX_ALIGNMENT
                    || Long.bitCount(alignment) != 1) {
                throw bad("its general.alignment is not a power of two up to " + MAX_ALIGNMENT);
            }
            return alignment;
        }

        private long count(String what, int most) {
            long count = int64();
            if (count < 0 || count > most) {
                throw bad(
                        "it would have %s %s, and %d is the limit".formatted(Long.toUnsignedString(count), what, most));
            }
            return count;
        }

        private void need(long bytes) {
            if (bytes > file.byteSize() - at) {
                throw new HeadwaterException("%s is cut off: its header goes on after its %d bytes; fetch it again"
                        .formatted(path, file.byteSize()));
            }
            if (at + bytes > MAX_BYTES) {
                throw bad("its header has more than %d bytes".formatted(MAX_BYTES));
            }
        }

        private int int8() {
            need(1);
            return file.get(JAVA_BYTE, at++);
        }

        private int int16() {
            need(2);
            at += 2;
            return file.get(shorts, at - 2);
        }

        private int int32() {
            need(4);
            at += 4;
            return file.get(ints, at - 4);
        }

        private long int64() {
            need(8);
            at += 8;
            return file.get(longs, at - 8);
        }

        private String text() {
            long length = int64();
            need(length < 0 ? Long.MAX_VALUE : length);
            byte[] bytes = file.asSlice(at, length).toArray(JAVA_BYTE);
            at += length;
            return new String(bytes, StandardCharsets.UTF_8);
        }

        private String name() {
            String name = text();
            if (!ErrorText.of(name).equals(name)) {
                throw bad("a name in it is too long or not plain text: '%s'".formatted(ErrorText.of(name)));
            }
            return name;
        }

        private Object value(int type, int depth) {
            return switch (type) {
                case 0 -> (long) (int8() & 0xff);
                case 1 -> (long) int8();
                case 2 -> (long) (int16() & 0xffff);
                case 3 -> (long) int16();
                case 4 -> int32() & 0xffffffffL;
                case 5 -> (long) int32();
                case 6 -> (double) Float.intBitsToFloat(int32());
                case 7 -> int8() != 0;
                case 8 -> text();
                case 9 -> list(depth + 1);
                case 10, 11 -> int64();
                case 12 -> Double.longBitsToDouble(int64());
                default -> throw bad("a value in it has the unknown type " + Integer.toUnsignedString(type));
            };
        }

        private List<Object> list(int depth) {
            int type = int32();
            long count = int64();
            if (depth > MAX_DEPTH) {
                throw bad("its lists are nested more than %d deep".formatted(MAX_DEPTH));
            }
            if (count < 0 || count > MAX_ITEMS - items) {
                throw bad("a list in it would have %s items, and %d is the limit for all together"
                        .formatted(Long.toUnsignedString(count), MAX_ITEMS));
            }
            need(count); // An item takes a byte at least.
            items += (int) count;
            Object[] list = new Object[(int) count];
            for (int i = 0; i < list.length; i++) {
                list[i] = value(type, depth);
            }
            return Collections.unmodifiableList(Arrays.asList(list));
        }

        private record Place(String name, int type, long[] shape, long offset) {}

        private Place place() {
            String name = name();
            int rank = int32();
            if (rank < 0 || rank > MAX_RANK) {
                throw bad("tensor '%s' would have %s dimensions".formatted(name, Integer.toUnsignedString(rank)));
            }
            long[] shape = new long[rank];
            for (int d = rank - 1; d >= 0; d--) {
                shape[d] = int64();
                if (shape[d] < 0) {
                    throw bad("tensor '%s' has an impossible shape".formatted(name));
                }
            }
            return new Place(name, int32(), shape, int64());
        }

        private Map<String, GgufTensor> tensors(List<Place> places, long alignment) {
            long start = Math.ceilDiv(at, alignment) * alignment;
            Map<String, GgufTensor> tensors = LinkedHashMap.newLinkedHashMap(places.size());
            for (Place place : places) {
                MemorySegment data = GgufType.of(place.type)
                        .map(type -> data(place, type, start, alignment))
                        .orElse(null);
                if (tensors.put(place.name, new GgufTensor(place.name, place.type, place.shape, data, path.toString()))
                        != null) {
                    throw bad("it has the tensor '%s' twice".formatted(place.name));
                }
            }
            return Collections.unmodifiableMap(tensors);
        }

        private MemorySegment data(Place place, GgufType type, long start, long alignment) {
            long bytes;
            try {
                long row = place.shape.length == 0 ? 1 : place.shape[place.shape.length - 1];
                if (row % type.numbers() != 0) {
                    throw bad("tensor '%s' of type %s has rows of %d numbers, which blocks of %d do not fill"
                            .formatted(place.name, type, row, type.numbers()));
                }
                bytes = Math.multiplyExact(row / type.numbers(), (long) type.bytes());
                for (int d = 0; d < place.shape.length - 1; d++) {
                    bytes = Math.multiplyExact(bytes, place.shape[d]);
                }
                Math.multiplyExact(bytes, 32L); // So that its numbers, and their size as float32, can be counted.
            } catch (ArithmeticException overflow) {
                throw bad("tensor '%s' has an impossible shape".formatted(place.name));
            }
            if (place.offset < 0 || place.offset % alignment != 0) {
                throw bad("tensor '%s' begins at %s, which is not a multiple of the alignment %d"
                        .formatted(place.name, Long.toUnsignedString(place.offset), alignment));
            }
            if (start > file.byteSize()
                    || place.offset > file.byteSize() - start
                    || bytes > file.byteSize() - start - place.offset) {
                throw new HeadwaterException(
                        "%s is cut off: tensor '%s' should take bytes %d to %d, the file has %d; fetch it again"
                                .formatted(
                                        path,
                                        place.name,
                                        start + place.offset,
                                        start + place.offset + bytes,
                                        file.byteSize()));
            }
            return file.asSlice(start + place.offset, bytes);
        }

        private HeadwaterException bad(String what) {
            return new HeadwaterException("%s is not a sound GGUF file: %s".formatted(path, what));
        }
    }
}
