package dev.headwater.engine.naming;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.explanation.Explanation;
import dev.headwater.engine.explanation.Explanation.Box;
import dev.headwater.engine.explanation.Explanation.Flow;
import dev.headwater.engine.explanation.Explanation.Member;
import dev.headwater.engine.features.FeatureEvidence;
import dev.headwater.engine.features.FeatureExample;
import dev.headwater.engine.graph.FeatureRef;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CancellationException;

/**
 * The boxes of an explanation, named by a language model where its names are better than those from the evidence.
 *
 * @param explanation with the names that are kept
 * @param boxes       what became of each, in their order
 */
public record BoxNaming(Explanation explanation, List<Named> boxes) {
    /** Texts in which features are looked for that do not fire in them. */
    private static final int TEXTS = 200;

    /** Features whose texts are taken beside those of the circuit. */
    private static final int OTHERS = 24;

    public BoxNaming {
        boxes = List.copyOf(boxes);
    }

    /**
     * A box.
     *
     * @param evidence the name from the evidence
     * @param asked    the model's, "" if there is none
     * @param taken    whether it is the box's name now
     * @param before   how well the first tells where the box's features fire, by detection (0 to 1); NaN where that was not asked
     * @param after    how well the second does
     * @param why      there is no name or no check, "" where there are both
     */
    public record Named(String evidence, String asked, boolean taken, double before, double after, String why) {
        static Named without(Box box, String why) {
            return new Named(box.name(), "", false, Double.NaN, Double.NaN, why);
        }
    }

    /**
     * Asks for a name of each box, and for its check.
     *
     * @param evidence about the features
     * @throws HeadwaterException if features are active everywhere, so that there is nothing to check by
     * @throws CancellationException if the progress listener asks to stop
     */
    public static BoxNaming of(
            ReplacementModel model, FeatureEvidence evidence, Explanation found, Chat chat, Progress progress) {
        requireSparse(model);
        Elsewhere elsewhere = Elsewhere.read(model, texts(model, evidence, found), TEXTS, progress);
        Namer namer = new Namer(chat);
        List<Named> boxes = new ArrayList<>();
        List<String> names = new ArrayList<>();
        Set<String> used = new HashSet<>(Set.of(Flow.ANSWER));
        found.boxes().forEach(box -> used.add(box.name()));
        progress.phase("names", found.boxes().size());
        String why = "";
        for (Box box : found.boxes()) {
            if (progress.cancelled()) {
                throw new CancellationException();
            }
            Named named;
            try {
                named = why.isEmpty() ? named(evidence, found, box, elsewhere, namer) : Named.without(box, why);
            } catch (UnansweredException e) {
                named = Named.without(box, e.getMessage());
            } catch (HeadwaterException e) {
                why = e.getMessage();
                named = Named.without(box, why);
            }
            boxes.add(named);
            names.add(named.taken ? own(named.asked, used) : box.name());
            progress.advance(boxes.size());
        }
        return new BoxNaming(found.named(names), boxes);
    }

    /** @throws HeadwaterException for a model's own neurons */
    static void requireSparse(ReplacementModel model) {
        if (model.basis().dense()) {
            throw new HeadwaterException(
                    "Neurons are active on every token, so that no text tells a good name of one from a bad one: a language model names transcoders' features only");
        }
    }

    private static Named named(FeatureEvidence evidence, Explanation found, Box box, Elsewhere elsewhere, Namer namer) {
        List<FeatureRef> features = box.members().stream().map(Member::feature).toList();
        List<JsonNode> records = features.stream()
                .map(feature -> evidence.record(feature.layer(), feature.feature()))
                .flatMap(Optional::stream)
                .toList();
        List<String> about = new ArrayList<>();
        about.add("in the text " + cut(found.prompt()) + " it fires on the token " + cut(box.token())
                + ", and the language model goes on with " + cut(found.answer().text()));
        records.forEach(record -> about.add("raises the tokens " + Subject.promoted(record)));
        Subject subject = Subject.of(
                box.name(),
                about,
                records,
                elsewhere.without(features),
                31L * features.getFirst().layer() + features.getFirst().feature());
        if (!subject.checkable()) {
            return Named.without(box, "there is too little evidence to check a name by");
        }
        Namer.Named named = namer.name(subject);
        return new Named(box.name(), named.asked(), named.better(), named.before(), named.after(), "");
    }

    private static String cut(String text) {
        return text.length() <= 1000 ? text : text.substring(text.length() - 1000);
    }

    private static String own(String name, Set<String> used) {
        String own = name;
        for (int i = 2; !used.add(own); i++) {
            own = name + " (" + i + ")";
        }
        return own;
    }

    /** Of the circuit's features, and of some others, drawn by a fixed seed: one after the other, so that none has most of them. */
    private static List<FeatureExample> texts(ReplacementModel model, FeatureEvidence evidence, Explanation found) {
        Random random = new Random(0);
        Set<FeatureRef> features = new HashSet<>();
        List<List<FeatureExample>> all = new ArrayList<>();
        found.boxes().stream()
                .flatMap(box -> box.members().stream())
                .map(Member::feature)
                .forEach(feature -> {
                    if (features.add(new FeatureRef(feature.layer(), 0, feature.feature()))) {
                        all.add(examples(evidence, feature.layer(), feature.feature()));
                    }
                });
        for (int i = 0; i < OTHERS; i++) {
            all.add(examples(
                    evidence,
                    random.nextInt(model.layers()),
                    random.nextInt(model.basis().features())));
        }
        Collections.shuffle(all, random);
        return interleaved(all);
    }

    private static List<FeatureExample> examples(FeatureEvidence evidence, int layer, int feature) {
        return evidence.record(layer, feature).map(FeatureExample::of).orElse(List.of());
    }

    /** The first of each, then the second of each. */
    static List<FeatureExample> interleaved(List<List<FeatureExample>> lists) {
        List<FeatureExample> result = new ArrayList<>();
        int longest = lists.stream().mapToInt(List::size).max().orElse(0);
        for (int i = 0; i < longest; i++) {
            for (List<FeatureExample> list : lists) {
                if (i < list.size()) {
                    result.add(list.get(i));
                }
            }
        }
        return result;
    }
}
