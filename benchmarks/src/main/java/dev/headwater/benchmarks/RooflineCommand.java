package dev.headwater.benchmarks;

import dev.headwater.benchmarks.Roofline.Card;
import dev.headwater.benchmarks.Roofline.Job;
import dev.headwater.benchmarks.Roofline.Limit;
import dev.headwater.benchmarks.Roofline.Phase;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

/** {@code benchmarks/run roofline}: the page {@code benchmarks/gpu.md}. */
@Command(
        name = "roofline",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description =
                "Predicts from sizes what an attribution takes on GPUs and what limits it; prints the page benchmarks/gpu.md.")
final class RooflineCommand implements Callable<Integer> {
    @Override
    public Integer call() {
        System.out.print(page());
        return 0;
    }

    static String page() {
        StringBuilder page = new StringBuilder("""
                # On GPUs: a roofline on paper

                Made by `benchmarks/run roofline > benchmarks/gpu.md`. **Nothing here was measured**: it is the least time that each phase can
                take, from sizes and data sheets. A phase takes the longest of its operations at the card's rate, its bytes at the rate of
                the card's memory or of the bus (from page-locked memory; edges go to the host from pageable, at about half of it), 4 µs
                for each launch, and the host's 10 GB/s where it ranks. Real kernels take more.

                "As it is" counts what our kernels do today, in float32 on the plain units, with the 63 of 64 products that a tile of one
                error or token vector wastes; "tensor cores" the needed operations, each product as three of TF32. Graphs have at most
                7,500 features, and the active features of a token and layer are assumed. What stays on the card is what
                [Residency](../engine/src/main/java/dev/headwater/engine/transcoder/Residency.java) decides on an empty one.

                What it says: by far the most is the sweep's product with the model's weights, which is cuBLAS's and takes 2.5 times (H100)
                less on tensor cores; next, of per-layer sets, the ranking on the host. The contraction with errors and tokens, 64 times too much
                work, costs about as much as that with features, and neither more than a twentieth of the whole per-layer job.

                """);
        for (Card card : Roofline.CARDS) {
            page.append(String.format(
                    Locale.ROOT,
                    "- %s (SXM): %.1f TFLOP/s float32, %.0f TF32, %.2f TB/s, bus %.0f GB/s\n",
                    card.name(),
                    card.float32() / 1e12,
                    card.tf32() / 1e12,
                    card.memory() / 1e12,
                    card.bus() / 1e9));
        }
        for (Job job : Roofline.JOBS) {
            page.append("\n## ").append(job.name()).append("\n\n");
            page.append(Character.toUpperCase(job.shape().toString().charAt(0)))
                    .append(job.shape().toString().substring(1))
                    .append(". The set has ")
                    .append(job.number() == Float.BYTES ? "float32" : "bfloat16")
                    .append(".\n\n");
            for (Card card : Roofline.CARDS) {
                page.append("- ")
                        .append(card.name())
                        .append(": ")
                        .append(Roofline.residency(job, card).describe())
                        .append(".\n");
            }
            page.append('\n').append(totals(job).print(Table.Format.MARKDOWN));
            page.append("\nPhases at 64 tokens on the H100:\n\n");
            page.append(phases(job, 64, Roofline.CARDS.get(1)).print(Table.Format.MARKDOWN));
        }
        return page.toString();
    }

    /** All phases, and which takes longest. */
    private static Table totals(Job job) {
        Table table = new Table("card", "tokens", "as it is", "longest", "tensor cores", "longest then");
        for (Card card : Roofline.CARDS) {
            for (int tokens : Roofline.TOKENS) {
                List<Phase> phases = Roofline.phases(job, tokens, card);
                table.row(
                        card.name(),
                        String.format(Locale.ROOT, "%,d", tokens),
                        time(sum(phases, card, false)),
                        longest(phases, card, false),
                        time(sum(phases, card, true)),
                        longest(phases, card, true));
            }
        }
        return table;
    }

    private static double sum(List<Phase> phases, Card card, boolean tensorCores) {
        return phases.stream()
                .mapToDouble(phase -> phase.seconds(card, tensorCores))
                .sum();
    }

    private static String longest(List<Phase> phases, Card card, boolean tensorCores) {
        Phase most = phases.getFirst();
        for (Phase phase : phases) {
            most = phase.seconds(card, tensorCores) > most.seconds(card, tensorCores) ? phase : most;
        }
        return most.name() + ": " + name(most.limit(card, tensorCores));
    }

    private static Table phases(Job job, int tokens, Card card) {
        Table table = new Table(
                "phase",
                "GFLOP",
                "GB in memory",
                "GB over the bus",
                "launches",
                "as it is",
                "limit",
                "tensor cores",
                "limit");
        for (Phase phase : Roofline.phases(job, tokens, card)) {
            table.row(
                    phase.name(),
                    String.format(Locale.ROOT, "%,.1f", phase.operations() / 1e9),
                    String.format(Locale.ROOT, "%,.2f", phase.bytes() / 1e9),
                    String.format(Locale.ROOT, "%,.3f", phase.overBus() / 1e9),
                    String.format(Locale.ROOT, "%,d", phase.launches()),
                    time(phase.seconds(card, false)),
                    name(phase.limit(card, false)),
                    time(phase.seconds(card, true)),
                    name(phase.limit(card, true)));
        }
        return table;
    }

    private static String name(Limit limit) {
        return limit.name().toLowerCase(Locale.ROOT);
    }

    private static String time(double seconds) {
        return seconds < 1
                ? String.format(Locale.ROOT, "%.1f ms", 1e3 * seconds)
                : String.format(Locale.ROOT, "%.2f s", seconds);
    }
}
