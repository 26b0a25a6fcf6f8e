package dev.headwater.engine.hub;

import dev.headwater.engine.UsageException;
import dev.headwater.engine.files.ErrorText;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Where a model or a set of transcoders is: what a user writes for {@code --model} and {@code --transcoders}. */
public sealed interface Reference {
    /** Short names for transcoder sets. */
    Map<String, String> ALIASES = Map.of(
            "gemma", "mwhanna/gemma-scope-transcoders",
            "llama", "mntss/transcoder-Llama-3.2-1B");

    /** One of {@link BundledModel#NAMES}. */
    record Bundled(String name) implements Reference {
        @Override
        public String toString() {
            return name;
        }
    }

    /** A directory on this machine, or a GGUF file, absolute. */
    record Local(Path directory) implements Reference {
        @Override
        public String toString() {
            return directory.toString();
        }
    }

    /**
     * A model repository of the hub, or a folder or file in it.
     *
     * @param repository {@code org/name}, or {@code name} alone for the oldest ones
     * @param path       folder or file inside it with forward slashes, or the empty string
     * @param revision   branch, tag or commit; {@code main} if none is given
     */
    record Remote(String repository, String path, String revision) implements Reference {
        private static final Pattern PAGE = Pattern.compile(
                "https?://(?:www\\.)?(?:huggingface\\.co|hf\\.co)/(?!datasets/|spaces/)"
                        + "(?<repository>[^/?#@]+/[^/?#@]+)(?:/(?:tree|blob|resolve)/(?<revision>[^/?#@]+)(?<folder>/[^?#@]*?)?)?/?(?:[?#].*)?");
        static final String DEFAULT_REVISION = "main";
        private static final Pattern COMMIT = Pattern.compile("[0-9a-f]{40}");

        public Remote {
            check(
                    repository.split("/", -1).length <= 2 && parts(repository).allMatch(Remote::isName),
                    repository,
                    "is not a repository's name (org/name)");
            check(path.isEmpty() || isSafePath(path), path, "is not a path inside a repository");
            check(
                    isSafePath(revision) && revision.matches("[A-Za-z0-9._/+-]{1,250}"),
                    revision,
                    "is not a revision (branch, tag or commit)");
        }

        /** The repository that it lies in. */
        Remote whole() {
            return at("");
        }

        /** The folder or file {@code path} of the same repository and revision. */
        Remote at(String path) {
            return new Remote(repository, path, revision);
        }

        /** The folder or file of this name in the folder that this is. */
        public Remote inside(String name) {
            return at(path.isEmpty() ? name : path + "/" + name);
        }

        /** The same with this commit for its revision. */
        public Remote pinned(String commit) {
            return new Remote(repository, path, commit);
        }

        boolean isPinned() {
            return isCommit(revision);
        }

        static boolean isCommit(String revision) {
            return COMMIT.matcher(revision).matches();
        }

        private static boolean isName(String name) {
            return name.matches("[A-Za-z0-9_][A-Za-z0-9._-]{0,95}")
                    && !name.contains("--")
                    && !name.contains("..")
                    && !name.endsWith(".");
        }

        private static Stream<String> parts(String path) {
            return Stream.of(path.split("/", -1));
        }

        /** Whether a path with forward slashes stays below where it starts, on every system. */
        static boolean isSafePath(String path) {
            return !path.isEmpty()
                    && path.length() < 1000
                    && path.chars().noneMatch(c -> c < ' ' || c == '\\' || c == ':' || c == 0x7f)
                    && parts(path).noneMatch(part -> part.isBlank() || part.equals(".") || part.equals(".."));
        }

        private static void check(boolean fine, String text, String fault) {
            if (!fine) {
                throw new UsageException("\"" + ErrorText.of(text) + "\" " + fault + ".");
            }
        }

        @Override
        public String toString() {
            return repository
                    + (path.isEmpty() ? "" : "/" + path)
                    + (revision.equals(DEFAULT_REVISION) ? "" : "@" + revision);
        }
    }

    /**
     * Reads a reference: a bundled name; an alias ({@code gemma}, {@code llama}); a path ({@code /a/b}, {@code ./a},
     * {@code ../a}, {@code ~/a}, or any that exists here); {@code org/repo[/folder][@revision]}; {@code
     * hf://org/repo/path?revision=r}; the address of a repository's page, as copied from a browser.
     *
     * @throws UsageException if it is none of these
     */
    static Reference parse(String text) {
        String reference = text.strip();
        if (reference.isEmpty()) {
            throw new UsageException("The reference to a model or transcoders is empty.");
        }
        if (BundledModel.isBundled(reference)) {
            return new Bundled(reference);
        }
        if (reference.startsWith("hf://")) {
            return parseAddress(reference);
        }
        Matcher page = Remote.PAGE.matcher(reference);
        if (page.matches()) {
            String folder =
                    page.group("folder") == null ? "" : page.group("folder").replaceFirst("/$", "");
            return repository(page.group("repository") + folder, page.group("revision"), reference);
        }
        if (isPath(reference)) {
            return new Local(path(reference));
        }
        return parseRepository(ALIASES.getOrDefault(reference, reference));
    }

    private static boolean isPath(String reference) {
        boolean written = reference.matches("(/|\\.{1,2}(/|$)|~(/|$)|[A-Za-z]:\\\\).*");
        try {
            return written || !ALIASES.containsKey(reference) && Files.exists(Path.of(reference));
        } catch (InvalidPathException e) {
            return false;
        }
    }

    private static Path path(String reference) {
        try {
            String home = System.getProperty("user.home");
            return Path.of(reference.startsWith("~") ? home + reference.substring(1) : reference)
                    .toAbsolutePath()
                    .normalize();
        } catch (InvalidPathException e) {
            throw new UsageException("\"" + ErrorText.of(reference) + "\" is not a path: " + e.getReason() + ".");
        }
    }

    private static Remote parseAddress(String address) {
        String rest = address.substring("hf://".length());
        int query = rest.indexOf('?');
        String revision = null;
        if (query >= 0) {
            String option = rest.substring(query + 1);
            if (!option.startsWith("revision=") || option.contains("&")) {
                throw new UsageException("\"" + ErrorText.of(address)
                        + "\" may end in ?revision=... and in nothing else after the question mark.");
            }
            revision = option.substring("revision=".length());
            rest = rest.substring(0, query);
        }
        int at = rest.indexOf('@');
        if (at >= 0 && revision == null) {
            return parseRepository(rest);
        }
        return repository(rest, revision, address);
    }

    private static Remote parseRepository(String reference) {
        int at = reference.indexOf('@');
        return at < 0
                ? repository(reference, null, reference)
                : repository(reference.substring(0, at), reference.substring(at + 1), reference);
    }

    private static Remote repository(String path, @Nullable String revision, String whole) {
        String[] parts = path.split("/", 3);
        boolean complete = !path.isEmpty() && !path.startsWith("/") && !path.endsWith("/");
        if (!complete) {
            throw new UsageException("\"" + ErrorText.of(whole)
                    + "\" is neither a directory here nor a reference: write org/repo[/folder][@revision], "
                    + "a path that begins with / or ./, or one of " + String.join(", ", BundledModel.NAMES) + ".");
        }
        String name = parts.length == 1 ? parts[0] : parts[0] + "/" + parts[1];
        return new Remote(
                name, parts.length == 3 ? parts[2] : "", revision == null ? Remote.DEFAULT_REVISION : revision);
    }

    /** The text of a reference without its revision. */
    static String unpinned(String reference) {
        return reference.replaceFirst("@[^/@]*$", "");
    }
}
