package dev.headwater.faults;

import dev.headwater.engine.HeadwaterException;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A running {@code headwater serve}. */
record Explorer(Trial.Started started, URI address) implements AutoCloseable {
    private static final Pattern ADDRESS = Pattern.compile("The explorer is at (\\S+?)/? ");
    private static final int MOST_LOOKS = 1200;

    static Explorer start(Trial trial, Path graphs, String... options) throws IOException, InterruptedException {
        List<String> arguments = new ArrayList<>(List.of("serve", graphs.toString(), "--port", "0", "--no-browser"));
        arguments.addAll(List.of(options));
        Trial.Started started = trial.start(Map.of(), arguments);
        for (int i = 0; i < MOST_LOOKS && started.process().isAlive(); i++) {
            Matcher address = ADDRESS.matcher(started.output());
            if (address.find()) {
                return new Explorer(started, URI.create(address.group(1)));
            }
            Thread.sleep(50);
        }
        started.process().destroyForcibly();
        throw new HeadwaterException("the explorer did not start: " + started.output());
    }

    void kill() throws InterruptedException {
        started.process().destroyForcibly().waitFor();
    }

    @Override
    public void close() {
        started.process().destroyForcibly();
    }
}
