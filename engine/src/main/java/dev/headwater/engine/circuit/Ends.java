package dev.headwater.engine.circuit;

import java.util.List;

/**
 * What the tokens of some prompts have in common from either end. Prompts are added in any order and grouping with the same result.
 *
 * @param first    texts that all begin with
 * @param last     texts that all end with, in their order; it may reach into {@code first}
 * @param shortest tokens of the shortest prompt
 * @param longest  tokens of the longest prompt
 */
public record Ends(List<String> first, List<String> last, int shortest, int longest) {
    static Ends of(List<String> tokens) {
        return new Ends(List.copyOf(tokens), List.copyOf(tokens), tokens.size(), tokens.size());
    }

    Ends and(Ends other) {
        int front = 0;
        while (front < Math.min(first.size(), other.first.size())
                && first.get(front).equals(other.first.get(front))) {
            front++;
        }
        int back = 0;
        while (back < Math.min(last.size(), other.last.size())
                && last.get(last.size() - 1 - back).equals(other.last.get(other.last.size() - 1 - back))) {
            back++;
        }
        return new Ends(
                first.subList(0, front),
                last.subList(last.size() - back, last.size()),
                Math.min(shortest, other.shortest),
                Math.max(longest, other.longest));
    }
}
