package dev.headwater.cli;

/** Whether the user asked a running command to stop. */
final class Interrupt {
    private volatile boolean requested;

    void request() {
        requested = true;
    }

    boolean requested() {
        return requested;
    }
}
