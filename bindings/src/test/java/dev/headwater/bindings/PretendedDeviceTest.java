package dev.headwater.bindings;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

/** The guard: what a GPU would refuse is refused, and what crosses is counted. */
class PretendedDeviceTest {
    private static Tensor there() {
        return Torch.to(Tensor.ofFloats(new float[] {1, 2, 3, 4}, 2, 2), Device.PRETENDED);
    }

    @Test
    void hostAndDeviceDoNotMix() {
        try (var _ = TensorScope.open()) {
            Tensor there = there();
            Tensor here = Tensor.ofFloats(new float[] {1, 2, 3, 4}, 2, 2);
            assertThrows(IllegalStateException.class, there::data);
            List<Runnable> mixed = List.of(
                    () -> Torch.mul(there, here),
                    () -> Torch.add(here, there),
                    () -> Torch.mmInto(there, there, here, 0),
                    () -> Torch.linear(there, there, here),
                    () -> TorchShape.cat(List.of(here, there), 0),
                    () -> TorchShape.indexSelect(there, 0, Tensor.ofInts(new int[] {0}, 1)));
            for (int i = 0; i < mixed.size(); i++) {
                Runnable one = mixed.get(i);
                var refused = assertThrows(IllegalStateException.class, one::run, "operator " + i);
                assertTrue(refused.getMessage().contains("at once"), refused.getMessage());
            }
            assertThrows(
                    IllegalArgumentException.class,
                    () -> Kernels.addRows(there, RowNumbers.of(new long[] {0}, Device.PRETENDED), here));
            assertThrows(
                    IllegalArgumentException.class,
                    () -> Kernels.addRows(there, RowNumbers.of(new long[] {0}, Device.CPU), there));
        }
    }

    @Test
    void resultsAndViewsStayThere() {
        try (var _ = TensorScope.open()) {
            Tensor there = there();
            for (Tensor result : List.of(
                    Torch.mul(Torch.add(there, 1), there),
                    Torch.mm(there, TorchShape.t(there)),
                    TorchShape.narrow(there, 0, 1, 1),
                    TorchReduce.topk(there, 1, 1).indices(),
                    Torch.to(there, DType.BF16),
                    Torch.clone(there),
                    Tensor.zeros(DType.F32, Device.PRETENDED, 2))) {
                assertEquals(Device.PRETENDED, result.device());
            }
            assertEquals(Device.CPU, Torch.to(there, Device.CPU).device());
        }
    }

    @Test
    void copiesAreCounted() {
        try (var _ = TensorScope.open()) {
            Traffic before = Traffic.now();
            Tensor there = there();
            assertEquals(new Traffic(1, 16, 0, 0, 1), Traffic.now().since(before));
            assertArrayEquals(new float[] {1, 2, 3, 4}, there.toFloats());
            assertEquals(new Traffic(1, 16, 1, 16, 2), Traffic.now().since(before));
            Torch.copy(Tensor.empty(DType.F32, Device.PRETENDED, 2, 2), there);
            Tensor _ = Torch.clone(Tensor.ofFloats(new float[] {1}, 1));
            assertEquals(2, Traffic.now().since(before).copies());
            assertEquals(Traffic.now(), before.plus(Traffic.now().since(before)));
        }
    }

    @Test
    void aShipmentIsTwoCopiesWithoutAWait() {
        for (Device device : List.of(Device.CPU, Device.PRETENDED)) {
            try (var _ = TensorScope.open()) {
                Traffic before = Traffic.now();
                var shipment = new Shipment(device);
                Ragged ragged = Ragged.of(new long[] {0, 2}, new int[] {1, 0}, shipment);
                IndexArray odd = shipment.longs(new long[] {7, 1, 0, 9});
                IndexArray floats = shipment.floats(new float[] {2, 3, 4});
                Shipment.Rows first = shipment.rows(Tensor.ofFloats(new float[] {1, 2, 3}, 1, 3));
                Shipment.Rows second = shipment.rows(Tensor.ofFloats(new float[] {4, 5, 6, 7}, 2, 2));
                assertThrows(IllegalStateException.class, first::tensor);
                assertThrows(IllegalStateException.class, odd::tensor);
                shipment.send();
                assertThrows(IllegalStateException.class, shipment::send);
                assertThrows(IllegalStateException.class, () -> shipment.longs(new long[1]));
                Traffic moved = Traffic.now().since(before);
                assertEquals(device.isCpu() ? 0 : 2, moved.toDevice());
                assertEquals(0, moved.waits());
                assertArrayEquals(new long[] {1, 0}, odd.range(1, 2).tensor().toLongs());
                assertEquals(1, odd.range(1, 2).value(0));
                assertThrows(IllegalStateException.class, floats::tensor);
                assertArrayEquals(new float[] {1, 2, 3}, first.tensor().toFloats());
                assertArrayEquals(new float[] {4, 5, 6, 7}, second.tensor().toFloats());
                assertEquals(device, second.tensor().device());
                // Targets' second row gets what stands in the shipment.
                Tensor g = Tensor.zeros(DType.F32, device, 3, 2);
                Tensor x = Torch.to(Tensor.ofFloats(new float[] {1, 1, 2, 2, 3, 3}, 3, 2), device);
                Kernels.addScaledRows(g, x, ragged, Torch.to(Tensor.ofFloats(new float[] {1, 10}, 2), device));
                assertArrayEquals(new float[] {1, 1, 20, 20, 3, 3}, g.toFloats());
            }
        }
    }

    /** Rows of a part of a matrix's columns, scaled: all of it there. */
    @Test
    void rowsAreGatheredWhereTheyLie() {
        try (var _ = TensorScope.open()) {
            Tensor matrix = Torch.to(Tensor.ofFloats(new float[] {1, 2, 3, 4, 5, 6, 7, 8, 9}, 3, 3), Device.PRETENDED);
            var shipment = new Shipment(Device.PRETENDED);
            RowNumbers rows = RowNumbers.of(shipment.longs(new int[] {2, 0}));
            Shipment.Rows scale = shipment.rows(Tensor.ofFloats(new float[] {10, 1}, 1, 2));
            shipment.send();
            Tensor out = Tensor.empty(DType.F32, Device.PRETENDED, 2, 2);
            Traffic before = Traffic.now();
            Kernels.gatherRows(matrix, 1, 3, 1, rows, TorchShape.reshape(scale.tensor(), -1), null, out);
            assertEquals(Traffic.NONE, Traffic.now().since(before));
            assertArrayEquals(new float[] {80, 90, 2, 3}, out.toFloats());
            assertThrows(
                    IllegalArgumentException.class, () -> Kernels.gatherRows(matrix, 2, 3, 1, rows, null, null, out));
            assertSame(Device.PRETENDED, Cuda.device("pretended"));
        }
    }
}
