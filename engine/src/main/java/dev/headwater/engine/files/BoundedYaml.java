package dev.headwater.engine.files;

import dev.headwater.engine.HeadwaterException;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Parse;
import org.snakeyaml.engine.v2.events.AliasEvent;
import org.snakeyaml.engine.v2.events.CollectionEndEvent;
import org.snakeyaml.engine.v2.events.CollectionStartEvent;
import org.snakeyaml.engine.v2.events.Event;
import org.snakeyaml.engine.v2.events.ScalarEvent;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.schema.CoreSchema;

/** YAML from files that nobody vouches for: plain data only, without tags, and limited in size, depth and aliases. */
public final class BoundedYaml {
    private static final int MAX_CHARACTERS = 1 << 20;
    private static final int MAX_DEPTH = 32;
    private static final int MAX_ALIASES = 8;
    /** Longer ones take time that grows with the square of their length. */
    private static final int MAX_NUMBER = 64;

    private BoundedYaml() {}

    /**
     * A file with one mapping. Its values are String, Boolean, Integer, Long, BigInteger, Double, null, List or such a
     * Map; keys that are written as numbers become texts.
     *
     * @throws HeadwaterException if the file is missing, not YAML, or not plain data
     */
    public static Map<String, Object> read(Path file) {
        RegularFile.require(file);
        try {
            if (Files.size(file) > 4L * MAX_CHARACTERS) {
                throw new HeadwaterException(
                        "%s is too large to be read as YAML: %d bytes".formatted(file, Files.size(file)));
            }
            return parse(Files.readString(file), file.toString());
        } catch (CharacterCodingException binary) {
            throw new HeadwaterException("%s is not valid YAML: it is not UTF-8 text".formatted(file), binary);
        } catch (IOException failure) {
            throw new HeadwaterException("Cannot read %s: %s".formatted(file, failure.getMessage()), failure);
        }
    }

    /** @param source what the text is called in errors */
    public static Map<String, Object> parse(String text, String source) {
        LoadSettings settings = LoadSettings.builder()
                .setLabel(source)
                .setSchema(new CoreSchema())
                .setAllowDuplicateKeys(false)
                .setCodePointLimit(MAX_CHARACTERS)
                .setMaxAliasesForCollections(MAX_ALIASES)
                .build();
        try {
            requirePlain(new Parse(settings).parseString(text), source);
            Object root = new Load(settings).loadFromString(text);
            if (root instanceof Map<?, ?> map) {
                return map(map, source, 0);
            }
            throw new HeadwaterException("%s holds no YAML mapping".formatted(source));
        } catch (MarkedYamlEngineException malformed) {
            String line = malformed
                    .getProblemMark()
                    .map(mark -> " (line %d)".formatted(mark.getLine() + 1))
                    .orElse("");
            throw new HeadwaterException(
                    "%s is not valid YAML%s: %s".formatted(source, line, shown(malformed.getProblem())), malformed);
        } catch (HeadwaterException refused) {
            throw refused;
        } catch (RuntimeException | StackOverflowError unexpected) {
            // The library has no exceptions of its own for an escape without its digits, a collection that holds
            // itself, or two empty keys; some it wraps in its own, with the Java of their faults as the message.
            if (unexpected instanceof YamlEngineException malformed && malformed.getCause() == null) {
                throw new HeadwaterException(
                        "%s is not valid YAML: %s".formatted(source, shown(String.valueOf(malformed.getMessage()))),
                        malformed);
            }
            throw new HeadwaterException("%s is not valid YAML that can be read".formatted(source), unexpected);
        }
    }

    /** Looks at the stream of events, which is flat, before anything recursive does. */
    private static void requirePlain(Iterable<Event> events, String source) {
        int depth = 0;
        int aliases = 0;
        for (Event event : events) {
            int line = event.getStartMark().map(mark -> mark.getLine() + 1).orElse(0);
            switch (event) {
                case CollectionStartEvent start -> {
                    if (start.getTag().isPresent()) {
                        throw unsafe(
                                source, line, "the tag " + shown(start.getTag().get()) + " is not plain data");
                    }
                    if (++depth > MAX_DEPTH) {
                        throw unsafe(source, line, "it is nested more than " + MAX_DEPTH + " deep");
                    }
                }
                case CollectionEndEvent _ -> depth--;
                case AliasEvent _ -> {
                    if (++aliases > MAX_ALIASES) {
                        throw unsafe(source, line, "it uses more than " + MAX_ALIASES + " aliases");
                    }
                }
                case ScalarEvent scalar -> {
                    if (scalar.getTag().isPresent()) {
                        throw unsafe(
                                source, line, "the tag " + shown(scalar.getTag().get()) + " is not plain data");
                    }
                    String value = scalar.getValue();
                    if (scalar.isPlain()
                            && value.length() > MAX_NUMBER
                            && "+-.0123456789".indexOf(value.charAt(0)) >= 0
                            && value.chars()
                                    .allMatch(
                                            c -> c < 128 && (Character.isLetterOrDigit(c) || "+-._".indexOf(c) >= 0))) {
                        throw unsafe(
                                source,
                                line,
                                "a number has " + value.length() + " digits; put quotes around it if it is a text");
                    }
                }
                default -> {}
            }
        }
    }

    private static HeadwaterException unsafe(String source, int line, String why) {
        return new HeadwaterException("%s is refused (line %d): %s".formatted(source, line, why));
    }

    private static Map<String, Object> map(Map<?, ?> map, String source, int depth) {
        Map<String, Object> named = LinkedHashMap.newLinkedHashMap(map.size());
        map.forEach((key, value) -> {
            if (!(key instanceof String || key instanceof Number || key instanceof Boolean)) {
                throw new HeadwaterException(
                        "%s has a key that is not a text: %s".formatted(source, key == null ? "null" : "a collection"));
            }
            if (named.containsKey(key.toString())) {
                throw new HeadwaterException("%s has the key '%s' twice".formatted(source, shown(key.toString())));
            }
            named.put(key.toString(), plain(value, source, depth + 1));
        });
        return Collections.unmodifiableMap(named);
    }

    /** Aliases can make the data deeper than its text, even endless. */
    private static Object plain(Object value, String source, int depth) {
        if (depth > MAX_DEPTH) {
            throw new HeadwaterException(
                    "%s is refused: its aliases nest more than %d deep".formatted(source, MAX_DEPTH));
        }
        return switch (value) {
            case Map<?, ?> map -> map(map, source, depth);
            case List<?> list -> {
                List<Object> items = new ArrayList<>(list.size());
                list.forEach(item -> items.add(plain(item, source, depth + 1)));
                yield Collections.unmodifiableList(items);
            }
            case null, default -> value;
        };
    }

    private static String shown(String text) {
        return ErrorText.of(
                text == null ? "unreadable" : text.lines().findFirst().orElse("unreadable"));
    }
}
