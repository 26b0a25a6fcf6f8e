package dev.headwater.engine.jinja;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A function, method, filter or test with fixed parameters. Arguments beyond them are an error, as in Python, rather than ignored.
 *
 * @param name for errors, such as "the filter 'trim'"
 * @param parameters their names in order; for a filter or test those after the piped value
 * @param piped whether the first argument is a piped value
 */
record Function(String name, List<String> parameters, boolean piped, Callable body) implements Callable {
    /** @param parameters names with blanks between them */
    static Function of(String name, String parameters, Callable body) {
        return new Function(name, parameters.isEmpty() ? List.of() : List.of(parameters.split(" ")), false, body);
    }

    static Function piped(String name, String parameters, Callable body) {
        return new Function(name, parameters.isEmpty() ? List.of() : List.of(parameters.split(" ")), true, body);
    }

    @Override
    public @Nullable Object call(Arguments arguments) {
        int given = arguments.size() - (piped ? 1 : 0);
        if (given > parameters.size()) {
            throw new TemplateException(name + " takes at most " + parameters.size() + " arguments, not " + given);
        }
        for (String option : arguments.named().keySet()) {
            int place = parameters.indexOf(option);
            if (place < 0 || place < given) {
                throw new TemplateException(
                        name + (place < 0 ? " has no argument '" : " is given twice its argument '") + option + "'");
            }
        }
        return body.call(arguments);
    }
}
