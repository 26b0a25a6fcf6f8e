package dev.headwater.engine.jinja;

import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.time.Clock;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Templates come from the network: none may hang the process, use up its memory or fail in a way that is not foreseen. */
@Timeout(60)
class HostileTemplateTest {
    private static final Map<String, Object> CONTEXT = Map.of(
            "x",
            3,
            "l",
            List.of(3, 1, 2),
            "s",
            "text",
            "d",
            Map.of("a", 1),
            "messages",
            List.of(Map.of("role", "user", "content", "Hi")));

    /** Renders, and says whether that ended as it may: with a text, or an error that the template's own rules give. */
    static void end(String template) {
        try {
            Template.parse(template).render(CONTEXT, Clock.systemUTC());
        } catch (TemplateException e) {
            assertNull(
                    e.getCause(),
                    () -> e.getMessage() + " in " + template.substring(0, Math.min(500, template.length())));
        }
    }

    private static void isRefused(String template) {
        var e = assertThrows(
                TemplateException.class, () -> Template.parse(template).render(CONTEXT, Clock.systemUTC()));
        assertNull(e.getCause(), e.getMessage());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{% for a in range(100000) %}{% for b in range(100000) %}{% for c in range(100000) %}{% endfor %}{% endfor %}{% endfor %}",
                "{% set ns = namespace(s='aaaaaaaaaa') %}{% for i in range(64) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
                "{% set ns = namespace(s='aaaaaaaaaa') %}{% for i in range(64) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
                "{% set ns = namespace(s='aaaaaaaaaa') %}{% for i in range(64) %}{% set ns.s = [ns.s, ns.s]|join %}{% endfor %}",
                "{% set ns = namespace(s='aaaaaaaaaa') %}{% for i in range(64) %}{% set ns.s = ns.s|replace('a', 'aaaaaaaaaa') %}{% endfor %}",
                "{% set ns = namespace(s='aaaaaaaaaa') %}{% for i in range(64) %}{% set ns.s = [ns.s, ns.s]|string %}{% endfor %}",
                "{% set ns = namespace(s='aaaaaaaaaa') %}{% for i in range(64) %}{% set ns.s = [ns.s, ns.s]|tojson %}{% endfor %}",
                "{% set ns = namespace(s='aaaaaaaaaa') %}{% for i in range(64) %}{% set ns.s = '%s%s' % (ns.s, ns.s) %}{% endfor %}",
                "{% set ns = namespace(s='aaaaaaaaaa') %}{% for i in range(64) %}{% set ns.s = '{0}{0}'.format(ns.s) %}{% endfor %}",
                "{% set ns = namespace(s='aaaaaaaaaa') %}{% for i in range(64) %}{% set ns.s = ns.s|escape ~ ns.s|replace('a', '&&&') %}{% endfor %}",
                "{% set ns = namespace(s=[1]) %}{% for i in range(64) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s }}",
                "{% set ns = namespace(s=[1]) %}{% for i in range(64) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s|tojson }}",
                "{% set ns = namespace(s=[1]) %}{% for i in range(64) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
                "{% set ns = namespace(s=(1,)) %}{% for i in range(64) %}{% set ns.s = ns.s * 3 %}{% endfor %}",
                "{% set ns = namespace(a=[1], b=[1]) %}{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] %}{% set ns.b = [ns.b, ns.b] %}{% endfor %}{{ ns.a == ns.b }}",
                "{% set ns = namespace(a=[1], b=[1]) %}{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] %}{% set ns.b = [ns.b, ns.b] %}{% endfor %}{{ ns.a in [ns.b] }}",
                "{% set ns = namespace(a=[1], b=[1]) %}{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] %}{% set ns.b = [ns.b, ns.b] %}{% endfor %}{{ [ns.a, ns.b]|sort }}",
                "{% set ns = namespace(a={}, b={}) %}{% for i in range(60) %}{% set ns.a = {1: ns.a, 2: ns.a} %}{% set ns.b = {1: ns.b, 2: ns.b} %}{% endfor %}{{ ns.a == ns.b }}",
                "{% set ns = namespace(a=[]) %}{% for i in range(5000) %}{% set ns.a = [ns.a] %}{% endfor %}{{ ns.a }}",
                "{% set ns = namespace(a=[]) %}{% for i in range(5000) %}{% set ns.a = [ns.a] %}{% endfor %}{{ ns.a|tojson }}",
                "{{ range(100000)|list|tojson(indent='x' * 1000000) }}",
                "{{ [[[[1]]]]|tojson(indent=1000000000) }}",
                "{{ [1,2]|tojson(separators=('x' * 1000000, 'y' * 1000000)) ~ range(9999)|list|tojson(separators=('x' * 1000000, ':')) }}",
                "{{ (',' * 1000000).split(',')|length }}",
                "{{ ('ab' * 500000).rsplit('b')|length }}",
                "{{ ('a' * 500000 ~ 'b').split('a' * 250000 ~ 'c') }}{{ ('a' * 100000).rfind('a' * 50000 ~ 'b') }}",
                "{{ ('x' * 1000000)|replace('', 'y' * 100) }}",
                "{{ ('\\n' * 1000000)|indent('x' * 1000) }}",
                "{{ 'x'|indent(9223372036854775807, true) }}",
                "{% for i in range(100000) %}{% for c in ('x' * 100000).splitlines() %}{% endfor %}{% endfor %}",
                "{% set s = 'x' * 1000000 %}{% for i in range(100000) %}{% if s|length == 3 %}{% endif %}{% endfor %}",
                "{% set s = 'x' * 1000000 %}{% for i in range(100000) %}{% if s[500000] == 'y' %}{% endif %}{% endfor %}",
                "{% set s = 'x' * 1000000 %}{% set t = 'x' * 1000000 %}{% for i in range(100000) %}{% if s == t %}{% endif %}{% endfor %}",
                "{% set s = 'x' * 1000000 %}{% set t = 'x' * 1000000 %}{% for i in range(100000) %}{% if s < t %}{% endif %}{% endfor %}",
                "{% set s = 'x' * 1000000 %}{% for i in range(100000) %}{% if s.upper() or s|title or s.isdigit() or s[::2] %}{% endif %}{% endfor %}",
                "{% set s = 'x' * 1000000 %}{% for i in range(100000) %}{% if 'y' in s or s.endswith('y') or s is lower %}{% endif %}{% endfor %}",
                "{% set s = 'x' * 1000000 %}{% set d = {s: 1} %}{% for i in range(100000) %}{% if d['x' * 1000000] %}{% endif %}{% endfor %}",
                "{% set l = range(100000)|list %}{% for i in range(100000) %}{% if l|sort or l|reverse or l|unique or l|batch(2) or l[1:] %}{% endif %}{% endfor %}",
                "{% set l = range(100000)|list %}{% for i in range(100000) %}{% if -1 in l or l.index(99999) or l.count(5) or l|max or l|sum %}{% endif %}{% endfor %}",
                "{% set l = range(100000)|list %}{% macro f() %}{% endmacro %}{% for i in range(100000) %}{{ f(*l) }}{% endfor %}",
                "{% macro f() %}{{ varargs }}{{ f(*varargs, *varargs) }}{% endmacro %}{{ f(1) }}",
                "{{ [1]|batch(9223372036854775807, 'x')|list }}",
                "{{ [1]|slice(9223372036854775807)|list }}",
                "{{ [1]|slice(100000000, 'x')|list }}",
                "{{ 'a' * 99999999999 }}",
                "{{ [0] * 9223372036854775807 }}",
                "{{ 9223372036854775807 * 'ab' }}",
                "{{ 2 ** 99999 }}",
                "{{ 9223372036854775807 + 1 }}",
                "{{ -9223372036854775807 - 2 }}",
                "{{ 3037000500 * 3037000500 }}",
                "{{ range(99999999999) }}",
                "{{ range(-9223372036854775807, 9223372036854775807) }}",
                "{{ (-9223372036854775807 - 1) // -1 }}",
                "{{ (-9223372036854775807 - 1)|abs }}",
                "{{ -(-9223372036854775807 - 1) }}",
                "{{ 9223372036854775807|round(-19) }}",
                "{{ 1e300|int }}",
                "{{ ('9' * 100000)|int }}",
                "{{ ('9' * 100000)|float }}",
                "{{ 1e300 ** 9 }}",
                "{{ ('%s' * 1000000) % (1,) }}",
                "{{ '%' % 1 }}",
                "{{ '{' .format(1) }}",
                "{{ '{0.__class__}'.format(1) }}",
                "{{ '{:999999999}'.format(1) }}",
                "{% for i in [1] %}{{ loop.cycle() }}{% endfor %}",
                "{{ cycler() }}",
                "{{ joiner(1, 2) }}",
                "{{ namespace(1) }}",
                "{{ dict([1]) }}",
                "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
                "{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}",
                "{% macro m() %}{% call m() %}{{ caller() }}{% endcall %}{% endmacro %}{{ m() }}",
                "{% for x in [1] recursive %}{{ loop([x]) }}{% endfor %}",
                "{% for x in [1, 2] recursive %}{{ loop([x, x]) }}{{ loop([x, x]) }}{% endfor %}",
                "{% set ns = namespace() %}{% set ns.a = ns %}{{ ns }}",
                "{{ 'a'.rjust(3) }}",
                "{{ l.append(1) }}",
                "{{ d.update({}) }}",
                "{{ d.pop('a') }}",
                "{{ lipsum() }}",
                "{{ x.__class__.__mro__ }}",
                "{{ strftime_now('%Q') }}",
                "{{ strftime_now('%c' * 1000000) }}",
                "{{ messages|map|list }}",
                "{{ messages|selectattr }}",
                "{{ [none, 1]|sort }}",
                "{{ [[]]|unique|list }}",
                "{{ {[]: 1} }}",
                "{{ d[[]].x }}",
                "{{ [1, none]|min }}",
                "{{ 1|join }}",
                "{{ none|list }}",
                "{{ x|trim(3) }}",
                "{{ x|trim('a', 'b') }}"
            })
    void runawayAndWrongTemplatesAreRefused(String template) {
        isRefused(template);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{{ range(9223372036854775800, 9223372036854775807, 5)|length }}",
                "{{ range(5, -9223372036854775807, -9223372036854775807)|list }}",
                "{{ 'abc'[1::9223372036854775807] }}",
                "{{ 'abc'[::-9223372036854775807 - 1] }}",
                "{{ l[9223372036854775807:] }}",
                "{{ l[-9223372036854775807 - 1] }}",
                "{{ s[-9223372036854775807 - 1] }}{{ s[9223372036854775807] }}",
                "{{ [none]|min }}{{ [none]|max }}{{ []|min }}{{ [none]|sort }}",
                "{% set s = 'x' * 1000000 %}{% for i in range(1000) %}{% if s[0] == 'y' %}{% endif %}{% endfor %}",
                "{{ (-1) ** 9223372036854775807 }}",
                "{{ 'abc'.split('b', -9223372036854775807) }}{{ 'abc'.split(none, 9223372036854775807) }}{{ 'a'|replace('a', 'b', -5) }}",
                "{{ 1.5|round(9223372036854775807) }}{{ 1e308|round(-400) }}{{ 0.0 }}{{ -0.0 }}{{ 'nan'|float }}{{ ('nan'|float) < 1 }}",
                "{{ none is filter }}{{ none is test }}{{ undef is sequence }}{{ none in [none] }}{{ none == undef }}{{ {none: 1}[none] }}"
            })
    void extremeValuesAreNoHarm(String template) {
        end(template);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "(",
                "[",
                "{'a':",
                "not ",
                "-",
                "+",
                "x if ",
                "x if x else ",
                "x and ",
                "x.y",
                ".x",
                "[x]",
                "(x)",
                "|e",
                " + x",
                " ~ x",
                " ** x",
                " is defined",
                " == x",
                "x,",
                "'a' ",
                "f(",
                "f(*",
                "x|d("
            })
    void longAndDeepExpressionsEnd(String part) {
        end("{{ x" + part.repeat(100_000) + " }}");
        end("{{ " + part.repeat(100_000) + "x }}");
        end("{{ " + part.repeat(150) + "x }}");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{% if x %}",
                "{% for i in l %}",
                "{% macro f() %}",
                "{% call f() %}",
                "{% with %}",
                "{% set x %}",
                "{% filter e %}",
                "{% raw %}",
                "{#",
                "{{",
                "{%",
                "{%-",
                "{% generation %}",
                "{% if x %}{% elif x %}",
                "{% elif x %}",
                "{% endif %}",
                "{% set ",
                "{% for (",
                "{% for a, "
            })
    void longAndDeepStatementsEnd(String part) {
        end(part.repeat(100_000));
        end("{% if x %}" + part.repeat(10_000) + "{% endif %}");
    }

    @Test
    void chainsOfFiltersOnABlockEnd() {
        end("{% set x" + " | e".repeat(6_000) + " %}a{% endset %}");
        end("{% filter e" + " | e".repeat(6_000) + " %}a{% endfilter %}");
        end("{% set x" + " | e".repeat(100) + " %}<{% endset %}{{ x }}");
    }

    @Test
    void aTemplateThatIsTooLongIsRefused() {
        isRefused("x".repeat(2_000_001));
    }

    /** A long conversation is no attack: what a template may do grows with it. */
    @Test
    void longConversationsRender() {
        List<Map<String, String>> turns = java.util.Collections.nCopies(
                2_000, Map.of("role", "user", "content", "a sentence of some length. ".repeat(40)));
        Template.parse(
                        "{% for m in messages %}{% if '</think>' in m.content %}x{% endif %}{{ m.role ~ m.content|trim|replace('a', 'b') }}{{ m|tojson }}{% endfor %}")
                .render(Map.of("messages", turns), Clock.systemUTC());
    }

    @Test
    void templatesOfAGrammarEndAsTheyMay() {
        TemplateGenerator generator = new TemplateGenerator(11);
        for (int i = 0; i < 1_500; i++) {
            end(generator.template());
        }
    }
}
