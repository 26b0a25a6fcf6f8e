/**
 * GGUF files, in which llama.cpp and Ollama keep models: metadata, and tensors in blocks of few bits. Source of the
 * format: github.com/ggml-org/ggml, docs/gguf.md and src/ggml-common.h.
 */
@NullMarked
package dev.headwater.engine.gguf;

import org.jspecify.annotations.NullMarked;
