package dev.headwater.engine.jinja;

import java.time.Clock;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The functions that every chat template can call. */
record Builtins(Clock clock) {
    private static final long LONGEST_RANGE = 100_000;

    Map<String, Callable> functions() {
        return Map.of(
                "raise_exception",
                Function.of("raise_exception", "message", arguments -> {
                    throw new TemplateException(
                            "it refuses these messages: " + Values.text(arguments.first(), arguments.budget()));
                }),
                "strftime_now",
                Function.of(
                        "strftime_now",
                        "format",
                        arguments -> Time.format(
                                LocalDateTime.now(clock),
                                Values.text(arguments.required(0, "format"), arguments.budget()),
                                arguments.budget())),
                "namespace",
                Builtins::namespace,
                "dict",
                Builtins::dict,
                "cycler",
                arguments -> new Cycler(only(arguments, "cycler")),
                "joiner",
                Function.of("joiner", "sep", Builtins::joiner),
                "lipsum",
                _ -> {
                    throw TemplateException.unsupported("the function 'lipsum', whose text is random,");
                },
                "range",
                Builtins::range);
    }

    private static Object namespace(Arguments arguments) {
        Namespace namespace = new Namespace();
        dict(arguments).forEach((name, value) -> namespace.set(Values.text(name, arguments.budget()), value));
        return namespace;
    }

    private static Map<Object, Object> dict(Arguments arguments) {
        if (arguments.size() > 1) {
            throw new TemplateException("dict and namespace take at most one mapping");
        }
        Budget budget = arguments.budget();
        Map<Object, Object> dict = new LinkedHashMap<>();
        switch (arguments.size() == 0 ? Map.of() : arguments.first()) {
            case Map<?, ?> given -> {
                budget.spend(given.size(), Budget.ENTRY);
                dict.putAll(given);
            }
            case List<?> pairs -> {
                for (Object pair : Values.items(pairs, budget)) {
                    List<Object> parts = Values.items(pair, budget);
                    if (parts.size() != 2) {
                        throw new TemplateException("dict takes pairs");
                    }
                    budget.spend(Budget.ENTRY);
                    dict.put(Values.key(parts.get(0), budget), parts.get(1));
                }
            }
            case null, default ->
                throw new TemplateException("dict and namespace take a mapping, not " + Values.kind(arguments.first()));
        }
        budget.spend(arguments.named().size(), Budget.ENTRY);
        dict.putAll(arguments.named());
        return dict;
    }

    private static List<Object> only(Arguments arguments, String name) {
        if (!arguments.named().isEmpty()) {
            throw new TemplateException(name + " takes no named arguments");
        }
        return arguments.positional();
    }

    private static Object joiner(Arguments arguments) {
        Object separator = arguments.get(0, "sep", ", ");
        boolean[] used = {false};
        return Function.of("a joiner", "", _ -> {
            Object text = used[0] ? separator : "";
            used[0] = true;
            return text;
        });
    }

    private static Object range(Arguments arguments) {
        List<Object> given = only(arguments, "range");
        if (given.isEmpty() || given.size() > 3) {
            throw new TemplateException("range takes one to three whole numbers");
        }
        long from = given.size() > 1 ? Values.integer(given.get(0)) : 0;
        long to = Values.integer(given.get(given.size() > 1 ? 1 : 0));
        long step = given.size() > 2 ? Values.integer(given.get(2)) : 1;
        if (step == 0) {
            throw new TemplateException("a range's step is zero");
        }
        List<Object> range = new ArrayList<>();
        long next = from;
        while (step > 0 ? next < to : next > to) {
            arguments.budget().spend(Budget.ITEM);
            if (range.size() >= LONGEST_RANGE) {
                throw new TemplateException("a range is too long");
            }
            range.add(next);
            if (step > 0 ? next > Long.MAX_VALUE - step : next < Long.MIN_VALUE - step) {
                break;
            }
            next += step;
        }
        return new Sequence(Sequence.Kind.RANGE, range);
    }
}
