package dev.headwater.engine.transcoder;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.BoundedJson;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.OptionalInt;
import java.util.stream.Stream;

/**
 * How large a set of transcoders is, for estimates.
 *
 * @param features F, of a layer
 * @param k        features active at a position and layer where that is fixed (TopK)
 */
public record SetOutline(TranscoderConfig.Kind kind, int features, OptionalInt k) {
    /** Enough of a file for {@link #of(Path, String, byte[], long, int)}. */
    public static final int HEAD_BYTES = 1 << 16;

    /** {@return the sizes of an open set} */
    public static SetOutline of(TranscoderSet set) {
        return new SetOutline(
                set.kind(),
                set.features(),
                set.activation(0) instanceof Activation.TopK(int k, boolean _)
                        ? OptionalInt.of(k)
                        : OptionalInt.empty());
    }

    /**
     * Of a set whose weights are elsewhere.
     *
     * @param directory with {@code config.yaml}
     * @param name      of the file with the first layer's encoder
     * @param head      its first {@link #HEAD_BYTES} bytes, or all
     * @param bytes     its length
     * @param width     d
     * @throws HeadwaterException if the configuration or the file is not what a set has
     */
    public static SetOutline of(Path directory, String name, byte[] head, long bytes, int width) {
        TranscoderConfig config = TranscoderConfig.read(directory);
        // GemmaScope's archives hold float32: two matrices and vectors of F, one vector of d.
        long features = name.endsWith(".npz") ? (bytes / 4 - width) / (2L * width + 2) : biases(name, head);
        if (features < 1 || features > Integer.MAX_VALUE) {
            throw new HeadwaterException(
                    name + " does not say how many features its layer has: it is no file of a set of transcoders");
        }
        return new SetOutline(config.kind(), (int) features, config.k());
    }

    /** Length of the encoder's bias, which is a vector in every layout; 0 if there is none. */
    private static long biases(String name, byte[] head) {
        ByteBuffer file = ByteBuffer.wrap(head).order(ByteOrder.LITTLE_ENDIAN);
        long length = head.length < Long.BYTES ? -1 : file.getLong();
        if (length < 2 || length > file.remaining()) {
            return 0;
        }
        try {
            JsonNode header = BoundedJson.mapper().readTree(head, Long.BYTES, (int) length);
            return Stream.of(LayerLayout.PER_LAYER, LayerLayout.SPARSIFY, LayerLayout.crossLayer(0))
                    .map(layout ->
                            header.path(layout.encoderBias()).path("shape").path(0))
                    .filter(JsonNode::isNumber)
                    .mapToLong(JsonNode::asLong)
                    .findFirst()
                    .orElse(0);
        } catch (JsonProcessingException e) {
            throw new HeadwaterException(name + " has a damaged header: not valid JSON" + BoundedJson.where(e), e);
        } catch (IOException e) {
            throw new HeadwaterException("Cannot read the header of " + name + ": " + e.getMessage(), e);
        }
    }
}
