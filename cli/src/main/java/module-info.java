/**
 * The command line and the explorer, which nobody programs against: nothing is exported, and what is opened is for the libraries
 * that read options and requests into our types.
 *
 * <p>The libraries of the page's server and of the progress bar stay on the class path, which this module reads by
 * {@code --add-reads}: the decisions say why.
 */
module dev.headwater.cli {
    requires com.fasterxml.jackson.dataformat.csv;
    requires dev.headwater.engine;
    requires info.picocli;

    opens dev.headwater.cli to
            info.picocli;
    opens dev.headwater.cli.command to
            info.picocli;
    opens dev.headwater.cli.option to
            info.picocli;
    opens dev.headwater.cli.report to
            info.picocli;
    opens dev.headwater.explorer to
            com.fasterxml.jackson.databind;
}
