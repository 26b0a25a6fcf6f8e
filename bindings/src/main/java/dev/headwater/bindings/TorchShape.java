package dev.headwater.bindings;

import java.util.List;

/**
 * The operators of libtorch that change shapes, join and pick; conventions are those of {@link Torch}. Most make views, which
 * share the elements of what they are made from and keep them alive.
 */
public final class TorchShape {
    private TorchShape() {}

    private static final Operator RESHAPE = new Operator("reshape", "");
    private static final Operator PERMUTE = new Operator("permute", "");
    private static final Operator TRANSPOSE = new Operator("transpose", "int");
    private static final Operator T = new Operator("t", "");
    private static final Operator NARROW = new Operator("narrow", "");
    private static final Operator SELECT = new Operator("select", "int");
    private static final Operator EXPAND = new Operator("expand", "");
    private static final Operator UNSQUEEZE = new Operator("unsqueeze", "");
    private static final Operator SQUEEZE = new Operator("squeeze", "dim");
    private static final Operator ROLL = new Operator("roll", "");
    private static final Operator INDEX_SELECT = new Operator("index_select", "");
    private static final Operator EMBEDDING = new Operator("embedding", "");
    private static final Operator CAT = new Operator("cat", "");
    private static final Operator STACK = new Operator("stack", "");
    private static final Operator REPEAT_INTERLEAVE = new Operator("repeat_interleave", "self_int");

    /** At most one size may be -1. A view where possible, else a copy. */
    public static Tensor reshape(Tensor a, long... shape) {
        return Tensor.owning(RESHAPE.call().tensor(a.handle()).integers(shape).run());
    }

    /** Dimension i of the view is dimension order[i] of a. */
    public static Tensor permute(Tensor a, long... order) {
        return Tensor.owning(PERMUTE.call().tensor(a.handle()).integers(order).run());
    }

    /** A view with two dimensions exchanged. */
    public static Tensor transpose(Tensor a, int dim0, int dim1) {
        return Tensor.owning(
                TRANSPOSE.call().tensor(a.handle()).integer(dim0).integer(dim1).run());
    }

    /** The transpose of a matrix, a view. */
    public static Tensor t(Tensor a) {
        return Tensor.owning(T.call().tensor(a.handle()).run());
    }

    /** A view of length elements from start along dim. */
    public static Tensor narrow(Tensor a, int dim, long start, long length) {
        return Tensor.owning(NARROW.call()
                .tensor(a.handle())
                .integer(dim)
                .integer(start)
                .integer(length)
                .run());
    }

    /** A view without dim, at one index of it. */
    public static Tensor select(Tensor a, int dim, long index) {
        return Tensor.owning(
                SELECT.call().tensor(a.handle()).integer(dim).integer(index).run());
    }

    /** A view in which dimensions of size 1 repeat as often as shape says. */
    public static Tensor expand(Tensor a, long... shape) {
        return Tensor.owning(
                EXPAND.call().tensor(a.handle()).integers(shape).bool(false).run());
    }

    /** A view with a dimension of size 1 more, at dim. */
    public static Tensor unsqueeze(Tensor a, int dim) {
        return Tensor.owning(UNSQUEEZE.call().tensor(a.handle()).integer(dim).run());
    }

    /** A view without dim, if its size is 1. */
    public static Tensor squeeze(Tensor a, int dim) {
        return Tensor.owning(SQUEEZE.call().tensor(a.handle()).integer(dim).run());
    }

    /** Moves elements along dim by so many places; those that leave the end come in at the start. */
    public static Tensor roll(Tensor a, long places, int dim) {
        return Tensor.owning(
                ROLL.call().tensor(a.handle()).integers(places).integers(dim).run());
    }

    /** Copies the slices along dim that index (I64 or I32, one-dimensional) names. */
    public static Tensor indexSelect(Tensor a, int dim, Tensor index) {
        return Tensor.owning(INDEX_SELECT
                .call()
                .tensor(a.handle())
                .integer(dim)
                .tensor(index.handle())
                .run());
    }

    /** Rows of weight [v, d] for ids [..] (I64 or I32). */
    public static Tensor embedding(Tensor weight, Tensor ids) {
        return Tensor.owning(EMBEDDING
                .call()
                .tensor(weight.handle())
                .tensor(ids.handle())
                .integer(-1)
                .bool(false)
                .bool(false)
                .run());
    }

    /** One after the other along dim. */
    public static Tensor cat(List<Tensor> tensors, int dim) {
        return Tensor.owning(CAT.call().tensors(handles(tensors)).integer(dim).run());
    }

    /** Side by side along a new dimension. */
    public static Tensor stack(List<Tensor> tensors, int dim) {
        return Tensor.owning(STACK.call().tensors(handles(tensors)).integer(dim).run());
    }

    /** Each slice along dim, repeats times in a row. */
    public static Tensor repeatInterleave(Tensor a, long repeats, int dim) {
        return Tensor.owning(REPEAT_INTERLEAVE
                .call()
                .tensor(a.handle())
                .integer(repeats)
                .optionalInteger(dim)
                .none()
                .run());
    }

    private static Handle[] handles(List<Tensor> tensors) {
        return tensors.stream().map(Tensor::handle).toArray(Handle[]::new);
    }
}
