/* What is wrong with a request comes back as a status and a sentence. */
#include <cmath>

#include "check.h"

void errors() {
  hw_model model = 0;
  hw_handle out = 0;
  REFUSED(hw_open_model("/nowhere/at/all", "atlas-plt", nullptr, &model), HW_ERROR_FAILED, "/nowhere/at/all");
  REFUSED(hw_open_model("/nowhere", nullptr, nullptr, &model), HW_ERROR_USAGE, "needs transcoders");
  REFUSED(hw_open_model("a\xff", "atlas-plt", nullptr, &model), HW_ERROR_USAGE, "not UTF-8: byte 1");
  REFUSED(hw_open_model("atlas", nullptr, nullptr, nullptr), HW_ERROR_USAGE, "out is NULL");
  hw_model_options wrong;
  hw_model_options_init(&wrong);
  wrong.size = 4096;
  REFUSED(hw_open_model("atlas", nullptr, &wrong, &model), HW_ERROR_USAGE, "size is 4096");
  wrong.size = 0;
  REFUSED(hw_open_model("atlas", nullptr, &wrong, &model), HW_ERROR_USAGE, "size is 0");
  hw_model_options_init(&wrong);
  wrong.dtype = 9;
  REFUSED(hw_open_model("atlas", nullptr, &wrong, &model), HW_ERROR_USAGE, "dtype is 9");
  wrong.dtype = 0;
  wrong.device = "cuda:99";
  CHECK(hw_open_model("atlas", nullptr, &wrong, &model) != HW_OK);
  CHECK(std::strlen(hw_error_message()) > 20);

  model = open_model();
  hw_prompt_input prompt = text(kFact);
  REFUSED(hw_attribute(model, nullptr, nullptr, &out), HW_ERROR_USAGE, "prompt is NULL");
  prompt.text = "na\xc3\x28ve";
  REFUSED(hw_attribute(model, &prompt, nullptr, &out), HW_ERROR_USAGE, "not UTF-8: byte 2 of 6");
  prompt.text = "";
  REFUSED(hw_attribute(model, &prompt, nullptr, &out), HW_ERROR_USAGE, "empty");
  prompt.text = nullptr;
  REFUSED(hw_attribute(model, &prompt, nullptr, &out), HW_ERROR_USAGE, "either text or tokens");
  const int32_t tokens[] = {0, 1 << 30};
  prompt.tokens = tokens;
  prompt.token_count = 2;
  REFUSED(hw_attribute(model, &prompt, nullptr, &out), HW_ERROR_USAGE, "token 1073741824 at position 1");
  prompt.token_count = 0;
  REFUSED(hw_attribute(model, &prompt, nullptr, &out), HW_ERROR_USAGE, "empty");
  prompt = text(kFact);
  prompt.size = 3;
  REFUSED(hw_attribute(model, &prompt, nullptr, &out), HW_ERROR_USAGE, "size is 3");
  prompt = text(kFact);
  hw_attribution_options options = small(-1);
  REFUSED(hw_attribute(model, &prompt, &options, &out), HW_ERROR_USAGE, "negative");
  options = small(10);
  options.rank = 7;
  REFUSED(hw_attribute(model, &prompt, &options, &out), HW_ERROR_USAGE, "rank is 7");
  options.rank = 0;
  options.target_kind = 77;
  REFUSED(hw_attribute(model, &prompt, &options, &out), HW_ERROR_USAGE, "no targets of kind 77");
  options.target_kind = HW_TARGETS_TOKENS;
  options.target_count = 1;
  REFUSED(hw_attribute(model, &prompt, &options, &out), HW_ERROR_USAGE, "NULL");
  options.targets = tokens + 1;
  REFUSED(hw_attribute(model, &prompt, &options, &out), HW_ERROR_USAGE, "there is no token");
  options.target_kind = HW_TARGETS_DIRECTIONS;
  REFUSED(hw_attribute(model, &prompt, &options, &out), HW_ERROR_HANDLE, "never given out");
  CHECK(out == 0);

  hw_array found;
  REFUSED(hw_get_array(model, HW_NODE_KIND, 0, &found), HW_ERROR_USAGE, "a model has no array of number 10");
  REFUSED(hw_get_array(12345, HW_NODE_KIND, 0, &found), HW_ERROR_HANDLE, "0x3039");
  REFUSED(hw_get_array(model, HW_NODE_KIND, 0, nullptr), HW_ERROR_USAGE, "array is NULL");
  REFUSED(hw_prune(model, 0.8, 0.98, &out), HW_ERROR_HANDLE, "is of a model; this needs a graph");
  REFUSED(hw_close(0), HW_ERROR_HANDLE, "closed already or was never given out");
  REFUSED(hw_read_graph("/nowhere.safetensors", &out), HW_ERROR_FAILED, "/nowhere.safetensors");
  REFUSED(hw_read_graph("", &out), HW_ERROR_USAGE, "empty");
  const int32_t feature = 1 << 20;
  REFUSED(hw_decoder_rows(model, 0, 0, &feature, 1, &out), HW_ERROR_USAGE, "no feature 1048576");
  REFUSED(hw_decoder_rows(model, -1, 0, &feature, 1, &out), HW_ERROR_USAGE, "no layer -1");
  REFUSED(hw_decoder_rows(model, 0, 5, &feature, 1, &out), HW_ERROR_USAGE, "not to 5");
  hw_edit edit = {"nonsense", nullptr, HW_SET, 1};
  REFUSED(hw_intervene(model, &prompt, &edit, 1, nullptr, &out), HW_ERROR_USAGE, "names no features");
  edit = {"0/9/94", nullptr, HW_SET, NAN};
  REFUSED(hw_intervene(model, &prompt, &edit, 1, nullptr, &out), HW_ERROR_USAGE, "finite");
  edit = {"0/9/94", nullptr, 99, 1};
  REFUSED(hw_intervene(model, &prompt, &edit, 1, nullptr, &out), HW_ERROR_USAGE, "no change of number 99");
  edit = {nullptr, nullptr, HW_SET, 1};
  REFUSED(hw_intervene(model, &prompt, &edit, 1, nullptr, &out), HW_ERROR_USAGE, "NULL");
  REFUSED(hw_intervene(model, &prompt, nullptr, 1, nullptr, &out), HW_ERROR_USAGE, "edits is NULL");
  hw_intervention_options limits;
  hw_intervention_options_init(&limits);
  limits.max_tokens = -3;
  REFUSED(hw_generate(model, &prompt, nullptr, 0, &limits, &out), HW_ERROR_USAGE, "-3");

  options = small(20);
  options.progress = [](void *user, const char *, int64_t, int64_t) { return ++*static_cast<int *>(user) > 3 ? 1 : 0; };
  int heard = 0;
  options.user = &heard;
  REFUSED(hw_attribute(model, &prompt, &options, &out), HW_ERROR_CANCELLED, "cancelled");
  CHECK(heard == 4);
  OK(hw_close(model));
  REFUSED(hw_close(model), HW_ERROR_HANDLE, "closed already");
  REFUSED(hw_attribute(model, &prompt, nullptr, &out), HW_ERROR_HANDLE, "is closed");
  hw_start_options late;
  hw_start_options_init(&late);
  late.threads = 1;
  REFUSED(hw_start(&late), HW_ERROR_JAVA, "runs already");
  OK(hw_start(nullptr));
}

/* A caller that was compiled against a header with fewer fields. */
void versions() {
  CHECK(hw_api_version() == HW_API_VERSION);
  const hw_model model = open_model();
  hw_prompt_input prompt = text(kFact);
  hw_attribution_options options;
  std::memset(&options, 0xee, sizeof options); /* beyond its size there is whatever the caller has there */
  hw_attribution_options usual;
  hw_attribution_options_init(&usual);
  const size_t older = offsetof(hw_attribution_options, max_logits);
  std::memcpy(&options, &usual, older);
  options.size = older;
  options.max_features = 30;
  hw_graph graph;
  OK(hw_attribute(model, &prompt, &options, &graph));
  CHECK(array(graph, HW_SELECTED).shape[0] == 30);
  OK(hw_close(graph));
  OK(hw_close(model));
}
