package dev.headwater.cli.option;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.MappingIterator;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.csv.CsvMapper;
import com.fasterxml.jackson.dataformat.csv.CsvParser;
import com.fasterxml.jackson.dataformat.csv.CsvSchema;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.files.BoundedJson;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A family of prompts: a text with gaps, {@code The capital of {state} is}, and a table whose columns have the gaps' names, a prompt for
 * each row. A column {@code slug} names the graphs. Two braces stand for one.
 *
 * @param gaps names of the columns that are needed
 */
public record PromptTemplate(String text, Set<String> gaps) {
    private static final Pattern GAP = Pattern.compile("\\{\\{|\\}\\}|\\{([^{}]*)\\}|[{}]");
    private static final long LARGEST_TABLE = 64 << 20;
    private static final String SLUG = "slug";

    /** @throws UsageException if a brace is left open, a gap has no name, or there is none */
    public static PromptTemplate parse(String text) {
        Set<String> gaps = new LinkedHashSet<>();
        Matcher matcher = GAP.matcher(text);
        while (matcher.find()) {
            String name = matcher.group(1);
            if (name == null && matcher.group().length() == 1) {
                throw new UsageException("--template has a " + matcher.group()
                        + " that belongs to no gap; a gap is {NAME}, and a brace that is meant is written twice");
            }
            if (name != null && name.isBlank()) {
                throw new UsageException("--template has a gap without a name; write {NAME}");
            }
            if (name != null) {
                gaps.add(name);
            }
        }
        if (gaps.isEmpty()) {
            throw new UsageException("--template has no gap, as in \"The capital of {state} is\"");
        }
        return new PromptTemplate(text, gaps);
    }

    /**
     * The prompts of a table: CSV with a header, or *.tsv with tabs; packed or from standard input as {@link PromptLines#read}.
     *
     * @return a line for each row, numbered as rows are (a cell may hold several lines of text), the header being row 0; one whose cells
     *         are missing or empty has a fault
     * @throws HeadwaterException if the table cannot be read, has no rows, or lacks a column
     */
    public List<PromptLines.Line> of(Path table) {
        String content = TextFile.read(table, LARGEST_TABLE);
        CsvSchema schema = CsvSchema.emptySchema()
                .withHeader()
                .withColumnSeparator(TextFile.kind(table).endsWith(".tsv") ? '\t' : ',');
        List<PromptLines.Line> lines = new ArrayList<>();
        try (MappingIterator<Map<String, String>> rows = new CsvMapper()
                .readerForMapOf(String.class)
                .with(schema)
                .withFeatures(CsvParser.Feature.SKIP_EMPTY_LINES, CsvParser.Feature.TRIM_SPACES)
                .readValues(content)) {
            while (rows.hasNextValue()) {
                Map<String, String> row = rows.nextValue();
                if (lines.isEmpty()) {
                    requireColumns(table, columns(rows));
                }
                lines.add(filled(lines.size() + 1, row));
            }
        } catch (JsonProcessingException e) {
            throw notATable(table, lines.size() + 1, BoundedJson.cause(e), e);
        } catch (IOException e) {
            throw notATable(table, lines.size() + 1, "it cannot be read", e);
        }
        if (lines.isEmpty()) {
            throw new HeadwaterException(
                    table + " has no rows in it; a table has a header, and a prompt's values a row");
        }
        return lines;
    }

    private void requireColumns(Path table, List<String> columns) {
        for (String gap : gaps) {
            if (!columns.contains(gap)) {
                throw new HeadwaterException("%s has no column %s, which --template names; it has %s"
                        .formatted(table, gap, String.join(", ", columns)));
            }
        }
    }

    private static HeadwaterException notATable(Path table, int row, String why, IOException cause) {
        return new HeadwaterException("%s is no table, row %d: %s".formatted(table, row, why), cause);
    }

    private static List<String> columns(MappingIterator<?> rows) {
        List<String> names = new ArrayList<>();
        ((CsvSchema) rows.getParserSchema()).forEach(column -> names.add(column.getName()));
        return names;
    }

    private PromptLines.Line filled(int number, Map<String, String> row) {
        ObjectNode fields = BoundedJson.mapper().createObjectNode();
        for (String gap : gaps) {
            if (row.getOrDefault(gap, "").isEmpty()) {
                return new PromptLines.Line(number, fields, "its row has nothing for " + gap);
            }
        }
        String prompt = GAP.matcher(text)
                .replaceAll(found -> Matcher.quoteReplacement(
                        found.group(1) == null ? found.group().substring(1) : row.get(found.group(1))));
        fields.put("prompt", prompt);
        if (!row.getOrDefault(SLUG, "").isEmpty()) {
            fields.put(SLUG, row.get(SLUG));
        }
        return new PromptLines.Line(number, fields, null);
    }
}
