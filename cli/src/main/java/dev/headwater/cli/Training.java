package dev.headwater.cli;

import dev.headwater.cli.report.Console;
import dev.headwater.cli.report.Interrupt;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Path;

/** Typical commands one after the other, for the run in which the JDK learns what to keep in its start-up cache. */
final class Training {
    private Training() {}

    /** @param args a directory for what the commands write */
    public static void main(String[] args) {
        Path directory = Path.of(args[0]);
        String prompt = "Fact: the capital of the state containing Dallas is";
        String graph = directory.resolve("graph.safetensors").toString();
        run("attribute", prompt, "--out", directory.toString(), "--slug", "a", "--raw", graph);
        run("attribute", prompt, "--out", directory.toString(), "--slug", "b", "--json");
        run("intervene", prompt, "--scale", "5/-1/1320=0");
        run("graph", graph, "--info");
        run("doctor");
        run("models");
        run("--help");
    }

    private static void run(String... command) {
        PrintStream nowhere = new PrintStream(OutputStream.nullOutputStream());
        Headwater.run(new Console(nowhere, nowhere, 0, 0, false), new Interrupt(), command);
    }
}
