package dev.headwater.engine.weights;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.MappedFile;
import dev.headwater.engine.files.ZipDirectory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;
import org.jspecify.annotations.Nullable;

/**
 * numpy's {@code .npz}: a zip archive of {@code .npy} arrays. Arrays that are stored uncompressed, aligned and in
 * row-major order are mapped; the others are brought into native memory when they are first asked for. Pickled objects
 * are never read.
 */
public final class NpzFile implements WeightFile {
    private static final String SUFFIX = ".npy";
    /** Real weights shrink by a tenth; what inflates like this and is large is made to exhaust memory. */
    private static final long BOMB_RATIO = 100;

    private static final long BOMB_BYTES = 64L << 20;
    private static final int CHUNK = 1 << 24;

    private record Array(TensorInfo info, NpyHeader header, ZipDirectory.Member member) {}

    private final MappedTensors file;
    private final Map<String, Array> arrays;

    private NpzFile(MappedTensors file, Map<String, Array> arrays) {
        this.file = file;
        this.arrays = Collections.unmodifiableMap(arrays);
    }

    /** @throws HeadwaterException if the file cannot be read or is not a sound archive of arrays */
    public static NpzFile open(Path path) {
        return of(MappedFile.open(path));
    }

    /** Takes the file over, also on failure. */
    static NpzFile of(MappedFile file) {
        try {
            Map<String, Array> arrays = new LinkedHashMap<>();
            for (ZipDirectory.Member member : ZipDirectory.members(file.bytes())) {
                Array array = array(file, member);
                arrays.put(array.info().name(), array);
            }
            return new NpzFile(new MappedTensors(file), arrays);
        } catch (IllegalArgumentException unsound) {
            file.close();
            throw new HeadwaterException(
                    "%s is not a sound npz file: it %s".formatted(file.path(), unsound.getMessage()), unsound);
        } catch (Throwable failure) {
            file.close();
            throw failure;
        }
    }

    private static Array array(MappedFile file, ZipDirectory.Member member) {
        if (!member.name().endsWith(SUFFIX) || member.name().length() == SUFFIX.length()) {
            throw new IllegalArgumentException("holds '%s', which is not an array".formatted(member.name()));
        }
        String name = member.name().substring(0, member.name().length() - SUFFIX.length());
        if (member.method() == ZipDirectory.DEFLATED
                && member.size() > BOMB_BYTES
                && member.size() / BOMB_RATIO > member.compressed()) {
            throw new IllegalArgumentException("holds '%s', which would inflate from %d bytes to %d, as in a zip bomb"
                    .formatted(name, member.compressed(), member.size()));
        }
        NpyHeader header;
        try {
            header = NpyHeader.parse(head(file, member));
        } catch (IllegalArgumentException unsound) {
            throw new IllegalArgumentException("holds '%s', which %s".formatted(name, unsound.getMessage()));
        }
        long bytes = member.size() - header.length();
        if (header.bytes() >= 0 && header.bytes() != bytes) {
            throw new IllegalArgumentException(
                    "holds '%s', whose shape asks for %d bytes, but it has %d".formatted(name, header.bytes(), bytes));
        }
        return new Array(new TensorInfo(name, header.type(), header.shape(), bytes), header, member);
    }

    /** The member's first bytes, enough for the array header. */
    private static MemorySegment head(MappedFile file, ZipDirectory.Member member) {
        int length = (int) Math.min(member.size(), NpyHeader.MAX_LENGTH);
        if (member.method() == ZipDirectory.STORED) {
            return file.bytes().asSlice(member.start(), length);
        }
        byte[] head = new byte[length];
        try (Inflater inflater = new Inflater(true)) {
            inflater.setInput(file.bytes()
                    .asSlice(member.start(), Math.min(member.compressed(), CHUNK))
                    .asByteBuffer());
            int inflated = 0;
            int count;
            while (inflated < length && (count = inflater.inflate(head, inflated, length - inflated)) > 0) {
                inflated += count;
            }
            return MemorySegment.ofArray(head).asSlice(0, inflated);
        } catch (DataFormatException damaged) {
            throw new IllegalArgumentException("has damaged compressed data");
        }
    }

    @Override
    public Path path() {
        return file.path();
    }

    @Override
    public Set<String> names() {
        return arrays.keySet();
    }

    @Override
    public Map<String, String> metadata() {
        return Map.of();
    }

    @Override
    public TensorInfo info(String name) {
        return TensorNames.lookup(arrays, name, path()).info();
    }

    @Override
    public MemorySegment data(String name) {
        return file.aligned(unaligned(name), info(name));
    }

    @Override
    public MemorySegment unaligned(String name) {
        Array array = TensorNames.lookup(arrays, name, path());
        int element = file.dtype(array.info()).bytes();
        boolean columnMajor = array.header().fortran() && array.info().rank() > 1;
        if (array.member().method() == ZipDirectory.STORED) {
            MemorySegment stored = file.bytes()
                    .asSlice(
                            array.member().start() + array.header().length(),
                            array.info().bytes());
            return columnMajor
                    ? file.copied(
                            array.info(),
                            copy -> toRowMajor(stored, copy, array.header().shape(), element))
                    : stored;
        }
        return file.copied(array.info(), copy -> {
            if (!columnMajor) {
                inflate(array, copy);
                return;
            }
            try (Arena scratch = Arena.ofConfined()) {
                MemorySegment inflated = scratch.allocate(copy.byteSize());
                inflate(array, inflated);
                toRowMajor(inflated, copy, array.header().shape(), element);
            }
        });
    }

    /** Inflates a whole member: its header into nothing, its elements into {@code target}, which they fill exactly. */
    private void inflate(Array array, MemorySegment target) {
        ZipDirectory.Member member = array.member();
        CRC32 crc = new CRC32();
        try (Inflater inflater = new Inflater(true)) {
            long[] read = {0};
            fill(
                    inflater,
                    member,
                    read,
                    MemorySegment.ofArray(new byte[array.header().length()]),
                    crc);
            fill(inflater, member, read, target, crc);
            MemorySegment excess = MemorySegment.ofArray(new byte[1]);
            if (inflateSome(inflater, member, read, excess.asByteBuffer()) != 0
                    || !inflater.finished()
                    || (int) crc.getValue() != member.crc()) {
                throw damaged(array, null);
            }
        } catch (DataFormatException | IllegalStateException failure) {
            throw damaged(array, failure);
        }
    }

    private void fill(Inflater inflater, ZipDirectory.Member member, long[] read, MemorySegment target, CRC32 crc)
            throws DataFormatException {
        for (long filled = 0; filled < target.byteSize(); ) {
            ByteBuffer chunk = target.asSlice(filled, Math.min(CHUNK, target.byteSize() - filled))
                    .asByteBuffer();
            int count = inflateSome(inflater, member, read, chunk);
            if (count == 0) {
                throw new DataFormatException("it ends early");
            }
            crc.update(chunk.flip());
            filled += count;
        }
    }

    /** Gives the inflater input whenever it asks; 0 when the compressed data has ended. */
    private int inflateSome(Inflater inflater, ZipDirectory.Member member, long[] read, ByteBuffer target)
            throws DataFormatException {
        while (true) {
            int count = inflater.inflate(target);
            if (count > 0 || inflater.finished() || inflater.needsDictionary()) {
                return count;
            }
            long left = member.compressed() - read[0];
            if (!inflater.needsInput() || left == 0) {
                return 0;
            }
            long length = Math.min(CHUNK, left);
            inflater.setInput(
                    file.bytes().asSlice(member.start() + read[0], length).asByteBuffer());
            read[0] += length;
        }
    }

    private HeadwaterException damaged(Array array, @Nullable Exception cause) {
        return new HeadwaterException(
                "The compressed data of '%s' in %s is damaged; fetch the file again"
                        .formatted(array.info().name(), path()),
                cause);
    }

    private static void toRowMajor(MemorySegment columns, MemorySegment rows, long[] shape, int element) {
        long[] index = new long[shape.length];
        long[] stride = new long[shape.length];
        long step = element;
        for (int d = 0; d < shape.length; d++) {
            stride[d] = step;
            step *= shape[d];
        }
        long from = 0;
        for (long to = 0; to < rows.byteSize(); to += element) {
            MemorySegment.copy(columns, ValueLayout.JAVA_BYTE, from, rows, ValueLayout.JAVA_BYTE, to, element);
            for (int d = shape.length - 1; d >= 0; d--) {
                from += stride[d];
                if (++index[d] < shape[d]) {
                    break;
                }
                from -= stride[d] * shape[d];
                index[d] = 0;
            }
        }
    }

    @Override
    public void close() {
        file.close();
    }

    @Override
    public String toString() {
        return path().toString();
    }
}
