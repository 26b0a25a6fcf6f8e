package dev.headwater.engine.jinja;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A part of a template that writes text or sets names. */
sealed interface Statement
        permits Statement.Text,
                Statement.Print,
                Statement.Block,
                Statement.If,
                Statement.Jump,
                Statement.Set,
                Statement.With,
                Statement.CallBlock,
                Statement.For,
                Macro {
    /** What follows a statement inside a loop. */
    enum Flow {
        NEXT,
        BREAK,
        CONTINUE
    }

    Flow execute(Scope scope, Output output);

    static Flow all(List<Statement> body, Scope scope, Output output) {
        scope.budget().enter();
        for (Statement statement : body) {
            scope.budget().spend(4);
            Flow flow = statement.execute(scope, output);
            if (flow != Flow.NEXT) {
                scope.budget().leave();
                return flow;
            }
        }
        scope.budget().leave();
        return Flow.NEXT;
    }

    /** The text that a body writes. */
    static String capture(List<Statement> body, Scope scope) {
        Output output = new Output(scope.budget());
        all(body, scope, output);
        return output.text();
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
            output.write(Values.text(scope.value(value), scope.budget()));
            return Flow.NEXT;
        }
    }

    /** Statements with a scope of their own that write in place: {@code generation} blocks. */
    record Block(List<Statement> body) implements Statement {
        @Override
        public Flow execute(Scope scope, Output output) {
            return all(body, new Scope(scope), output);
        }
    }

    record If(Expression condition, List<Statement> then, List<Statement> otherwise) implements Statement {
        @Override
        public Flow execute(Scope scope, Output output) {
            return all(scope.holds(condition) ? then : otherwise, scope, output);
        }
    }

    record Jump(Flow flow) implements Statement {
        @Override
        public Flow execute(Scope scope, Output output) {
            return flow;
        }
    }

    record Set(Target target, Expression value) implements Statement {
        @Override
        public Flow execute(Scope scope, Output output) {
            target.assign(scope.value(value), scope);
            return Flow.NEXT;
        }
    }

    /** The values are those of the scope around it, whatever the targets are called. */
    record With(List<Target> targets, List<Expression> values, List<Statement> body) implements Statement {
        @Override
        public Flow execute(Scope scope, Output output) {
            Scope inner = new Scope(scope);
            for (int i = 0; i < targets.size(); i++) {
                targets.get(i).assign(scope.value(values.get(i)), inner);
            }
            return all(body, inner, output);
        }
    }

    /** {@code call}: a macro that writes the block's body where it calls its {@code caller}. */
    record CallBlock(Expression.Call call, Macro caller) implements Statement {
        @Override
        public Flow execute(Scope scope, Output output) {
            Callable callable = call.callable(scope);
            Arguments arguments = call.arguments().evaluate(scope);
            if (arguments.named().put("caller", caller.in(scope)) != null) {
                throw new TemplateException("'caller' is given twice", call.line());
            }
            output.write(Values.text(callable.call(arguments), scope.budget()));
            return Flow.NEXT;
        }
    }

    /** @param filter null if all items count */
    record For(
            Target target,
            Expression items,
            @Nullable Expression filter,
            boolean recursive,
            List<Statement> body,
            List<Statement> otherwise)
            implements Statement {
        @Override
        public Flow execute(Scope scope, Output output) {
            over(scope.value(items), 0, scope, output);
            return Flow.NEXT;
        }

        private void over(@Nullable Object value, int depth, Scope scope, Output output) {
            List<Object> kept = kept(Values.items(value, scope.budget()), scope);
            Loop loop = new Loop(
                    kept,
                    depth,
                    recursive
                            ? (inner, below) -> {
                                Output written = new Output(scope.budget());
                                over(inner, below, scope, written);
                                return written.text();
                            }
                            : null);
            boolean completed = false;
            while (loop.next()) {
                Scope inner = new Scope(scope);
                inner.set("loop", loop);
                target.assign(loop.item(), inner);
                Flow flow = all(body, inner, output);
                completed |= flow == Flow.NEXT;
                if (flow == Flow.BREAK) {
                    break;
                }
            }
            // As in Python's library: also where each round of the loop ended early.
            if (!completed) {
                all(otherwise, new Scope(scope), output);
            }
        }

        private List<Object> kept(List<Object> all, Scope scope) {
            if (filter == null) {
                return all;
            }
            List<Object> kept = new ArrayList<>();
            for (Object item : all) {
                Scope trial = new Scope(scope);
                target.assign(item, trial);
                if (trial.holds(filter)) {
                    kept.add(item);
                }
            }
            return kept;
        }
    }
}
