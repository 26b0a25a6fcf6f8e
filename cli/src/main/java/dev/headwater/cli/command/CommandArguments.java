package dev.headwater.cli.command;

import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParseResult;

/** A command's arguments as they were given, to be given to another process. */
final class CommandArguments {
    /** Options whose values may be files or directories of the working directory, which is another one elsewhere. */
    private static final Set<String> FILES = Set.of("--model", "--transcoders", "--contrast");

    private CommandArguments() {}

    /**
     * @param wanted   which options, by their longest names
     * @param elsewhere options alone, with whole paths
     */
    static List<String> of(ParseResult parsed, Predicate<String> wanted, boolean elsewhere) {
        List<String> arguments = new ArrayList<>();
        for (ArgSpec argument : parsed.matchedArgs()) {
            switch (argument) {
                case OptionSpec option when !wanted.test(option.longestName()) -> {}
                case OptionSpec option when option.arity().max() == 0 -> arguments.add(option.longestName());
                case OptionSpec option ->
                    option.originalStringValues()
                            .forEach(value -> arguments.add(option.longestName() + "="
                                    + (elsewhere && FILES.contains(option.longestName()) ? whole(value) : value)));
                default -> {
                    if (!elsewhere) {
                        arguments.addAll(argument.originalStringValues());
                    }
                }
            }
        }
        return arguments;
    }

    private static String whole(String value) {
        try {
            Path path = Path.of(value);
            return Files.exists(path) ? path.toAbsolutePath().normalize().toString() : value;
        } catch (InvalidPathException e) {
            return value;
        }
    }
}
