package dev.headwater.benchmarks;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.AtomicFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;

/** {@code RESULTS.md}: each command keeps its own section, between two comments that name it. */
record ResultsPage(Path file) {
    /**
     * Replaces a section.
     *
     * @param name    of the section, which the page has already
     * @param command what was run
     * @param body    tables and remarks in markdown
     */
    void put(String name, String command, String body) {
        String begin = "<!-- begin " + name + " -->\n";
        String end = "<!-- end " + name + " -->";
        try {
            String page = Files.readString(file);
            int from = page.indexOf(begin);
            int to = page.indexOf(end);
            if (from < 0 || to < from) {
                throw new HeadwaterException(
                        "%s has no section '%s' (the lines '%s' and '%s')".formatted(file, name, begin.strip(), end));
            }
            String when =
                    DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm 'UTC'").format(ZonedDateTime.now(ZoneOffset.UTC));
            String section =
                    "`%s`, %s.  %n%s.%n%n%s".formatted(command, when, Machine.describe(), body.stripTrailing());
            String changed = page.substring(0, from) + begin + section + "\n" + page.substring(to);
            try (AtomicFile target = AtomicFile.create(file)) {
                ByteBuffer bytes = ByteBuffer.wrap(changed.getBytes(StandardCharsets.UTF_8));
                while (bytes.hasRemaining()) {
                    target.channel().write(bytes);
                }
                target.commit();
            }
        } catch (IOException e) {
            throw new HeadwaterException("Cannot write the results into " + file + ": " + e, e);
        }
    }
}
