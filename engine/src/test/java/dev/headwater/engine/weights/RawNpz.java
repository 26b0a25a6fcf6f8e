package dev.headwater.engine.weights;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** Numpy archives with any content, sound or not. */
final class RawNpz {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final ZipOutputStream zip = new ZipOutputStream(bytes);

    /** A numpy array of version 1; the header is padded so that the elements are aligned within it. */
    static byte[] npy(String header, byte... elements) {
        return npy(1, header, elements);
    }

    static byte[] npy(int version, String header, byte... elements) {
        int start = version == 1 ? 10 : 12;
        String padded = header + " ".repeat(Math.floorMod(-(start + header.length() + 1), 64)) + "\n";
        byte[] array = new byte[start + padded.length() + elements.length];
        byte[] magic = {
            (byte) 0x93,
            'N',
            'U',
            'M',
            'P',
            'Y',
            (byte) version,
            0,
            (byte) padded.length(),
            (byte) (padded.length() >> 8)
        };
        System.arraycopy(magic, 0, array, 0, magic.length);
        System.arraycopy(padded.getBytes(StandardCharsets.US_ASCII), 0, array, start, padded.length());
        System.arraycopy(elements, 0, array, start + padded.length(), elements.length);
        return array;
    }

    /** The header that numpy writes for float32. */
    static String float32(String shape) {
        return "{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + ", }";
    }

    RawNpz deflated(String name, byte[] content) throws IOException {
        zip.putNextEntry(new ZipEntry(name));
        zip.write(content);
        zip.closeEntry();
        return this;
    }

    /** @param alignment offset of the content in the file, modulo 64 */
    RawNpz stored(String name, byte[] content, int alignment) throws IOException {
        ZipEntry entry = new ZipEntry(name);
        entry.setMethod(ZipEntry.STORED);
        entry.setSize(content.length);
        CRC32 crc = new CRC32();
        crc.update(content);
        entry.setCrc(crc.getValue());
        zip.flush();
        int extra = Math.floorMod(alignment - (bytes.size() + 30 + name.length()), 64);
        extra += extra < 4 ? 64 : 0;
        byte[] padding = new byte[extra];
        padding[0] = (byte) 0xff;
        padding[1] = (byte) 0xff;
        padding[2] = (byte) (extra - 4);
        entry.setExtra(padding);
        zip.putNextEntry(entry);
        zip.write(content);
        zip.closeEntry();
        return this;
    }

    byte[] bytes() throws IOException {
        zip.close();
        return bytes.toByteArray();
    }
}
