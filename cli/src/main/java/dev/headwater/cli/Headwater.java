package dev.headwater.cli;

import dev.headwater.bindings.NativeException;
import dev.headwater.bindings.NativeLibraries;
import dev.headwater.cli.command.AttentionCommand;
import dev.headwater.cli.command.AttributeCommand;
import dev.headwater.cli.command.BatchCommand;
import dev.headwater.cli.command.CircuitCommand;
import dev.headwater.cli.command.CompareCommand;
import dev.headwater.cli.command.ConnectionsCommand;
import dev.headwater.cli.command.ConvertCommand;
import dev.headwater.cli.command.DoctorCommand;
import dev.headwater.cli.command.EvaluateCommand;
import dev.headwater.cli.command.ExplainCommand;
import dev.headwater.cli.command.ExportCommand;
import dev.headwater.cli.command.FaithfulnessCommand;
import dev.headwater.cli.command.FeaturesCommand;
import dev.headwater.cli.command.FetchCommand;
import dev.headwater.cli.command.GraphCommand;
import dev.headwater.cli.command.InterveneCommand;
import dev.headwater.cli.command.LabelCommand;
import dev.headwater.cli.command.ModelsCommand;
import dev.headwater.cli.command.PlanCommand;
import dev.headwater.cli.command.ServeCommand;
import dev.headwater.cli.command.TrainCommand;
import dev.headwater.cli.command.UploadCommand;
import dev.headwater.cli.command.VerifyCommand;
import dev.headwater.cli.option.ReferenceOptions;
import dev.headwater.cli.report.Console;
import dev.headwater.cli.report.ExitCode;
import dev.headwater.cli.report.Interrupt;
import dev.headwater.cli.report.Text;
import dev.headwater.cli.report.Version;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.files.MappedFile;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.HelpCommand;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;

/**
 * The command line. Exit codes: 0 done, 1 failed, 2 the request makes no sense, 130 interrupted. A failure is one
 * sentence on standard error; {@code --verbose} adds the stack trace.
 */
@Command(
        name = "headwater",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        description = "Attribution graphs of language models: follow an answer upstream to its sources.",
        synopsisSubcommandLabel = "COMMAND",
        commandListHeading = "%nCommands:%n",
        footer = {
            "",
            "Examples:",
            "  headwater attribute \"Fact: the capital of the state containing Dallas is\"",
            "  headwater doctor",
            "  headwater help attribute",
            "",
            "In a clone, './headwater bench' times whole attributions; benchmarks/RESULTS.md has what was measured."
        })
public final class Headwater {
    /** How long an interrupted command may take to put things in order, before the process ends regardless. */
    private static final int GRACE_SECONDS = 2;

    private static final int LONGEST_TRACE = 100;

    @Option(names = "--verbose", scope = ScopeType.INHERIT, description = "Say more; show stack traces of failures.")
    private boolean verbose;

    public static void main(String[] args) {
        // Whatever the machine's language: digits, case and formats of files and output are the same everywhere.
        Locale.setDefault(Locale.ROOT);
        CountDownLatch finished = new CountDownLatch(1);
        Interrupt interrupt = new Interrupt();
        // Ctrl-C runs this hook while the command still works: ask it to stop, and let it remove what it had half
        // written.
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            interrupt.request();
            try {
                boolean _ = finished.await(GRACE_SECONDS, TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }));
        Console console = Console.ofProcess();
        int code;
        try {
            code = written(console, run(console, interrupt, args));
        } finally {
            finished.countDown();
        }
        System.exit(code);
    }

    /** The exit code, which is a failure where results were lost: standard output is full, or nobody reads it any more. */
    static int written(Console console, int code) {
        if (!console.out().checkError()) {
            return code;
        }
        complain(console, "Not all of the output could be written: standard output is full or closed.");
        return code == 0 ? ExitCode.FAILURE : code;
    }

    /** Runs one command; everything that it prints goes to the console. */
    public static int run(Console console, Interrupt interrupt, String... args) {
        String instructions = System.getenv("HEADWATER_ISA");
        List<String> instructionSets = NativeLibraries.instructions();
        if (instructions != null
                && !instructions.isEmpty()
                && !instructionSets.isEmpty()
                && !instructionSets.contains(instructions)) {
            complain(
                    console,
                    "HEADWATER_ISA is '" + Text.cut(instructions, 30) + "'; it can be "
                            + String.join(", ", instructionSets).replaceFirst(", (?=[^,]*$)", " or ") + ", or unset.");
            return ExitCode.USAGE;
        }
        PrintWriter out = new PrintWriter(console.out(), true, console.out().charset());
        PrintWriter err = new PrintWriter(console.err(), true, console.err().charset());
        CommandLine commands = new CommandLine(new Headwater());
        // Reading all commands' annotations takes longer than running some commands: take in the one that is asked for.
        Map<String, Supplier<Object>> known = commands(console, interrupt);
        if (args.length == 3 && args[0].equals("help") && known.containsKey(args[1])) {
            commands.addSubcommand(known.get(args[1]).get());
        } else if (args.length > 0 && known.containsKey(args[0])) {
            commands.addSubcommand(known.get(args[0]).get());
        } else if (!List.of(args).equals(List.of("--version"))) {
            known.values().forEach(command -> commands.addSubcommand(command.get()));
            var completion = new CommandLine(new AutoComplete.GenerateCompletion());
            completion
                    .getCommandSpec()
                    .usageMessage()
                    .description(
                            "Prints a completion script for bash and zsh: source <(headwater generate-completion)");
            commands.addSubcommand(new HelpCommand()).addSubcommand(completion);
        }
        commands.setExpandAtFiles(false)
                .setOut(out)
                .setErr(err)
                .setColorScheme(
                        CommandLine.Help.defaultColorScheme(console.style().on() ? Ansi.ON : Ansi.OFF))
                .setUsageHelpWidth(Math.max(80, console.width()))
                .setUsageHelpLongOptionsMaxWidth(24)
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setExitCodeExceptionMapper(Headwater::exitCode);
        commands.setParameterExceptionHandler((e, _) -> wrongUsage(console, e));
        commands.setExecutionExceptionHandler((e, command, _) -> failed(console, interrupt, command, e));
        commands.setExecutionStrategy(
                parsed -> parsed.hasSubcommand() || parsed.isUsageHelpRequested() || parsed.isVersionHelpRequested()
                        ? new CommandLine.RunLast().execute(parsed)
                        : welcome(commands));
        // As elsewhere: of an option that is given twice, the last counts.
        CommandLine.tracer().setLevel(CommandLine.TraceLevel.OFF);
        commands.setOverwrittenOptionsAllowed(true);
        try {
            long faults = MappedFile.faults();
            int code = commands.execute(spelled(console, args));
            if (code == 0 && MappedFile.faults() > faults && !serves(commands)) {
                throw new InternalError("a mapped file became shorter");
            }
            return code;
        } catch (UsageException e) {
            complain(console, sentence(e.getMessage()));
            return ExitCode.USAGE;
        } catch (OutOfMemoryError e) {
            complain(
                    console,
                    "Not enough memory (" + e.getMessage() + "); for more Java heap than "
                            + Text.bytes(Runtime.getRuntime().maxMemory()) + " set HEADWATER_JAVA_OPTS=-Xmx…");
            return ExitCode.FAILURE;
        } catch (InternalError e) {
            // What Java makes of a mapped file that lost its end, see MappedFile.
            complain(
                    console,
                    "A file became shorter, or its disk failed, while it was being read; start again when it is whole");
            return ExitCode.FAILURE;
        } catch (Error e) {
            complain(console, unexpected(e, List.of(args).contains("--verbose")));
            if (List.of(args).contains("--verbose")) {
                trace(console, e);
            }
            return ExitCode.FAILURE;
        }
    }

    /** The explorer has told whoever asked for what came of it. */
    private static boolean serves(CommandLine commands) {
        return commands.getParseResult().hasSubcommand()
                && commands.getParseResult().subcommand().commandSpec().userObject() instanceof ServeCommand;
    }

    /** The stack trace; what repeats itself without end is cut. */
    private static void trace(Console console, Throwable e) {
        var text = new java.io.StringWriter();
        e.printStackTrace(new PrintWriter(text, true));
        List<String> lines = text.toString().lines().toList();
        lines.stream().limit(LONGEST_TRACE).forEach(console.err()::println);
        if (lines.size() > LONGEST_TRACE) {
            console.err().println("\t... " + (lines.size() - LONGEST_TRACE) + " more lines");
        }
    }

    /** By name, in the order of the help. */
    private static Map<String, Supplier<Object>> commands(Console console, Interrupt interrupt) {
        Map<String, Supplier<Object>> commands = new LinkedHashMap<>();
        commands.put("attribute", () -> new AttributeCommand(console, interrupt));
        commands.put("batch", () -> new BatchCommand(console, interrupt));
        commands.put("graph", () -> new GraphCommand(console));
        commands.put("attention", () -> new AttentionCommand(console, interrupt));
        commands.put("intervene", () -> new InterveneCommand(console, interrupt));
        commands.put("verify", () -> new VerifyCommand(console, interrupt));
        commands.put("explain", () -> new ExplainCommand(console, interrupt));
        commands.put("faithfulness", () -> new FaithfulnessCommand(console, interrupt));
        commands.put("evaluate", () -> new EvaluateCommand(console, interrupt));
        commands.put("compare", () -> new CompareCommand(console));
        commands.put("circuit", () -> new CircuitCommand(console, interrupt));
        commands.put("export", () -> new ExportCommand(console, interrupt));
        commands.put("serve", () -> new ServeCommand(console, interrupt));
        commands.put("plan", () -> new PlanCommand(console));
        commands.put("models", () -> new ModelsCommand(console));
        commands.put("fetch", () -> new FetchCommand(console, interrupt));
        commands.put("convert", () -> new ConvertCommand(console, interrupt));
        commands.put(
                "features",
                () -> new CommandLine(new FeaturesCommand())
                        .addSubcommand(new FeaturesCommand.Build(console, interrupt))
                        .addSubcommand(new ConnectionsCommand(console, interrupt))
                        .addSubcommand(new LabelCommand(console, interrupt)));
        commands.put("train", () -> new TrainCommand(console, interrupt));
        commands.put("upload", () -> new UploadCommand(console));
        commands.put("doctor", () -> new DoctorCommand(console));
        return commands;
    }

    /** The arguments with further spellings replaced by ours; {@code help a b} is {@code a b --help}. */
    private static String[] spelled(Console console, String[] args) {
        if (args.length == 3 && args[0].equals("help")) {
            return new String[] {args[1], args[2], "--help"};
        }
        boolean quiet = List.of(args).contains("--quiet");
        return ReferenceOptions.replaced(args, sentence -> {
            if (!quiet) {
                complain(console, sentence(sentence));
            }
        });
    }

    private static int welcome(CommandLine commands) {
        commands.usage(commands.getOut());
        return ExitCode.USAGE;
    }

    private static int wrongUsage(Console console, ParameterException e) {
        CommandLine command = e.getCommandLine();
        String message = e.getMessage();
        String first = message == null ? "" : message.lines().findFirst().orElse("");
        complain(console, sentence(first.isEmpty() ? "wrong usage" : first));
        var suggestions = new java.io.StringWriter();
        if (CommandLine.UnmatchedArgumentException.printSuggestions(e, new PrintWriter(suggestions, true))) {
            console.err().print(suggestions);
        }
        console.err().println("Try '" + command.getCommandSpec().qualifiedName() + " --help'.");
        if (isVerbose(command)) {
            trace(console, e);
        }
        return ExitCode.USAGE;
    }

    private static int failed(Console console, Interrupt interrupt, CommandLine command, Exception e) {
        int code = interrupt.requested() ? ExitCode.INTERRUPTED : exitCode(e);
        if (code == ExitCode.INTERRUPTED) {
            console.err().println("Interrupted; no file was left half written.");
        } else {
            complain(console, message(e, isVerbose(command)));
        }
        if (isVerbose(command)) {
            trace(console, e);
        }
        return code;
    }

    private static int exitCode(Throwable e) {
        return e instanceof UsageException
                ? ExitCode.USAGE
                : e instanceof CancellationException ? ExitCode.INTERRUPTED : ExitCode.FAILURE;
    }

    private static String message(Exception e, boolean verbose) {
        return switch (e) {
            case HeadwaterException ours -> sentence(ours.getMessage());
            case NativeException ours -> sentence(ours.getMessage());
            case UncheckedIOException io -> sentence("Input or output failed: " + io.getCause());
            case IOException _ -> sentence("Input or output failed: " + e);
            default -> unexpected(e, verbose);
        };
    }

    private static String unexpected(Throwable e, boolean verbose) {
        return "Headwater failed in a way that it does not expect (" + e + ")."
                + (verbose ? "" : " Run it again with --verbose to see where, and please report it.");
    }

    private static void complain(Console console, String sentence) {
        console.err().println(console.errStyle().red("headwater: ") + Text.visible(sentence));
    }

    private static String sentence(String text) {
        return text.endsWith(".") || text.endsWith("!") || text.endsWith("?") ? text : text + ".";
    }

    private static boolean isVerbose(CommandLine command) {
        return command.getCommandSpec().root().userObject() instanceof Headwater root && root.verbose;
    }
}
