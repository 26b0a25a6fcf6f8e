package dev.headwater.cli.command;

import dev.headwater.cli.report.Text;
import dev.headwater.engine.files.BoundedJson;

/**
 * What is said of a batch at its end.
 *
 * @param lines     that the input has
 * @param made      graphs that were made
 * @param present   lines that were done before
 * @param failed    lines that have no graph
 * @param directory of the graphs, as it was given
 */
record BatchReport(int lines, int made, int present, int failed, String directory, double seconds) {
    private String records() {
        return (directory.endsWith("/") ? directory : directory + "/") + BatchRecords.FILE;
    }

    String sentence() {
        return "%s lines: %s graphs made, %s there already, %s failed; %s in %s"
                .formatted(
                        Text.count(lines),
                        Text.count(made),
                        Text.count(present),
                        Text.count(failed),
                        records(),
                        Text.seconds(seconds));
    }

    String json() {
        return BoundedJson.mapper()
                .createObjectNode()
                .put("lines", lines)
                .put("made", made)
                .put("present", present)
                .put("failed", failed)
                .put("directory", directory)
                .put("records", records())
                .put("seconds", seconds)
                .toPrettyString();
    }
}
