import dev.headwater.engine.Progress;
import dev.headwater.engine.ReplacementModel;
import dev.headwater.engine.attribution.Attribution;
import dev.headwater.engine.attribution.AttributionOptions;
import dev.headwater.engine.graph.Pruning;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The loop of memory.cpp from Java, for {@code native/host-bench}. */
class Loop {
    public static void main(String[] arguments) throws IOException {
        int rounds = Integer.parseInt(arguments[0]);
        double early = 0;
        long began = 0;
        try (var model = ReplacementModel.load("atlas", "atlas-plt", ReplacementModel.Options.DEFAULT)) {
            var options = AttributionOptions.DEFAULT.withMaxFeatures(100);
            for (int i = 0; i < rounds; i++) {
                if (i == rounds / 3) {
                    early = resident();
                    began = System.nanoTime();
                }
                String sum = (i % 90 + 10) + "+" + (i % 70 + 20) + "=";
                try (var graph = Attribution.of(model, model.prompt(sum), options, Progress.NONE)) {
                    Pruning.of(graph, 0.8, 0.98);
                }
            }
        }
        double each = (System.nanoTime() - began) / 1e6 / (rounds - rounds / 3);
        System.out.printf(
                "%d graphs: %.0f MB after a third of them, %.0f MB at the end; %.2f ms each since then%n",
                rounds, early, resident(), each);
    }

    private static double resident() throws IOException {
        String pages = Files.readString(Path.of("/proc/self/statm")).split(" ")[1];
        return Long.parseLong(pages) * 4096 / 1e6;
    }
}
