package dev.headwater.cli.command;

import dev.headwater.engine.HeadwaterException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;

/**
 * Where a batch that runs on several machines writes, seen by all of them. Names may have a folder in front, {@code _batch/1.jsonl}.
 * All methods throw {@link HeadwaterException} with a sentence if the storage fails.
 */
public interface Folder {
    /** The directory, where it is one of this machine's file system. */
    Optional<Path> local();

    /** Makes it if it is missing, and fails if nothing can be written into it. */
    void make();

    /** Names of the files right under it, or under a folder in it; none if there is no such folder. */
    Set<String> names(String under);

    /** Whether there is a file of this name. */
    boolean has(String name);

    /**
     * Copies a file here.
     *
     * @return false if there is none
     */
    boolean fetch(String name, Path to);

    /** Puts a file there, whole or not at all, in the place of one that has the name. */
    void put(Path file, String name);

    /** Removes a file or a folder with all that is in it, if there is one. */
    void delete(String name);

    /** Its name, by which other processes find it. */
    @Override
    String toString();
}
