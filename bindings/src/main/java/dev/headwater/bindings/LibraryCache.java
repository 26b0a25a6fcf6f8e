package dev.headwater.bindings;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.JarURLConnection;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.ReadOnlyFileSystemException;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.DigestInputStream;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeSet;
import java.util.jar.JarEntry;
import java.util.stream.Stream;

/**
 * Native libraries from the class path as files in the cache directory. A folder is unpacked under another name,
 * brought to the disk and renamed when complete, so that a folder that exists is whole. Its {@code MANIFEST} holds size
 * and SHA-256 of every file, its {@code STAMPS} what changes when anybody writes to one: at each start the stamps are
 * compared, and where they differ, the hashes; a damaged folder is made anew.
 */
final class LibraryCache {
    private static final String MANIFEST = "MANIFEST";
    private static final String STAMPS = "STAMPS";
    private static final Duration OLD = Duration.ofDays(1);

    private LibraryCache() {}

    /** The directory with libtorch_cpu.so, or what it is called there, and all that it needs. */
    static Path libtorch(Path cache, Platform platform) throws IOException {
        Map<String, String> resources = new LinkedHashMap<>();
        String torch = "org/bytedeco/pytorch/" + platform.folder() + "/";
        platform.torch().forEach(file -> resources.put(file, torch + file));
        URL jar = resource(torch + platform.file("torch_cpu"));
        if (jar == null) {
            throw new NativeException("libtorch for " + platform.folder()
                    + " is not on the class path; set HEADWATER_LIBTORCH to the lib "
                    + "directory of a libtorch 2.10 or newer (in Python: torch.__path__[0] + '/lib')");
        }
        Platform.Blas blas = platform.blas();
        blas.files()
                .forEach(file ->
                        resources.put(file, "org/bytedeco/" + blas.folder() + "/" + platform.folder() + "/" + file));
        // The jar's name carries the version, so another version gets another folder.
        String name = jar.getPath().replaceAll("!.*", "").replaceAll(".*/", "").replace(".jar", "");
        // libtorch asks for OpenBLAS by name. MKL exports all that it takes from there, works on libtorch's own thread
        // pool (OpenBLAS brings a second one) and is faster: by a tenth on large products, by half on those of few
        // rows.
        return unpack(
                cache.resolve("native").resolve(name + "-" + blas.folder()),
                resources,
                blas.folder().equals("mkl") ? Map.of(platform.blasFile(), "libmkl_rt.so.3") : Map.of());
    }

    /** Our kernels: the built file itself where classes are a directory, else unpacked from the jar. */
    static Path kernels(Path cache, Platform platform) throws IOException {
        String file = platform.file("headwater_kernels");
        String resource = "dev/headwater/native/" + platform.folder() + "/" + file;
        URL url = resource(resource);
        if (url == null) {
            throw new NativeException("Headwater's kernels for " + platform.folder()
                    + " are not on the class path; build them with: mvn package");
        }
        if (url.getProtocol().equals("file")) {
            try {
                return Path.of(url.toURI());
            } catch (URISyntaxException e) {
                throw new IOException(e);
            }
        }
        // The jar knows its entry's size and checksum, which tell builds apart without reading it at each start.
        JarEntry entry = ((JarURLConnection) url.openConnection()).getJarEntry();
        String build = "kernels-%x-%08x".formatted(entry.getSize(), entry.getCrc());
        return unpack(cache.resolve("native").resolve(build), Map.of(file, resource), Map.of())
                .resolve(file);
    }

    /**
     * Hashes all that is unpacked and removes the folders in which something is not what was unpacked, so that they are
     * made anew when they are needed.
     *
     * @return the files that were damaged
     */
    static List<Path> repair(Path cache) throws IOException {
        List<Path> damaged = new ArrayList<>();
        Path unpacked = cache.resolve("native");
        if (!Files.isDirectory(unpacked)) {
            return damaged;
        }
        List<Path> folders;
        try (Stream<Path> all = Files.list(unpacked)) {
            folders = all.filter(folder -> Files.isRegularFile(folder.resolve(MANIFEST)))
                    .sorted()
                    .toList();
        }
        for (Path folder : folders) {
            List<Path> here = damagedIn(folder);
            if (!here.isEmpty()) {
                delete(folder);
            }
            damaged.addAll(here);
        }
        return damaged;
    }

    private static List<Path> damagedIn(Path folder) throws IOException {
        List<Path> damaged = new ArrayList<>();
        Properties manifest = new Properties();
        try (var in = Files.newBufferedReader(folder.resolve(MANIFEST))) {
            manifest.load(in);
        } catch (IOException | IllegalArgumentException e) {
            return List.of(folder.resolve(MANIFEST));
        }
        for (String name : new TreeSet<>(manifest.stringPropertyNames())) {
            Path file = folder.resolve(name);
            if (!Files.isRegularFile(file) || !manifest.getProperty(name).equals(Files.size(file) + " " + hash(file))) {
                damaged.add(file);
            }
        }
        return damaged;
    }

    static Path unpack(Path directory, Map<String, String> resources, Map<String, String> links) throws IOException {
        if (isWhole(directory, resources)) {
            return directory;
        }
        Files.createDirectories(directory.getParent());
        Path lock = directory.resolveSibling(directory.getFileName() + ".lock");
        try (FileChannel channel = FileChannel.open(lock, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                var held = channel.lock()) {
            if (isWhole(directory, resources)) {
                return directory;
            }
            sweep(directory);
            Path temporary = Files.createTempDirectory(directory.getParent(), directory.getFileName() + ".part");
            try {
                Properties manifest = new Properties();
                for (var entry : resources.entrySet()) {
                    manifest.setProperty(entry.getKey(), extract(entry.getValue(), temporary.resolve(entry.getKey())));
                }
                for (var link : links.entrySet()) {
                    Files.createSymbolicLink(temporary.resolve(link.getKey()), Path.of(link.getValue()));
                }
                try (var out = Files.newBufferedWriter(temporary.resolve(MANIFEST))) {
                    manifest.store(out, "file = size sha256");
                }
                force(temporary);
                delete(directory);
                Files.move(temporary, directory, StandardCopyOption.ATOMIC_MOVE);
                stamp(directory.resolve(STAMPS), stamps(directory, resources, manifest));
            } catch (AtomicMoveNotSupportedException | FileAlreadyExistsException e) {
                throw new IOException("can't rename " + temporary + " to " + directory, e);
            } finally {
                delete(temporary);
            }
        }
        return directory;
    }

    /** Size and hash as the manifest keeps them. */
    private static String extract(String resource, Path target) throws IOException {
        URL url = resource(resource);
        if (url == null) {
            throw new NativeException(resource + " is not on the class path; build again with: mvn package");
        }
        MessageDigest digest = sha256();
        try (InputStream in = url.openStream();
                var out = new DigestOutputStream(Files.newOutputStream(target), digest)) {
            in.transferTo(out);
        }
        return Files.size(target) + " " + HexFormat.of().formatHex(digest.digest());
    }

    private static boolean isWhole(Path directory, Map<String, String> resources) {
        try {
            Properties manifest = new Properties();
            try (var in = Files.newBufferedReader(directory.resolve(MANIFEST))) {
                manifest.load(in);
            }
            String stamps = stamps(directory, resources, manifest);
            Path stamped = directory.resolve(STAMPS);
            if (Files.isRegularFile(stamped) && stamps.equals(Files.readString(stamped, StandardCharsets.ISO_8859_1))) {
                return true;
            }
            for (String name : resources.keySet()) {
                if (!hash(directory.resolve(name))
                        .equals(manifest.getProperty(name).split(" ")[1])) {
                    return false;
                }
            }
            stamp(stamped, stamps);
            return true;
        } catch (IOException | IllegalArgumentException e) {
            // Something is missing, cut short or written over.
            return false;
        }
    }

    /** Where nothing can be written, the hashes are taken each time. */
    private static void stamp(Path file, String stamps) throws IOException {
        try {
            Files.writeString(file, stamps, StandardCharsets.ISO_8859_1);
        } catch (AccessDeniedException | ReadOnlyFileSystemException e) {
            // as the comment says
        }
    }

    private static String stamps(Path directory, Map<String, String> resources, Properties manifest)
            throws IOException {
        StringBuilder stamps = new StringBuilder();
        for (String name : new TreeSet<>(resources.keySet())) {
            var now =
                    Files.readAttributes(directory.resolve(name), BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
            String line = manifest.getProperty(name, "");
            if (!now.isRegularFile() || !line.matches(now.size() + " [0-9a-f]{64}")) {
                throw new IOException(name + " is not what was unpacked");
            }
            stamps.append(name)
                    .append(' ')
                    .append(line)
                    .append(' ')
                    .append(now.lastModifiedTime().toInstant())
                    .append(' ')
                    .append(now.fileKey())
                    .append('\n');
        }
        return stamps.toString();
    }

    private static String hash(Path file) throws IOException {
        MessageDigest digest = sha256();
        try (InputStream in = new DigestInputStream(Files.newInputStream(file), digest)) {
            in.transferTo(OutputStream.nullOutputStream());
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    /** What killed processes left: of this folder, whose lock we have, all; of others what is old. */
    private static void sweep(Path directory) throws IOException {
        String own = directory.getFileName() + ".part";
        try (Stream<Path> files = Files.list(directory.getParent())) {
            for (Path file : files.toList()) {
                String name = file.getFileName().toString();
                if (name.matches(".*\\.part\\d+")
                        && (name.startsWith(own)
                                || Files.getLastModifiedTime(file, LinkOption.NOFOLLOW_LINKS)
                                        .toInstant()
                                        .isBefore(Instant.now().minus(OLD)))) {
                    delete(file);
                }
            }
        }
    }

    private static void force(Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            for (Path file : files.filter(f -> Files.isRegularFile(f, LinkOption.NOFOLLOW_LINKS))
                    .toList()) {
                try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                    channel.force(true);
                }
            }
        }
    }

    private static void delete(Path directory) throws IOException {
        if (!Files.exists(directory)) {
            return;
        }
        try (Stream<Path> files = Files.walk(directory)) {
            files.sorted(Comparator.reverseOrder()).forEach(path -> {
                try {
                    Files.delete(path);
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
        }
    }

    private static URL resource(String name) {
        return LibraryCache.class.getClassLoader().getResource(name);
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has SHA-256", e);
        }
    }
}
