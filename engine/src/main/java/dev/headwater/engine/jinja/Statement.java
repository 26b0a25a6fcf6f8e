package dev.headwater.engine.jinja;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A part of a template that writes text or sets names. */
sealed interface Statement {
    /** What follows a statement inside a loop. */
    enum Flow {
        NEXT,
        BREAK,
        CONTINUE
    }

    Flow execute(Scope scope, Output output);

    static Flow all(List<Statement> body, Scope scope, Output output) {
        for (Statement statement : body) {
            scope.spend(1);
            Flow flow = statement.execute(scope, output);
            if (flow != Flow.NEXT) {
                return flow;
            }
        }
        return Flow.NEXT;
    }

    /** The text that a body writes. */
    static String capture(List<Statement> body, Scope scope) {
        Output output = new Output(scope);
        all(body, scope, output);
        return output.toString();
    }

    record Text(String text) implements Statement {
        @Override
        public Flow execute(Scope scope, Output output) {
            output.write(text);
            return Flow.NEXT;
        }
    }

    record Print(Expression value) implements Statement {
        @Override
        public Flow execute(Scope scope, Output output) {
            output.write(Values.text(value.evaluate(scope)));
            return Flow.NEXT;
        }
    }

    /** Statements without a scope of their own: {@code generation} blocks. */
    record Block(List<Statement> body) implements Statement {
        @Override
        public Flow execute(Scope scope, Output output) {
            return all(body, scope, output);
        }
    }

    record If(Expression condition, List<Statement> then, List<Statement> otherwise) implements Statement {
        @Override
        public Flow execute(Scope scope, Output output) {
            return all(Values.truth(condition.evaluate(scope)) ? then : otherwise, scope, output);
        }
    }

    record Jump(Flow flow) implements Statement {
        @Override
        public Flow execute(Scope scope, Output output) {
            return flow;
        }
    }

    record Set(List<Expression> targets, Expression value) implements Statement {
        @Override
        public Flow execute(Scope scope, Output output) {
            assign(targets, value.evaluate(scope), scope);
            return Flow.NEXT;
        }
    }

    record Macro(String name, List<String> parameters, Map<String, Expression> defaults, List<Statement> body)
            implements Statement {
        @Override
        public Flow execute(Scope scope, Output output) {
            scope.set(name, (Callable) arguments -> call(scope, arguments));
            return Flow.NEXT;
        }

        private String call(Scope definition, Arguments arguments) {
            Scope scope = new Scope(definition);
            for (int i = 0; i < parameters.size(); i++) {
                String parameter = parameters.get(i);
                Expression standard = defaults.get(parameter);
                scope.set(
                        parameter,
                        arguments.has(i, parameter)
                                ? arguments.get(i, parameter, null)
                                : standard == null ? new Undefined(parameter) : standard.evaluate(scope));
            }
            return capture(body, scope);
        }
    }

    record For(
            List<Expression> targets,
            Expression items,
            Expression filter,
            List<Statement> body,
            List<Statement> otherwise)
            implements Statement {
        @Override
        public Flow execute(Scope scope, Output output) {
            List<Object> kept = new ArrayList<>();
            for (Object item : Values.items(items.evaluate(scope))) {
                scope.spend(1);
                Scope trial = new Scope(scope);
                assign(targets, item, trial);
                if (filter == null || Values.truth(filter.evaluate(trial))) {
                    kept.add(item);
                }
            }
            if (kept.isEmpty()) {
                return all(otherwise, new Scope(scope), output);
            }
            Map<String, Object> changes = new HashMap<>();
            for (int i = 0; i < kept.size(); i++) {
                Scope inner = new Scope(scope);
                inner.set("loop", loop(kept, i, changes));
                assign(targets, kept.get(i), inner);
                if (all(body, inner, output) == Flow.BREAK) {
                    break;
                }
            }
            return Flow.NEXT;
        }

        private static Map<String, Object> loop(List<Object> items, int i, Map<String, Object> changes) {
            Map<String, Object> loop = new LinkedHashMap<>();
            int n = items.size();
            loop.put("index0", (long) i);
            loop.put("index", i + 1L);
            loop.put("revindex0", n - 1L - i);
            loop.put("revindex", (long) n - i);
            loop.put("first", i == 0);
            loop.put("last", i == n - 1);
            loop.put("length", (long) n);
            loop.put("previtem", i == 0 ? new Undefined("there is no previous item") : items.get(i - 1));
            loop.put("nextitem", i == n - 1 ? new Undefined("there is no next item") : items.get(i + 1));
            loop.put("cycle", (Callable) arguments -> arguments.positional().get(i % Math.max(1, arguments.size())));
            loop.put("changed", (Callable) arguments -> {
                Object before = changes.put("value", arguments.positional());
                return before == null || !Values.equal(before, arguments.positional());
            });
            return loop;
        }
    }

    /** Sets one name or attribute of a namespace, or several from the items of a value. */
    private static void assign(List<Expression> targets, Object value, Scope scope) {
        if (targets.size() == 1) {
            assign(targets.getFirst(), value, scope);
            return;
        }
        List<Object> items = Values.items(value);
        if (items.size() != targets.size()) {
            throw new TemplateException(items.size() + " values for " + targets.size() + " names");
        }
        for (int i = 0; i < items.size(); i++) {
            assign(targets.get(i), items.get(i), scope);
        }
    }

    private static void assign(Expression target, Object value, Scope scope) {
        switch (target) {
            case Expression.Name name -> scope.set(name.name(), value);
            case Expression.Attribute attribute
            when attribute.of().evaluate(scope) instanceof Namespace namespace ->
                namespace.values().put(attribute.name(), value);
            default -> throw new TemplateException("only names and attributes of a namespace can be set");
        }
    }

    /** The only value that a template can change. */
    record Namespace(Map<String, Object> values) {}
}
