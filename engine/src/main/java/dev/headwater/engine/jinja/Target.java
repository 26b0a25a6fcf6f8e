package dev.headwater.engine.jinja;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** What a value is assigned to. */
sealed interface Target {
    void assign(@Nullable Object value, Scope scope);

    record Name(String name) implements Target {
        @Override
        public void assign(@Nullable Object value, Scope scope) {
            scope.set(name, value);
        }
    }

    /** {@code namespace.attribute}. */
    record Attribute(String namespace, String attribute, int line) implements Target {
        @Override
        public void assign(@Nullable Object value, Scope scope) {
            if (!(scope.get(namespace) instanceof Namespace found)) {
                throw new TemplateException(
                        "only names and attributes of a namespace can be set, which '" + namespace + "' is not", line);
            }
            scope.budget().spend(Budget.ENTRY);
            found.set(attribute, value);
        }
    }

    /** {@code a, b}: the items of a value, as many as there are targets. */
    record Several(List<Target> targets) implements Target {
        @Override
        public void assign(@Nullable Object value, Scope scope) {
            List<Object> items = Values.items(value, scope.budget());
            if (items.size() != targets.size()) {
                throw new TemplateException(items.size() + " values for " + targets.size() + " names");
            }
            for (int i = 0; i < items.size(); i++) {
                targets.get(i).assign(items.get(i), scope);
            }
        }
    }
}
