package dev.headwater.engine.pickle;

import dev.headwater.bindings.DType;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.ErrorText;
import dev.headwater.engine.files.MappedFile;
import dev.headwater.engine.files.ZipDirectory;
import dev.headwater.engine.pickle.Pickled.Name;
import dev.headwater.engine.pickle.Pickled.Plain;
import dev.headwater.engine.pickle.Pickled.Tuple;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * What {@code torch.save} wrote: a zip archive of one pickle, and of a file for each storage that its tensors are views of.
 * Of all that such a pickle can ask for, only tensors, ordered dictionaries, devices, types of numbers and objects of the
 * classes that the caller names are made, and those as data; anything else is refused by name. Storages stay mapped.
 */
public final class TorchFile implements AutoCloseable {
    private static final String PICKLE = "/data.pkl";
    /** A pickle of tensors and settings has kilobytes; the numbers lie beside it. */
    private static final long MAX_PICKLE = 4L << 20;
    /** How files of PyTorch before 1.6 begin: a pickle of a number. */
    private static final byte[] BEFORE_ZIP = {(byte) 0x80, 2, (byte) 0x8a, 10, 0x6c, (byte) 0xfc, (byte) 0x9c, 0x46};

    private static final Map<String, DType> STORAGES = Map.of(
            "DoubleStorage", DType.F64,
            "FloatStorage", DType.F32,
            "HalfStorage", DType.F16,
            "BFloat16Storage", DType.BF16,
            "LongStorage", DType.I64,
            "IntStorage", DType.I32,
            "ShortStorage", DType.I16,
            "CharStorage", DType.I8,
            "ByteStorage", DType.U8,
            "BoolStorage", DType.BOOL);

    private static final Set<String> TYPES = Set.of(
            "float64",
            "double",
            "float32",
            "float",
            "float16",
            "half",
            "bfloat16",
            "int64",
            "long",
            "int32",
            "int",
            "int16",
            "short",
            "int8",
            "uint8",
            "bool");

    private static final Name REBUILD = new Name("torch._utils", "_rebuild_tensor_v2");
    private static final Name PARAMETER = new Name("torch._utils", "_rebuild_parameter");
    private static final Name ORDERED = new Name("collections", "OrderedDict");
    private static final Name DEVICE = new Name("torch", "device");

    private final MappedFile file;
    private final Object content;

    private TorchFile(MappedFile file, Object content) {
        this.file = file;
        this.content = content;
    }

    /**
     * Opens a file and reads its pickle.
     *
     * @param data classes whose objects may be in it, {@code module.name}
     * @throws HeadwaterException if it can't be read, is none of PyTorch's, or asks for anything else
     */
    public static TorchFile open(Path path, Set<String> data) {
        MappedFile file = MappedFile.open(path);
        try {
            return new TorchFile(file, content(file.bytes(), data));
        } catch (IllegalArgumentException e) {
            file.close();
            throw new HeadwaterException(
                    "%s cannot be read as a file of torch.save: it %s".formatted(path, e.getMessage()), e);
        } catch (Throwable failure) {
            file.close();
            throw failure;
        }
    }

    /** What was saved: see {@link Pickled}; tensors are {@link TorchTensor}. */
    public Object content() {
        return content;
    }

    /** {@return the file} */
    public Path path() {
        return file.path();
    }

    @Override
    public void close() {
        file.close();
    }

    private static Object content(MemorySegment bytes, Set<String> data) {
        if (bytes.byteSize() >= BEFORE_ZIP.length
                && bytes.asSlice(0, BEFORE_ZIP.length).mismatch(MemorySegment.ofArray(BEFORE_ZIP)) < 0) {
            throw new IllegalArgumentException(
                    "has the format of PyTorch before 1.6; torch.save it again without _use_new_zipfile_serialization=False");
        }
        Map<String, ZipDirectory.Member> members = new LinkedHashMap<>();
        for (ZipDirectory.Member member : ZipDirectory.members(bytes)) {
            members.put(member.name(), member);
            if (member.method() != ZipDirectory.STORED) {
                throw new IllegalArgumentException(
                        "holds '%s' compressed, which torch.save never does".formatted(member.name()));
            }
        }
        List<String> pickles =
                members.keySet().stream().filter(name -> name.endsWith(PICKLE)).toList();
        if (pickles.size() != 1) {
            throw new IllegalArgumentException(
                    "is a zip archive with %d members 'data.pkl' instead of one".formatted(pickles.size()));
        }
        String root = pickles.getFirst().substring(0, pickles.getFirst().length() - PICKLE.length());
        ZipDirectory.Member pickle = Objects.requireNonNull(members.get(pickles.getFirst()));
        if (pickle.size() > MAX_PICKLE) {
            throw new IllegalArgumentException(
                    "has a pickle of %d bytes, and at most %d are read".formatted(pickle.size(), MAX_PICKLE));
        }
        ZipDirectory.Member order = members.get(root + "/byteorder");
        if (order != null && !"little".equals(text(slice(bytes, order)))) {
            throw new IllegalArgumentException(
                    "was written on a big-endian machine, and little-endian numbers are read; load it there and save safetensors");
        }
        return Unpickler.read(
                slice(bytes, pickle).toArray(ValueLayout.JAVA_BYTE),
                new Contents(bytes, root, members, data, new HashMap<>()));
    }

    private static MemorySegment slice(MemorySegment bytes, ZipDirectory.Member member) {
        return bytes.asSlice(member.start(), member.size());
    }

    private static String text(MemorySegment bytes) {
        return new String(
                bytes.asSlice(0, Math.min(bytes.byteSize(), 16)).toArray(ValueLayout.JAVA_BYTE),
                StandardCharsets.US_ASCII);
    }

    /** A storage, as a tensor of one dimension. */
    private record Storage(DType dtype, MemorySegment bytes) {}

    /** What a pickle of tensors and settings may speak of. */
    private record Contents(
            MemorySegment bytes,
            String root,
            Map<String, ZipDirectory.Member> members,
            Set<String> data,
            Map<String, Storage> storages)
            implements Unpickler.Vocabulary {
        @Override
        public boolean knows(Name name) {
            return name.equals(REBUILD)
                    || name.equals(PARAMETER)
                    || name.equals(ORDERED)
                    || name.equals(DEVICE)
                    || name.module().equals("torch")
                            && (STORAGES.containsKey(name.name()) || TYPES.contains(name.name()))
                    || isData(name);
        }

        @Override
        public boolean isData(Name type) {
            return data.contains(type.toString());
        }

        @Override
        public Object call(Name function, List<Object> arguments) {
            if (function.equals(REBUILD)) {
                return tensor(arguments);
            }
            if (function.equals(PARAMETER)
                    && arguments.size() >= 2
                    && arguments.getFirst() instanceof TorchTensor tensor) {
                return tensor;
            }
            if (function.equals(ORDERED) && arguments.isEmpty()) {
                return new LinkedHashMap<>();
            }
            if (function.equals(DEVICE) || isData(function)) {
                return new Plain(function, arguments, new LinkedHashMap<>());
            }
            throw new IllegalArgumentException("calls '%s' with what it is never called with".formatted(function));
        }

        @Override
        public Object outside(Object id) {
            if (id instanceof Tuple tuple
                    && tuple.items().size() == 5
                    && "storage".equals(tuple.items().get(0))
                    && tuple.items().get(1) instanceof Name type
                    && tuple.items().get(2) instanceof String key
                    && tuple.items().get(4) instanceof Long elements) {
                return storages.computeIfAbsent(type.name() + " " + key, _ -> storage(type.name(), key, elements));
            }
            throw new IllegalArgumentException("speaks of something outside its pickle that is no storage of a tensor");
        }

        private Storage storage(String type, String key, long elements) {
            DType dtype = STORAGES.get(type);
            ZipDirectory.Member member = members.get(root + "/data/" + key);
            if (dtype == null || member == null) {
                throw new IllegalArgumentException("has no storage '%s' of %s".formatted(ErrorText.of(key), type));
            }
            if (elements < 0 || member.size() / dtype.bytes() != elements || member.size() % dtype.bytes() != 0) {
                throw new IllegalArgumentException("has a storage '%s' of %d bytes, which should hold %d elements of %s"
                        .formatted(ErrorText.of(key), member.size(), elements, dtype));
            }
            return new Storage(dtype, slice(bytes, member));
        }

        private static TorchTensor tensor(List<Object> arguments) {
            if (arguments.size() >= 4
                    && arguments.get(0) instanceof Storage storage
                    && arguments.get(1) instanceof Long offset
                    && arguments.get(2) instanceof Tuple shape
                    && arguments.get(3) instanceof Tuple strides) {
                return new TorchTensor(storage.dtype(), storage.bytes(), offset, longs(shape), longs(strides));
            }
            throw new IllegalArgumentException("makes a tensor of what is none");
        }

        private static long[] longs(Tuple tuple) {
            if (tuple.items().size() > 8 || !tuple.items().stream().allMatch(Long.class::isInstance)) {
                throw new IllegalArgumentException("holds a tensor whose sizes are no short list of integers");
            }
            return tuple.items().stream().mapToLong(Long.class::cast).toArray();
        }
    }
}
