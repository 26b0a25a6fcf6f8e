package dev.headwater.cli.report;

import picocli.CommandLine.IVersionProvider;

/** What {@code --version} prints. */
public final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
        return new String[] {"headwater " + dev.headwater.engine.Version.number()};
    }
}
