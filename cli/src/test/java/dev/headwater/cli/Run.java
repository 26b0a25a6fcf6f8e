package dev.headwater.cli;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/** One run of the command line in this process: its exit code and what it printed. */
record Run(int code, String out, String err) {
    static Run headwater(String... args) {
        return onTerminal(0, args);
    }

    /** With both streams going to a terminal of so many columns, in colour. */
    static Run onTerminal(int columns, String... args) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        int code = Headwater.run(new Console(new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8), columns, columns, true), new Interrupt(), args);
        return new Run(code, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
    }
}
