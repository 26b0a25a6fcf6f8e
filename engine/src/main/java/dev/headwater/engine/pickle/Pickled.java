package dev.headwater.engine.pickle;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Values of a pickle that Java has no class for. Besides them there are {@link String}, {@link Long}, {@link Double},
 * {@link Boolean}, null, {@link List} and {@link Map}. Lists and dictionaries may hold themselves: nobody walks them without
 * end, so they have neither an equality nor a text of their own here.
 */
public sealed interface Pickled {
    /** A tuple, which unlike a list is done when it is made. */
    final class Tuple implements Pickled {
        private final List<Object> items;

        Tuple(List<Object> items) {
            this.items = items;
        }

        /** A tuple of these. */
        static Tuple copyOf(List<Object> items) {
            return new Tuple(new ArrayList<>(items));
        }

        /** {@return what it holds, in order} */
        public List<Object> items() {
            return items;
        }
    }

    /** The name of a class or function; never the thing itself. */
    record Name(String module, String name) implements Pickled {
        @Override
        public String toString() {
            return module + "." + name;
        }
    }

    /** An object of a known class as what it was made of. */
    final class Plain implements Pickled {
        private final Name type;
        private final List<Object> arguments;
        private final Map<String, Object> fields;

        Plain(Name type, List<Object> arguments, Map<String, Object> fields) {
            this.type = type;
            this.arguments = arguments;
            this.fields = fields;
        }

        /** {@return the class that it says it is of} */
        public Name type() {
            return type;
        }

        /** What its constructor would have been given. */
        public List<Object> arguments() {
            return arguments;
        }

        /** Its fields by name. */
        public Map<String, Object> fields() {
            return fields;
        }
    }
}
