package dev.headwater.house;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import net.sourceforge.pmd.cpd.CPDConfiguration;
import net.sourceforge.pmd.cpd.CpdAnalysis;
import net.sourceforge.pmd.cpd.Match;
import net.sourceforge.pmd.lang.java.JavaLanguageModule;
import org.junit.jupiter.api.Test;

/**
 * What is written twice in two packages has no home yet. Where two pieces are alike by chance and would change for different
 * reasons, the second stands between the comments {@code CPD-OFF: why} and {@code CPD-ON}.
 */
class DuplicationTest {
    private static final int LINES = 6;
    /** About what six full lines have. */
    private static final int TOKENS = 70;

    @Test
    void noTwoPackagesShareSixLines() throws IOException {
        CPDConfiguration configuration = new CPDConfiguration();
        configuration.setMinimumTileSize(TOKENS);
        configuration.setOnlyRecognizeLanguage(JavaLanguageModule.getInstance());
        List<String> found = new ArrayList<>();
        try (CpdAnalysis analysis = CpdAnalysis.create(configuration)) {
            for (String module : List.of("bindings", "engine", "cli", "benchmarks")) {
                try (Stream<Path> files = Files.walk(Path.of("..", module, "src", "main", "java"))) {
                    files.filter(file -> file.toString().endsWith(".java"))
                            .sorted()
                            .forEach(analysis.files()::addFile);
                }
            }
            analysis.performAnalysis(report -> report.getMatches().stream()
                    .filter(match -> match.getLineCount() >= LINES)
                    .filter(match -> packages(match).size() > 1)
                    .forEach(match -> found.add(shown(match))));
        }
        assertEquals("", String.join("\n", found));
    }

    private static Set<String> packages(Match match) {
        return StreamSupport.stream(match.spliterator(), false)
                .map(mark -> Path.of(mark.getLocation().getFileId().getOriginalPath()))
                .map(file -> file.toAbsolutePath().normalize().getParent().toString())
                .collect(Collectors.toSet());
    }

    private static String shown(Match match) {
        return match.getLineCount() + " lines: "
                + StreamSupport.stream(match.spliterator(), false)
                        .map(mark -> mark.getLocation().startPosToStringWithFile())
                        .collect(Collectors.joining(", "));
    }
}
