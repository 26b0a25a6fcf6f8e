package dev.headwater.house;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.sun.source.doctree.DocCommentTree;
import com.sun.source.tree.ClassTree;
import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.MethodTree;
import com.sun.source.tree.ModifiersTree;
import com.sun.source.tree.Tree;
import com.sun.source.util.DocTrees;
import com.sun.source.util.JavacTask;
import com.sun.source.util.TreePath;
import com.sun.source.util.TreePathScanner;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.lang.model.element.Modifier;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;

/**
 * Every public type and method of the engine and the bindings has a comment. What doclint checks inside a comment (links, HTML,
 * names of parameters) the compiler holds; this is the one part of its "missing" group that is kept: a sentence for each, rather
 * than a tag for each parameter.
 */
class DocumentationTest {
    @Test
    void everythingPublicSaysWhatItIs() throws IOException {
        var compiler = ToolProvider.getSystemJavaCompiler();
        List<Path> sources = new ArrayList<>();
        for (String module : List.of("bindings", "engine")) {
            try (Stream<Path> files = Files.walk(Path.of("..", module, "src", "main", "java"))) {
                files.filter(file -> file.toString().endsWith(".java")).forEach(sources::add);
            }
        }
        try (var manager = compiler.getStandardFileManager(null, null, null)) {
            var task = (JavacTask)
                    compiler.getTask(null, manager, null, null, null, manager.getJavaFileObjectsFromPaths(sources));
            DocTrees trees = DocTrees.instance(task);
            List<String> silent = new ArrayList<>();
            for (CompilationUnitTree unit : task.parse()) {
                new Silence(trees, unit, silent).scan(unit, null);
            }
            assertEquals("", String.join("\n", silent));
        }
    }

    /** Whoever programs against a package reads on its page what threads may share and who closes what. */
    @Test
    void everyExportedPackageSaysWhatThreadsMayDo() throws IOException {
        List<String> silent = new ArrayList<>();
        for (String module : List.of("bindings", "engine")) {
            Path sources = Path.of("..", module, "src", "main", "java");
            Matcher exported = Pattern.compile("exports ([\\w.]+);")
                    .matcher(Files.readString(sources.resolve("module-info.java")));
            while (exported.find()) {
                Path page = sources.resolve(exported.group(1).replace('.', '/')).resolve("package-info.java");
                if (!Files.readString(page).contains("<p>Threads and lifetimes: ")) {
                    silent.add(exported.group(1));
                }
            }
        }
        assertEquals(List.of(), silent);
    }

    private static final class Silence extends TreePathScanner<Void, Void> {
        private final DocTrees trees;
        private final CompilationUnitTree unit;
        private final List<String> silent;

        Silence(DocTrees trees, CompilationUnitTree unit, List<String> silent) {
            this.trees = trees;
            this.unit = unit;
            this.silent = silent;
        }

        @Override
        public Void visitClass(ClassTree type, Void nothing) {
            if (!isPublic(type.getModifiers())) {
                return null; // nor is anything inside it
            }
            check(type, type.getSimpleName().toString());
            return super.visitClass(type, nothing);
        }

        @Override
        public Void visitMethod(MethodTree method, Void nothing) {
            boolean inherits = method.getModifiers().getAnnotations().stream()
                    .anyMatch(annotation ->
                            annotation.getAnnotationType().toString().equals("Override"));
            boolean constructor = method.getReturnType() == null; // its type says what it makes
            if (isPublic(method.getModifiers()) && !inherits && !constructor) {
                check(method, method.getName() + "()");
            }
            return null;
        }

        private boolean isPublic(ModifiersTree modifiers) {
            TreePath parent = getCurrentPath().getParentPath();
            boolean member = parent.getLeaf().getKind() == Tree.Kind.INTERFACE
                    && !modifiers.getFlags().contains(Modifier.PRIVATE);
            return member || modifiers.getFlags().contains(Modifier.PUBLIC);
        }

        private void check(Tree tree, String name) {
            DocCommentTree comment = trees.getDocCommentTree(getCurrentPath());
            if (comment == null) {
                long position = trees.getSourcePositions().getStartPosition(unit, tree);
                silent.add(unit.getSourceFile().getName() + ":"
                        + unit.getLineMap().getLineNumber(position) + " " + name + " has no comment");
            }
        }
    }
}
