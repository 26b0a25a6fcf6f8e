package dev.headwater.engine;

import java.util.concurrent.locks.ReentrantReadWriteLock;

/** Keeps something open while threads work with it: its end waits for work that has begun, and refuses what comes later. */
final class Lifetime {
    private final String name;
    /** Held for reading by whoever works, for writing by who ends it. */
    private final ReentrantReadWriteLock uses = new ReentrantReadWriteLock();

    private volatile boolean ended;

    /** @param name of what lives, at the beginning of a sentence */
    Lifetime(String name) {
        this.name = name;
    }

    /**
     * Begins some work.
     *
     * @return ends it, on the thread that began it
     * @throws HeadwaterException if the end has come
     */
    Runnable begin() {
        uses.readLock().lock();
        if (ended) {
            uses.readLock().unlock();
            requireOpen();
        }
        return uses.readLock()::unlock;
    }

    /** @throws HeadwaterException if the end has come */
    void requireOpen() {
        if (ended) {
            throw new HeadwaterException(name + " is closed; load it again to work with it");
        }
    }

    /**
     * Ends it, as soon as other threads have ended their work; a second time does nothing.
     *
     * @throws IllegalStateException if this thread itself is at work
     */
    void end(Runnable free) {
        if (uses.getReadHoldCount() > 0) {
            throw new IllegalStateException("a model cannot be closed in the middle of this thread's work with it");
        }
        uses.writeLock().lock();
        try {
            if (!ended) {
                ended = true;
                free.run();
            }
        } finally {
            uses.writeLock().unlock();
        }
    }
}
