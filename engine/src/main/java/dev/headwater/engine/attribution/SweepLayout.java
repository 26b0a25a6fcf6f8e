package dev.headwater.engine.attribution;

import dev.headwater.bindings.EdgeSlots;
import dev.headwater.bindings.IndexArray;
import dev.headwater.bindings.Ragged;
import dev.headwater.bindings.RowNumbers;
import dev.headwater.bindings.Segments;
import dev.headwater.bindings.Shipment;
import dev.headwater.bindings.Tensor;
import dev.headwater.bindings.TensorScope;
import dev.headwater.bindings.TorchShape;
import dev.headwater.engine.attribution.AdjointSweep.Member;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Where a batch's targets have their gradient rows, and where their edges go: all index arrays that a sweep reads, at every layer, put
 * into one shipment before it begins. A member is a target of the batch; members are in the order in which they start.
 */
final class SweepLayout {
    private final List<Member> members;
    private final List<PromptPart> parts;
    /** First gradient row of each member. */
    private final long[] offset;
    /** The row of each member's own position. */
    private final IndexArray own;
    /** Each member's row among its vectors. */
    private final IndexArray vectorRows;

    /**
     * @param members from the top layer down, within a layer prompt by prompt
     * @param shipment not yet sent
     */
    SweepLayout(List<Member> members, Shipment shipment) {
        this.members = members;
        offset = new long[members.size() + 1];
        long[] last = new long[members.size()];
        Map<SweepPlan, List<Integer>> byPrompt = new LinkedHashMap<>();
        for (int i = 0; i < members.size(); i++) {
            last[i] = offset[i] + target(i).position();
            offset[i + 1] = last[i] + 1;
            byPrompt.computeIfAbsent(members.get(i).plan(), plan -> new ArrayList<>())
                    .add(i);
        }
        own = shipment.longs(last);
        vectorRows = shipment.longs(
                members.stream().mapToInt(member -> member.target().row()).toArray());
        parts = byPrompt.entrySet().stream()
                .map(part -> new PromptPart(
                        part.getKey(),
                        part.getValue().stream().mapToInt(Integer::intValue).toArray(),
                        shipment))
                .toList();
    }

    int size() {
        return members.size();
    }

    List<PromptPart> parts() {
        return parts;
    }

    Target target(int member) {
        return members.get(member).target();
    }

    /** Gradient rows of all members. */
    long rows() {
        return offset[members.size()];
    }

    /** The rows of a matrix of gradients that members have, a view. */
    Tensor rows(Tensor matrix, int first, int last) {
        return TorchShape.narrow(matrix, 0, offset[first], offset[last] - offset[first]);
    }

    /** The row of each member's own position. */
    RowNumbers ownRows(int first, int count) {
        return RowNumbers.of(own.range(first, count));
    }

    /** The members' vectors, F32 [count, d]. */
    Tensor vectors(int first, int count) {
        try (var scope = TensorScope.open()) {
            List<Tensor> pieces = new ArrayList<>();
            for (int from = first, to; from < first + count; from = to) {
                Tensor vectors = target(from).vectors();
                to = from + 1;
                while (to < first + count && target(to).vectors() == vectors) {
                    to++;
                }
                pieces.add(TorchShape.indexSelect(
                        vectors, 0, vectorRows.range(from, to - from).tensor()));
            }
            return scope.keep(pieces.size() == 1 ? pieces.getFirst() : TorchShape.cat(pieces, 0));
        }
    }

    /** One prompt's targets among the members. */
    final class PromptPart {
        final SweepPlan plan;
        final FrozenPrompt prompt;
        /** Ascending. */
        final int[] member;

        private final Ragged all;
        /** By layer, where each target's edges from its features begin. */
        private final List<IndexArray> featureSlots;

        private final List<IndexArray> errorSlots;
        private final IndexArray tokenSlots;

        PromptPart(SweepPlan plan, int[] member, Shipment shipment) {
            this.plan = plan;
            this.prompt = plan.prompt;
            this.member = member;
            all = Ragged.of(
                    Arrays.stream(member).mapToLong(i -> offset[i]).toArray(),
                    Arrays.stream(member).map(i -> target(i).position()).toArray(),
                    shipment);
            featureSlots = Arrays.stream(plan.featureBase)
                    .map(base -> slots(base, shipment))
                    .toList();
            errorSlots = Arrays.stream(plan.errorBase)
                    .map(base -> slots(base, shipment))
                    .toList();
            tokenSlots = slots(plan.tokenBase, shipment);
        }

        private IndexArray slots(long[] byTarget, Shipment shipment) {
            return shipment.longs(IntStream.of(member)
                    .mapToLong(i -> byTarget[members.get(i).number()])
                    .toArray());
        }

        /** How many of the part's targets are among the first {@code members} members. */
        int before(int members) {
            int at = Arrays.binarySearch(member, members);
            return at < 0 ? -at - 1 : at;
        }

        /** A target's number in its plan. */
        int number(int index) {
            return members.get(member[index]).number();
        }

        Ragged ragged(int first, int count) {
            return all.range(first, count);
        }

        /** Where the first {@code count} targets' edges from a layer's features go. */
        EdgeSlots features(int layer, int count) {
            return slots(prompt.sources().segments(layer), featureSlots.get(layer), count);
        }

        /** The same from its errors. */
        EdgeSlots errors(int layer, int count) {
            return slots(prompt.sources().onePerPosition(), errorSlots.get(layer), count);
        }

        EdgeSlots tokens(int count) {
            return slots(prompt.sources().onePerPosition(), tokenSlots, count);
        }

        private EdgeSlots slots(Segments segments, IndexArray base, int count) {
            return EdgeSlots.of(ragged(0, count), segments, base.range(0, count));
        }
    }
}
