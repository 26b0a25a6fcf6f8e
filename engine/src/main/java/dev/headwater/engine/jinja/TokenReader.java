package dev.headwater.engine.jinja;

import dev.headwater.engine.jinja.Lexer.Kind;
import dev.headwater.engine.jinja.Lexer.Token;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Goes through tokens one after the other, and counts how deep the grammar has gone. */
abstract sealed class TokenReader permits ExpressionParser {
    private static final int DEEPEST = 200;

    private final List<Token> tokens;
    /** The names that are read, of which a macro wants to know. */
    private Set<String> read = new HashSet<>();

    private int at;
    private int depth;

    TokenReader(List<Token> tokens) {
        this.tokens = tokens;
    }

    void wasRead(String name) {
        read.add(name);
    }

    /** Begins to gather the names that are read; gives those of before, for {@link #namesReadSince}. */
    Set<String> gatherNames() {
        Set<String> before = read;
        read = new HashSet<>();
        return before;
    }

    Set<String> namesReadSince(Set<String> before) {
        Set<String> since = read;
        before.addAll(since);
        read = before;
        return since;
    }

    Token peek() {
        return tokens.get(at);
    }

    /** The token after {@link #peek()}. */
    Token second() {
        return tokens.get(Math.min(at + 1, tokens.size() - 1));
    }

    Token next() {
        Token token = tokens.get(at);
        at = Math.min(at + 1, tokens.size() - 1);
        return token;
    }

    String name() {
        if (peek().kind() != Kind.NAME) {
            throw error("a name is missing");
        }
        return next().text();
    }

    boolean take(String operator) {
        boolean there = peek().is(Kind.OPERATOR, operator);
        at += there ? 1 : 0;
        return there;
    }

    boolean takeWord(String word) {
        boolean there = peek().is(Kind.NAME, word);
        at += there ? 1 : 0;
        return there;
    }

    void expect(String operator) {
        if (!take(operator)) {
            throw error("'" + operator + "' is missing");
        }
    }

    void close() {
        if (next().kind() != Kind.CLOSE) {
            at--;
            throw error("unexpected '" + peek().text() + "'");
        }
    }

    void deeper() {
        if (++depth > DEEPEST) {
            throw error("too deeply nested");
        }
    }

    void shallower() {
        depth--;
    }

    TemplateException error(String message) {
        return new TemplateException(message, peek().line());
    }
}
