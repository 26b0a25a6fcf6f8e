package dev.headwater.engine.jinja;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Names and their values, inner ones hiding outer ones. A name is set in the innermost scope only. */
final class Scope {
    private final @Nullable Scope parent;
    private final Map<String, Object> values = new HashMap<>();
    private final Budget budget;

    Scope(Scope parent) {
        this.parent = parent;
        this.budget = parent.budget;
        budget.spend(Budget.ENTRY);
    }

    private Scope(Map<String, ?> functions, Budget budget) {
        this.parent = null;
        this.budget = budget;
        values.putAll(functions);
    }

    static Scope global(Map<String, ?> functions, Budget budget) {
        return new Scope(functions, budget);
    }

    Budget budget() {
        return budget;
    }

    /** The value of an expression, its depth and cost counted. */
    @Nullable
    Object value(Expression expression) {
        budget.enter();
        Object value = expression.evaluate(this);
        budget.leave();
        return value;
    }

    boolean holds(Expression condition) {
        return Values.truth(value(condition));
    }

    @Nullable
    Object get(String name) {
        for (Scope scope = this; scope != null; scope = scope.parent) {
            budget.spend(1);
            Object value = scope.values.get(name);
            if (value != null || scope.values.containsKey(name)) {
                return value;
            }
        }
        return new Undefined(name);
    }

    void set(String name, @Nullable Object value) {
        budget.spend(Budget.ENTRY);
        values.put(name, value);
    }
}
