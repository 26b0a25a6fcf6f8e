package dev.headwater.engine.jinja;

import java.time.Clock;
import java.util.List;
import java.util.Map;

/**
 * A template in the part of Jinja that Hugging Face chat templates use, rendered as the Python library renders them
 * (sandboxed,
 * with trim_blocks and lstrip_blocks, {@code raise_exception}, {@code strftime_now}, loop controls and the {@code
 * generation} tag).
 *
 * <p>A template comes with a model's files, so it is not trusted: output, work and nesting are limited, and nothing
 * outside its
 * variables is in reach. Immutable; may be rendered many times.
 */
public final class Template {
    private final List<Statement> body;

    private Template(List<Statement> body) {
        this.body = body;
    }

    /** @throws TemplateException with the line, if it isn't valid or uses what isn't supported */
    public static Template parse(String source) {
        return new Template(new Parser(Lexer.tokens(source)).template());
    }

    /**
     * The text for these variables: strings, booleans, numbers, lists, maps with string keys, and null.
     *
     * @param clock for {@code strftime_now}
     * @throws TemplateException if the template refuses them, or uses one that isn't there
     */
    public String render(Map<String, ?> variables, Clock clock) {
        Scope global = Scope.global(new Builtins(clock).functions());
        Scope scope = new Scope(global);
        variables.forEach((name, value) -> scope.set(name, Values.of(value)));
        Output output = new Output(global);
        try {
            for (Statement statement : body) {
                statement.execute(scope, output);
            }
        } catch (StackOverflowError e) {
            throw new TemplateException("too deeply nested");
        }
        return output.toString();
    }
}
