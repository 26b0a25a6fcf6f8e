package dev.headwater.engine.tokens;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.engine.tokens.pipeline.AddedTokens.Added;
import dev.headwater.engine.tokens.pipeline.Pipeline;
import dev.headwater.engine.tokens.pipeline.TokenizerFile;
import dev.headwater.engine.tokens.pipeline.TokenizerFile.ByteFallback;
import dev.headwater.engine.tokens.regex.RefusedException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** Turns a description into the parts that a tokenizer.json of the same tokenizer would have. */
final class DescribedPipeline {
    private static final int UNKNOWN = 2;
    private static final int CONTROL = 3;
    private static final int USER_DEFINED = 4;
    private static final String SPACE_MARK = "\u2581";

    private final TokenizerDescription description;

    DescribedPipeline(TokenizerDescription description) {
        this.description = description;
        int size = description.tokens().size();
        boolean pieces = description.kind() != TokenizerDescription.Kind.BYTE_PAIRS;
        if (!description.types().isEmpty() && description.types().size() != size
                || pieces && description.scores().size() != size) {
            throw new RefusedException("its tokens, their types and their scores are not equally many");
        }
        if (pieces && !description.scores().stream().allMatch(Double::isFinite)) {
            throw new RefusedException("it has a score that is not finite");
        }
        if (!description.tokens().stream().allMatch(Unicode::isValid)) {
            throw new RefusedException("it has a token with half of a surrogate pair, which is no character");
        }
    }

    /** @throws RefusedException if it is not valid or not known */
    Pipeline pipeline() {
        TokenizerFile file = switch (description.kind()) {
            case BYTE_PAIRS -> bytePairs();
            case SENTENCE_PIECE -> sentencePiece();
            case UNIGRAM -> unigram();
        };
        return file.pipeline(added(), false)
                .around(role("bos_token", description.addsBos()), role("eos_token", description.addsEos()));
    }

    private TokenizerFile bytePairs() {
        ArrayNode cuts = JsonNodeFactory.instance.arrayNode();
        for (String pattern : TextCuts.patterns(description.preTokenizer())) {
            ObjectNode split = part("Split").put("behavior", "Isolated").put("invert", false);
            split.putObject("pattern").put("Regex", pattern);
            cuts.add(split);
        }
        cuts.add(part("ByteLevel")
                .put("add_prefix_space", description.addsSpace())
                .put("trim_offsets", false)
                .put("use_regex", false));
        ObjectNode sequence = part("Sequence");
        sequence.set("pretokenizers", cuts);
        TokenizerFile file = TokenizerFile.bytePairs(
                        description.tokens(),
                        description.merges(),
                        TextCuts.takesWholeWords(description.preTokenizer()))
                .with("pre_tokenizer", sequence)
                .with("decoder", part("ByteLevel"));
        return TextCuts.composes(description.preTokenizer()) ? file.with("normalizer", part("NFC")) : file;
    }

    private TokenizerFile sentencePiece() {
        TokenizerFile file = TokenizerFile.joinedByScore(description.tokens(), scores(), new ByteFallback(unknown()));
        return file.with("normalizer", spacesMarked()).with("decoder", marksSpaced());
    }

    private TokenizerFile unigram() {
        TokenizerFile file = TokenizerFile.unigram(description.tokens(), scores(), new ByteFallback(unknown()));
        return file.with("normalizer", spacesMarked()).with("decoder", marksSpaced());
    }

    private ObjectNode spacesMarked() {
        ObjectNode sequence = part("Sequence");
        ArrayNode all = sequence.putArray("normalizers");
        if (description.addsSpace()) {
            all.add(part("Prepend").put("prepend", SPACE_MARK));
        }
        all.add(replace(" ", SPACE_MARK));
        return sequence;
    }

    private ObjectNode marksSpaced() {
        ObjectNode sequence = part("Sequence");
        ArrayNode all = sequence.putArray("decoders")
                .add(replace(SPACE_MARK, " "))
                .add(part("ByteFallback"))
                .add(part("Fuse"));
        if (description.addsSpace()) {
            all.add(part("Strip").put("content", " ").put("start", 1).put("stop", 0));
        }
        return sequence;
    }

    private static ObjectNode replace(String wanted, String content) {
        ObjectNode replace = part("Replace").put("content", content);
        replace.putObject("pattern").put("String", wanted);
        return replace;
    }

    private static ObjectNode part(String type) {
        return JsonNodeFactory.instance.objectNode().put("type", type);
    }

    private double[] scores() {
        return description.scores().stream().mapToDouble(Double::doubleValue).toArray();
    }

    private int[] role(String role, boolean wanted) {
        Integer id = description.roles().get(role);
        return wanted && id != null ? new int[] {id} : new int[0];
    }

    /** -1 if there is none. */
    private int unknown() {
        Integer id = description.roles().get("unk_token");
        return id != null
                ? id
                : IntStream.range(0, description.types().size())
                        .filter(each -> description.types().get(each) == UNKNOWN)
                        .findFirst()
                        .orElse(-1);
    }

    /** Control tokens and those of users are looked for in the text before it is cut. */
    private List<Added> added() {
        List<Added> added = new ArrayList<>();
        for (int id = 0; id < description.types().size(); id++) {
            int type = description.types().get(id);
            if (type == CONTROL || type == UNKNOWN || type == USER_DEFINED) {
                added.add(new Added(description.tokens().get(id), false, false, false, false, type != USER_DEFINED));
            }
        }
        return added;
    }
}
