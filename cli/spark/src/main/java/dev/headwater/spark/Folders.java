package dev.headwater.spark;

import dev.headwater.cli.command.Folder;
import dev.headwater.cli.command.LocalFolder;
import dev.headwater.engine.UsageException;
import java.nio.file.Path;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.SparkEnv;
import org.apache.spark.deploy.SparkHadoopUtil;

/** Folders by their names: of the file system that all machines share, or of one of Hadoop's. */
final class Folders {
    private Folders() {}

    static Folder of(String name) {
        if (name.matches("[a-zA-Z][a-zA-Z0-9+.-]*:.*") && !name.startsWith("file:")) {
            return new HadoopFolder(name.endsWith("/") ? name.substring(0, name.length() - 1) : name, configuration());
        }
        String path = name.replaceFirst("^file:/*(?=/)", "");
        if (path.startsWith("file:")) {
            throw new UsageException("'" + name + "' is no directory's name; write file:///PATH, or the path alone");
        }
        return new LocalFolder(Path.of(path).toAbsolutePath().normalize());
    }

    /** With what {@code spark.hadoop.*} says. */
    private static Configuration configuration() {
        SparkEnv env = SparkEnv.get();
        return env == null
                ? SparkHadoopUtil.get().conf()
                : SparkHadoopUtil.get().newConfiguration(env.conf());
    }
}
