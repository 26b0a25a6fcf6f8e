package dev.headwater.bindings;

import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** Every kernel against plain Java, as the command that checks a user's machine does it. */
class SelfCheckTest {
    @Test
    void allKernelsAgreeWithJava() {
        for (SelfCheck.Result result : new SelfCheck(Device.CPU).run()) {
            assertTrue(result.passed(), result.name() + ": " + result.detail());
        }
    }
}
