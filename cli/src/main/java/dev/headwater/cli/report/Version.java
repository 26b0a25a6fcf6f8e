package dev.headwater.cli.report;

import picocli.CommandLine.IVersionProvider;

/** What the module's description says or, on the class path, the jar's manifest. */
public final class Version implements IVersionProvider {
    public static String number() {
        Module module = Version.class.getModule();
        String version = module.isNamed()
                ? module.getDescriptor().rawVersion().orElse(null)
                : Version.class.getPackage().getImplementationVersion();
        return version == null ? "development" : version;
    }

    @Override
    public String[] getVersion() {
        return new String[] {"headwater " + number()};
    }
}
