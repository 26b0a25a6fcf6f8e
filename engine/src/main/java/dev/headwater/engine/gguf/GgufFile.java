package dev.headwater.engine.gguf;

import dev.headwater.bindings.DType;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.MappedFile;
import dev.headwater.engine.weights.TensorNames;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A model in one GGUF file, or in several that were split, mapped into memory: metadata, and tensors, which are decoded
 * when they are asked for. Usable from any thread; closing it unmaps the data.
 */
public final class GgufFile implements AutoCloseable {
    private static final Pattern PART = Pattern.compile("(.+)-(\\d{5})-of-(\\d{5})\\.gguf");
    private static final int MAX_PARTS = 1024;
    private static final int MAX_COPIED = 1 << 28;

    private final Path path;
    private final List<MappedFile> files;
    private final GgufMetadata metadata;
    private final Map<String, Stored> tensors;

    private record Stored(GgufTensor tensor, ByteOrder order) {}

    private GgufFile(Path path, List<MappedFile> files, GgufMetadata metadata, Map<String, Stored> tensors) {
        this.path = path;
        this.files = files;
        this.metadata = metadata;
        this.tensors = Collections.unmodifiableMap(tensors);
    }

    /** Whether a path is a file that begins as GGUF files do, whatever its name: caches name them by their hash. */
    public static boolean isGguf(Path path) {
        if (!Files.isRegularFile(path)) {
            return false;
        }
        try (InputStream in = Files.newInputStream(path)) {
            return Arrays.equals(in.readNBytes(GgufHeader.MAGIC.length), GgufHeader.MAGIC);
        } catch (IOException unreadable) {
            return false;
        }
    }

    /**
     * Opens a file, and the others if it is a part of a split model.
     *
     * @throws HeadwaterException if a file is missing, cut off, of another version or unsound
     */
    public static GgufFile open(Path path) {
        return of(MappedFile.open(path));
    }

    /** Takes the file over, also on failure. */
    static GgufFile of(MappedFile file) {
        List<MappedFile> files = new ArrayList<>(List.of(file));
        try {
            GgufHeader header = GgufHeader.parse(file.path(), file.bytes());
            long parts = new GgufMetadata(file.path().toString(), header.metadata()).integer("split.count", 1);
            Map<String, Stored> tensors = new LinkedHashMap<>();
            if (parts <= 1) {
                add(header, tensors, file.path());
                return new GgufFile(
                        file.path(), files, new GgufMetadata(file.path().toString(), header.metadata()), tensors);
            }
            return split(file.path(), parts, files, tensors);
        } catch (Throwable failure) {
            files.forEach(MappedFile::close);
            throw failure;
        }
    }

    /** The metadata is the first part's. */
    private static GgufFile split(Path path, long parts, List<MappedFile> files, Map<String, Stored> tensors) {
        Matcher name = PART.matcher(path.getFileName().toString());
        if (parts > MAX_PARTS || !name.matches() || Integer.parseInt(name.group(3)) != parts) {
            throw new HeadwaterException(
                    "%s is one of %d parts of a model, but is not named NAME-00001-of-%05d.gguf, so that the others cannot be found"
                            .formatted(path, parts, Math.min(parts, 99_999)));
        }
        List<GgufMetadata> metadata = new ArrayList<>();
        for (int part = 1; part <= parts; part++) {
            Path file = path.resolveSibling(
                    String.format(Locale.ROOT, "%s-%05d-of-%s.gguf", name.group(1), part, name.group(3)));
            if (!Files.exists(file)) {
                throw new HeadwaterException("%s is one of %d parts of a model, and %s is missing beside it"
                        .formatted(path, parts, file.getFileName()));
            }
            MappedFile mapped = MappedFile.open(file);
            files.add(mapped);
            GgufHeader header = GgufHeader.parse(file, mapped.bytes());
            GgufMetadata own = new GgufMetadata(file.toString(), header.metadata());
            if (own.integer("split.count", 1) != parts || own.integer("split.no", part - 1L) != part - 1L) {
                throw new HeadwaterException(
                        "%s is not part %d of %d of a model, as its name says".formatted(file, part, parts));
            }
            metadata.add(own);
            add(header, tensors, file);
        }
        GgufMetadata first = metadata.getFirst();
        if (first.integer("split.tensors.count", tensors.size()) != tensors.size()) {
            throw first.error(
                    "split.tensors.count",
                    "says that there are %d tensors, but the %d parts hold %d; one of them is of another model"
                            .formatted(first.integer("split.tensors.count"), parts, tensors.size()));
        }
        return new GgufFile(path, files, first, tensors);
    }

    private static void add(GgufHeader header, Map<String, Stored> tensors, Path file) {
        header.tensors().forEach((name, tensor) -> {
            if (tensors.put(name, new Stored(tensor, header.order())) != null) {
                throw new HeadwaterException(
                        "%s holds the tensor '%s', which another part of the model holds too".formatted(file, name));
            }
        });
    }

    /** {@return the first file, as it was opened} */
    public Path path() {
        return path;
    }

    /** {@return the key-value pairs of the header} */
    public GgufMetadata metadata() {
        return metadata;
    }

    /** Of all tensors, in the file's order. */
    public Set<String> names() {
        return tensors.keySet();
    }

    /** {@return whether there is a tensor of that name, in any part of a split file} */
    public boolean has(String name) {
        return tensors.containsKey(name);
    }

    /**
     * Sizes of a tensor, outermost first.
     *
     * @throws HeadwaterException if there is no such tensor
     */
    public long[] shape(String name) {
        return stored(name).tensor.shape().clone();
    }

    /**
     * The tensor's type.
     *
     * @throws HeadwaterException if there is no such tensor, or it is of a type that Headwater does not read
     */
    public GgufType type(String name) {
        return stored(name).tensor.readType();
    }

    /**
     * The type of a tensor whose numbers can be used where they are mapped: float32, float16 or bfloat16 of this
     * machine's byte order, aligned; otherwise empty.
     */
    public Optional<DType> mappedType(String name) {
        Stored stored = stored(name);
        GgufType type = stored.tensor.readType();
        boolean usable = type.isPlain()
                && stored.order == ByteOrder.nativeOrder()
                && stored.tensor.readData().address() % type.bytes() == 0;
        return usable ? Optional.of(DType.valueOf(type.name())) : Optional.empty();
    }

    /** A tensor's bytes as they are in the file, read-only. */
    public MemorySegment data(String name) {
        return stored(name).tensor.readData();
    }

    /** Writes a tensor's numbers as float32, row by row, on all cores. */
    public void readFloats(String name, MemorySegment target) {
        type(name); // The numbers of other types were not counted.
        readFloats(name, 0, stored(name).tensor.numbers(), target);
    }

    /** The same for {@code count} numbers from {@code first} on, both at the border of a block. */
    public void readFloats(String name, long first, long count, MemorySegment target) {
        Stored stored = stored(name);
        Objects.checkFromIndexSize(first, count, stored.tensor.numbers());
        Dequantizer.toFloats(stored.tensor, stored.order, first, count, target);
    }

    /** The same into memory of its own, meant for small tensors. */
    public float[] floats(String name) {
        type(name); // The numbers of other types were not counted.
        long numbers = stored(name).tensor.numbers();
        if (numbers > MAX_COPIED) {
            throw new HeadwaterException(
                    "Tensor '%s' in %s is too large to be copied: %d numbers".formatted(name, path, numbers));
        }
        try (Arena arena = Arena.ofShared()) {
            MemorySegment target = arena.allocate(numbers * Float.BYTES, Float.BYTES);
            readFloats(name, target);
            return target.toArray(ValueLayout.JAVA_FLOAT);
        }
    }

    private Stored stored(String name) {
        return TensorNames.lookup(tensors, name, path);
    }

    @Override
    public void close() {
        files.forEach(MappedFile::close);
    }

    @Override
    public String toString() {
        return path.toString();
    }
}
