package dev.headwater.engine.weights;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.util.ByteBufferBackedInputStream;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.files.ErrorText;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The checked header of a safetensors file.
 *
 * @param tensors in the order of their data
 */
record SafetensorsHeader(Map<String, Entry> tensors, Map<String, String> metadata) {
    /** @param start offset of the data in the file */
    record Entry(TensorInfo info, long start) {}

    static final String METADATA = "__metadata__";
    /** The format's own limit. */
    static final long MAX_BYTES = 100_000_000;

    private static final int MAX_TENSORS = 1 << 18;
    private static final int MAX_TEXTS = 1 << 16;
    private static final int MAX_RANK = 64;
    private static final int MAX_NAME = 1024;
    private static final long PREFIX = Long.BYTES;

    /** Bits of an element, for every type that the format knows. */
    private static final Map<String, Integer> BITS = Map.ofEntries(
            Map.entry("F64", 64),
            Map.entry("I64", 64),
            Map.entry("U64", 64),
            Map.entry("C64", 64),
            Map.entry("F32", 32),
            Map.entry("I32", 32),
            Map.entry("U32", 32),
            Map.entry("F16", 16),
            Map.entry("BF16", 16),
            Map.entry("I16", 16),
            Map.entry("U16", 16),
            Map.entry("I8", 8),
            Map.entry("U8", 8),
            Map.entry("BOOL", 8),
            Map.entry("F8_E4M3", 8),
            Map.entry("F8_E5M2", 8),
            Map.entry("F8_E8M0", 8),
            Map.entry("F8_E4M3FNUZ", 8),
            Map.entry("F8_E5M2FNUZ", 8),
            Map.entry("F6_E2M3", 6),
            Map.entry("F6_E3M2", 6),
            Map.entry("F4", 4));

    static SafetensorsHeader parse(Path path, MemorySegment file) {
        if (file.byteSize() < PREFIX) {
            throw new HeadwaterException("%s is not a safetensors file: it has %d bytes; the download may be incomplete"
                    .formatted(path, file.byteSize()));
        }
        long length = file.get(ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), 0);
        if (length < 0 || length > MAX_BYTES) {
            throw new HeadwaterException(
                    startsLikeGitPointer(file)
                            ? path
                                    + " is a git LFS pointer, not the weights themselves: run 'git lfs pull' where it came from"
                            : "%s is not a safetensors file: its header would be %s bytes long, and %d is the limit"
                                    .formatted(path, Long.toUnsignedString(length), MAX_BYTES));
        }
        if (length > file.byteSize() - PREFIX) {
            throw new HeadwaterException(
                    "%s is truncated: its header should be %d bytes long, the whole file has %d; fetch it again"
                            .formatted(path, length, file.byteSize()));
        }
        if (length < 2 || file.get(ValueLayout.JAVA_BYTE, PREFIX) != '{') {
            throw new HeadwaterException(
                    "%s is not a safetensors file: its header is not a JSON object".formatted(path));
        }
        return new Parser(path, file, length).parse();
    }

    private static boolean startsLikeGitPointer(MemorySegment file) {
        byte[] magic = "version https://git-lfs".getBytes(StandardCharsets.US_ASCII);
        return file.byteSize() > magic.length
                && MemorySegment.mismatch(file, 0, magic.length, MemorySegment.ofArray(magic), 0, magic.length) < 0;
    }

    private static final class Parser {
        private final Path path;
        private final MemorySegment json;
        private final long dataStart;
        private final long dataBytes;
        private final List<Entry> entries = new ArrayList<>();
        private Map<String, String> metadata = Map.of();

        Parser(Path path, MemorySegment file, long length) {
            this.path = path;
            this.json = file.asSlice(PREFIX, length);
            this.dataStart = PREFIX + length;
            this.dataBytes = file.byteSize() - dataStart;
        }

        SafetensorsHeader parse() {
            try (JsonParser in =
                    BoundedJson.factory().createParser(new ByteBufferBackedInputStream(json.asByteBuffer()))) {
                in.nextToken();
                while (in.nextToken() == JsonToken.FIELD_NAME) {
                    String name = in.currentName();
                    in.nextToken();
                    if (name.equals(METADATA)) {
                        metadata = metadata(in);
                    } else {
                        entries.add(entry(in, name));
                    }
                    if (entries.size() > MAX_TENSORS) {
                        throw bad("it lists more than %d tensors".formatted(MAX_TENSORS));
                    }
                }
                if (in.nextToken() != null) {
                    throw bad("something follows its header's JSON object");
                }
            } catch (JsonProcessingException malformed) {
                throw new HeadwaterException(
                        "%s has a damaged header: not valid JSON%s".formatted(path, BoundedJson.where(malformed)),
                        malformed);
            } catch (IOException failure) {
                throw new HeadwaterException("Cannot read %s: %s".formatted(path, failure.getMessage()), failure);
            }
            return new SafetensorsHeader(inOrderOfData(), metadata);
        }

        private Map<String, String> metadata(JsonParser in) throws IOException {
            if (in.currentToken() != JsonToken.START_OBJECT) {
                throw bad("its %s is not an object".formatted(METADATA));
            }
            Map<String, String> texts = new LinkedHashMap<>();
            while (in.nextToken() == JsonToken.FIELD_NAME) {
                String key = in.currentName();
                if (in.nextToken() != JsonToken.VALUE_STRING) {
                    throw bad("its %s entry '%s' is not a text".formatted(METADATA, ErrorText.of(key)));
                }
                texts.put(key, in.getText());
                if (texts.size() > MAX_TEXTS) {
                    throw bad("its %s has more than %d entries".formatted(METADATA, MAX_TEXTS));
                }
            }
            return Collections.unmodifiableMap(texts);
        }

        private Entry entry(JsonParser in, String name) throws IOException {
            if (in.currentToken() != JsonToken.START_OBJECT) {
                throw bad("its entry for tensor '%s' is not an object".formatted(ErrorText.of(name)));
            }
            if (name.length() > MAX_NAME || !name.codePoints().allMatch(ErrorText::isPlain)) {
                throw bad("a tensor's name is too long or not plain text: '%s'".formatted(ErrorText.of(name)));
            }
            String type = null;
            long[] shape = null;
            long[] offsets = null;
            while (in.nextToken() == JsonToken.FIELD_NAME) {
                String field = in.currentName();
                JsonToken value = in.nextToken();
                switch (field) {
                    case "dtype" -> type = value == JsonToken.VALUE_STRING ? in.getText() : null;
                    case "shape" -> shape = integers(in, name, "shape");
                    case "data_offsets" -> offsets = integers(in, name, "data_offsets");
                    default ->
                        throw bad("its entry for tensor '%s' has the unknown field '%s'"
                                .formatted(ErrorText.of(name), ErrorText.of(field)));
                }
            }
            if (type == null || shape == null || offsets == null || offsets.length != 2) {
                throw bad("its entry for tensor '%s' needs a dtype, a shape and two data_offsets"
                        .formatted(ErrorText.of(name)));
            }
            Integer bits = BITS.get(type);
            if (bits == null) {
                throw bad("tensor '%s' has the unknown element type '%s'"
                        .formatted(ErrorText.of(name), ErrorText.of(type)));
            }
            if (offsets[0] > offsets[1] || offsets[1] > dataBytes) {
                throw bad(
                        "tensor '%s' should be at bytes %d to %d of the data, which has %d bytes; the file may be truncated"
                                .formatted(ErrorText.of(name), offsets[0], offsets[1], dataBytes));
            }
            long bytes = offsets[1] - offsets[0];
            if (!fills(bytes, bits, shape)) {
                throw bad("tensor '%s' of type %s and shape %s cannot take %d bytes"
                        .formatted(ErrorText.of(name), type, Arrays.toString(shape), bytes));
            }
            return new Entry(new TensorInfo(name, type, shape, bytes), dataStart + offsets[0]);
        }

        /** Non-negative integers. */
        private long[] integers(JsonParser in, String name, String field) throws IOException {
            if (in.currentToken() != JsonToken.START_ARRAY) {
                throw bad("the %s of tensor '%s' is not a list".formatted(field, ErrorText.of(name)));
            }
            long[] values = new long[MAX_RANK];
            int count = 0;
            while (in.nextToken() != JsonToken.END_ARRAY) {
                if (in.currentToken() != JsonToken.VALUE_NUMBER_INT
                        || in.getNumberType() == JsonParser.NumberType.BIG_INTEGER
                        || in.getLongValue() < 0) {
                    throw bad("the %s of tensor '%s' contains %s, which is not a size"
                            .formatted(field, ErrorText.of(name), ErrorText.of(in.getText())));
                }
                if (count == MAX_RANK) {
                    throw bad("the %s of tensor '%s' has more than %d entries"
                            .formatted(field, ErrorText.of(name), MAX_RANK));
                }
                values[count++] = in.getLongValue();
            }
            return Arrays.copyOf(values, count);
        }

        private static boolean fills(long bytes, int bits, long[] shape) {
            try {
                long total = bits;
                for (long size : shape) {
                    total = Math.multiplyExact(total, size);
                }
                return total == Math.multiplyExact(bytes, 8L);
            } catch (ArithmeticException overflow) {
                return false;
            }
        }

        private Map<String, Entry> inOrderOfData() {
            entries.sort(Comparator.comparingLong(Entry::start)
                    .thenComparingLong(entry -> entry.info().bytes()));
            Map<String, Entry> tensors = LinkedHashMap.newLinkedHashMap(entries.size());
            long end = dataStart;
            for (Entry entry : entries) {
                if (entry.start() != end) {
                    throw bad("the data of tensor '%s' %s"
                            .formatted(
                                    ErrorText.of(entry.info().name()),
                                    entry.start() < end
                                            ? "overlaps that of another"
                                            : "does not follow the tensor before it: %d bytes belong to none"
                                                    .formatted(entry.start() - end)));
                }
                end += entry.info().bytes();
                tensors.put(entry.info().name(), entry);
            }
            if (end != dataStart + dataBytes) {
                throw bad("%d bytes at its end belong to no tensor".formatted(dataStart + dataBytes - end));
            }
            return Collections.unmodifiableMap(tensors);
        }

        private HeadwaterException bad(String what) {
            return new HeadwaterException("%s is not a sound safetensors file: %s".formatted(path, what));
        }
    }
}
