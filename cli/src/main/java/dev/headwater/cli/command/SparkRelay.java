package dev.headwater.cli.command;

import dev.headwater.cli.report.Console;
import dev.headwater.engine.Progress;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/**
 * How a driver that {@code --spark} has started speaks to the command that started it: in lines of its standard output with a mark in
 * front, between which Spark, its scripts and the Java machine may say what they like.
 */
public final class SparkRelay {
    /** Set for a driver that is to speak so. */
    public static final String VARIABLE = "HEADWATER_RELAY";

    private static final String MARK = "\u0001headwater ";

    private final PrintStream stream;

    /** @param stream to the command */
    public SparkRelay(PrintStream stream) {
        this.stream = stream;
    }

    /** What the command gets from the driver. */
    interface Listener {
        /** A line for standard output. */
        void out(String line);

        /** A line for standard error. */
        void err(String line);

        /**
         * The sentence with which the driver ends.
         *
         * @param logged whether Spark's log may say more
         */
        void failed(String sentence, boolean logged);

        /** How many lines are done of how many. */
        void progress(long done, long total);
    }

    /** Tells the listener of a line; one that has no mark is nobody's. */
    static void read(String line, Listener listener) {
        // Where something without an end of line was printed before it, the mark is inside.
        int mark = line.indexOf(MARK);
        if (mark < 0 || line.length() < mark + MARK.length() + 2) {
            return;
        }
        String text = line.substring(mark + MARK.length() + 2);
        switch (line.charAt(mark + MARK.length())) {
            case 'o' -> listener.out(text);
            case 'e' -> listener.err(text);
            case 'f' -> listener.failed(text, false);
            case 'l' -> listener.failed(text, true);
            case 'p' -> {
                String[] numbers = text.split(" ");
                listener.progress(Long.parseLong(numbers[0]), Long.parseLong(numbers[1]));
            }
            default -> {}
        }
    }

    /** The driver's console. */
    public Console console() {
        return new Console(marked('o'), marked('e'), 0, 0, false);
    }

    /**
     * Ends with this sentence.
     *
     * @param logged whether Spark's log may say more
     */
    public void failed(String sentence, boolean logged) {
        send(logged ? 'l' : 'f', sentence);
    }

    /** The driver's progress. */
    public Progress progress() {
        return new Progress() {
            private long total;

            @Override
            public void phase(String name, long units) {
                total = units;
                advance(0);
            }

            @Override
            public void advance(long done) {
                send('p', done + " " + total);
            }
        };
    }

    private void send(char kind, String line) {
        synchronized (stream) {
            stream.println(MARK + kind + " " + line);
            stream.flush();
        }
    }

    private PrintStream marked(char kind) {
        return new PrintStream(
                new OutputStream() {
                    private final ByteArrayOutputStream line = new ByteArrayOutputStream();

                    @Override
                    public void write(int b) throws IOException {
                        if (b == '\n') {
                            send(kind, line.toString(StandardCharsets.UTF_8));
                            line.reset();
                        } else if (b != '\r') {
                            line.write(b);
                        }
                    }
                },
                true,
                StandardCharsets.UTF_8);
    }
}
