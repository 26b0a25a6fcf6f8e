package dev.headwater.engine.naming;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.engine.features.FeatureExample;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * A feature, or some that play one part, with what a name is made from and what it is held against.
 *
 * @param label    the name that follows from the evidence
 * @param about    what else is known, for whoever names it
 * @param shown    contexts in which it fires, the strongest first
 * @param heldOut  others, which nobody sees before the check
 * @param elsewhere contexts in which it does not fire, as many as held out where there are so many
 * @param seed     of what is drawn
 */
record Subject(
        String label,
        List<String> about,
        List<Context> shown,
        List<Context> heldOut,
        List<Context> elsewhere,
        long seed) {
    /** Contexts to name by, and contexts of either kind to check by. */
    static final int MOST = 10;

    /** Contexts of either kind without which nothing is checked. */
    private static final int LEAST = 2;

    /** Tokens that are told to whoever names. */
    private static final int PROMOTED = 10;

    private static final int LONGEST_TOKEN = 60;

    Subject {
        about = List.copyOf(about);
        shown = List.copyOf(shown);
        heldOut = List.copyOf(heldOut);
        elsewhere = List.copyOf(elsewhere);
    }

    /** Whether there is enough to check a name by. */
    boolean checkable() {
        return !shown.isEmpty() && heldOut.size() >= LEAST && elsewhere.size() >= LEAST;
    }

    /**
     * Of the records of one feature or more. Every second context is held out; the same text counts once, so that nothing that is
     * held out was seen.
     *
     * @param others where none of the features fires
     */
    static Subject of(
            String label, List<String> about, List<JsonNode> records, List<FeatureExample> others, long seed) {
        List<List<FeatureExample>> all =
                records.stream().map(FeatureExample::of).toList();
        List<Context> shown = new ArrayList<>();
        List<Context> heldOut = new ArrayList<>();
        Set<String> known = new HashSet<>();
        int longest = all.stream().mapToInt(List::size).max().orElse(0);
        boolean show = true;
        for (int i = 0; i < longest && (shown.size() < MOST || heldOut.size() < MOST); i++) {
            for (List<FeatureExample> examples : all) {
                if (i >= examples.size()) {
                    continue;
                }
                Context context =
                        Context.around(examples.get(i), examples.get(i).peak());
                List<Context> to = show ? shown : heldOut;
                if (to.size() < MOST && known.add(context.text())) {
                    to.add(context);
                    show = !show;
                } else if (to.size() >= MOST) {
                    show = !show;
                }
            }
        }
        List<Context> elsewhere = new ArrayList<>();
        Random random = new Random(seed);
        List<FeatureExample> shuffled = new ArrayList<>(others);
        Collections.shuffle(shuffled, random);
        for (FeatureExample other : shuffled) {
            if (elsewhere.size() == heldOut.size()) {
                break;
            }
            Context context =
                    Context.around(other, random.nextInt(other.tokens().size()));
            if (known.add(context.text())) {
                elsewhere.add(context);
            }
        }
        return new Subject(label, about, shown, heldOut, elsewhere, seed);
    }

    /** The tokens that a feature raises most. */
    static List<String> promoted(JsonNode record) {
        List<String> tokens = new ArrayList<>();
        for (JsonNode token : record.path("top_logits")) {
            if (tokens.size() < PROMOTED) {
                String text = token.asText();
                tokens.add(text.length() <= LONGEST_TOKEN ? text : text.substring(0, LONGEST_TOKEN));
            }
        }
        return tokens;
    }

    /** In which contexts does it fire? */
    List<Question> detection() {
        List<Question> questions = new ArrayList<>();
        heldOut.forEach(context -> questions.add(new Question(context, new BitSet(), true)));
        elsewhere.forEach(context -> questions.add(new Question(context, new BitSet(), false)));
        Collections.shuffle(questions, new Random(seed));
        return questions;
    }

    /** Are these the tokens that it fires on? Where it fires they are; elsewhere as many are drawn as fire in the mean. */
    List<Question> fuzzing() {
        List<Question> questions = new ArrayList<>();
        for (Context context : heldOut) {
            BitSet marked = new BitSet();
            IntStream.range(0, context.tokens().size()).filter(context::fires).forEach(marked::set);
            questions.add(new Question(context, marked, true));
        }
        int count = (int)
                Math.ceil(heldOut.stream().mapToInt(Context::firing).average().orElse(1));
        Random random = new Random(seed);
        for (Context context : elsewhere) {
            List<Integer> places = new ArrayList<>(
                    IntStream.range(0, context.tokens().size()).boxed().toList());
            Collections.shuffle(places, random);
            BitSet marked = new BitSet();
            places.subList(0, Math.clamp(count, 1, places.size())).forEach(marked::set);
            questions.add(new Question(context, marked, false));
        }
        Collections.shuffle(questions, random);
        return questions;
    }
}
