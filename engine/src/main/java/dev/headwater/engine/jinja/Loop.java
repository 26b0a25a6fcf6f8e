package dev.headwater.engine.jinja;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** The variable {@code loop} inside a {@code for}; callable where the loop is recursive. */
final class Loop implements Attributed, Callable {
    /** The text that the loop's body gives for other items, one level further in. */
    interface Recursion {
        String over(@Nullable Object items, int depth);
    }

    private final List<Object> items;
    private final int depth;
    private final @Nullable Recursion recursion;
    private int at = -1;
    private @Nullable Object changedBefore;

    /** @param recursion null if the loop isn't recursive */
    Loop(List<Object> items, int depth, @Nullable Recursion recursion) {
        this.items = items;
        this.depth = depth;
        this.recursion = recursion;
    }

    boolean next() {
        return ++at < items.size();
    }

    Object item() {
        return items.get(at);
    }

    @Override
    public Object call(Arguments arguments) {
        if (recursion == null) {
            throw new TemplateException("'loop' is called in a loop that is not recursive");
        }
        if (arguments.size() != 1 || !arguments.named().isEmpty()) {
            throw new TemplateException("'loop' takes one argument");
        }
        return recursion.over(arguments.first(), depth + 1);
    }

    @Override
    public Object attribute(String name) {
        int n = items.size();
        return switch (name) {
            case "index0" -> (long) at;
            case "index" -> at + 1L;
            case "revindex0" -> n - 1L - at;
            case "revindex" -> (long) n - at;
            case "first" -> at == 0;
            case "last" -> at == n - 1;
            case "length" -> (long) n;
            case "depth0" -> (long) depth;
            case "depth" -> depth + 1L;
            case "previtem" -> at == 0 ? new Undefined("there is no previous item") : items.get(at - 1);
            case "nextitem" -> at == n - 1 ? new Undefined("there is no next item") : items.get(at + 1);
            case "cycle" -> (Callable) this::cycle;
            case "changed" -> (Callable) this::changed;
            default -> new Undefined(name);
        };
    }

    private Object cycle(Arguments arguments) {
        if (arguments.size() == 0 || !arguments.named().isEmpty()) {
            throw new TemplateException("loop.cycle needs items to go through");
        }
        return arguments.positional().get(at % arguments.size());
    }

    private Object changed(Arguments arguments) {
        if (!arguments.named().isEmpty()) {
            throw new TemplateException("loop.changed takes no named arguments");
        }
        Object before = changedBefore;
        changedBefore = new Sequence(Sequence.Kind.TUPLE, arguments.positional());
        return before == null || !Operators.equal(before, changedBefore, arguments.budget());
    }
}
