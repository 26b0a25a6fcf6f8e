package dev.headwater.cli.report;

import picocli.CommandLine.IVersionProvider;

/** What the jar's manifest says. */
public final class Version implements IVersionProvider {
    public static String number() {
        String version = Version.class.getPackage().getImplementationVersion();
        return version == null ? "development" : version;
    }

    @Override
    public String[] getVersion() {
        return new String[] {"headwater " + number()};
    }
}
