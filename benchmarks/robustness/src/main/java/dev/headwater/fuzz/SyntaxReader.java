package dev.headwater.fuzz;

import dev.headwater.engine.UsageException;
import dev.headwater.engine.document.GraphName;
import dev.headwater.engine.document.NodeId;
import dev.headwater.engine.graph.FeatureRef;
import dev.headwater.engine.hub.Reference;
import dev.headwater.engine.intervention.EditPattern;
import dev.headwater.engine.intervention.HeadEdit;
import dev.headwater.engine.intervention.Positions;
import dev.headwater.engine.intervention.Supernode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;

/** What people write on the command line: names of nodes, features, edits, heads, graphs, models. */
final class SyntaxReader implements Reader {
    private static final List<Consumer<String>> FORMS = List.of(
            text -> NodeId.parse(text, 4),
            FeatureRef::parse,
            EditPattern::parse,
            Positions::parse,
            HeadEdit::knockOut,
            HeadEdit::force,
            Reference::parse,
            text -> Supernode.ofUrl(text, 4),
            text -> GraphName.file(Path.of(""), text));

    @Override
    public void read(byte[] input) {
        String text = new String(input, StandardCharsets.UTF_8);
        for (Consumer<String> form : FORMS) {
            try {
                form.accept(text);
            } catch (UsageException refusal) {
                Rule.sentence(refusal);
            }
        }
    }
}
