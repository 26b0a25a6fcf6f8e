package dev.headwater.engine.document;

import dev.headwater.engine.UsageException;
import dev.headwater.engine.files.ErrorText;
import java.nio.file.Path;
import java.util.regex.Pattern;

/**
 * Names of graphs, which are those of their files: {@code <name>.json}. One rule for all that write, list and serve
 * them.
 */
public final class GraphName {
    /** What a name may be, in words that end a sentence. */
    public static final String RULE =
            "use up to 200 letters, digits, dots, dashes and underscores, no dot in front, and not the name of the index";

    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_-][A-Za-z0-9_.-]{0,199}");
    private static final String INDEX = GraphIndex.FILE.substring(0, GraphIndex.FILE.length() - ".json".length());

    private GraphName() {}

    /** {@return whether a graph may have that name, on every file system and in every URL} */
    public static boolean isValid(String name) {
        return NAME.matcher(name).matches() && !name.equalsIgnoreCase(INDEX);
    }

    /**
     * The file of the graph with this name.
     *
     * @throws UsageException if nothing can have that name
     */
    public static Path file(Path directory, String name) {
        if (!isValid(name)) {
            throw new UsageException("'%s' cannot name a graph: %s.".formatted(ErrorText.of(name), RULE));
        }
        return directory.resolve(name + ".json");
    }

    /** The name with a number, for the second and later graphs that ask for it; still a name. */
    public static String numbered(String name, int number) {
        String end = "-" + number;
        return name.substring(0, Math.min(name.length(), 200 - end.length())) + end;
    }
}
