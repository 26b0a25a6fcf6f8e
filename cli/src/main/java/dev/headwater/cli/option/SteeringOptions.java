package dev.headwater.cli.option;

import dev.headwater.cli.report.Text;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.intervention.Baseline;
import dev.headwater.engine.intervention.Change;
import dev.headwater.engine.intervention.Edit;
import dev.headwater.engine.intervention.EditPattern;
import dev.headwater.engine.intervention.Freeze;
import dev.headwater.engine.intervention.HeadEdit;
import dev.headwater.engine.intervention.Intervention;
import dev.headwater.engine.intervention.Positions;
import dev.headwater.engine.intervention.SourceGraph;
import java.util.ArrayList;
import java.util.List;
import java.util.Stack;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.IParameterConsumer;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** Which features are to change how, and what stays as it was. */
public final class SteeringOptions {
    /** One option as it was given: {@code --set}, {@code 2/-1/607=0}. */
    private record Request(String option, String value) {}

    /** Collects what changes features in the order given, since the last change of a feature counts. */
    static final class InOrder implements IParameterConsumer {
        @Override
        public void consumeParameters(Stack<String> args, ArgSpec option, CommandSpec command) {
            String name = ((OptionSpec) option).longestName();
            if (args.isEmpty()) {
                throw new ParameterException(
                        command.commandLine(),
                        "Missing required parameter for option '" + name + "' (" + option.paramLabel() + ")");
            }
            List<Request> requests = option.getValue() == null ? new ArrayList<>() : option.getValue();
            requests.add(new Request(name, args.pop()));
            for (OptionSpec other : command.options()) {
                if (other.parameterConsumer() instanceof InOrder) {
                    other.setValue(requests);
                }
            }
        }
    }

    @Option(
            names = "--set",
            paramLabel = "FEATURE=VALUE",
            parameterConsumer = InOrder.class,
            description =
                    "Set an activation. FEATURE is LAYER/POSITION/NUMBER; a position may be negative (from the end), a range a:b, or a: "
                            + "(open-ended, generated tokens too). Layers may be a range, and * means all of them, or all features that fire.")
    private @Nullable List<Request> set;

    @Option(
            names = "--scale",
            paramLabel = "FEATURE=FACTOR",
            parameterConsumer = InOrder.class,
            description =
                    "Multiply an activation, or its distance from the mean (--contrast); -1 turns it to minus its value.")
    @SuppressWarnings("unused") // one list with --set, see InOrder
    private List<Request> scale;

    @Option(
            names = "--add",
            paramLabel = "FEATURE=NUMBER",
            parameterConsumer = InOrder.class,
            description = "Add to an activation.")
    @SuppressWarnings("unused") // one list with --set, see InOrder
    private List<Request> add;

    @Option(
            names = "--ablate",
            paramLabel = "FEATURE",
            parameterConsumer = InOrder.class,
            description = "Set an activation to 0, or to its mean (--contrast).")
    @SuppressWarnings("unused") // one list with --set, see InOrder
    private List<Request> ablate;

    @Option(
            names = "--swap",
            paramLabel = "FEATURE[@POSITION][=FACTOR]",
            parameterConsumer = InOrder.class,
            description =
                    "Give an activation the value that it has in another prompt (--from), at the same position or at "
                            + "@POSITION there, times a factor.")
    @SuppressWarnings("unused") // one list with --set, see InOrder
    private List<Request> swap;

    @Option(
            names = "--group",
            paramLabel = "NAME=FACTOR",
            parameterConsumer = InOrder.class,
            description = "Multiply the activations that a supernode of a graph (--graph) has in this prompt.")
    @SuppressWarnings("unused") // one list with --set, see InOrder
    private List<Request> group;

    @Option(
            names = "--put",
            paramLabel = "NAME[@POSITION][=FACTOR]",
            parameterConsumer = InOrder.class,
            description =
                    "Give a supernode the activations that it has in its graph's prompt, or in those of --from, times a "
                            + "factor; at its positions there, or all at @POSITION here.")
    @SuppressWarnings("unused") // one list with --set, see InOrder
    private List<Request> put;

    @Mixin
    private GraphSources graphs;

    @Option(
            names = "--knock-out",
            paramLabel = "LAYER/HEAD",
            description = "Take an attention head out: it writes nothing; may be repeated.")
    private List<String> knockOut = new ArrayList<>();

    @Option(
            names = "--force-attention",
            paramLabel = "LAYER/HEAD/QUERY/KEY=P",
            description = "Have a head look from one position at another with this probability; may be repeated.")
    private List<String> force = new ArrayList<>();

    @Option(
            names = "--from",
            paramLabel = "PROMPT",
            description = "The other prompt, for --swap and --put; of several, the mean is taken.")
    private List<String> from = new ArrayList<>();

    @Option(
            names = "--freeze",
            paramLabel = "WHAT",
            defaultValue = "attention",
            description =
                    "What stays as without edits: attention (patterns; the default), all (direct effects only) or none.")
    private String freeze;

    @Option(
            names = "--constrain",
            paramLabel = "A:B",
            description = "Freeze the MLP outputs of layers A to B-1 too, and write to these layers only.")
    private @Nullable String constrain;

    /** Where the value of an option that takes activations from elsewhere is cut: what, at which position, times what. */
    private record Taken(String what, @Nullable Integer at, float factor) {
        static Taken of(String text) {
            int equals = text.lastIndexOf('=');
            float factor = equals < 0 ? 1 : number("a swap's factor", text.substring(equals + 1));
            String place = equals < 0 ? text : text.substring(0, equals);
            int sign = place.lastIndexOf('@');
            if (sign < 0) {
                return new Taken(place, null, factor);
            }
            if (!(Positions.parse(place.substring(sign + 1)) instanceof Positions.At(int position))) {
                throw new UsageException("'" + Text.cut(text, 60) + "': after @ comes one position");
            }
            return new Taken(place.substring(0, sign), position, factor);
        }
    }

    /** Rejects what can be seen to be wrong before anything is loaded. */
    public void check() {
        for (Request request : requests()) {
            switch (request.option) {
                case "--swap" -> EditPattern.parse(Taken.of(request.value).what);
                case "--put" -> Taken.of(request.value);
                case "--group" -> change(request);
                case "--ablate" -> EditPattern.parse(request.value);
                default -> {
                    EditPattern.parse(place(request));
                    change(request);
                }
            }
        }
        if (given("--swap") && from.isEmpty()) {
            throw new UsageException("--swap needs --from, the prompt to take activations from");
        }
        if (!given("--swap") && !given("--put") && !from.isEmpty()) {
            throw new UsageException("--from is given without --swap or --put");
        }
        graphs.check(given("--group") ? "--group" : given("--put") ? "--put" : null);
        freeze();
        heads();
    }

    /** Whether a graph's strongest features are to change. */
    public boolean strongestWanted() {
        return graphs.strongestWanted();
    }

    private boolean given(String option) {
        return requests().stream().anyMatch(request -> request.option.equals(option));
    }

    private List<HeadEdit> heads() {
        List<HeadEdit> heads = new ArrayList<>();
        knockOut.forEach(text -> heads.add(HeadEdit.knockOut(text)));
        force.forEach(text -> heads.add(HeadEdit.force(text)));
        return heads;
    }

    private List<Request> requests() {
        return set == null ? List.of() : set;
    }

    private static String place(Request request) {
        int equals = request.value.lastIndexOf('=');
        return equals < 0 ? request.value : request.value.substring(0, equals);
    }

    private static Change change(Request request) {
        int equals = request.value.lastIndexOf('=');
        if (equals < 0) {
            throw new UsageException(request.option + " " + Text.cut(request.value, 60) + " lacks '=' and a number");
        }
        float number = number(request.option, request.value.substring(equals + 1));
        return switch (request.option) {
            case "--set" -> new Change.Set(number);
            case "--add" -> new Change.Add(number);
            default -> new Change.Scale(number);
        };
    }

    private static float number(String option, String text) {
        try {
            return Float.parseFloat(text);
        } catch (NumberFormatException e) {
            throw new UsageException("'" + Text.cut(text, 30) + "' in " + option + " is not a number");
        }
    }

    private Freeze freeze() {
        if (constrain != null) {
            if (!constrain.matches("\\d{1,9}:\\d{1,9}")) {
                throw new UsageException("--constrain is '" + Text.cut(constrain, 30) + "'; write layers as A:B");
            }
            if (!freeze.equals("attention")) {
                throw new UsageException(
                        "--constrain freezes attention and some layers; it contradicts --freeze " + freeze);
            }
            String[] parts = constrain.split(":");
            return new Freeze.Layers(Integer.parseInt(parts[0]), Integer.parseInt(parts[1]));
        }
        return switch (freeze) {
            case "attention" -> Freeze.ATTENTION;
            case "all" -> Freeze.EVERYTHING;
            case "none" -> Freeze.NOTHING;
            default ->
                throw new UsageException(
                        "--freeze is '" + Text.cut(freeze, 30) + "'; it can be attention, all or none");
        };
    }

    /**
     * What the options ask for.
     *
     * @param strongest how many features --from-graph means
     * @param warn      hears of graphs that are of another model
     */
    public Intervention of(Baseline baseline, int strongest, Consumer<String> warn) {
        List<Edit> edits = new ArrayList<>(graphs.strongest(baseline.model(), strongest, warn));
        List<Prompt> others =
                from.stream().map(text -> baseline.model().prompt(text)).toList();
        List<SourceGraph> sources = graphs.read(baseline.model(), warn);
        for (Request request : requests()) {
            List<Edit> asked = edits(request, baseline, others, sources);
            if (asked.isEmpty()) {
                throw new UsageException("%s %s changes nothing: no feature fires there"
                        .formatted(request.option, Text.cut(request.value, 60)));
            }
            edits.addAll(asked);
        }
        return new Intervention(edits, heads(), freeze());
    }

    private static List<Edit> edits(
            Request request, Baseline baseline, List<Prompt> others, List<SourceGraph> sources) {
        switch (request.option) {
            case "--group" -> {
                return GraphSources.changes(sources, place(request), change(request));
            }
            case "--put" -> {
                Taken taken = Taken.of(request.value);
                return GraphSources.put(baseline, sources, taken.what, others, taken.at, taken.factor);
            }
            case "--swap" -> {
                Taken taken = Taken.of(request.value);
                return EditPattern.parse(taken.what).swaps(baseline, others, taken.at, taken.factor);
            }
            case "--ablate" -> {
                return EditPattern.parse(request.value).edits(baseline, Change.ABLATE);
            }
            default -> {
                return EditPattern.parse(place(request)).edits(baseline, change(request));
            }
        }
    }
}
