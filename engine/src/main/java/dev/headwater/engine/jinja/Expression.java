package dev.headwater.engine.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A part of a template that has a value. Parts of it are evaluated by {@link Scope#value}, which counts them. */
sealed interface Expression {
    @Nullable
    Object evaluate(Scope scope);

    record Literal(@Nullable Object value) implements Expression {
        @Override
        public @Nullable Object evaluate(Scope scope) {
            return value;
        }
    }

    record Name(String name) implements Expression {
        @Override
        public @Nullable Object evaluate(Scope scope) {
            return scope.get(name);
        }
    }

    /** {@code of.name}: a method, else the item of that key. */
    record Attribute(Expression of, String name, int line) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            return Methods.attribute(defined(scope.value(of), line), name, scope.budget());
        }
    }

    /** {@code of[key]}. */
    record Item(Expression of, Expression key, int line) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            Object value = defined(scope.value(of), line);
            return Values.item(value, scope.value(key), scope.budget());
        }
    }

    /** {@code of[from:to:step]}; absent bounds are null literals. */
    record Slice(Expression of, Expression from, Expression to, Expression step, int line) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            return Values.slice(
                    defined(scope.value(of), line),
                    scope.value(from),
                    scope.value(to),
                    scope.value(step),
                    scope.budget());
        }
    }

    /**
     * What stands between a call's parentheses.
     *
     * @param list what follows {@code *}, or null
     * @param mapping what follows {@code **}, or null
     */
    record CallArguments(
            List<Expression> positional,
            Map<String, Expression> named,
            @Nullable Expression list,
            @Nullable Expression mapping) {
        static final CallArguments NONE = new CallArguments(List.of(), Map.of(), null, null);

        Arguments evaluate(Scope scope, @Nullable Object... first) {
            List<Object> values = new ArrayList<>(List.of());
            for (Object value : first) {
                values.add(value);
            }
            for (Expression argument : positional) {
                values.add(scope.value(argument));
            }
            if (list != null) {
                List<Object> more = Values.items(scope.value(list), scope.budget());
                scope.budget().spend(more.size(), Budget.ITEM);
                values.addAll(more);
            }
            Map<String, Object> options = new LinkedHashMap<>();
            named.forEach((name, argument) -> options.put(name, scope.value(argument)));
            if (mapping != null) {
                if (!(scope.value(mapping) instanceof Map<?, ?> more)) {
                    throw new TemplateException("a mapping is needed after '**'");
                }
                scope.budget().spend(more.size(), Budget.ENTRY);
                more.forEach((name, value) -> {
                    if (!(name instanceof String text) || options.containsKey(text)) {
                        throw new TemplateException(
                                name instanceof String text
                                        ? "an argument is given twice: " + text
                                        : "a name is needed as key after '**'");
                    }
                    options.put(text, value);
                });
            }
            return new Arguments(scope.budget(), values, options);
        }
    }

    record Call(Expression function, CallArguments arguments, int line) implements Expression {
        @Override
        public @Nullable Object evaluate(Scope scope) {
            return callable(scope).call(arguments.evaluate(scope));
        }

        Callable callable(Scope scope) {
            if (!(defined(scope.value(function), line) instanceof Callable callable)) {
                throw new TemplateException("this cannot be called", line);
            }
            return callable;
        }
    }

    /** {@code value | filter(...)}. */
    record Filter(Expression value, Callable filter, CallArguments arguments) implements Expression {
        @Override
        public @Nullable Object evaluate(Scope scope) {
            return filter.call(arguments.evaluate(scope, scope.value(value)));
        }
    }

    /** {@code value is test(...)}. */
    record Test(Expression value, Callable test, CallArguments arguments, boolean negated) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            return Values.truth(test.call(arguments.evaluate(scope, scope.value(value)))) != negated;
        }
    }

    record ListLiteral(List<Expression> items) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            return all(items, scope);
        }
    }

    record TupleLiteral(List<Expression> items) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            return new Sequence(Sequence.Kind.TUPLE, all(items, scope));
        }
    }

    record DictLiteral(List<Expression> keys, List<Expression> values) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            Map<Object, Object> dict = new LinkedHashMap<>();
            for (int i = 0; i < keys.size(); i++) {
                Object key = scope.value(keys.get(i));
                if (key instanceof Boolean || key instanceof Double) {
                    throw TemplateException.unsupported("a key that is a decimal number or a boolean");
                }
                scope.budget().spend(Budget.ENTRY);
                dict.put(Values.key(key, scope.budget()), scope.value(values.get(i)));
            }
            return dict;
        }
    }

    record Not(Expression value) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            return !scope.holds(value);
        }
    }

    /** {@code -value} or {@code +value}. */
    record Sign(String operator, Expression value) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            Object number = scope.value(value);
            return number instanceof Double decimal
                    ? operator.equals("-") ? -decimal : decimal
                    : Operators.arithmetic(operator, 0L, number, scope.budget());
        }
    }

    record And(Expression left, Expression right) implements Expression {
        @Override
        public @Nullable Object evaluate(Scope scope) {
            Object value = scope.value(left);
            return Values.truth(value) ? scope.value(right) : value;
        }
    }

    record Or(Expression left, Expression right) implements Expression {
        @Override
        public @Nullable Object evaluate(Scope scope) {
            Object value = scope.value(left);
            return Values.truth(value) ? value : scope.value(right);
        }
    }

    record Conditional(Expression condition, Expression then, Expression otherwise) implements Expression {
        @Override
        public @Nullable Object evaluate(Scope scope) {
            return scope.value(scope.holds(condition) ? then : otherwise);
        }
    }

    record Arithmetic(String operator, Expression left, Expression right, int line) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            Object a = defined(scope.value(left), line);
            Object b = defined(scope.value(right), line);
            return Operators.arithmetic(operator, a, b, scope.budget());
        }
    }

    /** {@code a ~ b ~ c}: their texts, one after the other. */
    record Concatenation(List<Expression> parts) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            return Strings.join(all(parts, scope), "", scope.budget());
        }
    }

    /** {@code first < second <= third ...}: each pair holds. */
    record Comparison(Expression first, List<String> operators, List<Expression> others) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            Object left = scope.value(first);
            for (int i = 0; i < operators.size(); i++) {
                Object right = scope.value(others.get(i));
                if (!Operators.compare(operators.get(i), left, right, scope.budget())) {
                    return false;
                }
                left = right;
            }
            return true;
        }
    }

    /** The text of a block, for {@code set} and {@code filter} blocks. */
    record Captured(List<Statement> body) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            return Statement.capture(body, new Scope(scope));
        }
    }

    private static List<Object> all(List<Expression> items, Scope scope) {
        scope.budget().spend(items.size(), Budget.ITEM);
        List<Object> values = new ArrayList<>(items.size());
        for (Expression item : items) {
            values.add(scope.value(item));
        }
        return values;
    }

    private static @Nullable Object defined(@Nullable Object value, int line) {
        if (value instanceof Undefined undefined) {
            throw new TemplateException("'" + undefined.name() + "' is undefined", line);
        }
        return value;
    }
}
