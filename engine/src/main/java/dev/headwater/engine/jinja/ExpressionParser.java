package dev.headwater.engine.jinja;

import dev.headwater.engine.jinja.Lexer.Kind;
import dev.headwater.engine.jinja.Lexer.Token;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Goes through tokens and makes expressions of them, with Jinja's precedence. */
abstract sealed class ExpressionParser extends TokenReader permits Parser {
    static final Expression NOTHING = new Expression.Literal(null);
    private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", ">", "<=", ">=");

    ExpressionParser(List<Token> tokens) {
        super(tokens);
    }

    /** An expression, or several with commas between them as a tuple. */
    Expression tuple(boolean conditional) {
        Expression first = conditional ? expression() : or();
        if (!peek().is(Kind.OPERATOR, ",")) {
            return first;
        }
        List<Expression> items = new ArrayList<>(List.of(first));
        while (take(",") && peek().kind() != Kind.CLOSE && !peek().is(Kind.OPERATOR, ")")) {
            items.add(conditional ? expression() : or());
        }
        return new Expression.TupleLiteral(items);
    }

    Expression expression() {
        deeper();
        Expression value = or();
        while (takeWord("if")) {
            Expression condition = or();
            Expression otherwise =
                    takeWord("else") ? expression() : new Expression.Literal(new Undefined("the value without else"));
            value = new Expression.Conditional(condition, value, otherwise);
        }
        shallower();
        return value;
    }

    private Expression or() {
        Expression left = and();
        while (takeWord("or")) {
            left = new Expression.Or(left, and());
        }
        return left;
    }

    private Expression and() {
        Expression left = not();
        while (takeWord("and")) {
            left = new Expression.And(left, not());
        }
        return left;
    }

    private Expression not() {
        if (takeWord("not")) {
            deeper();
            Expression value = new Expression.Not(not());
            shallower();
            return value;
        }
        return comparison();
    }

    private Expression comparison() {
        Expression first = sum();
        List<String> operators = new ArrayList<>();
        List<Expression> others = new ArrayList<>();
        while (true) {
            if (peek().kind() == Kind.OPERATOR && COMPARISONS.contains(peek().text())) {
                operators.add(next().text());
            } else if (takeWord("in")) {
                operators.add("in");
            } else if (peek().is(Kind.NAME, "not") && second().is(Kind.NAME, "in")) {
                next();
                next();
                operators.add("not in");
            } else {
                return operators.isEmpty() ? first : new Expression.Comparison(first, operators, others);
            }
            others.add(sum());
        }
    }

    private Expression sum() {
        Expression left = concatenation();
        while (peek().is(Kind.OPERATOR, "+") || peek().is(Kind.OPERATOR, "-")) {
            Token operator = next();
            left = new Expression.Arithmetic(operator.text(), left, concatenation(), operator.line());
        }
        return left;
    }

    private Expression concatenation() {
        Expression first = product();
        if (!peek().is(Kind.OPERATOR, "~")) {
            return first;
        }
        List<Expression> parts = new ArrayList<>(List.of(first));
        while (take("~")) {
            parts.add(product());
        }
        return new Expression.Concatenation(parts);
    }

    private Expression product() {
        Expression left = power();
        while (peek().kind() == Kind.OPERATOR && Set.of("*", "/", "//", "%").contains(peek().text())) {
            Token operator = next();
            left = new Expression.Arithmetic(operator.text(), left, power(), operator.line());
        }
        return left;
    }

    private Expression power() {
        Expression left = unary(true);
        while (peek().is(Kind.OPERATOR, "**")) {
            Token operator = next();
            left = new Expression.Arithmetic("**", left, unary(true), operator.line());
        }
        return left;
    }

    private Expression unary(boolean filtered) {
        deeper();
        Expression value;
        if (peek().is(Kind.OPERATOR, "-") || peek().is(Kind.OPERATOR, "+")) {
            value = new Expression.Sign(next().text(), unary(false));
        } else {
            value = postfix(primary());
        }
        shallower();
        return filtered ? filters(value, false) : value;
    }

    private Expression primary() {
        Token token = next();
        return switch (token.kind()) {
            case NAME ->
                switch (token.text()) {
                    case "true", "True" -> new Expression.Literal(true);
                    case "false", "False" -> new Expression.Literal(false);
                    case "none", "None" -> NOTHING;
                    default -> {
                        wasRead(token.text());
                        yield new Expression.Name(token.text());
                    }
                };
            case STRING -> {
                StringBuilder text = new StringBuilder(token.text());
                while (peek().kind() == Kind.STRING) {
                    text.append(next().text());
                }
                yield new Expression.Literal(text.toString());
            }
            case INTEGER, FLOAT -> number(token);
            case OPERATOR ->
                switch (token.text()) {
                    case "(" -> {
                        if (take(")")) {
                            yield new Expression.TupleLiteral(List.of());
                        }
                        Expression inner = tuple(true);
                        expect(")");
                        yield inner;
                    }
                    case "[" -> new Expression.ListLiteral(items("]"));
                    case "{" -> dict();
                    default -> throw error("unexpected '" + token.text() + "'");
                };
            default -> throw error("an expression is missing");
        };
    }

    private Expression number(Token token) {
        try {
            return new Expression.Literal(
                    token.kind() == Kind.INTEGER
                            ? (Object) Long.parseLong(token.text())
                            : Double.parseDouble(token.text()));
        } catch (NumberFormatException e) {
            throw error("the number " + token.text() + " is too large");
        }
    }

    private List<Expression> items(String end) {
        List<Expression> items = new ArrayList<>();
        while (!take(end)) {
            items.add(expression());
            if (!peek().is(Kind.OPERATOR, end)) {
                expect(",");
            }
        }
        return items;
    }

    private Expression dict() {
        List<Expression> keys = new ArrayList<>();
        List<Expression> values = new ArrayList<>();
        while (!take("}")) {
            keys.add(expression());
            expect(":");
            values.add(expression());
            if (!peek().is(Kind.OPERATOR, "}")) {
                expect(",");
            }
        }
        return new Expression.DictLiteral(keys, values);
    }

    private Expression postfix(Expression value) {
        while (peek().kind() == Kind.OPERATOR) {
            int line = peek().line();
            if (take(".")) {
                Token key = next();
                value = key.kind() == Kind.INTEGER
                        ? new Expression.Item(value, number(key), line)
                        : new Expression.Attribute(value, key.text(), line);
            } else if (take("[")) {
                value = subscript(value, line);
            } else if (take("(")) {
                value = call(value, line);
            } else {
                break;
            }
        }
        return value;
    }

    private Expression subscript(Expression value, int line) {
        Expression from = peek().is(Kind.OPERATOR, ":") ? NOTHING : expression();
        if (take("]")) {
            return new Expression.Item(value, from, line);
        }
        expect(":");
        Expression to = peek().is(Kind.OPERATOR, ":") || peek().is(Kind.OPERATOR, "]") ? NOTHING : expression();
        Expression step = take(":") && !peek().is(Kind.OPERATOR, "]") ? expression() : NOTHING;
        expect("]");
        return new Expression.Slice(value, from, to, step, line);
    }

    Expression.Call call(Expression function, int line) {
        return new Expression.Call(function, arguments(), line);
    }

    /** Arguments after the opening parenthesis, and the closing one. */
    private Expression.CallArguments arguments() {
        List<Expression> positional = new ArrayList<>();
        Map<String, Expression> named = new LinkedHashMap<>();
        Expression list = null;
        Expression mapping = null;
        while (!take(")")) {
            boolean ordered = mapping == null;
            if (take("**")) {
                mapping = expression();
            } else if (take("*")) {
                ordered &= list == null;
                list = expression();
            } else if (peek().kind() == Kind.NAME && second().is(Kind.OPERATOR, "=")) {
                String name = name();
                expect("=");
                ordered &= named.put(name, expression()) == null;
            } else {
                ordered &= list == null && named.isEmpty();
                positional.add(expression());
            }
            if (!ordered) {
                throw error("the arguments of a call are in no valid order");
            }
            if (!peek().is(Kind.OPERATOR, ")")) {
                expect(",");
            }
        }
        return new Expression.CallArguments(positional, named, list, mapping);
    }

    /** Filters, tests and calls that follow a value; {@code inside} a filter tag the first one has no bar before it. */
    Expression filters(Expression value, boolean inside) {
        boolean barred = inside;
        while (barred || peek().kind() == Kind.OPERATOR || peek().is(Kind.NAME, "is")) {
            if (barred || take("|")) {
                barred = false;
                String name = name();
                Expression.CallArguments arguments = take("(") ? arguments() : Expression.CallArguments.NONE;
                Callable filter = Filters.ALL.get(name);
                if (filter == null) {
                    throw error("the filter '" + name + "' is not supported");
                }
                value = new Expression.Filter(value, filter, arguments);
            } else if (takeWord("is")) {
                value = test(value);
            } else if (peek().is(Kind.OPERATOR, "(")) {
                int line = next().line();
                value = call(value, line);
            } else {
                break;
            }
        }
        return value;
    }

    private Expression test(Expression value) {
        boolean negated = takeWord("not");
        String name = peek().kind() == Kind.OPERATOR ? next().text() : name();
        Callable test = Tests.ALL.get(name);
        if (test == null) {
            throw error("the test '" + name + "' is not supported");
        }
        Expression.CallArguments arguments = Expression.CallArguments.NONE;
        Token following = peek();
        if (take("(")) {
            arguments = arguments();
        } else if (switch (following.kind()) {
            case STRING, INTEGER, FLOAT -> true;
            case NAME -> !Set.of("else", "or", "and", "is", "if", "in", "not").contains(following.text());
            case OPERATOR -> following.text().equals("[") || following.text().equals("{");
            default -> false;
        }) {
            arguments = new Expression.CallArguments(List.of(postfix(primary())), Map.of(), null, null);
        }
        return new Expression.Test(value, test, arguments, negated);
    }
}
