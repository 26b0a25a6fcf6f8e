package dev.headwater.cli.table;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hardwood.InputFile;
import dev.hardwood.reader.ParquetFileReader;
import dev.hardwood.reader.RowReader;
import dev.headwater.cli.table.Column.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tables that are written, read back by another implementation of the format (Hardwood). */
public class ParquetTableTest {
    private static final List<Column> COLUMNS = List.of(
            Column.of("integer", Kind.INTEGER),
            Column.of("long", Kind.LONG).orNothing(),
            Column.of("number", Kind.NUMBER).orNothing(),
            Column.of("text", Kind.TEXT),
            Column.of("perhaps", Kind.TEXT).orNothing());

    @TempDir
    private Path directory;

    /** All rows of a file, each a list with null where there is nothing. */
    public static List<List<Object>> read(Path file) throws IOException {
        List<List<Object>> rows = new ArrayList<>();
        try (ParquetFileReader reader = ParquetFileReader.open(InputFile.of(file));
                RowReader row = reader.rowReader()) {
            int columns = reader.getFileSchema().getColumnCount();
            while (row.hasNext()) {
                row.next();
                List<Object> values = new ArrayList<>();
                for (int i = 0; i < columns; i++) {
                    values.add(row.isNull(i) ? null : row.getValue(i));
                }
                rows.add(values);
            }
        }
        return rows;
    }

    private Path write(String name, List<Object[]> rows) {
        Path file = directory.resolve(name);
        try (ParquetTable table = ParquetTable.create(file, COLUMNS)) {
            rows.forEach(table::row);
            assertFalse(Files.exists(file), "it appears whole");
            table.commit();
        }
        return file;
    }

    /** More than a group of rows, with texts of all kinds, long stretches with and without values, and columns without any. */
    @Test
    void whatIsWrittenIsRead() throws IOException {
        Random random = new Random(9);
        String[] texts = {"", " Dallas", "é漢😀", "\u0000\n\"", "x".repeat(3000)};
        List<Object[]> rows = new ArrayList<>();
        for (int i = 0; i < 140_000; i++) {
            rows.add(new Object[] {
                random.nextInt(),
                i % 50_000 < 30_000 ? null : random.nextLong(),
                random.nextInt(3) == 0 ? null : random.nextGaussian(),
                texts[i % 997 == 0 ? 4 : random.nextInt(4)],
                null
            });
        }
        Path file = write("rows.parquet", rows);
        List<List<Object>> read = read(file);
        assertEquals(rows.size(), read.size());
        for (int i = 0; i < rows.size(); i++) {
            assertArrayEquals(rows.get(i), read.get(i).toArray(), "row " + i);
        }
        assertArrayEquals(Files.readAllBytes(file), Files.readAllBytes(write("again.parquet", rows)));
    }

    @Test
    void noRowsAtAll() throws IOException {
        assertEquals(List.of(), read(write("none.parquet", List.of())));
    }

    @Test
    void whatIsNotEndedLeavesNothing() throws IOException {
        Path file = directory.resolve("half.parquet");
        try (ParquetTable table = ParquetTable.create(file, COLUMNS)) {
            table.row(1, null, null, "x", null);
            assertThrows(IllegalArgumentException.class, () -> table.row(1, null, null, null, null));
            assertThrows(IllegalArgumentException.class, () -> table.row(1));
        }
        try (var left = Files.list(directory)) {
            assertTrue(left.findAny().isEmpty());
        }
    }
}
