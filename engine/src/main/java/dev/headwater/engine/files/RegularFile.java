package dev.headwater.engine.files;

import dev.headwater.engine.HeadwaterException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Files that people name, opened to be read: what is no regular file, such as a pipe that would let us wait for ever,
 * is told before it is opened, and one that is too large, or grows meanwhile, is not read on.
 */
public final class RegularFile {
    private RegularFile() {}

    /** @throws HeadwaterException if nothing is there, or something else than a file */
    public static void require(Path file) {
        if (Files.isRegularFile(file)) {
            return;
        }
        if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
            throw new HeadwaterException("There is no file " + file);
        }
        if (!Files.exists(file)) {
            throw new HeadwaterException(file + " is a link to a file that is not there");
        }
        throw new HeadwaterException(file
                + (Files.isDirectory(file) ? " is a directory, but a file is needed here" : " is no regular file"));
    }

    /**
     * A stream of at most {@code maxBytes} bytes.
     *
     * @throws HeadwaterException if nothing is there, or something else than a file, or a larger one; the stream
     *      throws it too
     */
    public static InputStream open(Path file, long maxBytes, OpenOption... options) {
        require(file);
        try {
            long size = Files.size(file);
            if (size > maxBytes) {
                throw tooLarge(file, maxBytes);
            }
            OpenOption[] all = new OpenOption[options.length + 1];
            System.arraycopy(options, 0, all, 1, options.length);
            all[0] = StandardOpenOption.READ;
            return new LimitedStream(Files.newInputStream(file, all), maxBytes, () -> tooLarge(file, maxBytes));
        } catch (AccessDeniedException e) {
            throw new HeadwaterException("No permission to read " + file, e);
        } catch (IOException e) {
            throw new HeadwaterException("Cannot read %s: %s".formatted(file, e.getMessage()), e);
        }
    }

    private static HeadwaterException tooLarge(Path file, long maxBytes) {
        return new HeadwaterException("%s is too large: at most %d bytes are read".formatted(file, maxBytes));
    }
}
