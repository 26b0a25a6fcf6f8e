package dev.headwater.engine.weights;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.files.ErrorText;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * The weights of a Hugging Face model directory, in {@code model.safetensors} or in the shards that
 * {@code model.safetensors.index.json} lists, as one namespace of tensors.
 */
public final class Checkpoint implements WeightFile {
    private static final String SINGLE = "model.safetensors";
    private static final String INDEX = "model.safetensors.index.json";
    private static final int MAX_SHARDS = 4096;

    private final Path directory;
    private final Map<String, SafetensorsFile> shards;
    /** The shard of each tensor. */
    private final Map<String, SafetensorsFile> tensors;

    private final Map<String, String> metadata;

    private Checkpoint(
            Path directory,
            Map<String, SafetensorsFile> shards,
            Map<String, SafetensorsFile> tensors,
            Map<String, String> metadata) {
        this.directory = directory;
        this.shards = shards;
        this.tensors = Collections.unmodifiableMap(tensors);
        this.metadata = Collections.unmodifiableMap(metadata);
    }

    /**
     * Opens every shard and checks that each listed tensor is where the index says; tensors that the index does not
     * list are left out.
     *
     * @throws HeadwaterException if the directory or its weights are missing or unsound
     */
    public static Checkpoint open(Path directory) {
        if (!Files.isDirectory(directory)) {
            throw new HeadwaterException(
                    Files.exists(directory)
                            ? directory + " is a file, but a model directory is needed here"
                            : "There is no model directory " + directory);
        }
        Path single = directory.resolve(SINGLE);
        if (Files.exists(single)) {
            SafetensorsFile file = SafetensorsFile.open(single);
            Map<String, SafetensorsFile> tensors = new LinkedHashMap<>();
            file.names().forEach(name -> tensors.put(name, file));
            return new Checkpoint(directory, Map.of(SINGLE, file), tensors, file.metadata());
        }
        Path index = directory.resolve(INDEX);
        if (Files.exists(index)) {
            return openShards(directory, index);
        }
        throw new HeadwaterException(
                Files.exists(directory.resolve("pytorch_model.bin"))
                                || Files.exists(directory.resolve("pytorch_model.bin.index.json"))
                        ? "%s holds its weights only as pytorch_model.bin, a pickle, which can run code when it is read, so Headwater does not read it; write it as safetensors with Python: AutoModelForCausalLM.from_pretrained(dir).save_pretrained(dir, safe_serialization=True)"
                                .formatted(directory)
                        : "%s holds no weights: neither %s nor %s is there".formatted(directory, SINGLE, INDEX));
    }

    private static Checkpoint openShards(Path directory, Path index) {
        JsonNode root = BoundedJson.read(index, SafetensorsHeader.MAX_BYTES);
        JsonNode weightMap = root.path("weight_map");
        if (!weightMap.isObject()) {
            throw new HeadwaterException("%s has no weight_map object".formatted(index));
        }
        Map<String, SafetensorsFile> shards = new LinkedHashMap<>();
        try {
            Map<String, SafetensorsFile> tensors = LinkedHashMap.newLinkedHashMap(weightMap.size());
            for (var entry : weightMap.properties()) {
                String tensor = entry.getKey();
                String name = entry.getValue().isTextual() ? entry.getValue().textValue() : "";
                SafetensorsFile shard = shards.get(name);
                if (shard == null) {
                    if (shards.size() == MAX_SHARDS) {
                        throw new HeadwaterException("%s lists more than %d shards".formatted(index, MAX_SHARDS));
                    }
                    shard = openShard(directory, index, tensor, name);
                    shards.put(name, shard);
                }
                if (!shard.has(tensor)) {
                    throw new HeadwaterException("%s says that tensor '%s' is in %s, which does not hold it"
                            .formatted(index, ErrorText.of(tensor), ErrorText.of(name)));
                }
                tensors.put(tensor, shard);
            }
            Map<String, String> metadata = new LinkedHashMap<>();
            root.path("metadata")
                    .properties()
                    .forEach(entry ->
                            metadata.put(entry.getKey(), entry.getValue().asText()));
            return new Checkpoint(directory, shards, tensors, metadata);
        } catch (Throwable failure) {
            shards.values().forEach(SafetensorsFile::close);
            throw failure;
        }
    }

    /** Links are followed, since the hub's cache is made of them, but the name itself must stay in the directory. */
    private static SafetensorsFile openShard(Path directory, Path index, String tensor, String name) {
        if (!name.matches("[A-Za-z0-9_][A-Za-z0-9._-]{0,200}\\.safetensors")) {
            throw new HeadwaterException(
                    "%s puts tensor '%s' into '%s', which is not the plain name of a safetensors file"
                            .formatted(index, ErrorText.of(tensor), ErrorText.of(name)));
        }
        Path file = directory.resolve(name);
        if (!Files.exists(file)) {
            throw new HeadwaterException(
                    "%s lists the shard %s, which is missing; the download may be incomplete".formatted(index, name));
        }
        return SafetensorsFile.open(file);
    }

    private SafetensorsFile shard(String tensor) {
        return TensorNames.lookup(tensors, tensor, directory);
    }

    @Override
    public Path path() {
        return directory;
    }

    @Override
    public Set<String> names() {
        return tensors.keySet();
    }

    @Override
    public Map<String, String> metadata() {
        return metadata;
    }

    @Override
    public TensorInfo info(String name) {
        return shard(name).info(name);
    }

    @Override
    public MemorySegment data(String name) {
        return shard(name).data(name);
    }

    @Override
    public MemorySegment unaligned(String name) {
        return shard(name).unaligned(name);
    }

    @Override
    public void close() {
        shards.values().forEach(SafetensorsFile::close);
    }

    @Override
    public String toString() {
        return directory.toString();
    }
}
