package dev.headwater.engine.weights;

import dev.headwater.engine.files.MappedFile;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;

/**
 * A safetensors file: eight bytes of header length, a JSON header that gives each tensor's type, shape and place, then
 * the data without gaps. Checked as strictly as the reference implementation of the format does, so that no byte
 * belongs to two tensors or to none.
 */
public final class SafetensorsFile implements WeightFile {
    private final MappedTensors file;
    private final SafetensorsHeader header;

    private SafetensorsFile(MappedTensors file, SafetensorsHeader header) {
        this.file = file;
        this.header = header;
    }

    /** @throws dev.headwater.engine.HeadwaterException if the file cannot be read or is not a sound safetensors file */
    public static SafetensorsFile open(Path path) {
        return of(MappedFile.open(path));
    }

    /** Takes the file over, also on failure. */
    static SafetensorsFile of(MappedFile file) {
        try {
            return new SafetensorsFile(new MappedTensors(file), SafetensorsHeader.parse(file.path(), file.bytes()));
        } catch (Throwable failure) {
            file.close();
            throw failure;
        }
    }

    @Override
    public Path path() {
        return file.path();
    }

    @Override
    public Set<String> names() {
        return header.tensors().keySet();
    }

    @Override
    public Map<String, String> metadata() {
        return header.metadata();
    }

    @Override
    public TensorInfo info(String name) {
        return TensorNames.lookup(header.tensors(), name, path()).info();
    }

    @Override
    public MemorySegment data(String name) {
        return file.aligned(unaligned(name), info(name));
    }

    @Override
    public MemorySegment unaligned(String name) {
        var tensor = TensorNames.lookup(header.tensors(), name, path());
        return file.bytes().asSlice(tensor.start(), tensor.info().bytes());
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
