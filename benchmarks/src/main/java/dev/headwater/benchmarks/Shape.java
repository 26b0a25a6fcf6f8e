package dev.headwater.benchmarks;

/** Shapes that the kernels meet, as values of a JMH parameter. */
public enum Shape {
    /** The job that results speak of. */
    BENCH("bench"),
    /** GemmaScope transcoders: wide heads, few of them; 16,384 features. */
    GEMMA_2_2B("gemma-2-2b"),
    /** Llama's public transcoders: four queries to a key head; 131,072 features, eight times Gemma's. */
    LLAMA_3_2_1B("llama-3.2-1b"),
    /** The bundled model, at which overheads show. */
    ATLAS("atlas");

    private final String name;

    Shape(String name) {
        this.name = name;
    }

    ModelShape sizes() {
        return ModelShape.parse(name);
    }
}
