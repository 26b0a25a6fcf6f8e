package dev.headwater.engine.document;

/**
 * How large a graph's file may be: what is written keeps to it, and what is read, shown or taken in is bounded by it.
 */
public final class GraphLimits {
    /** Of a file. */
    public static final long BYTES = 3L << 29;

    public static final int NODES = 500_000;
    public static final int LINKS = 10_000_000;
    /** JSON values other than links. */
    public static final int VALUES = 10_000_000;
    /** Characters of a node's id. */
    public static final int ID = 200;
    /** Characters of one text, the whole prompt included. */
    public static final int TEXT = 100_000_000;
    /** Of a file's metadata block. */
    public static final int METADATA_BYTES = 64 << 20;
    /** Of a file's annotations. */
    public static final int ANNOTATIONS_BYTES = 4 << 20;

    private GraphLimits() {}
}
