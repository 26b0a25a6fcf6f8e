package dev.headwater.cli.command;

import dev.headwater.cli.option.OutputOptions;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.AtomicFile;
import dev.headwater.engine.files.Trees;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** A directory that all machines see under one path: of one machine, or on a shared file system. */
public record LocalFolder(Path directory) implements Folder {
    @Override
    public Optional<Path> local() {
        return Optional.of(directory);
    }

    @Override
    public void make() {
        OutputOptions.checkWritable(directory);
        AtomicFile.createDirectories(directory, "graphs");
    }

    @Override
    public Set<String> names(String under) {
        try (Stream<Path> files = Files.list(directory.resolve(under))) {
            return files.map(file -> file.getFileName().toString()).collect(Collectors.toUnmodifiableSet());
        } catch (NoSuchFileException e) {
            return Set.of();
        } catch (IOException e) {
            throw new HeadwaterException("Cannot list " + directory.resolve(under) + ": " + e.getMessage(), e);
        }
    }

    @Override
    public boolean has(String name) {
        return Files.isRegularFile(directory.resolve(name));
    }

    @Override
    public boolean fetch(String name, Path to) {
        try {
            Files.copy(directory.resolve(name), to, StandardCopyOption.REPLACE_EXISTING);
            return true;
        } catch (NoSuchFileException e) {
            return false;
        } catch (IOException e) {
            throw new HeadwaterException("Cannot read " + directory.resolve(name) + ": " + e.getMessage(), e);
        }
    }

    @Override
    public void put(Path file, String name) {
        Path to = directory.resolve(name);
        AtomicFile.createDirectories(to.resolveSibling(""), "graphs");
        try (AtomicFile target = AtomicFile.create(to)) {
            Files.copy(file, Channels.newOutputStream(target.channel()));
            target.commit();
        } catch (IOException e) {
            throw AtomicFile.failure(to, e);
        }
    }

    @Override
    public void delete(String name) {
        try {
            Trees.delete(directory.resolve(name));
        } catch (IOException e) {
            throw new HeadwaterException("Cannot remove " + directory.resolve(name) + ": " + e.getMessage(), e);
        }
    }

    @Override
    public String toString() {
        return directory.toString();
    }
}
