/**
 * Attribution graphs of language models: {@link dev.headwater.engine.ReplacementModel} is a model with what its MLPs are
 * taken apart into, {@link dev.headwater.engine.attribution.Attribution} traces it at a prompt.
 *
 * <p>What a host programs against is exported: the stages of the method from a prompt to a graph, its file, and what is asked
 * of both, with the values that they speak of. Packages that Headwater's own command line needs besides are its alone, and may
 * change with it; readers of formats, tokenizers' and templates' parts and the linearised model are nobody's but the engine's.
 */
@SuppressWarnings("module") // the command line is built after the engine
module dev.headwater.engine {
    requires java.net.http;
    requires jdk.management;
    requires org.snakeyaml.engine.v2;
    requires transitive com.fasterxml.jackson.databind;
    requires transitive dev.headwater.bindings;
    requires static transitive org.jspecify;

    exports dev.headwater.engine;
    exports dev.headwater.engine.attention;
    exports dev.headwater.engine.attribution;
    exports dev.headwater.engine.contrast;
    exports dev.headwater.engine.document;
    exports dev.headwater.engine.evaluation;
    exports dev.headwater.engine.explanation;
    exports dev.headwater.engine.features;
    exports dev.headwater.engine.graph;
    exports dev.headwater.engine.intervention;
    exports dev.headwater.engine.model;
    exports dev.headwater.engine.product;
    exports dev.headwater.engine.tokens;
    exports dev.headwater.engine.training;
    exports dev.headwater.engine.transcoder;
    exports dev.headwater.engine.catalog to
            dev.headwater.cli;
    exports dev.headwater.engine.circuit to
            dev.headwater.cli;
    exports dev.headwater.engine.files to
            dev.headwater.cli;
    exports dev.headwater.engine.hub to
            dev.headwater.cli;
    exports dev.headwater.engine.naming to
            dev.headwater.cli;
    exports dev.headwater.engine.neuron to
            dev.headwater.cli;
    exports dev.headwater.engine.sharing to
            dev.headwater.cli;
    exports dev.headwater.engine.weights to
            dev.headwater.cli;

    // Records that stand in files and in what commands print as JSON, some of them private.
    opens dev.headwater.engine.circuit to
            com.fasterxml.jackson.databind;
    opens dev.headwater.engine.document to
            com.fasterxml.jackson.databind;
    opens dev.headwater.engine.evaluation to
            com.fasterxml.jackson.databind;
    opens dev.headwater.engine.explanation to
            com.fasterxml.jackson.databind;
    opens dev.headwater.engine.features to
            com.fasterxml.jackson.databind;
    opens dev.headwater.engine.graph to
            com.fasterxml.jackson.databind;
    opens dev.headwater.engine.intervention to
            com.fasterxml.jackson.databind;
    opens dev.headwater.engine.naming to
            com.fasterxml.jackson.databind;
    opens dev.headwater.engine.tokens to
            com.fasterxml.jackson.databind;
}
