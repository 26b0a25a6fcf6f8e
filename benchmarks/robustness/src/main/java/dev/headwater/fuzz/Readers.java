package dev.headwater.fuzz;

import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** All readers of bytes from outside, by name. A new one gets its line here. */
final class Readers {
    /** Makes a reader ready to read. */
    interface Opener {
        Reader open() throws Exception;
    }

    private static final Map<String, Opener> ALL = new TreeMap<>();

    static {
        ALL.put("safetensors", WeightReaders.Safetensors::new);
        ALL.put("npz", WeightReaders.Npz::new);
        ALL.put("gguf", WeightReaders.Gguf::new);
        ALL.put("gguf-model", WeightReaders.GgufModel::new);
        ALL.put("shard-index", WeightReaders.ShardIndex::new);
        ALL.put("yaml", ConfigReaders.Yaml::new);
        ALL.put("transcoder-config", ConfigReaders.Transcoders::new);
        ALL.put("model-config", ConfigReaders.Model::new);
        ALL.put("corpus", ConfigReaders.JsonLines::new);
        ALL.put("tokenizer", TokenReaders.TokenizerJson::new);
        ALL.put("tokenizer-config", TokenReaders.Config::new);
        ALL.put("template", TokenReaders.ChatTemplates::new);
        ALL.put("conversation", TokenReaders.Conversations::new);
        ALL.put("graph", GraphReaders.Documents::new);
        ALL.put("graph-index", GraphReaders.Index::new);
        ALL.put("raw-graph", GraphReaders.Raw::new);
        ALL.put("pickled-graph", GraphReaders.Pickled::new);
        ALL.put("features", GraphReaders.Features::new);
        ALL.put("syntax", SyntaxReader::new);
        ALL.put("batch", BatchReader::new);
        ALL.put("hub", HubReader::new);
        ALL.put("requests", ExplorerReader.Requests::new);
        ALL.put("bodies", ExplorerReader.Bodies::new);
        ALL.put("kernels", KernelReader::new);
    }

    private Readers() {}

    static Set<String> names() {
        return ALL.keySet();
    }

    static Reader open(String name) throws Exception {
        Opener opener = name == null ? null : ALL.get(name);
        if (opener == null) {
            throw new IllegalArgumentException("no reader " + name + "; there are " + ALL.keySet());
        }
        return opener.open();
    }
}
