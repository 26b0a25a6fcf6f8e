package dev.headwater.engine.jinja;

import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * A template in the part of Jinja that Hugging Face chat templates use, rendered as the Python library renders them (sandboxed,
 * with trim_blocks and lstrip_blocks, {@code raise_exception}, {@code strftime_now}, loop controls and the {@code generation} tag).
 * What isn't supported is refused by name, never rendered in another way.
 *
 * <p>A template comes with a model's files, so it is not trusted: a {@link Budget} bounds work, memory and nesting, and nothing
 * outside its variables is in reach. Immutable; may be rendered many times.
 */
public final class Template {
    private static final int LONGEST = 2_000_000;

    private final List<Statement> body;

    private Template(List<Statement> body) {
        this.body = body;
    }

    /** @throws TemplateException with the line, if it isn't valid or uses what isn't supported */
    public static Template parse(String source) {
        if (source.length() > LONGEST) {
            throw new TemplateException(
                    "it has " + source.length() + " characters, more than the " + LONGEST + " that are read");
        }
        return new Template(bordered(() -> new Parser(Lexer.tokens(source)).template()));
    }

    /**
     * The text for these variables: strings, booleans, numbers, lists, maps with string keys, and null.
     *
     * @param clock for {@code strftime_now}
     * @throws TemplateException if the template refuses them, or uses one that isn't there
     */
    public String render(Map<String, ?> variables, Clock clock) {
        return render(variables, clock, 1);
    }

    /**
     * The same with less work granted, for who renders many templates that nobody has read.
     *
     * @param share 1 for all that a rendering may do, 10 for a tenth of it
     * @throws TemplateException if that isn't enough, and as above
     */
    public String render(Map<String, ?> variables, Clock clock, int share) {
        return bordered(() -> {
            Map<Object, Object> given = Values.mapping(variables);
            Budget budget = new Budget(Values.size(given), share);
            Scope scope = new Scope(Scope.global(new Builtins(clock).functions(), budget));
            given.forEach((name, value) -> scope.set((String) name, value));
            Output output = new Output(budget);
            Statement.all(body, scope, output);
            return output.text();
        });
    }

    /**
     * The border that nothing but a TemplateException crosses. Budgets keep stack and heap from running out; where the caller left
     * little of either, or a fault of ours is met, one template still ends one request and not the process.
     */
    private static <T> T bordered(Supplier<T> work) {
        try {
            return work.get();
        } catch (TemplateException e) {
            throw e;
        } catch (StackOverflowError e) {
            throw new TemplateException("too deeply nested", e);
        } catch (OutOfMemoryError e) {
            throw new TemplateException("there is not enough memory for it", e);
        } catch (RuntimeException e) {
            throw new TemplateException("it fails in a way that was not foreseen (" + e + ")", e);
        }
    }
}
