package dev.headwater.cli.command;

import dev.headwater.engine.HeadwaterException;
import java.util.List;
import java.util.function.Consumer;

/** Other processes that work off a batch's lines, each with a {@link ClusterWorker}. */
public interface Cluster extends AutoCloseable {
    /**
     * Has each task worked off, in any order; one whose process is lost is given to another.
     *
     * @param title for those who watch the cluster
     * @param tasks what {@link ClusterTask#json} says
     * @param done  is told each task's answer once, on this thread, as they come
     * @throws HeadwaterException if the cluster can't be had, or gives up
     */
    void run(String title, List<String> tasks, Consumer<String> done);

    @Override
    void close();
}
