import com.palantir.javaformat.java.Formatter;
import com.palantir.javaformat.java.ImportOrderer;
import com.palantir.javaformat.java.JavaFormatterOptions;
import com.palantir.javaformat.java.RemoveUnusedImports;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * Formats every Java file that people write: {@code --check} names those that differ and fails, {@code --write}
 * rewrites them.
 *
 * <p>The formatter parses with the compiler of the Java that it runs on, so it must be a JDK that knows today's syntax,
 * which Maven's own Java need not be: this runs on the JDK of the toolchain, where a Maven plugin would not.
 */
public final class Format {
    public static void main(String[] args) throws Exception {
        boolean write = args[0].equals("--write");
        Formatter formatter = Formatter.createFormatter(JavaFormatterOptions.builder()
                .style(JavaFormatterOptions.Style.PALANTIR)
                .formatJavadoc(false)
                .build());
        List<Path> sources;
        try (Stream<Path> files = Files.walk(Path.of(""))) {
            sources = files.filter(file -> file.toString().endsWith(".java"))
                    .filter(file -> !file.toString().matches("(.*/)?(target|generated|node_modules)/.*"))
                    .sorted()
                    .toList();
        }
        List<Path> different = new ArrayList<>();
        sources.parallelStream().forEach(source -> {
            try {
                String text = Files.readString(source);
                String formatted = formatter.formatSource(ImportOrderer.reorderImports(
                        RemoveUnusedImports.removeUnusedImports(text), JavaFormatterOptions.Style.PALANTIR));
                if (!formatted.equals(text)) {
                    synchronized (different) {
                        different.add(source);
                    }
                    if (write) {
                        Files.writeString(source, formatted);
                    }
                }
            } catch (Exception e) {
                throw new IllegalStateException(source + ": " + e.getMessage(), e);
            }
        });
        if (!write && !different.isEmpty()) {
            different.stream().sorted().forEach(source -> System.err.println("not formatted: " + source));
            System.err.println("Run: mvn -N -Dformat=--write process-sources");
            System.exit(1);
        }
        System.out.println(
                sources.size() + " Java files, " + different.size() + (write ? " rewritten" : " not formatted"));
    }
}
