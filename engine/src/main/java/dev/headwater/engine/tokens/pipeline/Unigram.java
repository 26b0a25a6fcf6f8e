package dev.headwater.engine.tokens.pipeline;

import dev.headwater.engine.tokens.regex.RefusedException;
import dev.headwater.engine.tokens.regex.Steps;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** SentencePiece's unigram model: of all ways to cut a word into tokens, the one with the highest sum of scores. */
final class Unigram implements Model {
    private static final double UNKNOWN_PENALTY = 10;

    private final Vocabulary vocabulary;
    private final double[] scores;
    private final int unknown;
    private final double unknownScore;
    private final int @Nullable [] bytes;
    private final Trie trie = new Trie();

    /**
     * @param tokens  by id
     * @param scores  by id
     * @param unknown id of the token for what has none, -1 if there is none: such texts are refused
     * @param fallsBackToBytes whether what has no token becomes its bytes' tokens, where all of these are there
     */
    Unigram(String[] tokens, double[] scores, int unknown, boolean fallsBackToBytes) {
        if (unknown >= tokens.length) {
            throw new RefusedException("its token for the unknown has the id " + unknown + ", beyond its vocabulary");
        }
        vocabulary = new Vocabulary();
        this.scores = scores;
        this.unknown = unknown;
        for (int id = 0; id < tokens.length; id++) {
            vocabulary.put(tokens[id], id);
            if (!tokens[id].isEmpty()) {
                trie.put(tokens[id], id);
            }
        }
        unknownScore = Arrays.stream(scores).min().orElse(Double.POSITIVE_INFINITY) - UNKNOWN_PENALTY;
        bytes = fallsBackToBytes ? BytePairs.byteTokens(vocabulary) : null;
    }

    @Override
    public Vocabulary vocabulary() {
        return vocabulary;
    }

    /** A token that stands twice in the file counts twice. */
    @Override
    public int size() {
        return scores.length;
    }

    @Override
    public void tokens(String word, Steps steps, Ids into) {
        int length = word.length();
        double[] best = new double[length + 1];
        int[] starts = new int[length + 1];
        int[] ids = new int[length + 1];
        Arrays.fill(starts, -1);
        for (int at = 0; at < length; ) {
            int next = at + Character.charCount(word.codePointAt(at));
            boolean single = false;
            int walked = at;
            int node = 0;
            while (walked < length) {
                node = trie.child(node, word.charAt(walked));
                if (node == 0) {
                    break;
                }
                walked++;
                int id = trie.value(node);
                if (id >= 0) {
                    offer(best, starts, ids, at, walked, scores[id] + best[at], id);
                    single |= walked == next;
                }
            }
            steps.spend(walked - at + 1);
            if (!single) {
                if (unknown < 0 && (starts[next] < 0 || unknownScore + best[at] > best[next])) {
                    throw new RefusedException("it has no token for a character of the text, and none for the unknown");
                }
                offer(best, starts, ids, at, next, unknownScore + best[at], unknown);
            }
            at = next;
        }
        write(word, starts, ids, into);
    }

    private static void offer(double[] best, int[] starts, int[] ids, int from, int to, double score, int id) {
        if (starts[to] < 0 || score > best[to]) {
            best[to] = score;
            starts[to] = from;
            ids[to] = id;
        }
    }

    /** Follows the best path back, then writes its tokens; neighbours without a token are one. */
    private void write(String word, int[] starts, int[] ids, Ids into) {
        int[] path = new int[word.length()];
        int count = 0;
        for (int end = word.length(); end > 0; end = starts[end]) {
            path[count++] = end;
        }
        for (int i = count - 1; i >= 0; i--) {
            int end = path[i];
            int start = starts[end];
            if (ids[end] == unknown) {
                while (i > 0 && ids[path[i - 1]] == unknown) {
                    end = path[--i];
                }
            }
            addPiece(word, start, end, into);
        }
    }

    private void addPiece(String word, int start, int end, Ids into) {
        int id = vocabulary.id(word, start, end);
        if (id >= 0) {
            into.add(id);
        } else if (bytes == null || !addBytes(bytes, word.substring(start, end), into)) {
            into.add(unknown);
        }
    }

    private static boolean addBytes(int[] bytes, String piece, Ids into) {
        byte[] utf8 = piece.getBytes(StandardCharsets.UTF_8);
        for (byte b : utf8) {
            if (bytes[b & 0xFF] < 0) {
                return false;
            }
        }
        for (byte b : utf8) {
            into.add(bytes[b & 0xFF]);
        }
        return true;
    }
}
