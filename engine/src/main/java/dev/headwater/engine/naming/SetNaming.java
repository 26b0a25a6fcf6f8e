package dev.headwater.engine.naming;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.features.FeatureExample;
import dev.headwater.engine.features.FeatureFiles;
import dev.headwater.engine.features.FeatureLabels;
import dev.headwater.engine.features.LabelFile;
import dev.headwater.engine.features.LabelFile.Label;
import dev.headwater.engine.files.JsonJournal;
import dev.headwater.engine.graph.FeatureRef;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;

/**
 * Names of all features that there is evidence of, each with how well it tells where its feature fires.
 *
 * @param labelled   features that have a label now
 * @param before     of these, labelled by an earlier run
 * @param silent     features without a text in which they fire
 * @param taken      names of the language model that were better than those from the evidence, of this run
 * @param unanswered features of which the language model gave no name or no check, of this run
 * @param detection  mean over what this run has checked; NaN if nothing
 * @param fuzzing    mean over what this run has checked; NaN if nothing
 * @param why        it ended before all had a label; "" if it did not
 */
public record SetNaming(
        int labelled, int before, int silent, int taken, int unanswered, double detection, double fuzzing, String why) {
    /** Texts in which features are looked for that do not fire in them. */
    private static final int TEXTS = 200;

    /** Features from whose evidence these come. */
    private static final int SOURCES = 64;

    /** Features that are appended to the file together. */
    private static final int TOGETHER = 64;

    /** Requests on their way at a time. */
    private static final int REQUESTS = 8;

    /** Who gives names. */
    public record Service(Chat chat, String name) {}

    /** @param failed why it has no label; null if it has one, or there is no evidence */
    private record Outcome(@Nullable Label label, @Nullable HeadwaterException failed) {}

    /**
     * Labels what has no label by the same hand yet, feature 0 of all layers, feature 1 of all layers and so on, so that a budget that
     * ends early is spread over the layers.
     *
     * @param folder  with the evidence, of the model's transcoders; {@link LabelFile} is beside it
     * @param service a language model; null to take the names from the evidence
     * @throws HeadwaterException    if features are active everywhere, so that there is nothing to check by, another process names them, or
     *                               the files cannot be read or written
     * @throws CancellationException if the progress listener asks to stop; what was labelled is kept
     */
    public static SetNaming run(ReplacementModel model, Path folder, @Nullable Service service, Progress progress) {
        BoxNaming.requireSparse(model);
        FeatureFiles evidence = FeatureFiles.open(folder);
        try (JsonJournal journal = JsonJournal.open(
                folder.resolve(LabelFile.NAME), "Another process names the features in " + folder + "; wait for it")) {
            return run(model, evidence, LabelFile.read(folder), journal, service, progress);
        }
    }

    private static SetNaming run(
            ReplacementModel model,
            FeatureFiles evidence,
            LabelFile before,
            JsonJournal journal,
            @Nullable Service service,
            Progress progress) {
        String by = service == null ? LabelFile.EVIDENCE : service.name;
        List<FeatureRef> todo = new ArrayList<>();
        int layers = Math.min(evidence.layers(), model.layers());
        int known = 0;
        for (int feature = 0; feature < model.basis().features(); feature++) {
            for (int layer = 0; layer < layers; layer++) {
                Optional<Label> label = before.of(layer, feature);
                if (label.isPresent() && (service == null || label.get().by().equals(by))) {
                    known++;
                } else if (feature < evidence.features(layer)) {
                    todo.add(new FeatureRef(layer, 0, feature));
                }
            }
        }
        Tally tally = new Tally();
        if (todo.stream().noneMatch(feature -> fires(evidence.record(feature.layer(), feature.feature())))) {
            tally.silent = todo.size();
            return tally.result(known);
        }
        Elsewhere elsewhere = Elsewhere.read(model, texts(evidence, layers), TEXTS, progress);
        progress.phase("labels", todo.size());
        try (ExecutorService workers = Executors.newFixedThreadPool(
                service == null ? Runtime.getRuntime().availableProcessors() : REQUESTS)) {
            for (int from = 0; from < todo.size() && tally.why.isEmpty(); from += TOGETHER) {
                if (progress.cancelled()) {
                    throw new CancellationException();
                }
                List<Callable<Outcome>> block = todo.subList(from, Math.min(todo.size(), from + TOGETHER)).stream()
                        .map(feature -> (Callable<Outcome>) () -> outcome(evidence, feature, elsewhere, service))
                        .toList();
                List<Label> found = new ArrayList<>();
                for (Future<Outcome> done : workers.invokeAll(block)) {
                    tally.add(done.get(), found);
                }
                journal.add(found.stream().map(Label::json).toList());
                progress.advance(Math.min(todo.size(), from + TOGETHER));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancellationException();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException failed) {
                throw failed;
            }
            throw new IllegalStateException(e.getCause());
        }
        return tally.result(known);
    }

    /** Counts outcomes. */
    private static final class Tally {
        private int labelled;
        private int silent;
        private int taken;
        private int unanswered;
        private int checked;
        private double detection;
        private double fuzzing;
        private String why = "";

        void add(Outcome outcome, List<Label> found) {
            Label label = outcome.label;
            if (label != null) {
                found.add(label);
                labelled++;
                if (!Double.isNaN(label.detection())) {
                    checked++;
                    taken += !label.by().equals(LabelFile.EVIDENCE)
                                    && label.asked().isEmpty()
                            ? 1
                            : 0;
                    detection += label.detection();
                    fuzzing += label.fuzzing();
                }
            } else if (outcome.failed instanceof UnansweredException) {
                unanswered++;
            } else if (outcome.failed != null) {
                why = outcome.failed.getMessage();
            } else {
                silent++;
            }
        }

        SetNaming result(int known) {
            return new SetNaming(
                    known + labelled, known, silent, taken, unanswered, detection / checked, fuzzing / checked, why);
        }
    }

    private static Outcome outcome(
            FeatureFiles evidence, FeatureRef feature, Elsewhere elsewhere, @Nullable Service service) {
        Optional<JsonNode> record = evidence.record(feature.layer(), feature.feature());
        if (!fires(record)) {
            return new Outcome(null, null);
        }
        try {
            return new Outcome(label(record.orElseThrow(), feature, elsewhere, service), null);
        } catch (HeadwaterException e) {
            return new Outcome(null, e);
        }
    }

    private static boolean fires(Optional<JsonNode> record) {
        return record.isPresent() && !FeatureExample.of(record.get()).isEmpty();
    }

    private static Label label(JsonNode record, FeatureRef feature, Elsewhere elsewhere, @Nullable Service service) {
        Subject subject = Subject.of(
                FeatureLabels.of(record),
                List.of("raises the tokens " + Subject.promoted(record)),
                List.of(record),
                elsewhere.without(List.of(feature)),
                31L * feature.layer() + feature.feature());
        String name = subject.label();
        String asked = "";
        double detection = Double.NaN;
        double fuzzing = Double.NaN;
        if (subject.checkable() && service == null) {
            detection = Score.of(Judge.BY_TOKENS, name, subject.detection());
            fuzzing = Score.of(Judge.BY_TOKENS, name, subject.fuzzing());
        } else if (subject.checkable() && service != null) {
            Namer namer = new Namer(service.chat);
            Namer.Named named = namer.name(subject);
            name = named.name();
            asked = named.better() ? "" : named.asked();
            detection = named.detection();
            fuzzing = namer.fuzzing(subject, name);
        }
        return new Label(
                feature.layer(),
                feature.feature(),
                name,
                service == null ? LabelFile.EVIDENCE : service.name,
                asked,
                detection,
                fuzzing);
    }

    /** Of features drawn by a fixed seed, one text of each in turn, so that none has most of them. */
    private static List<FeatureExample> texts(FeatureFiles evidence, int layers) {
        Random random = new Random(0);
        List<List<FeatureExample>> all = new ArrayList<>();
        var drawn = new HashSet<FeatureRef>();
        for (int tries = 0; tries < 20 * SOURCES && all.size() < SOURCES; tries++) {
            int layer = random.nextInt(Math.max(1, layers));
            if (layer >= layers || evidence.features(layer) == 0) {
                continue;
            }
            FeatureRef feature = new FeatureRef(layer, 0, random.nextInt(evidence.features(layer)));
            if (drawn.add(feature)) {
                List<FeatureExample> examples = evidence.record(layer, feature.feature())
                        .map(FeatureExample::of)
                        .orElse(List.of());
                if (!examples.isEmpty()) {
                    all.add(examples);
                }
            }
        }
        return BoxNaming.interleaved(all);
    }
}
