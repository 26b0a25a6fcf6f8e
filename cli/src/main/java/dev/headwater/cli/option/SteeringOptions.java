package dev.headwater.cli.option;

import dev.headwater.cli.report.Text;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.document.GraphDocument;
import dev.headwater.engine.graph.Prompt;
import dev.headwater.engine.intervention.Baseline;
import dev.headwater.engine.intervention.Change;
import dev.headwater.engine.intervention.Edit;
import dev.headwater.engine.intervention.EditPattern;
import dev.headwater.engine.intervention.Freeze;
import dev.headwater.engine.intervention.HeadEdit;
import dev.headwater.engine.intervention.Intervention;
import dev.headwater.engine.intervention.Supernode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Stack;
import picocli.CommandLine.IParameterConsumer;
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
    private List<Request> set;

    @Option(
            names = "--scale",
            paramLabel = "FEATURE=FACTOR",
            parameterConsumer = InOrder.class,
            description = "Multiply an activation; -1 turns it to minus its value.")
    private List<Request> scale;

    @Option(
            names = "--add",
            paramLabel = "FEATURE=NUMBER",
            parameterConsumer = InOrder.class,
            description = "Add to an activation.")
    private List<Request> add;

    @Option(
            names = "--ablate",
            paramLabel = "FEATURE",
            parameterConsumer = InOrder.class,
            description = "Set an activation to 0.")
    private List<Request> ablate;

    @Option(
            names = "--swap",
            paramLabel = "FEATURE",
            parameterConsumer = InOrder.class,
            description = "Give an activation the value that it has in another prompt (--from), at the same position.")
    private List<Request> swap;

    @Option(
            names = "--group",
            paramLabel = "NAME=FACTOR",
            parameterConsumer = InOrder.class,
            description = "Multiply the activations of a supernode of a graph (--graph).")
    private List<Request> group;

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

    @Option(names = "--from", paramLabel = "PROMPT", description = "The other prompt, for --swap.")
    private String from;

    @Option(
            names = "--graph",
            paramLabel = "FILE|URL",
            description = "Graph file, or address of a graph on Neuronpedia, whose supernodes and pinned "
                    + "features (the group 'pinned') --group means.")
    private String graph;

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
    private String constrain;

    /** Rejects what can be seen to be wrong before anything is loaded. */
    public void check() {
        for (Request request : requests()) {
            EditPattern unused = request.option.equals("--group") ? null : EditPattern.parse(place(request));
            if (!request.option.equals("--ablate") && !request.option.equals("--swap")) {
                change(request);
            }
        }
        boolean swaps = requests().stream().anyMatch(request -> request.option.equals("--swap"));
        if (swaps != (from != null)) {
            throw new UsageException(
                    swaps
                            ? "--swap needs --from, the prompt to take activations from"
                            : "--from is given without --swap");
        }
        boolean groups = requests().stream().anyMatch(request -> request.option.equals("--group"));
        if (groups != (graph != null)) {
            throw new UsageException(
                    groups
                            ? "--group needs --graph, where its features are listed"
                            : "--graph is given without --group");
        }
        freeze();
        heads();
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
        return equals < 0 || request.option.equals("--ablate") || request.option.equals("--swap")
                ? request.value
                : request.value.substring(0, equals);
    }

    private static Change change(Request request) {
        int equals = request.value.lastIndexOf('=');
        if (equals < 0) {
            throw new UsageException(request.option + " " + Text.cut(request.value, 60) + " lacks '=' and a number");
        }
        float number;
        try {
            number = Float.parseFloat(request.value.substring(equals + 1));
        } catch (NumberFormatException e) {
            throw new UsageException("'" + Text.cut(request.value.substring(equals + 1), 30) + "' in " + request.option
                    + " is not a number");
        }
        return switch (request.option) {
            case "--set" -> new Change.Set(number);
            case "--add" -> new Change.Add(number);
            default -> new Change.Scale(number);
        };
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

    public Intervention of(Baseline baseline) {
        List<Edit> edits = new ArrayList<>();
        Prompt other = from == null ? null : baseline.model().prompt(from);
        List<Supernode> groups =
                graph == null ? List.of() : groups(graph, baseline.model().layers());
        for (Request request : requests()) {
            edits.addAll(
                    switch (request.option) {
                        case "--group" ->
                            members(groups, place(request)).stream()
                                    .flatMap(members -> members.edits(change(request)).stream())
                                    .toList();
                        case "--swap" -> EditPattern.parse(place(request)).swaps(baseline, other);
                        case "--ablate" -> EditPattern.parse(place(request)).edits(baseline, Change.ABLATE);
                        default -> EditPattern.parse(place(request)).edits(baseline, change(request));
                    });
        }
        return new Intervention(edits, heads(), freeze());
    }

    public static List<Supernode> groups(String graph, int layers) {
        return graph.contains("://")
                ? Supernode.ofUrl(graph, layers)
                : Supernode.of(GraphDocument.read(Path.of(graph)));
    }

    private List<Supernode> members(List<Supernode> groups, String name) {
        List<Supernode> named =
                groups.stream().filter(group -> group.name().equals(name)).toList();
        if (named.isEmpty()) {
            throw new UsageException("The graph has no supernode '" + Text.cut(name, 60) + "'; it has "
                    + (groups.isEmpty()
                            ? "none"
                            : Text.cut(
                                    String.join(
                                            ", ",
                                            groups.stream().map(Supernode::name).toList()),
                                    200)));
        }
        return named;
    }
}
