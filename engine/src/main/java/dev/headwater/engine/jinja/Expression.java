package dev.headwater.engine.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A part of a template that has a value. */
sealed interface Expression {
    Object evaluate(Scope scope);

    record Literal(Object value) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            return value;
        }
    }

    record Name(String name) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            return scope.get(name);
        }
    }

    /** {@code of.name}: a method, else the item of that key. */
    record Attribute(Expression of, String name, int line) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            return Methods.attribute(defined(of.evaluate(scope), line), name);
        }
    }

    /** {@code of[key]}. */
    record Item(Expression of, Expression key, int line) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            Object value = defined(of.evaluate(scope), line);
            return Values.item(value, key.evaluate(scope));
        }
    }

    /** {@code of[from:to:step]}; absent bounds are null literals. */
    record Slice(Expression of, Expression from, Expression to, Expression step, int line) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            return Values.slice(
                    defined(of.evaluate(scope), line), from.evaluate(scope), to.evaluate(scope), step.evaluate(scope));
        }
    }

    record Call(Expression function, List<Expression> positional, Map<String, Expression> named, int line)
            implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            if (!(defined(function.evaluate(scope), line) instanceof Callable callable)) {
                throw new TemplateException("this cannot be called", line);
            }
            return scope.made(callable.call(arguments(scope, List.of(), positional, named)));
        }
    }

    /** {@code value | filter(...)}. */
    record Filter(
            Expression value, String name, Callable filter, List<Expression> positional, Map<String, Expression> named)
            implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            List<Object> piped = new ArrayList<>();
            piped.add(value.evaluate(scope));
            return scope.made(filter.call(arguments(scope, piped, positional, named)));
        }
    }

    /** {@code value is test(...)}. */
    record Test(Expression value, Callable test, List<Expression> positional, boolean negated) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            List<Object> tested = new ArrayList<>();
            tested.add(value.evaluate(scope));
            return Values.truth(test.call(arguments(scope, tested, positional, Map.of()))) != negated;
        }
    }

    record ListLiteral(List<Expression> items) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            List<Object> list = new ArrayList<>();
            items.forEach(item -> list.add(item.evaluate(scope)));
            return list;
        }
    }

    record DictLiteral(List<Expression> keys, List<Expression> values) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            Map<Object, Object> dict = new LinkedHashMap<>();
            for (int i = 0; i < keys.size(); i++) {
                dict.put(keys.get(i).evaluate(scope), values.get(i).evaluate(scope));
            }
            return dict;
        }
    }

    record Not(Expression value) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            return !Values.truth(value.evaluate(scope));
        }
    }

    record Negative(Expression value) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            return Values.arithmetic("-", 0L, value.evaluate(scope));
        }
    }

    record And(Expression left, Expression right) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            Object value = left.evaluate(scope);
            return Values.truth(value) ? right.evaluate(scope) : value;
        }
    }

    record Or(Expression left, Expression right) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            Object value = left.evaluate(scope);
            return Values.truth(value) ? value : right.evaluate(scope);
        }
    }

    record Conditional(Expression condition, Expression then, Expression otherwise) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            return (Values.truth(condition.evaluate(scope)) ? then : otherwise).evaluate(scope);
        }
    }

    record Arithmetic(String operator, Expression left, Expression right, int line) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            Object a = left.evaluate(scope);
            Object b = right.evaluate(scope);
            return scope.made(
                    operator.equals("~")
                            ? Values.text(a) + Values.text(b)
                            : Values.arithmetic(operator, defined(a, line), defined(b, line)));
        }
    }

    /** {@code first < second <= third ...}: each pair holds. */
    record Comparison(Expression first, List<String> operators, List<Expression> others) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            Object left = first.evaluate(scope);
            for (int i = 0; i < operators.size(); i++) {
                Object right = others.get(i).evaluate(scope);
                if (!Values.compare(operators.get(i), left, right)) {
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

    private static Object defined(Object value, int line) {
        if (value instanceof Undefined undefined) {
            throw new TemplateException("'" + undefined.name() + "' is undefined", line);
        }
        return value;
    }

    private static Arguments arguments(
            Scope scope, List<Object> first, List<Expression> positional, Map<String, Expression> named) {
        List<Object> values = new ArrayList<>(first);
        positional.forEach(argument -> values.add(argument.evaluate(scope)));
        Map<String, Object> options = new LinkedHashMap<>();
        named.forEach((name, argument) -> options.put(name, argument.evaluate(scope)));
        return new Arguments(scope, values, options);
    }
}
