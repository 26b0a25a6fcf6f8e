package dev.headwater.engine.document;

import dev.headwater.engine.UsageException;
import dev.headwater.engine.files.ErrorText;
import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.engine.graph.LogitTarget;
import dev.headwater.engine.graph.Node;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Names of nodes in graph files: {@code 3_1207_5} is layer 3, feature 1207, position 5; {@code 3_-1_5} an error, {@code E_1042_5} a token, and
 * {@code 7_1042_5} an output of a model with 6 layers.
 */
public final class NodeId {
    private static final Pattern FORM = Pattern.compile("(E|\\d{1,9})_(-1|\\d{1,9})_(\\d{1,9})");

    private NodeId() {}

    /** @param layers of the model */
    public static String of(Node node, int layers) {
        return switch (node) {
            case Node.Feature f -> f.layer() + "_" + f.feature() + "_" + f.position();
            case Node.Error e -> e.layer() + "_-1_" + e.position();
            case Node.Token t -> "E_" + t.token() + "_" + t.position();
            case Node.Logit l -> (layers + 1) + "_" + l.target().token() + "_" + l.position();
        };
    }

    /**
     * The node of a name. What the name does not tell, activations, texts and probabilities, is 0 and empty.
     *
     * @param layers of the model
     * @throws UsageException if it is no such name
     */
    public static Node parse(String id, int layers) {
        Matcher name = FORM.matcher(id);
        if (!name.matches() || name.group(2).equals("-1") && name.group(1).equals("E")) {
            throw new UsageException(
                    "'" + ErrorText.of(id)
                            + "' is no node; write its name in graph files: 3_1207_5 (layer, feature, position), 3_-1_5 (an error), E_1042_5 (a token's id and position)");
        }
        int position = Integer.parseInt(name.group(3));
        int number = Integer.parseInt(name.group(2));
        if (name.group(1).equals("E")) {
            return new Node.Token(position, number, "");
        }
        int layer = Integer.parseInt(name.group(1));
        if (layer == layers + 1 && number >= 0) {
            return new Node.Logit(new LogitTarget(number, "", 0, position));
        }
        if (layer >= layers) {
            throw new UsageException("'" + id + "' is no node of this model: its layers are 0 to " + (layers - 1)
                    + ", and its outputs are written " + (layers + 1) + "_TOKEN_POSITION");
        }
        return number < 0
                ? new Node.Error(layer, position)
                : new Node.Feature(new FeatureRef(layer, position, number), 0);
    }
}
