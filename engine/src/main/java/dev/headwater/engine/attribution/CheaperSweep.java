package dev.headwater.engine.attribution;

import dev.headwater.engine.MemoryBudget;
import dev.headwater.engine.graph.EdgeRows;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.LongConsumer;

/**
 * Rows of edge matrices the way that takes less work for each prompt: gradients of its targets carried down ({@link AdjointSweep}), for
 * all such prompts at once, or contributions of its sources carried up ({@link ForwardSweep}). Which it is depends on the prompt
 * alone. Closing it frees what it has made, and the sweep that it was given.
 */
final class CheaperSweep implements AutoCloseable {
    private final AdjointSweep down;
    private final MemoryBudget memory;

    CheaperSweep(AdjointSweep down, MemoryBudget memory) {
        this.down = down;
        this.memory = memory;
    }

    /** As {@link AdjointSweep#rows}. */
    List<EdgeRows> rows(List<AdjointSweep.Wanted> wanted, LongConsumer done, BooleanSupplier cancelled) {
        List<AdjointSweep.Wanted> downwards = new ArrayList<>();
        List<Boolean> up = new ArrayList<>();
        for (AdjointSweep.Wanted one : wanted) {
            boolean pays = ForwardSweep.pays(one.prompt(), one.targets());
            up.add(pays);
            if (!pays) {
                downwards.add(one);
            }
        }
        List<EdgeRows> swept = downwards.isEmpty() ? List.of() : down.rows(downwards, done, cancelled);
        Iterator<EdgeRows> next = swept.iterator();
        List<EdgeRows> rows = new ArrayList<>();
        long before = downwards.stream().mapToLong(one -> one.targets().size()).sum();
        try {
            for (int i = 0; i < wanted.size(); i++) {
                if (up.get(i)) {
                    long base = before;
                    rows.add(ForwardSweep.rows(
                            wanted.get(i),
                            down::scratch,
                            down.scratchBytes(),
                            memory,
                            n -> done.accept(base + n),
                            cancelled));
                    before += wanted.get(i).targets().size();
                } else {
                    rows.add(next.next());
                }
            }
            return rows;
        } catch (RuntimeException | Error e) {
            rows.forEach(EdgeRows::close);
            next.forEachRemaining(EdgeRows::close);
            throw e;
        }
    }

    @Override
    public void close() {
        down.close();
    }
}
