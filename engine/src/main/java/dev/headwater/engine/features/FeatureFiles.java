package dev.headwater.engine.features;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.document.GraphJson;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.files.ErrorText;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.zip.GZIPInputStream;
import java.util.zip.Inflater;
import java.util.zip.InflaterInputStream;

/**
 * Feature details in the public library's packed form (reference section 3.3): {@code index.json.gz}, a list by layer
 * of {@code {filename, offsets}}, and files {@code layer_<l>.bin} in which feature f's record takes the bytes from
 * offsets[f] to offsets[f + 1]: a 4-byte little-endian length, then as many bytes of deflated JSON. {@link LayerFile}
 * writes them.
 *
 * <p>Holds the offsets, not the files; usable from any thread. Nothing in the files is trusted.
 */
public final class FeatureFiles implements FeatureEvidence {
    public static final String INDEX = "index.json.gz";
    /** The longest record that is read, packed or not. */
    public static final int LONGEST_RECORD = 16 << 20;

    private static final Pattern NAME = Pattern.compile("layer_\\d{1,4}\\.bin");
    private static final long LARGEST_INDEX = 512L << 20;
    private static final int MOST_LAYERS = 4096;
    private static final int MOST_FEATURES = 1 << 22;
    /** An index may hold more numbers than {@link BoundedJson} allows a document. */
    private static final JsonFactory INDEXES = JsonFactory.builder()
            .streamReadConstraints(BoundedJson.factory()
                    .streamReadConstraints()
                    .rebuild()
                    .maxTokenCount(-1)
                    .build())
            .build();

    private record Layer(String file, long[] offsets) {}

    /** Where a record lies: {@code length} bytes of {@code file} from {@code start}, its own length among them. */
    public record Range(Path file, long start, int length) {}

    /** Where the bytes of records come from. */
    @FunctionalInterface
    interface Source {
        /** All bytes of the range. */
        byte[] read(Range range) throws IOException;
    }

    private final Path directory;
    private final List<Layer> layers;
    private final Source source;

    private FeatureFiles(Path directory, List<Layer> layers, Source source) {
        this.directory = directory;
        this.layers = layers;
        this.source = source;
    }

    /**
     * Reads the index.
     *
     * @param directory with {@code index.json.gz} and the layers' files
     * @throws HeadwaterException if it is missing or no index
     */
    public static FeatureFiles open(Path directory) {
        return open(directory, FeatureFiles::local);
    }

    /**
     * The same with the records elsewhere.
     *
     * @param source is asked for ranges of files of the directory, which need not be there
     */
    static FeatureFiles open(Path directory, Source source) {
        Path index = directory.resolve(INDEX);
        if (!Files.isRegularFile(index)) {
            throw new HeadwaterException("There are no feature files in %s: it has no %s".formatted(directory, INDEX));
        }
        try (InputStream in = bounded(new GZIPInputStream(Files.newInputStream(index), 1 << 16));
                JsonParser json = INDEXES.createParser(in)) {
            return new FeatureFiles(directory, layers(json), source);
        } catch (JsonProcessingException e) {
            throw new HeadwaterException("%s is not valid JSON%s".formatted(index, BoundedJson.where(e)), e);
        } catch (IOException e) {
            throw new HeadwaterException("%s is no index of feature files: %s".formatted(index, e.getMessage()), e);
        }
    }

    private static List<Layer> layers(JsonParser json) throws IOException {
        List<Layer> layers = new ArrayList<>();
        demand(json.nextToken() == JsonToken.START_ARRAY, "it is not a list");
        while (json.nextToken() != JsonToken.END_ARRAY) {
            demand(json.currentToken() == JsonToken.START_OBJECT, "layer " + layers.size() + " is no object");
            demand(layers.size() < MOST_LAYERS, "it has more than " + MOST_LAYERS + " layers");
            String name = null;
            long[] offsets = new long[0];
            while (json.nextToken() == JsonToken.FIELD_NAME) {
                String field = json.currentName();
                json.nextToken();
                switch (field) {
                    case "filename" -> name = json.getText();
                    case "offsets" -> offsets = offsets(json, layers.size());
                    default -> json.skipChildren();
                }
            }
            // The name becomes a path, so it can be nothing but a file of this directory.
            demand(
                    name != null && NAME.matcher(name).matches(),
                    "the file of layer " + layers.size() + " is not named layer_<number>.bin"
                            + (name == null ? "" : " but '" + ErrorText.of(name) + "'"));
            layers.add(new Layer(Objects.requireNonNull(name), offsets));
        }
        return List.copyOf(layers);
    }

    private static long[] offsets(JsonParser json, int layer) throws IOException {
        demand(json.currentToken() == JsonToken.START_ARRAY, "the offsets of layer " + layer + " are no list");
        long[] offsets = new long[1024];
        int count = 0;
        while (json.nextToken() != JsonToken.END_ARRAY) {
            demand(json.currentToken() == JsonToken.VALUE_NUMBER_INT, "an offset of layer " + layer + " is no integer");
            demand(count <= MOST_FEATURES, "layer " + layer + " has more than " + MOST_FEATURES + " features");
            if (count == offsets.length) {
                offsets = Arrays.copyOf(offsets, 2 * count);
            }
            offsets[count] = json.getLongValue();
            demand(
                    offsets[count] >= (count == 0 ? 0 : offsets[count - 1]),
                    "the offsets of layer " + layer + " do not ascend");
            count++;
        }
        return Arrays.copyOf(offsets, count);
    }

    /** {@return names of the features: those of {@link LabelFile} in this directory, else what follows from the evidence} */
    public GraphJson.Labels labels() {
        return LabelFile.over(directory, this);
    }

    /** {@return layers that there is evidence of} */
    public int layers() {
        return layers.size();
    }

    /** Features of a layer. */
    public int features(int layer) {
        return Math.max(0, layers.get(layer).offsets.length - 1);
    }

    /**
     * Where a feature's record lies; empty if there is none.
     *
     * @throws HeadwaterException if the index gives it an impossible length
     */
    public Optional<Range> range(int layer, int feature) {
        if (layer < 0 || layer >= layers.size() || feature < 0 || feature >= features(layer)) {
            return Optional.empty();
        }
        Layer at = layers.get(layer);
        long length = at.offsets[feature + 1] - at.offsets[feature];
        if (length == 0) {
            return Optional.empty();
        }
        if (length < Integer.BYTES || length > LONGEST_RECORD) {
            throw bad(at, layer, feature, "its index gives it %d bytes".formatted(length));
        }
        return Optional.of(new Range(directory.resolve(at.file), at.offsets[feature], (int) length));
    }

    /**
     * A feature's record, as section 3.3 of the reference names its fields; empty if there is none.
     *
     * @throws HeadwaterException if the file is missing or the record damaged
     */
    @Override
    public Optional<JsonNode> record(int layer, int feature) {
        return range(layer, feature).map(range -> {
            try {
                return BoundedJson.mapper().readTree(text(range));
            } catch (JsonProcessingException e) {
                throw bad(layers.get(layer), layer, feature, "it is not JSON" + BoundedJson.where(e));
            } catch (IOException e) {
                throw bad(layers.get(layer), layer, feature, String.valueOf(e.getMessage()));
            }
        });
    }

    /** From the file itself. */
    static byte[] local(Range range) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(range.length);
        demand(Files.isRegularFile(range.file), "there is no such file");
        try (FileChannel channel = FileChannel.open(range.file, StandardOpenOption.READ)) {
            demand(range.start + range.length <= channel.size(), "it lies outside the file");
            while (bytes.hasRemaining() && channel.read(bytes, range.start + bytes.position()) >= 0) {
                // until the record is whole
            }
        }
        demand(!bytes.hasRemaining(), "the file ends within it");
        return bytes.array();
    }

    private byte[] text(Range range) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(source.read(range)).order(ByteOrder.LITTLE_ENDIAN);
        demand(bytes.remaining() == range.length, "it is not whole");
        int packed = bytes.getInt();
        demand(packed >= 0 && packed <= bytes.remaining(), "its length is wrong");
        return inflate(bytes.array(), Integer.BYTES, packed);
    }

    /** With zlib's two header bytes or without them: both are in use. */
    private static byte[] inflate(byte[] bytes, int offset, int length) throws IOException {
        boolean header = length > 2
                && (bytes[offset] & 0x0f) == 8
                && ((bytes[offset] & 0xff) << 8 | bytes[offset + 1] & 0xff) % 31 == 0;
        Inflater inflater = new Inflater(!header);
        try (InputStream in = new InflaterInputStream(new ByteArrayInputStream(bytes, offset, length), inflater)) {
            byte[] text = in.readNBytes(LONGEST_RECORD + 1);
            demand(text.length <= LONGEST_RECORD, "it unpacks to more than " + LONGEST_RECORD + " bytes");
            return text;
        } finally {
            inflater.end();
        }
    }

    private HeadwaterException bad(Layer at, int layer, int feature, String what) {
        return new HeadwaterException("The record of feature %d of layer %d in %s can't be read: %s"
                .formatted(feature, layer, directory.resolve(at.file), what));
    }

    private static void demand(boolean condition, String otherwise) throws IOException {
        if (!condition) {
            throw new IOException(otherwise);
        }
    }

    /** An index that unpacks to more than {@link #LARGEST_INDEX} is none. */
    private static InputStream bounded(InputStream in) {
        return new java.io.FilterInputStream(in) {
            private long count;

            @Override
            public int read() throws IOException {
                byte[] one = new byte[1];
                return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
            }

            @Override
            public int read(byte[] buffer, int offset, int length) throws IOException {
                int read = super.read(buffer, offset, length);
                count += Math.max(read, 0);
                demand(count <= LARGEST_INDEX, "it unpacks to more than " + LARGEST_INDEX + " bytes");
                return read;
            }
        };
    }
}
