package dev.headwater.cli.table;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import org.apache.parquet.format.ConvertedType;
import org.apache.parquet.format.FieldRepetitionType;
import org.apache.parquet.format.LogicalType;
import org.apache.parquet.format.SchemaElement;
import org.apache.parquet.format.StringType;
import org.apache.parquet.format.Type;
import org.jspecify.annotations.Nullable;

/**
 * A column of a table.
 *
 * @param optional whether a row may have nothing in it
 */
record Column(String name, Kind kind, boolean optional) {
    /** What its values are. */
    enum Kind {
        INTEGER(Type.INT32),
        LONG(Type.INT64),
        NUMBER(Type.DOUBLE),
        TEXT(Type.BYTE_ARRAY);

        final Type type;

        Kind(Type type) {
            this.type = type;
        }
    }

    static Column of(String name, Kind kind) {
        return new Column(name, kind, false);
    }

    Column orNothing() {
        return new Column(name, kind, true);
    }

    SchemaElement schema() {
        SchemaElement element = new SchemaElement(name)
                .setType(kind.type)
                .setRepetition_type(optional ? FieldRepetitionType.OPTIONAL : FieldRepetitionType.REQUIRED);
        return kind == Kind.TEXT
                ? element.setConverted_type(ConvertedType.UTF8).setLogicalType(LogicalType.STRING(new StringType()))
                : element;
    }

    /** The values of some rows, in the format's plain encoding: little-endian numbers, texts behind their lengths. */
    final class Values {
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        private final ByteBuffer number = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
        /** Runs of rows that have a value and rows that have none, as the format's hybrid encoding writes them. */
        private final ByteArrayOutputStream runs = new ByteArrayOutputStream();

        private int rows;
        private int run;
        private boolean present;

        /** @throws IllegalArgumentException if there is none, and there must be one */
        void add(@Nullable Object value) {
            if (value == null && !optional) {
                throw new IllegalArgumentException("the column " + name + " needs a value");
            }
            if (rows > 0 && present != (value != null)) {
                endRun();
            }
            present = value != null;
            run++;
            rows++;
            if (value == null) {
                return;
            }
            number.clear();
            switch (kind) {
                case INTEGER -> number.putInt((Integer) value);
                case LONG -> number.putLong((Long) value);
                case NUMBER -> number.putDouble((Double) value);
                case TEXT -> {
                    byte[] text = ((String) value).getBytes(StandardCharsets.UTF_8);
                    number.putInt(text.length);
                    bytes.write(number.array(), 0, number.position());
                    number.clear();
                    bytes.writeBytes(text);
                }
            }
            bytes.write(number.array(), 0, number.position());
        }

        /** A repeated value: its count doubled as a number of variable length, then the value. */
        private void endRun() {
            int head = run << 1;
            for (; head > 0x7f; head >>>= 7) {
                runs.write(head & 0x7f | 0x80);
            }
            runs.write(head);
            runs.write(present ? 1 : 0);
            run = 0;
        }

        int size() {
            return bytes.size();
        }

        /** A data page of version 1, before it is packed: which rows have a value, where some may have none, and the values. */
        byte[] page() {
            ByteArrayOutputStream page = new ByteArrayOutputStream(bytes.size() + runs.size() + 16);
            if (optional) {
                endRun();
                number.clear().putInt(runs.size());
                page.write(number.array(), 0, Integer.BYTES);
                page.writeBytes(runs.toByteArray());
            }
            page.writeBytes(bytes.toByteArray());
            return page.toByteArray();
        }
    }
}
