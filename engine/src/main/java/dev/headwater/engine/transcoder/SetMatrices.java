package dev.headwater.engine.transcoder;

import dev.headwater.bindings.DType;
import dev.headwater.bindings.Device;
import dev.headwater.bindings.RowNumbers;
import dev.headwater.bindings.Shipment;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.Torch;
import dev.headwater.bindings.TorchShape;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A set's encoders and decoders where they are used: those that stay on the GPU are there from their first use on, of the others the
 * rows that are needed go there. Safe to use from several threads.
 */
final class SetMatrices implements AutoCloseable {
    /** Bytes of a matrix that are sent at a time, through page-locked memory. */
    private static final long BLOCK = 64L << 20;

    private final Device device;
    private ResidentEncoder[] encoders = new ResidentEncoder[0];
    private Tensor[] decoders = new Tensor[0];
    /** By layer, b_dec on a GPU. */
    private final Map<Integer, Tensor> biases = new HashMap<>();

    SetMatrices(Device device) {
        this.device = device;
    }

    static Residency residency(List<LayerTranscoder> layers, long room) {
        return Residency.of(
                room,
                layers.stream().mapToLong(layer -> layer.encoder().bytes()).toArray(),
                layers.stream().mapToLong(layer -> layer.decoder().bytes()).toArray());
    }

    /** From now on these stay; before the first use. */
    synchronized void keep(Residency residency) {
        encoders = new ResidentEncoder[residency.encoderLayers()];
        decoders = new Tensor[residency.decoderLayers()];
    }

    /** A layer's encoder on the GPU; null if it does not stay there. */
    synchronized @Nullable ResidentEncoder encoder(LayerTranscoder of, int layer) {
        if (layer >= encoders.length) {
            return null;
        }
        if (encoders[layer] == null) {
            encoders[layer] = new ResidentEncoder(
                    TensorScope.release(send(of.encoder())),
                    TensorScope.release(vector(of.encoderBias())),
                    of.activation() instanceof Activation.JumpRelu(float[] threshold)
                            ? TensorScope.release(vector(threshold))
                            : null);
        }
        return encoders[layer];
    }

    /** A layer's whole decoder on the GPU in its own type [F, targets·d]; null if it does not stay there. */
    synchronized @Nullable Tensor decoder(LayerTranscoder of, int layer) {
        if (layer >= decoders.length) {
            return null;
        }
        if (decoders[layer] == null) {
            decoders[layer] = TensorScope.release(send(of.decoder()));
        }
        return decoders[layer];
    }

    /** b_dec [d]: borrowed on a GPU, on the CPU anew. */
    synchronized Tensor decoderBias(LayerTranscoder of, int layer) {
        return device.isCpu()
                ? vector(of.decoderBias())
                : biases.computeIfAbsent(layer, _ -> TensorScope.release(vector(of.decoderBias())));
    }

    /** A vector on the device. */
    Tensor vector(float[] values) {
        try (var scope = TensorScope.open()) {
            return scope.keep(Torch.to(Tensor.ofFloats(values, values.length), device));
        }
    }

    private Tensor send(WeightMatrix matrix) {
        try (var scope = TensorScope.open()) {
            Tensor all = Tensor.empty(matrix.dtype(), device, matrix.rows(), matrix.columns());
            long together =
                    Math.clamp(BLOCK / (matrix.columns() * matrix.dtype().bytes()), 1, Math.max(1, matrix.rows()));
            for (long first = 0; first < matrix.rows(); first += together) {
                try (var _ = TensorScope.open()) {
                    long count = Math.min(together, matrix.rows() - first);
                    Shipment.copy(TorchShape.narrow(all, 0, first, count), matrix.view(first, count));
                }
            }
            return scope.keep(all);
        }
    }

    /** Rows of a layer's encoder, as {@link FeatureBasis#encoderRows(int, int[], int[], Tensor, Shipment)} gives them. */
    Supplier<Tensor> encoderRows(LayerTranscoder of, int layer, int[] feature, Shipment shipment) {
        ResidentEncoder there = encoder(of, layer);
        if (there == null) {
            Tensor rows = Tensor.empty(DType.F32, Device.CPU, feature.length, of.width());
            of.encoder().gather(feature, null, null, rows);
            return shipment.rows(rows)::tensor;
        }
        RowNumbers numbers = RowNumbers.of(shipment.longs(feature));
        return () -> {
            Tensor rows = Tensor.empty(DType.F32, device, feature.length, of.width());
            new ResidentRows(there.matrix(), 0).gather(numbers, null, null, rows);
            return rows;
        };
    }

    @Nullable
    ResidentRows residentDecoder(LayerTranscoder of, int sourceLayer, int targetLayer) {
        Tensor there = decoder(of, sourceLayer);
        return there == null ? null : new ResidentRows(there, (long) (targetLayer - sourceLayer) * of.width());
    }

    @Override
    public synchronized void close() {
        for (ResidentEncoder one : encoders) {
            if (one != null) {
                one.matrix().close();
                one.bias().close();
                if (one.threshold() != null) {
                    one.threshold().close();
                }
            }
        }
        for (Tensor one : decoders) {
            if (one != null) {
                one.close();
            }
        }
        biases.values().forEach(Tensor::close);
    }
}
