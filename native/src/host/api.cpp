/* The functions of headwater.h: takes the arguments apart and calls Java, which checks what they mean. */
#include "arguments.h"

using hw_host::Call;
using hw_host::Edits;
using hw_host::Failure;
using hw_host::guarded;
using hw_host::Method;
using hw_host::numbers;
using hw_host::Prompt;
using hw_host::prompts;
using hw_host::read;
using hw_host::require;

namespace {

/* A function is called from Java by its address. */
jlong address(hw_progress function) { return static_cast<jlong>(reinterpret_cast<uintptr_t>(function)); }
jlong address(void *user) { return static_cast<jlong>(reinterpret_cast<uintptr_t>(user)); }
jlong handle(hw_handle number) { return static_cast<jlong>(number); }

/* A text that the calling thread keeps. */
const char *kept(std::string &place, std::string text) {
  place = std::move(text);
  return place.c_str();
}

}  // namespace

extern "C" {

uint32_t hw_api_version(void) { return HW_API_VERSION; }

const char *hw_error_message(void) {
  try {
    return hw_host::message().c_str();
  } catch (...) {
    return "";
  }
}

void hw_start_options_init(hw_start_options *options) {
  if (options == nullptr) return;
  *options = {};
  options->size = sizeof *options;
}

int32_t hw_start(const hw_start_options *options) {
  return guarded([&] {
    const hw_start_options asked = read(options, hw_start_options_init, "hw_start_options");
    const bool started = hw_host::start(asked);
    if (!started && (asked.home != nullptr || asked.java_options != nullptr || asked.threads != 0)) {
      throw Failure{HW_ERROR_JAVA,
                    "the Java machine runs already, with the options that it was started with; call hw_start first"};
    }
    Call call;
  });
}

int32_t hw_about(const char **json) {
  return guarded([&] {
    thread_local std::string text;
    require(json, "json");
    Call call;
    *json = kept(text, call.text(call.object({"HostCalls", "about", "()[B"})));
  });
}

int32_t hw_close(hw_handle number) {
  return guarded([&] { Call().nothing({"HostCalls", "close", "(J)V"}, handle(number)); });
}

int32_t hw_get_array(hw_handle number, int32_t what, int32_t index, hw_array *array) {
  return guarded([&] {
    require(array, "array");
    Call call;
    hw_array found;
    call.nothing({"HostCalls", "array", "(JIILjava/nio/ByteBuffer;)V"}, handle(number), what, index,
                 call.buffer(&found, sizeof found));
    *array = found;
  });
}

int32_t hw_get_texts(hw_handle number, int32_t what, hw_texts *texts) {
  return guarded([&] {
    require(texts, "texts");
    Call call;
    hw_array addresses;
    hw_array lengths;
    const Method method = {"HostCalls", "text", "(JIILjava/nio/ByteBuffer;)V"};
    call.nothing(method, handle(number), what, 0, call.buffer(&addresses, sizeof addresses));
    call.nothing(method, handle(number), what, 1, call.buffer(&lengths, sizeof lengths));
    *texts = {static_cast<const char *const *>(addresses.data), static_cast<const size_t *>(lengths.data),
              static_cast<size_t>(addresses.shape[0])};
  });
}

void hw_model_options_init(hw_model_options *options) {
  if (options == nullptr) return;
  *options = {};
  options->size = sizeof *options;
}

int32_t hw_open_model(const char *model, const char *transcoders, const hw_model_options *options, hw_model *out) {
  return guarded([&] {
    require(out, "out");
    const hw_model_options asked = read(options, hw_model_options_init, "hw_model_options");
    Call call;
    *out = static_cast<hw_model>(call.number(
        {"HostCalls", "openModel", "([B[B[BI[BJJ)J"}, call.bytes(model), call.bytes(transcoders),
        call.bytes(asked.device == nullptr ? "" : asked.device), asked.dtype,
        call.bytes(asked.products == nullptr ? "" : asked.products), address(asked.progress), address(asked.user)));
    static const bool once = (hw_host::end_before_what_is_loaded_now(), true);
    (void)once;
  });
}

void hw_prompt_input_init(hw_prompt_input *prompt) {
  if (prompt == nullptr) return;
  *prompt = {};
  prompt->size = sizeof *prompt;
  prompt->text_length = HW_UNTIL_ZERO;
}

int32_t hw_read_prompt(hw_model model, const hw_prompt_input *prompt, hw_prompt *out) {
  return guarded([&] {
    require(out, "out");
    Call call;
    *out = Prompt(call, model, prompt).release();
  });
}

int32_t hw_decoder_rows(hw_model model, int32_t layer, int32_t target_layer, const int32_t *features, size_t n,
                        hw_tensor *out) {
  return guarded([&] {
    require(out, "out");
    Call call;
    *out = static_cast<hw_tensor>(call.number({"HostCalls", "decoderRows", "(JII[I)J"}, handle(model), layer,
                                              target_layer, call.ints(features, n)));
  });
}

int32_t hw_target_directions(hw_model model, const int32_t *tokens, size_t n, hw_tensor *out) {
  return guarded([&] {
    require(out, "out");
    Call call;
    *out =
        static_cast<hw_tensor>(call.number({"HostCalls", "directions", "(J[I)J"}, handle(model), call.ints(tokens, n)));
  });
}

void hw_attribution_options_init(hw_attribution_options *options) {
  if (options == nullptr) return;
  *options = {};
  options->size = sizeof *options;
  options->max_features = 7500;
  options->max_logits = 10;
  options->logit_probability = 0.95;
  options->batch_size = 256;
  options->update_interval = 4;
}

int32_t hw_attribute(hw_model model, const hw_prompt_input *prompt, const hw_attribution_options *options,
                     hw_graph *out) {
  return guarded([&] {
    require(out, "out");
    const hw_attribution_options asked = read(options, hw_attribution_options_init, "hw_attribution_options");
    if (asked.memory > INT64_MAX) throw Failure{HW_ERROR_USAGE, "memory is more than there is"};
    Call call;
    const Prompt given(call, model, prompt);
    const std::deque<Prompt> contrast = prompts(call, model, asked.contrast, asked.contrast_count);
    *out = static_cast<hw_graph>(call.number(
        {"HostCalls", "attribute", "(JJIIDIIII[IJJ[JJJ)J"}, handle(model), given.number(), asked.max_features,
        asked.max_logits, asked.logit_probability, asked.batch_size, asked.update_interval, asked.rank,
        asked.target_kind, call.ints(asked.targets, asked.target_count), handle(asked.direction),
        static_cast<jlong>(asked.memory), numbers(call, contrast), address(asked.progress), address(asked.user)));
  });
}

int32_t hw_read_graph(const char *file, hw_graph *out) {
  return guarded([&] {
    require(file, "file");
    require(out, "out");
    Call call;
    *out = static_cast<hw_graph>(call.number({"HostCalls", "readGraph", "([B)J"}, call.bytes(file)));
    static const bool once = (hw_host::end_before_what_is_loaded_now(), true);
    (void)once;
  });
}

int32_t hw_write_graph(hw_graph graph, const char *file) {
  return guarded([&] {
    require(file, "file");
    Call call;
    call.nothing({"HostCalls", "writeGraph", "(J[B)V"}, handle(graph), call.bytes(file));
  });
}

int32_t hw_edge_rows(hw_graph graph, int32_t first, int32_t count, hw_tensor *out) {
  return guarded([&] {
    require(out, "out");
    *out = static_cast<hw_tensor>(Call().number({"HostCalls", "edgeRows", "(JII)J"}, handle(graph), first, count));
  });
}

int32_t hw_scores(hw_graph graph, double *replacement, double *completeness) {
  return guarded([&] {
    require(replacement, "replacement");
    require(completeness, "completeness");
    Call call;
    auto both = static_cast<jdoubleArray>(call.object({"HostCalls", "scores", "(J)[D"}, handle(graph)));
    call.env->GetDoubleArrayRegion(both, 0, 1, replacement);
    call.env->GetDoubleArrayRegion(both, 1, 1, completeness);
  });
}

int32_t hw_prune(hw_graph graph, double node_share, double edge_share, hw_pruned *out) {
  return guarded([&] {
    require(out, "out");
    *out =
        static_cast<hw_pruned>(Call().number({"HostCalls", "prune", "(JDD)J"}, handle(graph), node_share, edge_share));
  });
}

void hw_heads_options_init(hw_heads_options *options) {
  if (options == nullptr) return;
  *options = {};
  options->size = sizeof *options;
  options->share = 0.8;
}

int32_t hw_find_heads(hw_model model, hw_pruned pruned, const hw_heads_options *options, hw_heads *out) {
  return guarded([&] {
    require(out, "out");
    const hw_heads_options asked = read(options, hw_heads_options_init, "hw_heads_options");
    *out = static_cast<hw_heads>(Call().number({"HostCalls", "findHeads", "(JJDIJJ)J"}, handle(model), handle(pruned),
                                               asked.share, asked.explained, address(asked.progress),
                                               address(asked.user)));
  });
}

void hw_evaluation_options_init(hw_evaluation_options *options) {
  if (options == nullptr) return;
  *options = {};
  options->size = sizeof *options;
  options->window = 128;
  options->tokens = 20000;
  options->loss_tokens = 2048;
}

int32_t hw_evaluate(hw_model model, const char *const *files, size_t n, const hw_evaluation_options *options,
                    hw_evaluation *out) {
  return guarded([&] {
    require(out, "out");
    const hw_evaluation_options asked = read(options, hw_evaluation_options_init, "hw_evaluation_options");
    Call call;
    *out = static_cast<hw_evaluation>(
        call.number({"HostCalls", "evaluate", "(J[[BIZJJJJ)J"}, handle(model), texts(call, files, n, "files"),
                    asked.window, asked.layer_losses != 0, static_cast<jlong>(asked.tokens),
                    static_cast<jlong>(asked.loss_tokens), address(asked.progress), address(asked.user)));
  });
}

int32_t hw_explain_score(hw_heads heads, int32_t layer, int32_t head, int32_t query, int32_t key, int32_t pairs,
                         hw_score *out) {
  return guarded([&] {
    require(out, "out");
    *out = static_cast<hw_score>(
        Call().number({"HostCalls", "explainScore", "(JIIIII)J"}, handle(heads), layer, head, query, key, pairs));
  });
}

int32_t hw_write_pruned(hw_pruned pruned, const char *slug, int32_t numbered, const char *directory,
                        const char **file) {
  return guarded([&] {
    thread_local std::string written;
    require(slug, "slug");
    require(directory, "directory");
    Call call;
    const std::string path = call.text(call.object({"HostCalls", "writePruned", "(J[BZ[B)[B"}, handle(pruned),
                                                   call.bytes(slug), numbered != 0, call.bytes(directory)));
    const char *place = kept(written, path);
    if (file != nullptr) *file = place;
  });
}

void hw_intervention_options_init(hw_intervention_options *options) {
  if (options == nullptr) return;
  *options = {};
  options->size = sizeof *options;
  options->max_tokens = 20;
  options->top_p = 1;
}

int32_t hw_intervene(hw_model model, const hw_prompt_input *prompt, const hw_edit *edits, size_t n,
                     const hw_intervention_options *options, hw_run *out) {
  return guarded([&] {
    require(out, "out");
    const hw_intervention_options asked = read(options, hw_intervention_options_init, "hw_intervention_options");
    Call call;
    const Prompt given(call, model, prompt);
    const Edits wanted(call, edits, n);
    *out = static_cast<hw_run>(call.number({"HostEdits", "intervene", "(JJ[[B[I[F[[BIII)J"}, handle(model),
                                           given.number(), wanted.places, wanted.changes, wanted.values, wanted.others,
                                           asked.freeze, asked.first_layer, asked.end_layer));
  });
}

int32_t hw_generate(hw_model model, const hw_prompt_input *prompt, const hw_edit *edits, size_t n,
                    const hw_intervention_options *options, hw_generation *out) {
  return guarded([&] {
    require(out, "out");
    const hw_intervention_options asked = read(options, hw_intervention_options_init, "hw_intervention_options");
    Call call;
    const Prompt given(call, model, prompt);
    const Edits wanted(call, edits, n);
    *out = static_cast<hw_generation>(
        call.number({"HostEdits", "generate", "(JJ[[B[I[F[[BIIIIDIDJJJ)J"}, handle(model), given.number(),
                    wanted.places, wanted.changes, wanted.values, wanted.others, asked.freeze, asked.first_layer,
                    asked.end_layer, asked.max_tokens, asked.temperature, asked.top_k, asked.top_p,
                    static_cast<jlong>(asked.seed), address(asked.progress), address(asked.user)));
  });
}

}  // extern "C"
