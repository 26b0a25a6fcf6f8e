import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * Makes what people download from what the build has made: {@code mvn package -Prelease} runs it in the root of the clone.
 *
 * <pre>
 * headwater-VERSION-linux-x86_64/
 *   headwater           the launcher of the clone, which finds java/ beside itself
 *   java/               a Java of its own, with the modules that are needed
 *   lib/  modules       the jars, and which of them are modules; headwater-spark.jar, which Spark runs; libheadwater.so
 *   include/            headwater.h, for hosts in C
 *   native/             libtorch, its BLAS, our kernels: nothing is unpacked at the first start; runtime/ is C++'s, if there is none
 *   licenses/  bom.json licences and the list (CycloneDX) of all that is in it
 * </pre>
 *
 * <p>A second archive, {@code …-without-libtorch}, has of {@code native/} our kernels alone. Every file has one owner, one time
 * and its place by name, so that a second run gives the same bytes. {@code SHA256SUMS} lies beside both.
 */
public final class Release {
    /** Where there is a libtorch to ship. Elsewhere there is the second archive alone. */
    private static final String WHOLE = "linux-x86_64";

    /** What our jars and the libraries use; the command line's tests run on a Java of these alone. */
    private static final String JAVA_MODULES =
            "java.base,java.logging,java.naming,java.net.http,java.xml,jdk.management,jdk.unsupported,jdk.zipfs";

    private static final List<String> MKL =
            List.of("rt", "core", "gnu_thread", "intel_lp64", "def", "mc3", "avx2", "avx512", "avx10");

    private static final List<String> RUNTIME = List.of("libstdc++.so.6", "libgcc_s.so.1");

    private final Path root = Path.of("").toAbsolutePath();
    private final Path built = root.resolve("cli/target/headwater");
    private final Path licenses = root.resolve("cli/src/release/licenses");
    private final Path releases = root.resolve("cli/target/release");
    private final String timestamp;
    private final String libtorch;
    private final String mkl;
    private final String platform;
    private final String version;

    private Release(String[] args) throws Exception {
        timestamp = args[0];
        libtorch = args[1];
        mkl = args[2];
        platform = args[3];
        try (ZipFile engine = new ZipFile(jar("headwater-engine-").toFile());
                InputStream in = engine.getInputStream(engine.getEntry("dev/headwater/engine/version"))) {
            version = new String(in.readAllBytes(), StandardCharsets.UTF_8).strip();
        }
    }

    /** @param args the time that entries get, libtorch's version, MKL's, the system */
    public static void main(String[] args) throws Exception {
        Release release = new Release(args);
        delete(release.releases);
        List<Path> archives = release.platform.equals(WHOLE)
                ? List.of(release.make(true), release.make(false))
                : List.of(release.make(false));
        StringBuilder sums = new StringBuilder();
        for (Path archive : archives) {
            sums.append(sha256(archive))
                    .append("  ")
                    .append(archive.getFileName())
                    .append('\n');
            System.out.printf("%s, %,d bytes%n", archive, Files.size(archive));
        }
        Files.writeString(release.releases.resolve("SHA256SUMS"), sums);
    }

    private Path make(boolean whole) throws Exception {
        String name = "headwater-" + version + "-" + platform + (whole ? "" : "-without-libtorch");
        Path home = Files.createDirectories(releases.resolve(name));
        for (String file : List.of("headwater", "README.md", "CHANGELOG.md", "LICENSE")) {
            Files.copy(root.resolve(file), home.resolve(file), StandardCopyOption.COPY_ATTRIBUTES);
        }
        Files.copy(built.resolve("modules"), home.resolve("modules"));
        Path lib = Files.createDirectory(home.resolve("lib"));
        try (Stream<Path> jars = Files.list(built.resolve("lib"))) {
            for (Path jar :
                    jars.filter(file -> file.toString().endsWith(".jar")).toList()) {
                Files.copy(jar, lib.resolve(jar.getFileName()));
            }
        }
        Files.copy(root.resolve("cli/spark/target/headwater-spark.jar"), lib.resolve("headwater-spark.jar"));
        Path natives = Files.createDirectory(home.resolve("native"));
        unpack(
                jar("headwater-native-"),
                "dev/headwater/native/" + platform + "/",
                List.of(System.mapLibraryName("headwater_kernels")),
                natives);
        // The library for hosts in C, its header, and what pkg-config and CMake ask for: in lib/ and include/.
        run(root, "cmake", "--install", "native/target/cmake", "--component", "host", "--prefix", home.toString());
        if (whole) {
            // The C++ runtime of this machine, which asks for a C library as new as this machine's: in a folder of its
            // own, for systems that have none.
            Path runtime = Files.createDirectory(natives.resolve("runtime"));
            for (String file : RUNTIME) {
                Files.copy(Path.of(run(root, "c++", "-print-file-name=" + file)).toRealPath(), runtime.resolve(file));
            }
            Path jars = root.resolve("bindings/target/libtorch");
            unpack(
                    jars.resolve("pytorch-" + libtorch + "-" + platform + ".jar"),
                    "org/bytedeco/pytorch/" + platform + "/",
                    List.of("libtorch_cpu.so", "libc10.so", "libgomp.so.1"),
                    natives);
            unpack(
                    jars.resolve("mkl-" + mkl + "-" + platform + "-redist.jar"),
                    "org/bytedeco/mkl/" + platform + "/",
                    MKL.stream().map(part -> "libmkl_" + part + ".so.3").toList(),
                    natives);
            // The name under which libtorch asks for a BLAS.
            Files.createSymbolicLink(natives.resolve("libopenblas.so.0"), Path.of("libmkl_rt.so.3"));
        }
        Path jdk = Path.of(System.getProperty("java.home"));
        run(
                root,
                jdk.resolve("bin/jlink").toString(),
                "--add-modules",
                JAVA_MODULES,
                "--strip-java-debug-attributes",
                "--no-header-files",
                "--no-man-pages",
                "--output",
                home.resolve("java").toString());
        licences(home);
        contents(home, whole);
        return archive(name);
    }

    /** Writes the licence of everything that lies in lib/ and native/; Java's own are in java/legal. */
    private void licences(Path home) throws IOException {
        Map<String, List<Path>> known = new LinkedHashMap<>();
        for (String line : Files.readAllLines(licenses.resolve("packages.txt"))) {
            if (!line.isBlank() && !line.startsWith("#")) {
                List<String> cells = List.of(line.strip().split("\\s+"));
                known.put(
                        cells.getFirst(),
                        cells.stream()
                                .skip(1)
                                .map(licenses::resolve)
                                .map(Path::normalize)
                                .toList());
            }
        }
        Path target = Files.createDirectory(home.resolve("licenses"));
        StringBuilder list =
                new StringBuilder("What is in lib/ and native/, and under which licence; of java/ see java/legal.\n\n");
        for (String folder : List.of("lib", "native", "native/runtime")) {
            for (String file :
                    Files.isDirectory(home.resolve(folder)) ? names(home.resolve(folder)) : List.<String>of()) {
                if (!Files.isRegularFile(home.resolve(folder).resolve(file), LinkOption.NOFOLLOW_LINKS)) {
                    continue;
                }
                List<Path> texts = known.entrySet().stream()
                        .filter(entry -> file.startsWith(entry.getKey()) || file.startsWith("lib" + entry.getKey()))
                        .map(Map.Entry::getValue)
                        .findFirst()
                        .orElseThrow(() -> new IOException(file + " has no line in " + licenses.resolve("packages.txt")
                                + "; add one with its licence"));
                for (Path text : texts) {
                    Files.copy(text, target.resolve(text.getFileName()), StandardCopyOption.REPLACE_EXISTING);
                }
                list.append("%-50s %s%n"
                        .formatted(
                                folder + "/" + file,
                                texts.stream()
                                        .map(text -> text.getFileName().toString())
                                        .collect(Collectors.joining(", "))));
            }
        }
        Files.writeString(target.resolve("README.txt"), list);
    }

    /** The dependencies' bill of materials, and what is no dependency of Maven's: native libraries, and Java. */
    private void contents(Path home, boolean whole) throws Exception {
        ObjectMapper json = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);
        ObjectNode bom =
                (ObjectNode) json.readTree(root.resolve("cli/target/bom.json").toFile());
        ObjectNode metadata = (ObjectNode) bom.get("metadata");
        metadata.put("timestamp", timestamp);
        ((ObjectNode) metadata.get("component")).put("name", "headwater").put("version", version);
        ArrayNode components = (ArrayNode) bom.get("components");
        String java = Runtime.version().toString();
        components.add(component(
                json,
                "platform",
                System.getProperty("java.vendor"),
                "java",
                java,
                "GPL-2.0-only WITH Classpath-exception-2.0"));
        Map<String, String[]> shipped = new TreeMap<>();
        if (whole) {
            String gcc = run(root, "c++", "-dumpfullversion");
            shipped.put("libtorch_cpu.so", new String[] {"PyTorch", libtorch, "BSD-3-Clause"});
            shipped.put("libc10.so", new String[] {"PyTorch", libtorch, "BSD-3-Clause"});
            shipped.put("libgomp.so.1", new String[] {"GNU", libtorch, "GPL-3.0-or-later WITH GCC-exception-3.1"});
            for (String file : RUNTIME) {
                shipped.put("runtime/" + file, new String[] {"GNU", gcc, "GPL-3.0-or-later WITH GCC-exception-3.1"});
            }
            for (String part : MKL) {
                shipped.put("libmkl_" + part + ".so.3", new String[] {"Intel", mkl, "LicenseRef-Intel-Simplified"});
            }
        }
        for (var entry : shipped.entrySet()) {
            String[] of = entry.getValue();
            ObjectNode component = component(json, "library", of[0], entry.getKey(), of[1], of[2]);
            component
                    .putArray("hashes")
                    .addObject()
                    .put("alg", "SHA-256")
                    .put("content", sha256(home.resolve("native").resolve(entry.getKey())));
            components.add(component);
        }
        Files.writeString(home.resolve("bom.json"), json.writeValueAsString(bom) + "\n");
    }

    private static ObjectNode component(
            ObjectMapper json, String type, String group, String name, String version, String license) {
        ObjectNode component = json.createObjectNode()
                .put("type", type)
                .put("group", group)
                .put("name", name)
                .put("version", version);
        component.putArray("licenses").addObject().put("expression", license);
        return component;
    }

    private Path archive(String name) throws Exception {
        Path archive = releases.resolve(name + ".tar.gz");
        run(
                releases,
                "tar",
                "--sort=name",
                "--owner=0",
                "--group=0",
                "--numeric-owner",
                "--mode=u+w,go-w,a+rX",
                "--mtime=" + timestamp,
                "--format=gnu",
                "--use-compress-program=gzip -6n",
                "-cf",
                archive + ".part",
                name);
        return Files.move(Path.of(archive + ".part"), archive);
    }

    private Path jar(String beginning) throws IOException {
        try (Stream<Path> jars = Files.list(built.resolve("lib"))) {
            return jars.filter(file -> file.getFileName().toString().startsWith(beginning))
                    .findFirst()
                    .orElseThrow(() -> new IOException(built.resolve("lib") + " has no " + beginning + "*.jar"));
        }
    }

    private static void unpack(Path jar, String folder, List<String> files, Path target) throws IOException {
        try (ZipFile zip = new ZipFile(jar.toFile())) {
            for (String file : files) {
                ZipEntry entry = zip.getEntry(folder + file);
                if (entry == null) {
                    throw new IOException(jar + " has no " + folder + file);
                }
                try (InputStream in = zip.getInputStream(entry)) {
                    Files.copy(in, target.resolve(file));
                }
            }
        }
    }

    private static TreeSet<String> names(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).collect(Collectors.toCollection(TreeSet::new));
        }
    }

    /** What a program prints; one that fails ends the making of the release with what it said. */
    private static String run(Path directory, String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command)
                .directory(directory.toFile())
                .redirectErrorStream(true)
                .start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        if (process.waitFor() != 0) {
            throw new IOException(String.join(" ", command) + " failed: " + output);
        }
        return output;
    }

    private static String sha256(Path file) throws Exception {
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        try (InputStream in = new DigestInputStream(Files.newInputStream(file), digest)) {
            in.transferTo(java.io.OutputStream.nullOutputStream());
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    private static void delete(Path folder) throws IOException {
        if (Files.exists(folder)) {
            try (Stream<Path> files = Files.walk(folder)) {
                for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(file);
                }
            }
        }
    }
}
