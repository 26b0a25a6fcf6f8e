package dev.headwater.house;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What compiled programs know of {@code headwater.h}: functions, constants, and where fields of structs lie. The list is kept in
 * {@code native/host/abi.txt}, so that a change shows; {@code .ci/api} compares it with the last release's.
 */
class CInterfaceTest {
    private static final Path NATIVE = Path.of("..", "native").toAbsolutePath().normalize();
    private static final Path KEPT = NATIVE.resolve("host/abi.txt");

    private static String header;

    @BeforeAll
    static void read() throws Exception {
        header = Files.readString(NATIVE.resolve("include/headwater.h"))
                .replace(
                        "#include \"headwater_arrays.h\"\n",
                        Files.readString(NATIVE.resolve("include/headwater_arrays.h")));
    }

    private static List<String> found(String pattern, String text) {
        List<String> found = new ArrayList<>();
        Matcher matcher = Pattern.compile(pattern, Pattern.DOTALL).matcher(text);
        while (matcher.find()) {
            found.add(matcher.group(1).replaceAll("\\s+", " ").replace("( ", "("));
        }
        return found;
    }

    /** Declarations as they stand, and sizes and offsets as the compiler has them. */
    private static String list(Path work) throws Exception {
        String code = header.replaceAll("(?s)/\\*.*?\\*/", "").replace("\\\n", "");
        List<String> lines = new ArrayList<>();
        found("#define (HW_\\w+ [^\\n]*\\S)", code).stream()
                .filter(constant -> !constant.startsWith("HW_API "))
                .map(constant -> "constant " + constant)
                .forEach(lines::add);
        found("HW_API ([^;]+);", code).forEach(function -> lines.add("function " + function));
        found("(typedef [^;{}]+);", code).forEach(lines::add);
        StringBuilder program = new StringBuilder("#include <headwater.h>\n#include <stdio.h>\nint main(void) {\n");
        for (String struct : found("typedef struct (\\w+ \\{.*?)\\} \\w+;", code)) {
            String name = struct.substring(0, struct.indexOf(' '));
            program.append("printf(\"size %s %%zu\\n\", sizeof(%s));%n".formatted(name, name));
            for (String field : struct.substring(struct.indexOf('{') + 1).split(";")) {
                for (String declared : field.isBlank() ? new String[0] : field.split(",")) {
                    Matcher last =
                            Pattern.compile("(\\w+)\\s*(?:\\[\\d+\\])?\\s*$").matcher(declared);
                    assertTrue(last.find(), declared);
                    program.append("printf(\"field %s.%s %%zu\\n\", offsetof(%s, %s));%n"
                            .formatted(name, last.group(1), name, last.group(1)));
                }
            }
        }
        Files.writeString(work.resolve("abi.c"), program.append("return 0;\n}\n"));
        String abi = work.resolve("abi").toString();
        run("cc", "-std=c11", "-Werror", "-I" + NATIVE.resolve("include"), abi + ".c", "-o", abi);
        return String.join("\n", lines) + "\n" + run(abi);
    }

    private static String run(String... command) throws Exception {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), output);
        return output;
    }

    @Test
    void theHeaderIsTheOneThatIsListed(@TempDir Path work) throws Exception {
        String now = list(work);
        if (!now.equals(Files.readString(KEPT))) {
            Files.writeString(Path.of("target/abi.txt"), now);
        }
        assertEquals(
                Files.readString(KEPT),
                now,
                "headwater.h is not what native/host/abi.txt lists. If that is meant, cp cli/target/abi.txt native/host/abi.txt: lines may be "
                        + "added (of sizes, grow), and none may go or change while HW_API_VERSION is the same");
    }

    /** No more than the header has, and nothing of the C++ library inside. */
    @Test
    void theLibraryExportsTheHeadersFunctions() throws Exception {
        assertEquals(
                new TreeSet<>(found("(hw_\\w+)\\(", header.replaceAll("(?s)/\\*.*?\\*/", ""))),
                run(
                                "nm",
                                "-D",
                                "--defined-only",
                                NATIVE.resolve("target/lib/libheadwater.so").toString())
                        .lines()
                        .map(line -> line.substring(line.lastIndexOf(' ') + 1))
                        .collect(Collectors.toCollection(TreeSet::new)));
    }

    /** A function that says nothing of threads leaves its callers guessing. */
    @Test
    void everyFunctionSaysWhoMayCallIt() {
        List<String> silent = new ArrayList<>();
        Matcher function = Pattern.compile("HW_API [^;]*?(hw_\\w+)\\(").matcher(header);
        while (function.find()) {
            String before = header.substring(0, function.start()).strip();
            if (!before.matches("(?s).*\\[(any|in turn)[^\\[\\]]*; (stable|new)\\] \\*/")) {
                silent.add(function.group(1));
            }
        }
        assertEquals(List.of(), silent);
    }
}
