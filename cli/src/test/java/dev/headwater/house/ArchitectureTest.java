package dev.headwater.house;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaMember;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import dev.headwater.engine.HeadwaterException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.module.ModuleDescriptor;
import java.lang.module.ModuleFinder;
import java.net.URI;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The rules of the house: what may know what, and what stays inside. A new package gets its floor here. */
class ArchitectureTest {
    /**
     * From the bottom up; arrows go down only, and never between two rooms of one floor. The three classes of the engine's
     * root that everybody may throw or listen to are the lowest floor of the engine; {@code ReplacementModel}, which binds
     * model, transcoders and tokenizer, is a floor of its own.
     */
    private static final List<List<String>> FLOORS = List.of(
            List.of("bindings"),
            List.of("engine"),
            List.of("engine.files"),
            List.of("engine.weights", "engine.jinja"),
            List.of("engine.gguf", "engine.pickle"),
            List.of("engine.hub"),
            List.of("engine.tokens", "engine.product", "engine.graph"),
            List.of("engine.model", "engine.document"),
            List.of("engine.transcoder", "engine.sharing"),
            List.of("engine.neuron", "engine.linear", "engine.catalog"),
            List.of("engine.ReplacementModel"),
            List.of("engine.contrast"),
            List.of("engine.attribution"),
            List.of("engine.attention", "engine.intervention", "engine.features"),
            List.of("engine.evaluation"),
            List.of("engine.training"),
            List.of("engine.host", "engine.circuit", "engine.explanation"),
            List.of("engine.naming"),
            List.of("explorer"),
            List.of("cli.report", "cli.table"),
            List.of("cli.option"),
            List.of("cli.command"),
            List.of("cli"),
            List.of("spark"));

    private static final String HOUSE = "dev.headwater.";
    private static final int MOST_LINES = 400;

    private static JavaClasses classes;

    @BeforeAll
    static void read() {
        classes = new ClassFileImporter()
                .withImportOption(new ImportOption.DoNotIncludeTests())
                .importPackages("dev.headwater");
    }

    @Test
    void arrowsGoDownOnly() {
        List<String> wrong = new ArrayList<>();
        for (JavaClass from : classes) {
            String room = room(from);
            int floor = floor(room);
            if (floor < 0) {
                wrong.add(from.getName() + " is in a package that has no floor yet");
                continue;
            }
            for (Dependency dependency : from.getDirectDependenciesFromSelf()) {
                JavaClass to = dependency.getTargetClass().getBaseComponentType();
                if (!to.getName().startsWith(HOUSE) || room(to).equals(room)) {
                    continue;
                }
                if (floor(room(to)) >= floor) {
                    wrong.add(dependency.getDescription());
                }
            }
        }
        assertNone(wrong);
    }

    /** Memory addresses are the business of bindings; hosts of the engine get arrays and tensors. */
    @Test
    void theEnginesPublicInterfaceKnowsNoMemorySegment() {
        List<String> wrong = new ArrayList<>();
        Set<String> exported = exportsOfTheEngine();
        for (JavaClass from : classes) {
            if (!exported.contains(from.getPackageName()) || !isShown(from)) {
                continue;
            }
            for (JavaMember member : from.getMembers()) {
                boolean shown = member.getModifiers().contains(JavaModifier.PUBLIC)
                        || member.getModifiers().contains(JavaModifier.PROTECTED);
                if (shown && speaksOfMemory(member)) {
                    wrong.add(member.getFullName());
                }
            }
        }
        assertNone(wrong);
    }

    @Test
    void aFileIsShortEnoughToBeReadInOneGo() throws IOException {
        List<String> wrong = new ArrayList<>();
        for (String module : List.of("bindings", "engine", "cli", "benchmarks", "native")) {
            try (Stream<Path> files = Files.walk(Path.of("..", module))) {
                for (Path file : files.filter(ArchitectureTest::isWritten).toList()) {
                    long lines = lines(file);
                    if (lines > MOST_LINES) {
                        wrong.add(file + " has " + lines + " lines");
                    }
                }
            }
        }
        assertNone(wrong);
    }

    /** Without it, NullAway passes a package over. */
    @Test
    void everyPackageIsNullMarked() throws IOException {
        List<String> wrong = new ArrayList<>();
        for (String module : List.of("bindings", "engine", "cli", "cli/spark", "benchmarks", "benchmarks/robustness")) {
            try (Stream<Path> files = Files.walk(Path.of("..", module, "src", "main", "java", "dev", "headwater"))) {
                for (Path room : files.filter(ArchitectureTest::isWritten)
                        .map(Path::getParent)
                        .distinct()
                        .toList()) {
                    Path description = room.resolve("package-info.java");
                    if (!Files.exists(description)
                            || !Files.readAllLines(description).contains("@NullMarked")) {
                        wrong.add(description + " does not say @NullMarked");
                    }
                }
            }
        }
        assertNone(wrong);
    }

    /** Public, and all that it stands in too. */
    private static boolean isShown(JavaClass type) {
        return type.getModifiers().contains(JavaModifier.PUBLIC)
                && type.getEnclosingClass().map(ArchitectureTest::isShown).orElse(true);
    }

    private static boolean speaksOfMemory(JavaMember member) {
        return member.getAllInvolvedRawTypes().stream()
                .anyMatch(type -> type.getPackageName().equals("java.lang.foreign"));
    }

    /** What any host may use: the packages that its module exports to everybody. */
    private static Set<String> exportsOfTheEngine() {
        URL place =
                HeadwaterException.class.getProtectionDomain().getCodeSource().getLocation();
        ModuleDescriptor engine = ModuleFinder.of(Path.of(URI.create(place.toString())))
                .find("dev.headwater.engine")
                .orElseThrow()
                .descriptor();
        return engine.exports().stream()
                .filter(export -> !export.isQualified())
                .map(ModuleDescriptor.Exports::source)
                .collect(Collectors.toSet());
    }

    /** What a person writes, tests too. */
    private static boolean isWritten(Path file) {
        String path = file.toString();
        return path.matches(".*\\.(java|js|css|cpp|cu|cuh|h)")
                && !path.matches(".*/(target|generated|node_modules)/.*");
    }

    private static long lines(Path file) {
        try (Stream<String> lines = Files.lines(file)) {
            return lines.count();
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    private static void assertNone(List<String> wrong) {
        assertEquals("", String.join("\n", wrong.stream().distinct().sorted().toList()));
    }

    private static String room(JavaClass type) {
        String name = type.getName().substring(HOUSE.length()).replaceFirst("\\$.*", "");
        if (name.equals("engine.ReplacementModel")) {
            return name;
        }
        String room = name.contains(".") ? name.substring(0, name.lastIndexOf('.')) : name;
        // The rooms inside a room, such as generated bindings, are its own affair.
        for (List<String> floor : FLOORS) {
            for (String known : floor) {
                boolean inside = room.startsWith(known + ".") && !known.equals("engine") && !known.equals("cli");
                if (room.equals(known) || inside) {
                    return known;
                }
            }
        }
        return room;
    }

    private static int floor(String room) {
        for (int i = 0; i < FLOORS.size(); i++) {
            if (FLOORS.get(i).contains(room)) {
                return i;
            }
        }
        return -1;
    }
}
