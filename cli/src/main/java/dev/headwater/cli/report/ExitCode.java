package dev.headwater.cli.report;

/** How a command ends: 0 done, and these. */
public final class ExitCode {
    public static final int FAILURE = 1;
    /** The request makes no sense. */
    public static final int USAGE = 2;

    public static final int INTERRUPTED = 130;

    private ExitCode() {}
}
