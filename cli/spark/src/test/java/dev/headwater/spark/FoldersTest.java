package dev.headwater.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.cli.command.ClusterTask;
import dev.headwater.cli.command.ClusterWorker;
import dev.headwater.cli.command.Folder;
import dev.headwater.cli.command.LocalFolder;
import dev.headwater.engine.HeadwaterException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.resource.ResourceInformation;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Folders of both kinds, and what an executor checks and decides before it works. */
class FoldersTest {
    @TempDir
    private Path directory;

    @Test
    void filesAreReplacedWhole() throws IOException {
        for (Folder folder : List.of(
                Folders.of(directory.resolve("local").toString()),
                new HadoopFolder("file://" + directory.resolve("hadoop"), new Configuration()))) {
            assertEquals(Set.of(), folder.names("_batch"));
            folder.make();
            assertFalse(folder.has("a.json"));
            for (String text : List.of("first", "second")) {
                folder.put(Files.writeString(directory.resolve("source"), text), "a.json");
                folder.put(directory.resolve("source"), "_batch/part.jsonl");
                assertTrue(folder.fetch("a.json", directory.resolve("copy")));
                assertEquals(text, Files.readString(directory.resolve("copy")));
            }
            assertTrue(folder.names("").contains("a.json"));
            assertEquals(
                    List.of("part.jsonl"),
                    folder.names("_batch").stream()
                            .filter(name -> !name.startsWith("."))
                            .toList());
            folder.delete("_batch");
            assertEquals(Set.of(), folder.names("_batch"));
            assertFalse(folder.fetch("b.json", directory.resolve("copy")));
        }
    }

    @Test
    void aNameSaysWhichKindItIs() {
        assertEquals(new LocalFolder(Path.of("/a/b")), Folders.of("file:///a/b/"));
        assertEquals(
                "hdfs://host/a",
                assertInstanceOf(HadoopFolder.class, Folders.of("hdfs://host/a/"))
                        .toString());
    }

    @Test
    void anotherVersionAndAnotherFolderAreRefused() {
        Folder folder = new LocalFolder(directory);
        var old = new ClusterTask("0.0.1", List.of(), directory.toString(), "marker", List.of(), null);
        String said = assertThrows(HeadwaterException.class, () -> ClusterWorker.check(old, folder))
                .getMessage();
        assertTrue(said.contains("and the driver 0.0.1; all machines of a batch must have the same"), said);
        var elsewhere = new ClusterTask(
                dev.headwater.engine.Version.number(), List.of(), directory.toString(), "marker", List.of(), null);
        said = assertThrows(HeadwaterException.class, () -> ClusterWorker.check(elsewhere, folder))
                .getMessage();
        assertTrue(said.contains("it does not see the driver's " + directory), said);
    }

    @Test
    void aTaskWithAGpuComputesOnThatOne() {
        assertEquals(
                List.of("--device=cuda:3", "--threads=8"),
                Executors.own(new ResourceInformation("gpu", new String[] {"3"}), "8"));
        assertEquals(List.of(), Executors.own(null, ""));
    }

    @Test
    void failuresOfSparkAreSentences() {
        for (Map.Entry<String, String> one : Map.of(
                        "java.lang.UnsupportedClassVersionError: dev/headwater", "older Java than 25",
                        "java.io.InvalidClassException: x; local class incompatible", "driver's Spark, 4.2.0",
                        "org.apache.spark.SparkException: All masters are unresponsive! Giving up.", "The master M",
                        "org.apache.spark.SparkException: odd\n\tat x", "Spark failed: odd")
                .entrySet()) {
            String said = SparkFailure.sentence(one.getKey(), "M", "4.2.0");
            assertTrue(said.contains(one.getValue()) && !said.contains("\n"), said);
        }
    }
}
