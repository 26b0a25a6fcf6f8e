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
            case "macro" -> macro();
            case "filter" -> {
                Expression filtered = filters(NOTHING, true);
                close();
                List<Statement> body = enclosed("endfilter");
                yield new Statement.Print(replaceInnermost(filtered, new Expression.Captured(body)));
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
        List<Expression> targets = targets();
        if (!name().equals("in")) {
            throw error("'in' is missing");
        }
        Expression items = tuple(false);
        Expression filter = takeWord("if") ? expression() : null;
        close();
        List<Statement> body = body(Set.of("else", "endfor"));
        next();
        boolean otherwise = name().equals("else");
        close();
        return new Statement.For(targets, items, filter, body, otherwise ? enclosed("endfor") : List.of());
    }

    private Statement set() {
        List<Expression> targets = targets();
        if (take("=")) {
            Expression value = tuple(true);
            close();
            return new Statement.Set(targets, value);
        }
        Expression filtered = peek().is(Kind.OPERATOR, "|") ? filters(NOTHING, false) : NOTHING;
        close();
        return new Statement.Set(targets, replaceInnermost(filtered, new Expression.Captured(enclosed("endset"))));
    }

    private Statement macro() {
        String name = name();
        List<String> parameters = new ArrayList<>();
        Map<String, Expression> defaults = new LinkedHashMap<>();
        expect("(");
        while (!take(")")) {
            String parameter = name();
            parameters.add(parameter);
            if (take("=")) {
                defaults.put(parameter, expression());
            }
            if (!peek().is(Kind.OPERATOR, ")")) {
                expect(",");
            }
        }
        close();
        return new Statement.Macro(name, parameters, defaults, enclosed("endmacro"));
    }

    private List<Expression> targets() {
        List<Expression> targets = new ArrayList<>();
        do {
            Expression target = new Expression.Name(name());
            while (take(".")) {
                target = new Expression.Attribute(target, name(), peek().line());
            }
            targets.add(target);
        } while (take(","));
        return targets;
    }

    /** Puts a block's text where the chain of filters, which was read before it, has its value. */
    private static Expression replaceInnermost(Expression chain, Expression value) {
        return chain
                        instanceof
                        Expression.Filter(Expression inner, String name, Callable filter, var positional, var named)
                ? new Expression.Filter(replaceInnermost(inner, value), name, filter, positional, named)
                : value;
    }
}
