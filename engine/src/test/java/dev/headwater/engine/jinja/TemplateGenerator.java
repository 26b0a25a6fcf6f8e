package dev.headwater.engine.jinja;

import java.util.List;
import java.util.Random;

/** Writes templates by Jinja's grammar that use every filter, test and method, with values at the edges of their ranges. */
final class TemplateGenerator {
    private static final List<String> VALUES = List.of(
            "x",
            "s",
            "l",
            "d",
            "messages",
            "undef",
            "none",
            "true",
            "0",
            "-1",
            "2",
            "9223372036854775807",
            "(-9223372036854775807 - 1)",
            "1.5",
            "1e308",
            "'nan'|float",
            "'inf'|float",
            "''",
            "'a,b c'",
            "'%s%d'",
            "'{}'",
            "'x' * 100000",
            "[]",
            "[none]",
            "[[1], [2]]",
            "(1,)",
            "{}",
            "{'a': [1]}",
            "range(9)",
            "range(100000)",
            "l|map('string')",
            "d.items()",
            "s|e",
            "loop",
            "f",
            "namespace(a=1)",
            "cycler(1, 2)",
            "'\\n' * 1000",
            "'\uD83D\uDE00'",
            "messages|groupby('role')",
            "[range(1000)|list] * 1000",
            "'ab' * 50000");
    private static final List<String> FILTERS = List.copyOf(Filters.ALL.keySet());
    private static final List<String> TESTS = List.copyOf(Tests.ALL.keySet());
    private static final List<String> ATTRIBUTES = List.of(
            "strip",
            "lstrip",
            "rstrip",
            "removeprefix",
            "removesuffix",
            "split",
            "rsplit",
            "partition",
            "rpartition",
            "splitlines",
            "startswith",
            "endswith",
            "replace",
            "join",
            "upper",
            "lower",
            "capitalize",
            "title",
            "format",
            "find",
            "rfind",
            "index",
            "count",
            "isdigit",
            "isalpha",
            "isalnum",
            "isspace",
            "isupper",
            "islower",
            "items",
            "keys",
            "values",
            "get",
            "copy",
            "append",
            "zfill",
            "next",
            "current",
            "cycle",
            "changed",
            "role",
            "a",
            "list",
            "grouper",
            "index0",
            "previtem");
    private static final List<String> OPERATORS =
            List.of("+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", ">=", "in", "not in", "and", "or");

    private final Random random;

    TemplateGenerator(long seed) {
        random = new Random(seed);
    }

    String template() {
        return "{% macro f(a, b=2) %}{{ a }}{{ varargs }}{{ caller is defined }}{% endmacro %}" + body(3);
    }

    private <T> T one(List<T> of) {
        return of.get(random.nextInt(of.size()));
    }

    private String expression(int depth) {
        if (depth <= 0) {
            return one(VALUES);
        }
        String value = "(" + expression(depth - 1) + ")";
        return switch (random.nextInt(8)) {
            case 0, 1 -> value + "|" + one(FILTERS) + arguments(depth - 1);
            case 2, 3 -> value + "." + one(ATTRIBUTES) + arguments(depth - 1);
            case 4 -> value + " " + one(OPERATORS) + " (" + expression(depth - 1) + ")";
            case 5 -> value + " is " + one(TESTS) + arguments(depth - 1);
            case 6 -> value + "[" + one(List.of("", expression(0) + ":", "::")) + "(" + expression(depth - 1) + ")]";
            default ->
                one(List.of(
                        "[" + value + ", " + value + "]",
                        "{" + value + ": 1}",
                        "-" + value,
                        value + " if " + value,
                        "not " + value));
        };
    }

    private String arguments(int depth) {
        String value = "(" + expression(Math.min(depth, 1)) + ")";
        return one(List.of(
                "",
                "()",
                "(" + value + ")",
                "(" + value + ", " + expression(0) + ")",
                "(*" + value + ")",
                "(**" + value + ")",
                "(attribute=" + value + ")",
                "('upper')",
                "('role', 'eq', 'user')",
                "(attribute='role')"));
    }

    private String body(int depth) {
        StringBuilder body = new StringBuilder();
        for (int n = 1 + random.nextInt(2); n > 0; n--) {
            body.append(statement(depth));
        }
        return body.toString();
    }

    private String statement(int depth) {
        String value = expression(random.nextInt(4));
        if (depth == 0) {
            return "{{ " + value + " }}";
        }
        return switch (random.nextInt(9)) {
            case 0 -> "{% if " + value + " %}" + body(depth - 1) + "{% else %}" + body(depth - 1) + "{% endif %}";
            case 1 ->
                "{% for i in " + value + (random.nextBoolean() ? " recursive %}{{ loop(i) }}" : " if i %}")
                        + body(depth - 1) + "{% endfor %}";
            case 2 -> "{% for a, b in " + value + " %}{{ loop.cycle(a) }}{% break %}{% endfor %}";
            case 3 -> "{% set " + one(List.of("x", "s", "l, d", "f")) + " = " + value + " %}";
            case 4 -> "{% set x | " + one(FILTERS) + " %}" + body(depth - 1) + "{% endset %}{{ x }}";
            case 5 -> "{% with x = " + value + " %}" + body(depth - 1) + "{% endwith %}";
            case 6 -> "{% call(p=1) f(" + value + ") %}" + body(depth - 1) + "{% endcall %}";
            case 7 -> "{% filter " + one(FILTERS) + " %}" + body(depth - 1) + "{% endfilter %}";
            default -> "{{ " + value + " }}";
        };
    }
}
