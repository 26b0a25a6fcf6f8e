package dev.headwater.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import org.junit.jupiter.api.Test;

/** What is said where a GPU can't be used, or has no memory left. */
class GpuSentencesTest {
    @Test
    void whyThereIsNoDevice() {
        Map.of(
                        35, "older than the CUDA of this libtorch",
                        100, "CUDA_VISIBLE_DEVICES may hide it",
                        802, "fabric manager",
                        803, "restart the machine",
                        804, "does not take the driver library",
                        999, "CUDA reports: words")
                .forEach((status, said) -> {
                    String reason = Cuda.reason(status, "words");
                    assertTrue(reason.contains(said) && reason.contains("CUDA reports: words"), reason);
                });
    }

    /** What the libtorch of these tests, a CPU build, has. */
    @Test
    void aCpuBuildHasNoDevices() {
        for (String name : new String[] {"cuda", "cuda:3"}) {
            var refused = assertThrows(NativeException.class, () -> Cuda.device(name));
            assertEquals(
                    "device " + name
                            + " can't be used: the libtorch in use is a CPU build (set HEADWATER_LIBTORCH to a CUDA build's lib directory)",
                    refused.getMessage());
        }
        assertThrows(IllegalArgumentException.class, () -> Cuda.device("cuda:-1"));
    }

    @Test
    void memoryThatIsUsedUp() {
        assertEquals(
                "The GPU's memory is used up: aten::mm wanted 2.00 GiB, and of 79.10 GiB there are 1.20 GiB free; ask for fewer features, a"
                        + " shorter prompt or fewer prompts at a time, name less --memory than plan says, or end what else is on the GPU",
                Shim.sentence(
                        "aten::mm",
                        "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.10 GiB of which 1.20 GiB is free."
                                + " Process 1 has 3 GiB memory in use. If reserved but unallocated memory is large try setting"
                                + " PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True"));
        String plain = Shim.sentence("copy_", "CUDA error: out of memory");
        assertTrue(plain.startsWith("The GPU's memory is used up in copy_; ask for fewer"), plain);
        assertEquals("libtorch, aten::mm: self must be a matrix", Shim.sentence("aten::mm", "self must be a matrix"));
        assertFalse(
                Shim.sentence("copy_", "DefaultCPUAllocator: not enough memory").contains("GPU"));
    }
}
