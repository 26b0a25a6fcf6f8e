package dev.headwater.explorer;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;

/** The live engine's queue: one job runs, some wait, the last ones that are over can still be asked for. */
final class Jobs implements AutoCloseable {
    private static final int MOST_WAITING = 16;
    private static final int REMEMBERED = 64;

    private final LinkedBlockingQueue<Job> waiting = new LinkedBlockingQueue<>(MOST_WAITING);
    private final LinkedHashMap<String, Job> known = new LinkedHashMap<>();
    private final Thread worker;
    private long count;

    Jobs() {
        worker = Thread.ofPlatform().daemon().name("explorer-engine").start(this::work);
    }

    private void work() {
        try {
            while (true) {
                waiting.take().run();
            }
        } catch (InterruptedException e) {
            // closed
        }
    }

    synchronized Job submit(String kind, String title, Job.Work work) {
        Job job = new Job(Long.toString(++count), kind, title, work);
        if (!waiting.offer(job)) {
            throw new Refusal(503, MOST_WAITING + " jobs are waiting already: try again when one is done.");
        }
        known.put(job.status().id(), job);
        var oldest = known.values().iterator();
        while (known.size() > REMEMBERED && oldest.hasNext()) {
            if (oldest.next().status().state().over()) {
                oldest.remove();
            }
        }
        return job;
    }

    synchronized Job get(String id) {
        Job job = known.get(id);
        if (job == null) {
            throw new Refusal(404, "There is no such job; it may be over for long.");
        }
        return job;
    }

    synchronized List<Job.Status> list() {
        return known.values().stream().map(Job::status).toList();
    }

    /** Cancels what waits and what runs, and does not wait for it. */
    @Override
    public synchronized void close() {
        known.values().forEach(Job::cancel);
        worker.interrupt();
    }
}
