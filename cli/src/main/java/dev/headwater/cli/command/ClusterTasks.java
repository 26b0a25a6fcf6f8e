package dev.headwater.cli.command;

import dev.headwater.engine.Version;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * Cuts a batch into tasks for a cluster.
 *
 * @param arguments how graphs are made, see {@link ClusterTask}
 * @param folder    where graphs are put
 * @param together  most lines of a group
 */
record ClusterTasks(List<String> arguments, String folder, int together) {
    /** Lines whose lengths are asked for in one task. */
    private static final int MEASURED = 64;

    /** Tasks that say how long the prompts are. */
    List<String> lengths(List<BatchLine> lines, String marker) {
        List<String> tasks = new ArrayList<>();
        for (int i = 0; i < lines.size(); i += MEASURED) {
            List<BatchLine> some = lines.subList(i, Math.min(lines.size(), i + MEASURED));
            tasks.add(new ClusterTask(Version.number(), arguments, folder, marker, some, null).json());
        }
        return tasks;
    }

    /**
     * A task for each group of lines, as a batch on one machine groups them, in which one is due.
     *
     * @param lengths of the prompts in tokens, by number of the line; of those that can have a graph
     */
    List<String> graphs(List<BatchLine> lines, Map<Integer, Integer> lengths, Set<Integer> due, String marker) {
        List<String> tasks = new ArrayList<>();
        BatchGroups<BatchLine> groups = new BatchGroups<>(together);
        for (BatchLine line : lines) {
            Integer tokens = lengths.get(line.number());
            if (tokens != null) {
                add(tasks, groups.add(line, tokens), due, marker);
            }
        }
        add(tasks, groups.rest(), due, marker);
        return tasks;
    }

    private void add(List<String> tasks, List<BatchLine> group, Set<Integer> due, String marker) {
        Set<Integer> some = new TreeSet<>(group.stream().map(BatchLine::number).toList());
        some.retainAll(due);
        if (!some.isEmpty()) {
            tasks.add(new ClusterTask(Version.number(), arguments, folder, marker, group, some).json());
        }
    }
}
