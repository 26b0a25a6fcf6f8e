package dev.headwater.cli;

/** Whether the user asked a running command to stop. */
final class Interrupt {
    private volatile boolean requested;

    synchronized void request() {
        requested = true;
        notifyAll();
    }

    /** Waits until the user asks. */
    synchronized void await() {
        while (!requested) {
            try {
                wait();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
        }
    }

    boolean requested() {
        return requested;
    }
}
