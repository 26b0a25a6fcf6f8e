package dev.headwater.benchmarks;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.engine.files.BoundedJson;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** Figures with a name for each column, for people or for programs. */
final class Table {
    enum Format {
        MARKDOWN,
        CSV,
        JSON
    }

    private final List<String> columns;
    private final List<List<String>> rows = new ArrayList<>();

    Table(String... columns) {
        this.columns = List.of(columns);
    }

    Table(List<String> columns) {
        this.columns = List.copyOf(columns);
    }

    void row(List<String> cells) {
        if (cells.size() != columns.size()) {
            throw new IllegalArgumentException(cells.size() + " cells for " + columns.size() + " columns");
        }
        rows.add(List.copyOf(cells));
    }

    void row(String... cells) {
        row(List.of(cells));
    }

    String print(Format format) {
        return switch (format) {
            case MARKDOWN -> markdown();
            case CSV -> csv();
            case JSON -> json();
        };
    }

    private String markdown() {
        String head = "| " + String.join(" | ", columns) + " |\n|" + "---|".repeat(columns.size()) + "\n";
        return rows.stream()
                .map(row -> "| "
                        + row.stream().map(cell -> cell.replace("|", "\\|")).collect(Collectors.joining(" | "))
                        + " |\n")
                .collect(Collectors.joining("", head, ""));
    }

    private String csv() {
        List<List<String>> lines = new ArrayList<>(rows);
        lines.addFirst(columns);
        return lines.stream()
                .map(row -> row.stream().map(Table::quoted).collect(Collectors.joining(",")) + "\n")
                .collect(Collectors.joining());
    }

    private static String quoted(String cell) {
        return cell.matches("[^\",\n]*") ? cell : '"' + cell.replace("\"", "\"\"") + '"';
    }

    private String json() {
        ArrayNode array = BoundedJson.mapper().createArrayNode();
        for (List<String> row : rows) {
            ObjectNode object = array.addObject();
            for (int i = 0; i < row.size(); i++) {
                if (row.get(i).matches("-?\\d+(\\.\\d+)?(e-?\\d+)?")) {
                    object.put(columns.get(i), Double.parseDouble(row.get(i)));
                } else {
                    object.put(columns.get(i), row.get(i));
                }
            }
        }
        try {
            return BoundedJson.mapper().writerWithDefaultPrettyPrinter().writeValueAsString(array) + "\n";
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }
}
