package dev.headwater.spark;

import dev.headwater.cli.command.Folder;
import dev.headwater.cli.report.Text;
import dev.headwater.engine.HeadwaterException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.StandardCopyOption;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.CommonPathCapabilities;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileContext;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Options;
import org.apache.hadoop.fs.Path;

/**
 * A folder of one of Hadoop's file systems. Files get their names by a rename, which HDFS does at once; where a file is there only when
 * it is closed, as in object stores, which have no rename, they are written under their names.
 *
 * @param name with the file system's scheme
 */
record HadoopFolder(String name, Configuration configuration) implements Folder {
    /** Stores in which a file that is being written is not to be seen, and an abandoned one never is. */
    private static final Set<String> STORES = Set.of("s3", "s3a", "s3n", "gs", "oss", "cosn", "obs");

    @Override
    public Optional<java.nio.file.Path> local() {
        return Optional.empty();
    }

    @Override
    public void make() {
        String probe = "_batch/" + UUID.randomUUID();
        try {
            FileSystem files = files();
            files.mkdirs(new Path(name));
            // Only writing tells whether one may.
            files.create(path(probe), true).close();
            files.delete(path(probe), false);
        } catch (IOException e) {
            throw failure("Cannot write into " + name, e);
        }
    }

    @Override
    public Set<String> names(String under) {
        Set<String> names = new TreeSet<>();
        try {
            for (FileStatus file : files().listStatus(under.isEmpty() ? new Path(name) : path(under))) {
                names.add(file.getPath().getName());
            }
        } catch (FileNotFoundException e) {
            return Set.of();
        } catch (IOException e) {
            throw failure("Cannot list " + name, e);
        }
        return names;
    }

    @Override
    public boolean has(String file) {
        try {
            return files().exists(path(file));
        } catch (IOException e) {
            throw failure("Cannot read " + path(file), e);
        }
    }

    @Override
    public boolean fetch(String file, java.nio.file.Path to) {
        try (InputStream in = files().open(path(file))) {
            Files.copy(in, to, StandardCopyOption.REPLACE_EXISTING);
            return true;
        } catch (FileNotFoundException e) {
            return false;
        } catch (IOException e) {
            throw failure("Cannot read " + path(file), e);
        }
    }

    @Override
    public void put(java.nio.file.Path file, String as) {
        Path to = path(as);
        try {
            FileSystem files = files();
            if (STORES.contains(files.getScheme())) {
                copy(file, files.create(to, true));
                return;
            }
            Path temporary = path("_batch/" + UUID.randomUUID() + ".tmp");
            try {
                copy(file, files.create(temporary, true));
                FileContext.getFileContext(to.toUri(), configuration).rename(temporary, to, Options.Rename.OVERWRITE);
            } finally {
                files.delete(temporary, false);
            }
        } catch (IOException e) {
            throw failure("Cannot write " + to, e);
        }
    }

    private static void copy(java.nio.file.Path file, FSDataOutputStream out) throws IOException {
        boolean whole = false;
        try {
            Files.copy(file, out);
            whole = true;
        } finally {
            // Closing would make a file of what is there.
            if (!whole && out.hasCapability(CommonPathCapabilities.ABORTABLE_STREAM)) {
                out.abort();
            }
            out.close();
        }
    }

    @Override
    public void delete(String file) {
        try {
            files().delete(path(file), true);
        } catch (IOException e) {
            throw failure("Cannot remove " + path(file), e);
        }
    }

    private FileSystem files() throws IOException {
        return FileSystem.get(new Path(name).toUri(), configuration);
    }

    private Path path(String file) {
        return new Path(name + "/" + file);
    }

    /** Hadoop's messages may have many lines, with a stack trace of the server in them. */
    private static HeadwaterException failure(String what, IOException e) {
        String why = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
        return new HeadwaterException(what + ": " + Text.cut(why, 200), e);
    }

    @Override
    public String toString() {
        return name;
    }
}
