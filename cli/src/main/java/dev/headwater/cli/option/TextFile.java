package dev.headwater.cli.option;

import dev.headwater.cli.report.Text;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.LimitedStream;
import dev.headwater.engine.files.RegularFile;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;

/**
 * Text that people give: a file in UTF-8, {@code *.gz} unpacked, or standard input, {@code -}. A byte order mark at its beginning, as
 * editors on Windows put it there, is no part of the text.
 */
final class TextFile {
    private TextFile() {}

    /** What the shell has opened for us, {@code <(command)} for instance: a pipe, but one whose writer is there. */
    private static boolean isOpen(Path file) {
        return file.startsWith("/dev/fd") || file.startsWith("/proc/self/fd") || file.equals(Path.of("/dev/stdin"));
    }

    /** The name without {@code .gz}, in small letters: what kind of text it is. */
    static String kind(Path file) {
        String name = file.toString().toLowerCase(Locale.ROOT);
        return name.endsWith(".gz") ? name.substring(0, name.length() - 3) : name;
    }

    static boolean isStandardInput(Path file) {
        return file.toString().equals("-");
    }

    /**
     * @param largest how many bytes it may have, packed or not
     * @throws HeadwaterException if there is no such file, it has more, or it is no text
     */
    static String read(Path file, long largest) {
        boolean packed = file.toString().toLowerCase(Locale.ROOT).endsWith(".gz");
        try (InputStream bytes = isStandardInput(file)
                        ? new LimitedStream(System.in, largest, () -> tooLarge("Standard input", largest))
                        : isOpen(file)
                                ? new LimitedStream(
                                        Files.newInputStream(file), largest, () -> tooLarge(file.toString(), largest))
                                : RegularFile.open(file, largest);
                InputStream in = packed
                        ? new LimitedStream(
                                new GZIPInputStream(bytes), largest, () -> tooLarge(file + ", unpacked,", largest))
                        : bytes) {
            return text(in.readAllBytes(), isStandardInput(file) ? "Standard input" : file.toString());
        } catch (ZipException e) {
            throw new HeadwaterException(file + " is not in gzip's format, or damaged", e);
        } catch (IOException e) {
            throw new HeadwaterException("Cannot read " + file + ": " + e.getMessage(), e);
        }
    }

    private static String text(byte[] bytes, String source) {
        if (startsWith(bytes, 0xff, 0xfe) || startsWith(bytes, 0xfe, 0xff)) {
            throw new HeadwaterException(source + " is in UTF-16; save it as UTF-8");
        }
        try {
            String text = StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
            return text.startsWith("\uFEFF") ? text.substring(1) : text;
        } catch (CharacterCodingException e) {
            throw new HeadwaterException(source + " is not text in UTF-8", e);
        }
    }

    private static boolean startsWith(byte[] bytes, int first, int second) {
        return bytes.length >= 2 && bytes[0] == (byte) first && bytes[1] == (byte) second;
    }

    private static HeadwaterException tooLarge(String what, long largest) {
        return new HeadwaterException(
                what + " has more than " + Text.bytes(largest) + "; give a smaller one, or several");
    }
}
