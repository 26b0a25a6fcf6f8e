package dev.headwater.explorer;

import dev.headwater.engine.document.GraphLimits;
import java.nio.file.Path;
import java.util.List;

/**
 * How to serve the explorer.
 *
 * @param host          interface to listen on; any but the loopback interface asks visitors for a token
 * @param port          0 for any free one
 * @param graphs        a directory of graph files, or a single graph file
 * @param features      directories with evidence about features, looked through in this order before the bundled
 *      evidence
 * @param engine        a live model, or {@link Engine#NONE}
 * @param front         how it is seen from outside
 * @param maxGraphBytes the largest graph file that is read, accepted or made
 */
public record ExplorerConfig(
        String host, int port, Path graphs, List<Path> features, Engine engine, Front front, long maxGraphBytes) {
    public static final String LOOPBACK = "127.0.0.1";
    public static final long MAX_GRAPH_BYTES = GraphLimits.BYTES;

    public ExplorerConfig {
        features = List.copyOf(features);
    }

    /** On this computer only, any free port, no live model. */
    public static ExplorerConfig local(Path graphs) {
        return new ExplorerConfig(LOOPBACK, 0, graphs, List.of(), Engine.NONE, Front.NONE, MAX_GRAPH_BYTES);
    }

    public ExplorerConfig withEngine(Engine live) {
        return new ExplorerConfig(host, port, graphs, features, live, front, maxGraphBytes);
    }

    public ExplorerConfig withFeatures(List<Path> directories) {
        return new ExplorerConfig(host, port, graphs, directories, engine, front, maxGraphBytes);
    }

    public ExplorerConfig at(String otherHost, int otherPort) {
        return new ExplorerConfig(otherHost, otherPort, graphs, features, engine, front, maxGraphBytes);
    }

    public ExplorerConfig seenAs(Front other) {
        return new ExplorerConfig(host, port, graphs, features, engine, other, maxGraphBytes);
    }
}
