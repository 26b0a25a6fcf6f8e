package sample;

import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.Version;
import dev.headwater.engine.attribution.Attribution;
import dev.headwater.engine.attribution.AttributionOptions;
import dev.headwater.engine.document.GraphJson;
import dev.headwater.engine.graph.Pruning;
import dev.headwater.engine.graph.Scores;
import java.io.IOException;
import java.nio.file.Path;

/** Traces the bundled model and writes the graph's file into the folder {@code graphs}. */
public final class Sample {
    public static void main(String[] args) throws IOException {
        System.out.println("Headwater " + Version.number());
        try (var model = ReplacementModel.load("atlas", "atlas-plt", ReplacementModel.Options.DEFAULT);
                var graph = Attribution.of(
                        model,
                        model.prompt("Fact: the capital of the state containing Dallas is"),
                        AttributionOptions.DEFAULT,
                        Progress.NONE)) {
            System.out.println(graph.targets().getFirst() + " " + Scores.of(graph));
            GraphJson.write(graph, Pruning.of(graph, 0.8, 0.98), GraphJson.Options.of("dallas"), Path.of("graphs"));
        }
    }
}
