package dev.headwater.cli.table;

import dev.headwater.engine.Version;
import dev.headwater.engine.files.AtomicFile;
import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.GZIPOutputStream;
import org.apache.parquet.format.ColumnChunk;
import org.apache.parquet.format.ColumnMetaData;
import org.apache.parquet.format.CompressionCodec;
import org.apache.parquet.format.DataPageHeader;
import org.apache.parquet.format.Encoding;
import org.apache.parquet.format.FileMetaData;
import org.apache.parquet.format.KeyValue;
import org.apache.parquet.format.PageHeader;
import org.apache.parquet.format.PageType;
import org.apache.parquet.format.RowGroup;
import org.apache.parquet.format.SchemaElement;
import org.apache.parquet.format.Util;
import org.jspecify.annotations.Nullable;

/**
 * A flat table as a Parquet file, which appears whole or not at all: rows go into groups of bounded size, each column of a group into one
 * page, plainly encoded and packed by gzip, which every reader knows. The format's own structures are Apache's; the same rows give the
 * same bytes.
 */
final class ParquetTable implements AutoCloseable {
    private static final byte[] MAGIC = "PAR1".getBytes(StandardCharsets.US_ASCII);
    /** Rows of a group. */
    private static final int ROWS = 1 << 17;
    /** Bytes of a group's columns together, before they are packed, after which it ends. */
    private static final long BYTES = 64L << 20;

    private final AtomicFile file;
    private final OutputStream out;
    private final List<Column> columns;
    private final List<Column.Values> values = new ArrayList<>();
    private final List<RowGroup> groups = new ArrayList<>();
    private long position;
    private int rows;
    private long allRows;

    private ParquetTable(AtomicFile file, List<Column> columns) {
        this.file = file;
        this.columns = columns;
        this.out = new BufferedOutputStream(Channels.newOutputStream(file.channel()), 1 << 16);
    }

    /** @throws dev.headwater.engine.HeadwaterException if the file cannot be written */
    static ParquetTable create(Path target, List<Column> columns) {
        ParquetTable table = new ParquetTable(AtomicFile.create(target), List.copyOf(columns));
        try {
            table.write(MAGIC);
        } catch (IOException e) {
            table.close();
            throw AtomicFile.failure(target, e);
        }
        table.begin();
        return table;
    }

    private void begin() {
        values.clear();
        columns.forEach(column -> values.add(column.new Values()));
        rows = 0;
    }

    private void write(byte[] bytes) throws IOException {
        out.write(bytes);
        position += bytes.length;
    }

    /** A row: a value for each column, null where there is none. */
    void row(@Nullable Object... row) {
        if (row.length != columns.size()) {
            throw new IllegalArgumentException(row.length + " values for " + columns.size() + " columns");
        }
        for (int i = 0; i < row.length; i++) {
            values.get(i).add(row[i]);
        }
        rows++;
        allRows++;
        if (rows == ROWS
                || rows % 1024 == 0
                        && values.stream().mapToLong(Column.Values::size).sum() > BYTES) {
            endGroup();
        }
    }

    private void endGroup() {
        if (rows == 0) {
            return;
        }
        List<ColumnChunk> chunks = new ArrayList<>();
        long start = position;
        long unpacked = 0;
        try {
            for (int i = 0; i < columns.size(); i++) {
                ColumnMetaData chunk = column(columns.get(i), values.get(i).page());
                unpacked += chunk.getTotal_uncompressed_size();
                chunks.add(new ColumnChunk(chunk.getData_page_offset()).setMeta_data(chunk));
            }
        } catch (IOException e) {
            throw AtomicFile.failure(file.target(), e);
        }
        groups.add(new RowGroup(chunks, unpacked, rows)
                .setTotal_compressed_size(position - start)
                .setFile_offset(start)
                .setOrdinal((short) Math.min(groups.size(), Short.MAX_VALUE)));
        begin();
    }

    private ColumnMetaData column(Column column, byte[] page) throws IOException {
        ByteArrayOutputStream packed = new ByteArrayOutputStream(page.length / 2);
        try (var gzip = new GZIPOutputStream(packed, 1 << 16)) {
            gzip.write(page);
        }
        ByteArrayOutputStream header = new ByteArrayOutputStream();
        Util.writePageHeader(
                new PageHeader(PageType.DATA_PAGE, page.length, packed.size())
                        .setData_page_header(new DataPageHeader(rows, Encoding.PLAIN, Encoding.RLE, Encoding.RLE)),
                header);
        long offset = position;
        write(header.toByteArray());
        write(packed.toByteArray());
        return new ColumnMetaData(
                column.kind().type,
                List.of(Encoding.RLE, Encoding.PLAIN),
                List.of(column.name()),
                CompressionCodec.GZIP,
                rows,
                (long) header.size() + page.length,
                (long) header.size() + packed.size(),
                offset);
    }

    /** Ends the file and gives it its name. */
    void commit() {
        endGroup();
        List<SchemaElement> schema = new ArrayList<>();
        schema.add(new SchemaElement("table").setNum_children(columns.size()));
        columns.forEach(column -> schema.add(column.schema()));
        try {
            ByteArrayOutputStream footer = new ByteArrayOutputStream();
            Util.writeFileMetaData(
                    new FileMetaData(1, schema, allRows, groups)
                            .setKey_value_metadata(List.of(new KeyValue("headwater.tables").setValue("1")))
                            .setCreated_by("Headwater version " + Version.number()),
                    footer);
            write(footer.toByteArray());
            write(ByteBuffer.allocate(Integer.BYTES)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putInt(footer.size())
                    .array());
            write(MAGIC);
            out.flush();
        } catch (IOException e) {
            throw AtomicFile.failure(file.target(), e);
        }
        file.commit();
    }

    @Override
    public void close() {
        file.close();
    }
}
