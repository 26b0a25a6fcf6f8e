package dev.headwater.engine.intervention;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.document.GraphDocument;
import dev.headwater.engine.graph.FeatureRef;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SupernodeTest {
    @TempDir
    private Path directory;

    private GraphDocument document(String qParams) throws IOException {
        String node =
                "{\"node_id\":\"%s\",\"feature\":%d,\"layer\":\"%s\",\"ctx_idx\":%d,\"feature_type\":\"%s\",\"jsNodeId\":\"x\",\"clerp\":\"\"}";
        String nodes = String.join(
                ",",
                node.formatted("0_94_9", 94 * 95 / 2 + 94, "0", 9, "cross layer transcoder"),
                node.formatted("2_607_10", 609 * 610 / 2 + 607, "2", 10, "cross layer transcoder"),
                node.formatted("E_5_9", 9, "E", 9, "embedding"),
                node.formatted("2_-1_9", -1, "2", 9, "mlp reconstruction error"));
        return GraphDocument.read(Files.writeString(
                directory.resolve("g.json"),
                "{\"metadata\":{\"schema_version\":1,\"slug\":\"g\"},\"qParams\":%s,\"nodes\":[%s],\"links\":[]}"
                        .formatted(qParams, nodes)));
    }

    @Test
    void groupsOfAGraphFile() throws IOException {
        List<Supernode> groups = Supernode.of(
                document(
                        "{\"supernodes\":[[\"Texas\",\"0_94_9\",\"2_607_10\",\"E_5_9\",\"2_-1_9\",\"gone\"],[\"tokens\",\"E_5_9\"]],\"pinnedIds\":[\"2_607_10\",\"2_607_10\",7]}"));
        assertEquals(
                List.of(
                        new Supernode("Texas", List.of(new FeatureRef(0, 9, 94), new FeatureRef(2, 10, 607))),
                        new Supernode("pinned", List.of(new FeatureRef(2, 10, 607)))),
                groups);
        assertEquals(
                "[0/9/94, 2/10/607]",
                groups.getFirst().edits(Change.ABLATE).stream()
                        .map(Edit::place)
                        .toList()
                        .toString());
    }

    @ParameterizedTest
    @ValueSource(strings = {"{\"supernodes\":[7]}", "{\"supernodes\":[[]]}", "{\"supernodes\":[[3,\"0_94_9\"]]}"})
    void brokenGroupsAreSaid(String qParams) throws IOException {
        GraphDocument document = document(qParams);
        assertThrows(HeadwaterException.class, () -> Supernode.of(document));
    }

    @Test
    void groupsOfAnAddress() {
        String url =
                "https://www.neuronpedia.org/gemma-2-2b/graph?slug=x&pinnedIds=27_22605_10%2C20_15589_10%2CE_26865_9"
                        + "&supernodes=%5B%5B%22say+Austin%22%2C%2220_15589_10%22%2C%22E_26865_9%22%5D%5D&clickedId=1#top";
        List<FeatureRef> expected = List.of(new FeatureRef(20, 10, 15589));
        assertEquals(
                List.of(new Supernode("say Austin", expected), new Supernode("pinned", expected)),
                Supernode.ofUrl(url, 26));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "x",
                "https://host/graph",
                "https://host/graph?slug=a",
                "https://host/graph?supernodes=%5B",
                "https://host/graph?supernodes=%ZZ",
                "https://host/graph?pinnedIds=E_1_2",
                "https://host/graph?pinnedIds=99999999999_1_2"
            })
    void addressesWithoutGroupsAreSaid(String url) {
        assertThrows(UsageException.class, () -> Supernode.ofUrl(url, 26));
    }
}
