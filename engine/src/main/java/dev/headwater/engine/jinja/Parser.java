package dev.headwater.engine.jinja;

import dev.headwater.engine.jinja.Lexer.Kind;
import dev.headwater.engine.jinja.Lexer.Token;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Makes statements of tokens. */
final class Parser extends ExpressionParser {
    Parser(List<Token> tokens) {
        super(tokens);
    }

    List<Statement> template() {
        List<Statement> body = body(Set.of());
        if (peek().kind() != Kind.END) {
            throw error("unexpected '" + second().text() + "'");
        }
        return body;
    }

    /** Statements up to the tag, not read yet, that begins with one of these words, or to the template's end. */
    private List<Statement> body(Set<String> ends) {
        deeper();
        List<Statement> body = new ArrayList<>();
        while (true) {
            Token token = peek();
            switch (token.kind()) {
                case TEXT -> body.add(new Statement.Text(next().text()));
                case PRINT -> {
                    next();
                    body.add(new Statement.Print(tuple(true)));
                    close();
                }
                case BLOCK -> {
                    String word = second().text();
                    if (ends.contains(word) || word.startsWith("end") || word.equals("else") || word.equals("elif")) {
                        if (!ends.contains(word)) {
                            throw error("'" + word + "' without its beginning");
                        }
                        shallower();
                        return List.copyOf(body);
                    }
                    next();
                    body.add(statement(name()));
                }
                default -> {
                    if (!ends.isEmpty()) {
                        throw error(
                                "'" + ends.stream().sorted().reduce((a, b) -> b).orElseThrow() + "' is missing");
                    }
                    shallower();
                    return List.copyOf(body);
                }
            }
        }
    }

    private Statement statement(String word) {
        return switch (word) {
            case "if" -> conditional();
            case "for" -> loop();
            case "set" -> set();
            case "with" -> with();
            case "macro" -> {
                String name = name();
                expect("(");
                yield macro(name, "endmacro");
            }
            case "call" -> callBlock();
            case "filter" -> {
                Block block = new Block();
                Expression filtered = filters(block.text(), true);
                close();
                block.body().addAll(enclosed("endfilter"));
                yield new Statement.Print(filtered);
            }
            case "generation" -> {
                close();
                yield new Statement.Block(enclosed("endgeneration"));
            }
            case "break", "continue" -> {
                close();
                yield new Statement.Jump(word.equals("break") ? Statement.Flow.BREAK : Statement.Flow.CONTINUE);
            }
            default -> throw error("the tag '" + word + "' is not supported");
        };
    }

    /** The body of a block and its end tag. */
    private List<Statement> enclosed(String end) {
        List<Statement> body = body(Set.of(end));
        next();
        next();
        close();
        return body;
    }

    private Statement conditional() {
        Expression condition = tuple(true);
        close();
        List<Statement> then = body(Set.of("elif", "else", "endif"));
        next();
        String word = name();
        if (word.equals("elif")) {
            deeper();
            List<Statement> otherwise = List.of(conditional());
            shallower();
            return new Statement.If(condition, then, otherwise);
        }
        close();
        return new Statement.If(condition, then, word.equals("else") ? enclosed("endif") : List.of());
    }

    private Statement loop() {
        Target target = targets(false);
        if (!name().equals("in")) {
            throw error("'in' is missing");
        }
        Expression items = tuple(false);
        Expression filter = takeWord("if") ? expression() : null;
        boolean recursive = takeWord("recursive");
        close();
        List<Statement> body = body(Set.of("else", "endfor"));
        next();
        boolean otherwise = name().equals("else");
        close();
        return new Statement.For(target, items, filter, recursive, body, otherwise ? enclosed("endfor") : List.of());
    }

    private Statement set() {
        Target target = targets(true);
        if (take("=")) {
            Expression value = tuple(true);
            close();
            return new Statement.Set(target, value);
        }
        Block block = new Block();
        Expression filtered = peek().is(Kind.OPERATOR, "|") ? filters(block.text(), false) : block.text();
        close();
        block.body().addAll(enclosed("endset"));
        return new Statement.Set(target, filtered);
    }

    /** A block's text, whose filters are read before its body. */
    private record Block(List<Statement> body) {
        Block() {
            this(new ArrayList<>());
        }

        Expression text() {
            return new Expression.Captured(body);
        }
    }

    private Statement with() {
        List<Target> targets = new ArrayList<>();
        List<Expression> values = new ArrayList<>();
        while (peek().kind() != Kind.CLOSE) {
            if (!targets.isEmpty()) {
                expect(",");
            }
            targets.add(target(false));
            expect("=");
            values.add(expression());
        }
        close();
        return new Statement.With(targets, values, enclosed("endwith"));
    }

    /** Parameters after the opening parenthesis, and the body. */
    private Macro macro(String name, String end) {
        Set<String> before = gatherNames();
        List<String> parameters = new ArrayList<>();
        Map<String, Expression> defaults = new LinkedHashMap<>();
        parameters(parameters, defaults);
        close();
        List<Statement> body = enclosed(end);
        return new Macro(name, parameters, defaults, body, namesReadSince(before));
    }

    private void parameters(List<String> parameters, Map<String, Expression> defaults) {
        while (!take(")")) {
            String parameter = name();
            if (parameters.contains(parameter)) {
                throw error("the parameter '" + parameter + "' stands twice");
            }
            parameters.add(parameter);
            if (take("=")) {
                defaults.put(parameter, expression());
            } else if (!defaults.isEmpty()) {
                throw error("the parameter '" + parameter + "' without a default follows one with a default");
            } else if (parameter.equals("caller")) {
                throw error("the parameter 'caller' needs a default");
            }
            if (!peek().is(Kind.OPERATOR, ")")) {
                expect(",");
            }
        }
    }

    private Statement callBlock() {
        Set<String> before = gatherNames();
        List<String> parameters = new ArrayList<>();
        Map<String, Expression> defaults = new LinkedHashMap<>();
        if (take("(")) {
            parameters(parameters, defaults);
        }
        Set<String> ofCaller = namesReadSince(before);
        if (!(expression() instanceof Expression.Call call)) {
            throw error("a 'call' block needs a call");
        }
        close();
        before = gatherNames();
        List<Statement> body = enclosed("endcall");
        Set<String> read = namesReadSince(before);
        read.addAll(ofCaller);
        return new Statement.CallBlock(call, new Macro("caller", parameters, defaults, body, read));
    }

    /** One target, or several with commas between them. */
    private Target targets(boolean ofNamespace) {
        List<Target> targets = new ArrayList<>();
        boolean several = false;
        do {
            if (several
                    && (peek().kind() != Kind.NAME && !peek().is(Kind.OPERATOR, "(") || peek().is(Kind.NAME, "in"))) {
                break;
            }
            targets.add(target(ofNamespace));
            several = peek().is(Kind.OPERATOR, ",");
        } while (take(","));
        return targets.size() == 1 && !several ? targets.getFirst() : new Target.Several(targets);
    }

    private Target target(boolean ofNamespace) {
        if (take("(")) {
            deeper();
            Target inner = targets(false);
            expect(")");
            shallower();
            return inner;
        }
        int line = peek().line();
        String name = name();
        if (Set.of("true", "True", "false", "False", "none", "None").contains(name)) {
            throw error("'" + name + "' cannot be set");
        }
        return ofNamespace && take(".") ? new Target.Attribute(name, name(), line) : new Target.Name(name);
    }
}
