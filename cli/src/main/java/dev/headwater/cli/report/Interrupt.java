package dev.headwater.cli.report;

/** Whether the user asked a running command to stop. */
public final class Interrupt {
    private volatile boolean requested;

    public synchronized void request() {
        requested = true;
        notifyAll();
    }

    /** Waits until the user asks. */
    public synchronized void await() {
        while (!requested) {
            try {
                wait();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
        }
    }

    public boolean requested() {
        return requested;
    }
}
