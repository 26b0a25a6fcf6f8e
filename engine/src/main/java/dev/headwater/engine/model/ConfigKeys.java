package dev.headwater.engine.model;

import java.util.HashSet;
import java.util.Set;

/**
 * The keys of config.json that Headwater knows, of all families together: a key of another family is passed over, as
 * the Python library does. What is in neither set is refused, unless its value asks for nothing.
 */
final class ConfigKeys {
    private ConfigKeys() {}

    /** What a family reads. */
    static final Set<String> USED = Set.of(
            "architectures",
            "model_type",
            "text_config",
            "vocab_size",
            "hidden_size",
            "intermediate_size",
            "num_hidden_layers",
            "num_attention_heads",
            "num_key_value_heads",
            "head_dim",
            "max_position_embeddings",
            "original_max_position_embeddings",
            "hidden_act",
            "hidden_activation",
            "activation_function",
            "rms_norm_eps",
            "layer_norm_eps",
            "layer_norm_epsilon",
            "rope_theta",
            "rope_scaling",
            "rope_parameters",
            "rope_local_base_freq",
            "partial_rotary_factor",
            "rotary_pct",
            "rotary_emb_base",
            "no_rope_layers",
            "no_rope_layer_interval",
            "attention_bias",
            "mlp_bias",
            "tie_word_embeddings",
            "sliding_window",
            "use_sliding_window",
            "max_window_layers",
            "sliding_window_pattern",
            "_sliding_window_pattern",
            "layer_types",
            "query_pre_attn_scalar",
            "attn_logit_softcapping",
            "final_logit_softcapping",
            "use_bidirectional_attention",
            "use_parallel_residual",
            "embedding_multiplier",
            "attention_multiplier",
            "residual_multiplier",
            "logits_scaling",
            "num_local_experts",
            "num_experts",
            "num_experts_per_tok",
            "experts_per_token",
            "moe_intermediate_size",
            "norm_topk_prob",
            "decoder_sparse_step",
            "mlp_only_layers",
            "swiglu_limit",
            "n_layer",
            "n_embd",
            "n_head",
            "n_inner",
            "n_positions",
            "scale_attn_weights",
            "scale_attn_by_inverse_layer_idx",
            "quantization_config");

    /** What changes no logits of a text that is read as it stands. */
    static final Set<String> IRRELEVANT = Set.of(
            // Training.
            "attention_dropout",
            "attn_pdrop",
            "embd_pdrop",
            "resid_pdrop",
            "hidden_dropout",
            "classifier_dropout",
            "initializer_range",
            "gradient_checkpointing",
            "router_aux_loss_coef",
            "output_router_logits",
            "router_jitter_noise",
            "neftune_noise_alpha",
            "unsloth_fixed",
            "unsloth_version",
            "unsloth_training_args",
            // Tokens and generation, which other files rule.
            "bos_token_id",
            "eos_token_id",
            "pad_token_id",
            "sep_token_id",
            "unk_token_id",
            "decoder_start_token_id",
            "forced_bos_token_id",
            "forced_eos_token_id",
            "tokenizer_class",
            "prefix",
            "bad_words_ids",
            "begin_suppress_tokens",
            "suppress_tokens",
            "do_sample",
            "early_stopping",
            "max_length",
            "min_length",
            "num_beams",
            "num_beam_groups",
            "num_return_sequences",
            "temperature",
            "top_k",
            "top_p",
            "typical_p",
            "repetition_penalty",
            "length_penalty",
            "diversity_penalty",
            "no_repeat_ngram_size",
            "encoder_no_repeat_ngram_size",
            "exponential_decay_length_penalty",
            "remove_invalid_values",
            // What is returned, how it is stored and computed.
            "output_attentions",
            "output_hidden_states",
            "output_scores",
            "output_past",
            "return_dict",
            "return_dict_in_generate",
            "use_cache",
            "cache_implementation",
            "torch_dtype",
            "dtype",
            "use_bfloat16",
            "torchscript",
            "pretraining_tp",
            "reorder_and_upcast_attn",
            "chunk_size_feed_forward",
            "tf_legacy_loss",
            "attn_implementation",
            "use_flash_attn",
            "use_flash_attention",
            "num_logits_to_keep",
            "use_kernels",
            // Other heads than the one for the next token.
            "id2label",
            "label2id",
            "num_labels",
            "problem_type",
            "finetuning_task",
            "task_specific_params",
            "summary_activation",
            "summary_first_dropout",
            "summary_proj_to_labels",
            "summary_type",
            "summary_use_proj",
            // Images.
            "vision_config",
            "mm_tokens_per_image",
            "boi_token_index",
            "eoi_token_index",
            "image_token_index",
            // Where it comes from, and what other readers want to know; the Python library passes them over too.
            "transformers_version",
            "auto_map",
            "transformers.js_config",
            "keys_to_ignore_at_inference",
            "n_ctx",
            "initial_context_length",
            "is_decoder",
            "model_parallel",
            "name_or_path",
            "dual_chunk_attention_config",
            "max_sequence_length",
            "torch_compile",
            "license");

    /** @throws dev.headwater.engine.HeadwaterException naming a key that is not known */
    static void requireKnown(ConfigFile file) {
        Set<String> known = new HashSet<>(USED);
        known.addAll(IRRELEVANT);
        // What begins so is the Python library's own note.
        file.root().fieldNames().forEachRemaining(key -> {
            if (key.startsWith("_")) {
                known.add(key);
            }
        });
        file.requireKnown(known);
    }
}
