package dev.headwater.house;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * Names and contents of files have the same digits in every language. The command line sets the language aside; who uses the
 * engine as a library keeps theirs, so there a number becomes part of a path or of JSON by concatenation or with Locale.ROOT.
 * Sentences, which are for people, are left alone.
 */
class LocaleTest {
    private static final Pattern FORMATS = Pattern.compile(
            "\\.formatted\\(|String\\.format\\((?!\\s*(java\\.util\\.)?Locale)|toLowerCase\\(\\)|toUpperCase\\(\\)");
    private static final Pattern NUMBERS = Pattern.compile("%[-0-9.,+]*[dfeg]|Case\\(\\)");
    private static final Pattern KEPT =
            Pattern.compile("resolve|Path\\.of|\\bjson\\b|[wW]rite|\\.put|\\bexamples\\(|setProperty|Case\\(\\)");

    @Test
    void numbersInFilesAreOfNoLanguage() throws IOException {
        List<String> wrong = new ArrayList<>();
        for (String module : List.of("bindings", "engine", "cli")) {
            try (Stream<Path> files = Files.walk(Path.of("..", module, "src", "main", "java"))) {
                for (Path file :
                        files.filter(file -> file.toString().endsWith(".java")).toList()) {
                    for (String statement : Files.readString(file).split("[;{}]")) {
                        if (FORMATS.matcher(statement).find()
                                && NUMBERS.matcher(statement).find()
                                && KEPT.matcher(statement).find()
                                && !statement.contains("Exception(")
                                && !statement.contains("Locale.ROOT")) {
                            wrong.add(file + ": " + statement.strip());
                        }
                    }
                }
            }
        }
        assertEquals("", String.join("\n", wrong));
    }
}
