package dev.headwater.engine.jinja;

import java.util.List;

/** Gives its items in turn, from the first again after the last. */
final class Cycler implements Attributed {
    private final List<Object> items;
    private int at;

    Cycler(List<Object> items) {
        this.items = items;
        if (items.isEmpty()) {
            throw new TemplateException("a cycler needs at least one item");
        }
    }

    @Override
    public Object attribute(String name) {
        return switch (name) {
            case "current" -> items.get(at);
            case "next" ->
                Function.of("next", "", _ -> {
                    Object item = items.get(at);
                    at = (at + 1) % items.size();
                    return item;
                });
            case "reset" ->
                Function.of("reset", "", _ -> {
                    at = 0;
                    return null;
                });
            default -> new Undefined(name);
        };
    }
}
