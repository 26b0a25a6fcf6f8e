package dev.headwater.engine.tokens.pipeline;

import dev.headwater.engine.tokens.regex.RefusedException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Puts special tokens around a text's tokens. */
interface PostProcessor {
    /**
     * What becomes of the parts of a token sequence: at first the text's tokens alone, later also what other processors put around
     * them.
     *
     * @param special whether special tokens are wanted
     */
    List<int[]> process(List<int[]> parts, boolean special);

    record Sequence(List<PostProcessor> processors) implements PostProcessor {
        @Override
        public List<int[]> process(List<int[]> parts, boolean special) {
            List<int[]> all = parts;
            for (PostProcessor processor : processors) {
                all = processor.process(all, special);
            }
            return all;
        }
    }

    /** Moves offsets alone, which are not kept here. */
    record Nothing() implements PostProcessor {
        @Override
        public List<int[]> process(List<int[]> parts, boolean special) {
            return parts;
        }
    }

    /** Special tokens and places for parts, in order. */
    record Template(List<Piece> single, List<Piece> pair) implements PostProcessor {
        /**
         * @param part which part stands here, 0 or 1; -1 for special tokens
         * @param ids  special tokens
         */
        record Piece(int part, int @Nullable [] ids) {}

        @Override
        public List<int[]> process(List<int[]> parts, boolean special) {
            if (parts.size() > 2) {
                throw new RefusedException("it has templates one after the other that the library cannot apply");
            }
            List<int[]> all = new ArrayList<>();
            for (Piece piece : parts.size() == 1 ? single : pair) {
                if (piece.part >= parts.size()) {
                    throw new RefusedException("it has a template for pairs of texts that is applied to one");
                }
                if (piece.part >= 0) {
                    all.add(parts.get(piece.part));
                } else if (special) {
                    all.add(piece.ids);
                }
            }
            return all;
        }
    }

    /** BERT's {@code [CLS] text [SEP]}, or RoBERTa's with a separator on both sides of a second part. */
    record Enclosed(int[] begin, int[] separator, boolean roberta) implements PostProcessor {
        @Override
        public List<int[]> process(List<int[]> parts, boolean special) {
            if (!special) {
                return parts;
            }
            List<int[]> all = new ArrayList<>();
            for (int i = 0; i < parts.size(); i++) {
                Ids ids = new Ids();
                if (i == 0 || roberta) {
                    ids.addAll(i == 0 ? begin : separator);
                }
                ids.addAll(parts.get(i));
                ids.addAll(separator);
                all.add(ids.toArray());
            }
            return all;
        }
    }
}
