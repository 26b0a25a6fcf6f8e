package dev.headwater.engine.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.bindings.Device;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.features.Corpus;
import dev.headwater.engine.neuron.Neurons;
import dev.headwater.engine.training.TrainingOptions.Budget;
import dev.headwater.engine.training.TrainingOptions.Settings;
import dev.headwater.engine.transcoder.TranscoderSet;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Whole trainings of the bundled model, on text that is made up of a few words. */
class TranscoderTrainerTest {
    private static final Settings SETTINGS =
            Settings.DEFAULT.withWindow(16).withBatch(128).withBuffer(512, 2).withHeldOut(256);

    private static ReplacementModel model;

    @TempDir
    static Path shared;

    @TempDir
    Path directory;

    @BeforeAll
    static void load() throws IOException {
        model = ReplacementModel.load(
                "atlas", Neurons.REFERENCE, ReplacementModel.Options.DEFAULT.withDevice(Device.CPU));
        String[] words =
                "Fact: the capital of state containing Dallas is Austin Texas France Paris and Ohio city in river of"
                        .split(" ");
        Random random = new Random(3);
        Files.write(
                shared.resolve("corpus.txt"),
                IntStream.range(0, 200)
                        .mapToObj(_ -> String.join(
                                " ",
                                IntStream.range(0, 16)
                                        .mapToObj(_ -> words[random.nextInt(words.length)])
                                        .toList()))
                        .toList());
    }

    @AfterAll
    static void unload() {
        model.close();
    }

    private static TranscoderTrainer trainer(TrainingOptions options, TrainingListener listener) {
        return new TranscoderTrainer(
                model.model(),
                "atlas",
                model.tokenizer(),
                new Corpus(List.of(shared.resolve("corpus.txt"))),
                options,
                listener);
    }

    private static TrainingOptions options(TrainingShape shape, Settings settings) {
        return new TrainingOptions(shape, Budget.ALL, settings);
    }

    /** What a set says of itself and how it computes are one: the trained fraction is found again by the finished set. */
    @ParameterizedTest
    @CsvSource({"TOPK,false,false", "BATCHTOPK,false,true", "RELU,true,true", "JUMPRELU,true,false"})
    void aSetIsTrainedAndRead(FeatureKind kind, boolean crossLayer, boolean skip) {
        TrainingShape shape = TrainingShape.perLayer(kind, 64, 8);
        shape = skip ? shape.withSkip() : shape;
        shape = crossLayer ? shape.acrossLayers() : shape;
        List<TrainingReport> reports = new ArrayList<>();
        Path target = directory.resolve("set");
        var result = trainer(options(shape, SETTINGS), new TrainingListener() {
                    @Override
                    public void report(TrainingReport report) {
                        reports.add(report);
                    }
                })
                .run(target, false);
        assertEquals(model.layers(), result.unexplained().size());
        double mean = result.unexplained().stream()
                .mapToDouble(Double::doubleValue)
                .average()
                .orElseThrow();
        assertTrue(mean > 0 && mean < 0.8, "unexplained: " + result.unexplained());
        assertEquals(mean, reports.getLast().heldOut().orElseThrow(), 1e-9);
        // Least squares and the last threshold change little.
        double before = reports.get(reports.size() - 2).heldOut().orElseThrow();
        assertTrue(mean < before + 0.02 && mean > before - 0.15, mean + " after " + before);
        assertFalse(Files.exists(TranscoderTrainer.work(target)));
        try (ReplacementModel own = ReplacementModel.open(
                model.model().directory(), target, ReplacementModel.Options.DEFAULT.withDevice(Device.CPU))) {
            TranscoderSet set = own.transcoders();
            assertEquals(crossLayer, set.crossLayer());
            assertEquals(skip, set.hasSkip(0));
            assertEquals(64, set.features());
            double[] judged = SetFit.unexplained(own, shared.resolve("corpus.txt"), 16);
            for (int layer = 0; layer < judged.length; layer++) {
                // Other windows of the same text, most of which it was trained on.
                assertEquals(result.unexplained().get(layer), judged[layer], 0.1, "layer " + layer);
            }
            // Begun with that set and hardly trained it is that set.
            Settings still = SETTINGS.withRate(1e-12).withRefit(false);
            if (kind != FeatureKind.BATCHTOPK) {
                var again = trainer(options(shape, still), TrainingListener.NONE)
                        .from(set)
                        .run(directory.resolve("again"), false);
                for (int layer = 0; layer < judged.length; layer++) {
                    assertEquals(
                            result.unexplained().get(layer), again.unexplained().get(layer), 1e-3, "layer " + layer);
                }
            }
            TrainingShape other = TrainingShape.perLayer(kind, 32, 8);
            assertSaid(
                    "has 64 ",
                    () -> trainer(options(other, still), TrainingListener.NONE).from(set));
        }
    }

    /** Ended after a checkpoint, then without one, and each time gone on with. */
    @ParameterizedTest
    @CsvSource({"TOPK,false", "BATCHTOPK,true"})
    void aRunThatWasEndedComesToTheSameBytes(FeatureKind kind, boolean crossLayer) throws IOException {
        TrainingShape shape = TrainingShape.perLayer(kind, 48, 6);
        shape = crossLayer ? shape.acrossLayers() : shape;
        // Cut into turns where layers may wait for each other.
        Settings settings = crossLayer ? SETTINGS : inTurns(shape);
        TrainingOptions options = options(shape, settings);
        assertEquals(
                crossLayer ? 1 : 3,
                trainer(options, TrainingListener.NONE).plan().turns());
        trainer(options, TrainingListener.NONE).run(directory.resolve("whole"), false);
        Path cut = directory.resolve("cut");
        int[] reports = new int[1];
        TrainingListener cancels = new TrainingListener() {
            @Override
            public void report(TrainingReport report) {
                reports[0]++;
            }

            @Override
            public boolean cancelled() {
                return reports[0] == 2;
            }
        };
        assertThrows(
                CancellationException.class, () -> trainer(options, cancels).run(cut, false));
        assertTrue(Files.exists(TranscoderTrainer.work(cut).resolve("state.safetensors")));
        assertThrows(
                UsageException.class,
                () -> trainer(options, TrainingListener.NONE).run(cut, false));
        TrainingListener dies = new TrainingListener() {
            @Override
            public void report(TrainingReport report) {
                throw new IllegalStateException("the process ends");
            }
        };
        assertThrows(IllegalStateException.class, () -> trainer(options, dies).run(cut, true));
        trainer(options, TrainingListener.NONE).run(cut, true);
        try (Stream<Path> files = Files.list(directory.resolve("whole"))) {
            for (Path file : files.filter(each -> each.toString().endsWith(".safetensors"))
                    .toList()) {
                assertArrayEquals(
                        Files.readAllBytes(file), Files.readAllBytes(cut.resolve(file.getFileName())), file.toString());
            }
        }
    }

    /** With as much memory as makes three turns. */
    private static Settings inTurns(TrainingShape shape) {
        long memory =
                trainer(options(shape, SETTINGS), TrainingListener.NONE).plan().memory();
        Settings settings = SETTINGS.withMemory(memory);
        while (trainer(options(shape, settings), TrainingListener.NONE).plan().turns() < 3) {
            settings = settings.withMemory(settings.memory() - (1 << 16));
        }
        return settings;
    }

    @Test
    void whatCannotBeIsSaid() {
        TrainingShape shape = TrainingShape.perLayer(FeatureKind.TOPK, 48, 6);
        Path target = directory.resolve("set");
        TrainingOptions tooMuch = new TrainingOptions(shape, new Budget(1_000_000, null, 0), SETTINGS);
        assertSaid(
                "fewer than the 1,000,000 that are to be read",
                () -> trainer(tooMuch, TrainingListener.NONE).run(target, false));
        Path line = directory.resolve("line.txt");
        assertDoesNotThrow(() -> Files.writeString(line, "Fact: the capital\n"));
        assertSaid(
                "fewer than two windows of 16 tokens",
                () -> new TranscoderTrainer(
                                model.model(),
                                "atlas",
                                model.tokenizer(),
                                new Corpus(List.of(line)),
                                options(shape, SETTINGS),
                                TrainingListener.NONE)
                        .run(directory.resolve("short"), false));
        for (Path refused : List.of(target, directory.resolve("short"))) {
            assertTrue(Files.notExists(TranscoderTrainer.work(refused)), "nothing is left that looks unfinished");
        }
        assertSaid(
                "One layer takes",
                () -> trainer(options(shape, SETTINGS.withMemory(1000)), TrainingListener.NONE)
                        .run(directory.resolve("large"), false));
        assertSaid("no more than there are", () -> TrainingShape.perLayer(FeatureKind.TOPK, 4, 6));
        assertSaid("is not between 0 and 1", () -> SETTINGS.withRate(2));
        assertSaid("another setting of 'seed' (0, now 5)", () -> {
            TrainingListener cancels = new TrainingListener() {
                int reports;

                @Override
                public void report(TrainingReport report) {
                    reports++;
                }

                @Override
                public boolean cancelled() {
                    return reports > 0;
                }
            };
            Path cut = directory.resolve("other");
            assertThrows(
                    CancellationException.class,
                    () -> trainer(options(shape, SETTINGS), cancels).run(cut, false));
            trainer(options(shape, SETTINGS.withSeed(5)), TrainingListener.NONE).run(cut, true);
        });
    }

    private static void assertSaid(String words, Executable work) {
        String said = assertThrows(HeadwaterException.class, work).getMessage();
        assertTrue(said.contains(words), said);
    }
}
