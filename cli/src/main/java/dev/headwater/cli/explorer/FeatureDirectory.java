package dev.headwater.cli.explorer;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.engine.HeadwaterException;

import java.io.ByteArrayInputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.zip.GZIPInputStream;
import java.util.zip.Inflater;
import java.util.zip.InflaterInputStream;

/**
 * Evidence on disk, in either form that the field's tools write: {@code <scan>/<number>.json}, one file a feature; or
 * {@code <scan>/index.json.gz} with {@code <scan>/layer_<l>.bin}, where the index holds, by layer, the file's name and the offsets of its
 * records, each a little-endian 4-byte length and a deflated JSON text. A folder {@code features} in between is allowed.
 */
final class FeatureDirectory implements FeatureSource {
    private static final Pattern FOLDER = Pattern.compile("[A-Za-z0-9_@-][A-Za-z0-9_.@-]{0,127}");
    private static final Pattern FILE = Pattern.compile("\\d{1,18}\\.json|index\\.json\\.gz|layer_\\d{1,4}\\.bin");
    private static final int DEEPEST = 6;
    private static final int LONGEST_RECORD = 16 << 20;
    private static final long LARGEST_INDEX = 512L << 20;
    private static final int MOST_LAYERS = 4096;
    private static final int MOST_FEATURES = 1 << 22;
    private static final int INDEXES_HELD = 4;

    /** Offsets of one layer's records: record f lies at {@code offsets[f]} to {@code offsets[f + 1]}. */
    private record Layer(String file, long[] offsets) {}

    private record Index(BasicFileAttributes attributes, List<Layer> layers) {}

    private final Path root;
    private final LinkedHashMap<Path, Index> indexes = new LinkedHashMap<>(8, 0.75f, true);

    FeatureDirectory(Path root) {
        try {
            this.root = root.toRealPath();
        } catch (IOException e) {
            throw new HeadwaterException("The feature directory " + root + " can't be opened: check that it is there.", e);
        }
    }

    @Override
    public Optional<JsonNode> feature(String scan, int layer, int feature) {
        for (String folder : List.of(scan, scan + "/features")) {
            try {
                Path file = find(folder + "/" + FeatureSource.pair(layer, feature) + ".json");
                return Optional.of(single(file));
            } catch (NoSuchFileException e) {
                // the other form may be there
            } catch (IOException e) {
                throw unreadable(scan, e);
            }
            try {
                return packed(folder, layer, feature);
            } catch (NoSuchFileException e) {
                // the folder in between may be there
            } catch (IOException e) {
                throw unreadable(scan, e);
            }
        }
        return Optional.empty();
    }

    /** A file for a reader that wants its bytes: an index, a layer's records, one feature's JSON. The caller closes it. */
    FileChannel open(String path) throws IOException {
        return FileChannel.open(find(path), StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS);
    }

    /** The one place where a request's path becomes a path on the disk. */
    private Path find(String path) throws NoSuchFileException {
        String[] parts = path.split("/", -1);
        if (parts.length < 2 || parts.length > DEEPEST || !FILE.matcher(parts[parts.length - 1]).matches()
                || !Arrays.stream(parts, 0, parts.length - 1).allMatch(part -> FOLDER.matcher(part).matches())) {
            throw new NoSuchFileException("feature file");
        }
        Path file = root;
        for (String part : parts) {
            file = file.resolve(part);
        }
        try {
            BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
            if (attributes.isRegularFile() && file.toRealPath().startsWith(root)) {
                return file;
            }
        } catch (IOException e) {
            // the same answer as for what is not there
        }
        throw new NoSuchFileException("feature file");
    }

    private static JsonNode single(Path file) throws IOException {
        if (Files.size(file) > LONGEST_RECORD) {
            throw new IOException("larger than " + LONGEST_RECORD + " bytes");
        }
        return Json.MAPPER.readTree(Files.readAllBytes(file));
    }

    private Optional<JsonNode> packed(String folder, int layer, int feature) throws IOException {
        List<Layer> layers = index(find(folder + "/index.json.gz"));
        if (layer >= layers.size() || feature >= layers.get(layer).offsets().length - 1) {
            return Optional.empty();
        }
        Layer at = layers.get(layer);
        long start = at.offsets()[feature];
        long length = at.offsets()[feature + 1] - start;
        if (length == 0) {
            return Optional.empty();
        }
        try (SeekableByteChannel channel = open(folder + "/" + at.file())) {
            if (length < 4 || length > LONGEST_RECORD || start < 0 || start + length > channel.size()) {
                throw new IOException("its index points outside " + at.file());
            }
            ByteBuffer bytes = ByteBuffer.allocate((int) length).order(ByteOrder.LITTLE_ENDIAN);
            channel.position(start);
            while (bytes.hasRemaining() && channel.read(bytes) >= 0) {
                // until the record is whole
            }
            bytes.flip();
            int packed = bytes.getInt();
            if (packed < 0 || packed > bytes.remaining()) {
                throw new IOException("a record's length in " + at.file() + " is wrong");
            }
            return Optional.of(Json.MAPPER.readTree(inflate(bytes.array(), 4, packed)));
        }
    }

    /** With zlib's two header bytes or without them: both are in use. */
    private static byte[] inflate(byte[] bytes, int offset, int length) throws IOException {
        boolean header = length > 2 && (bytes[offset] & 0x0f) == 8 && ((bytes[offset] & 0xff) << 8 | bytes[offset + 1] & 0xff) % 31 == 0;
        Inflater inflater = new Inflater(!header);
        try (InputStream in = new InflaterInputStream(new ByteArrayInputStream(bytes, offset, length), inflater)) {
            byte[] text = in.readNBytes(LONGEST_RECORD + 1);
            if (text.length > LONGEST_RECORD) {
                throw new IOException("a record unpacks to more than " + LONGEST_RECORD + " bytes");
            }
            return text;
        } finally {
            inflater.end();
        }
    }

    private List<Layer> index(Path file) throws IOException {
        synchronized (indexes) {
            BasicFileAttributes now = Files.readAttributes(file, BasicFileAttributes.class);
            Index known = indexes.get(file);
            if (known == null || !known.attributes().lastModifiedTime().equals(now.lastModifiedTime()) || known.attributes().size() != now.size()) {
                known = new Index(now, read(file));
                indexes.put(file, known);
                if (indexes.size() > INDEXES_HELD) {
                    indexes.pollFirstEntry();
                }
            }
            return known.layers();
        }
    }

    private static List<Layer> read(Path file) throws IOException {
        List<Layer> layers = new ArrayList<>();
        try (InputStream in = new Limited(new GZIPInputStream(Files.newInputStream(file), 1 << 16)); JsonParser json = Json.STREAMING.createParser(in)) {
            demand(json.nextToken() == JsonToken.START_ARRAY, "it is not an array");
            while (json.nextToken() != JsonToken.END_ARRAY) {
                demand(layers.size() < MOST_LAYERS && json.currentToken() == JsonToken.START_OBJECT, "an element is not an object, or there are too many");
                String name = null;
                long[] offsets = new long[0];
                while (json.nextToken() == JsonToken.FIELD_NAME) {
                    String field = json.currentName();
                    json.nextToken();
                    switch (field) {
                        case "filename" -> name = json.getText();
                        case "offsets" -> offsets = offsets(json);
                        default -> json.skipChildren();
                    }
                }
                demand(name != null && FILE.matcher(name).matches() && name.endsWith(".bin"), "a file's name is missing or not layer_<number>.bin");
                layers.add(new Layer(name, offsets));
            }
        } catch (JsonProcessingException e) {
            throw new IOException(Json.firstLine(e));
        }
        return List.copyOf(layers);
    }

    private static long[] offsets(JsonParser json) throws IOException {
        demand(json.currentToken() == JsonToken.START_ARRAY, "offsets are not an array");
        long[] offsets = new long[1024];
        int count = 0;
        while (json.nextToken() != JsonToken.END_ARRAY) {
            demand(json.currentToken() == JsonToken.VALUE_NUMBER_INT && count < MOST_FEATURES, "an offset is not an integer, or there are too many");
            if (count == offsets.length) {
                offsets = Arrays.copyOf(offsets, 2 * count);
            }
            offsets[count] = json.getLongValue();
            demand(offsets[count] >= (count == 0 ? 0 : offsets[count - 1]), "offsets do not ascend");
            count++;
        }
        return Arrays.copyOf(offsets, count);
    }

    private static void demand(boolean condition, String otherwise) throws IOException {
        if (!condition) {
            throw new IOException(otherwise);
        }
    }

    private static Refusal unreadable(String scan, IOException e) {
        return new Refusal(500, "The feature files of " + scan + " can't be read: " + e.getMessage() + ".");
    }

    /** An index that unpacks to more than {@link #LARGEST_INDEX} is none. */
    private static final class Limited extends FilterInputStream {
        private long count;

        Limited(InputStream in) {
            super(in);
        }

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
    }
}
