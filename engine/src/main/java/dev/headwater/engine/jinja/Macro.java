package dev.headwater.engine.jinja;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A macro, or the body of a {@code call} block.
 *
 * @param read the names that the body reads: {@code varargs}, {@code kwargs} and {@code caller} are taken where they are among them
 */
record Macro(
        String name,
        List<String> parameters,
        Map<String, Expression> defaults,
        List<Statement> body,
        java.util.Set<String> read)
        implements Statement {
    @Override
    public Flow execute(Scope scope, Output output) {
        scope.set(name, in(scope));
        return Flow.NEXT;
    }

    /** The macro where it is defined. */
    Callable in(Scope definition) {
        return arguments -> call(definition, arguments);
    }

    private String call(Scope definition, Arguments arguments) {
        Scope scope = new Scope(definition);
        Map<String, Object> named = new LinkedHashMap<>(arguments.named());
        int given = Math.min(arguments.size(), parameters.size());
        takeSpecial(scope, named, arguments, given);
        for (int i = 0; i < parameters.size(); i++) {
            String parameter = parameters.get(i);
            Expression standard = defaults.get(parameter);
            scope.set(
                    parameter,
                    i < given
                            ? arguments.positional().get(i)
                            : arguments.named().containsKey(parameter)
                                    ? arguments.named().get(parameter)
                                    : standard == null ? new Undefined(parameter) : scope.value(standard));
        }
        return Statement.capture(body, scope);
    }

    /** Binds {@code caller}, {@code kwargs} and {@code varargs}, and refuses what the macro does not take. */
    private void takeSpecial(Scope scope, Map<String, Object> named, Arguments arguments, int given) {
        parameters.subList(given, parameters.size()).forEach(named::remove);
        if (read.contains("caller") && !parameters.contains("caller")) {
            Object caller = named.remove("caller");
            scope.set("caller", caller == null ? new Undefined("caller") : caller);
        }
        if (read.contains("kwargs") && !parameters.contains("kwargs")) {
            scope.budget().spend(named.size(), Budget.ENTRY);
            scope.set("kwargs", named);
        } else if (!named.isEmpty()) {
            throw new TemplateException("the macro '" + name + "' takes no argument '"
                    + named.keySet().iterator().next() + "'");
        }
        if (read.contains("varargs") && !parameters.contains("varargs")) {
            scope.set(
                    "varargs",
                    new Sequence(Sequence.Kind.TUPLE, arguments.positional().subList(given, arguments.size())));
        } else if (arguments.size() > parameters.size()) {
            throw new TemplateException("the macro '" + name + "' takes at most " + parameters.size()
                    + " arguments, not " + arguments.size());
        }
    }
}
