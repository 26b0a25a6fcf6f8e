/* Conversations, contrasts, and attention heads. */
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "check.h"

namespace {

std::string read_text(hw_model model, const hw_prompt_input &prompt) {
  hw_prompt read;
  OK(hw_read_prompt(model, &prompt, &read));
  hw_texts found;
  OK(hw_get_texts(read, HW_PROMPT_TEXT, &found));
  std::string whole = found.text[0];
  OK(hw_close(read));
  return whole;
}

template <class T>
double sum(const hw_array &array) {
  double total = 0;
  for (int64_t i = 0; i < array.shape[0]; i++) total += static_cast<double>(static_cast<const T *>(array.data)[i]);
  return total;
}

}  // namespace

/* The model of HEADWATER_TEST_CHAT has a template that writes the turns one after the other, after "is " where it is to think. */
void conversations() {
  hw_model model;
  OK(hw_open_model(std::getenv("HEADWATER_TEST_CHAT"), "atlas-plt", nullptr, &model));
  const std::string special = read_text(model, text("Fact:"));
  const std::string lead = special.substr(0, special.size() - 5);
  CHECK(!lead.empty() && special == lead + "Fact:");
  hw_prompt_input prompt = text("capital");
  prompt.system = "Fact: the";
  prompt.assistant = "of";
  CHECK(read_text(model, prompt) == "Fact: the capital of");
  prompt.thinking = HW_THINKING_ON;
  CHECK(read_text(model, prompt) == "is Fact: the capital of");
  prompt.thinking = HW_THINKING_OFF;
  prompt.leading_special = 1;
  CHECK(read_text(model, prompt) == lead + "Fact: the capital of");
  hw_prompt_input told = text("Dallas is");
  told.messages = R"([{"role": "user", "content": "the state"}, {"role": "user", "content": "containing"}])";
  CHECK(read_text(model, told) == "the state containing Dallas is");
  told.text = nullptr;
  told.messages =
      R"({"messages": [{"role": "user", "content": "36+59="}], "chat_template_kwargs": {"thinking": true}})";
  hw_prompt out;
  REFUSED(hw_read_prompt(model, &told, &out), HW_ERROR_USAGE, "does not read 'thinking'");
  told.messages = R"([{"role": "user", "content": "Fact: the capital of the state containing Dallas is"}])";
  hw_graph graph;
  const hw_attribution_options options = small(20);
  OK(hw_attribute(model, &told, &options, &graph)); /* without a special token in front */
  hw_prompt_input plain = text(kFact);
  OK(hw_read_prompt(model, &plain, &out));
  CHECK(array(graph, HW_TOKENS).shape[0] == array(out, HW_TOKENS).shape[0] - 1);
  OK(hw_close(out));
  OK(hw_close(graph));

  told.messages = "[{";
  REFUSED(hw_read_prompt(model, &told, &out), HW_ERROR_USAGE, "not JSON");
  told.messages = "[]";
  REFUSED(hw_read_prompt(model, &told, &out), HW_ERROR_USAGE, "list of messages");
  prompt.thinking = 5;
  REFUSED(hw_read_prompt(model, &prompt, &out), HW_ERROR_USAGE, "thinking is 5");
  const int32_t token = 5;
  prompt = text("x");
  prompt.chat = 1;
  prompt.tokens = &token;
  prompt.token_count = 1;
  REFUSED(hw_read_prompt(model, &prompt, &out), HW_ERROR_USAGE, "not of tokens");
  prompt = text("x");
  prompt.thinking = HW_THINKING_ON;
  REFUSED(hw_read_prompt(model, &prompt, &out), HW_ERROR_USAGE, "set chat");
  prompt.text = nullptr;
  prompt.chat = 1;
  REFUSED(hw_read_prompt(model, &prompt, &out), HW_ERROR_USAGE, "nobody says anything");
  OK(hw_close(model));
  const hw_model base = open_model();
  prompt.text = "x";
  REFUSED(hw_read_prompt(base, &prompt, &out), HW_ERROR_FAILED, "no chat template");
  OK(hw_close(base));
}

void contrasts() {
  hw_model model;
  OK(hw_open_model("atlas", "neurons", nullptr, &model));
  hw_prompt_input prompt = text("36+59=");
  const hw_prompt_input others[] = {text("36+58="), text("31+57=")};
  hw_attribution_options options = small(50);
  hw_graph plain, against;
  OK(hw_attribute(model, &prompt, &options, &plain));
  options.contrast = others;
  options.contrast_count = 2;
  OK(hw_attribute(model, &prompt, &options, &against));
  hw_texts info;
  OK(hw_get_texts(against, HW_INFO, &info));
  CHECK(std::strstr(info.text[0], "contrast"));
  CHECK(array(plain, HW_SELECTED).shape[0] == 50 && array(against, HW_SELECTED).shape[0] == 50);
  CHECK(std::memcmp(array(plain, HW_EDGE_WEIGHT).data, array(against, HW_EDGE_WEIGHT).data, 200) != 0);

  hw_pruned pruned;
  hw_handle out;
  OK(hw_prune(against, 0.8, 0.98, &pruned));
  REFUSED(hw_find_heads(model, pruned, nullptr, &out), HW_ERROR_USAGE, "mean over a contrast");
  hw_prompt_input uneven[] = {text("36+58="), text("31+57=")};
  uneven[1].size = offsetof(hw_prompt_input, chat);
  options.contrast = uneven;
  REFUSED(hw_attribute(model, &prompt, &options, &out), HW_ERROR_USAGE, "differ in their size");
  options.contrast = nullptr;
  REFUSED(hw_attribute(model, &prompt, &options, &out), HW_ERROR_USAGE, "contrast is NULL");
  options.contrast = others;
  const hw_model transcoders = open_model();
  REFUSED(hw_attribute(transcoders, &prompt, &options, &out), HW_ERROR_USAGE, "own neurons");
  for (hw_handle handle : {pruned, against, plain, model, transcoders}) OK(hw_close(handle));
  const char *about;
  OK(hw_about(&about)); /* the prompts that a call makes for itself are gone */
  CHECK(std::strstr(about, "\"open\": 0"));
}

void heads() {
  const hw_model model = open_model();
  hw_prompt_input prompt = text(kFact);
  hw_attribution_options options = small(60);
  hw_graph graph;
  hw_pruned pruned;
  OK(hw_attribute(model, &prompt, &options, &graph));
  OK(hw_prune(graph, 0.8, 0.98, &pruned));
  hw_heads_options wanted;
  hw_heads_options_init(&wanted);
  wanted.explained = 1;
  hw_heads found;
  OK(hw_find_heads(model, pruned, &wanted, &found));
  char folder[] = "/tmp/headwater-heads-XXXXXX";
  CHECK(mkdtemp(folder));
  const char *file;
  OK(hw_write_pruned(pruned, "heads", 0, folder, &file));
  std::ifstream written(file);
  const std::string content{std::istreambuf_iterator<char>(written), {}};
  CHECK(content.find("\"attention_heads\"") != std::string::npos);
  for (hw_handle handle : {pruned, graph, model}) OK(hw_close(handle)); /* what was found keeps the model */

  const hw_array influence = array(found, HW_HEAD_INFLUENCE);
  CHECK(influence.rank == 2 && influence.shape[0] == 6 && influence.type == HW_F64);
  const int64_t edges = array(found, HW_HEAD_TARGETS).shape[0];
  const auto *start = static_cast<const int64_t *>(array(found, HW_HEAD_START).data);
  CHECK(edges > 0 && array(found, HW_HEAD_SOURCES).shape[0] == edges && array(found, HW_HEAD_REST).shape[0] == edges);
  for (int32_t what : {HW_HEAD_LAYERS, HW_HEAD_NUMBERS, HW_HEAD_LOADINGS})
    CHECK(array(found, what).shape[0] == start[edges]);
  int64_t best = 0;
  const auto *share = static_cast<const double *>(influence.data);
  for (int64_t i = 0; i < influence.shape[0] * influence.shape[1]; i++) best = share[i] > share[best] ? i : best;
  const auto layer = static_cast<int32_t>(best / influence.shape[1]),
             head = static_cast<int32_t>(best % influence.shape[1]);

  hw_score score;
  OK(hw_explain_score(found, layer, head, -1, 9, 12, &score));
  const auto *summary = static_cast<const double *>(array(score, HW_SCORE_SUMMARY).data);
  const hw_array query = array(score, HW_SCORE_QUERY), sources = array(found, HW_SOURCES);
  CHECK(sources.rank == 2 && sources.shape[0] == query.shape[0] && sources.shape[1] == 4);
  CHECK(std::abs(sum<float>(query) + summary[3] - summary[0]) < 1e-4 * (1 + std::abs(summary[0])));
  CHECK(std::abs(sum<float>(array(score, HW_SCORE_KEY)) + summary[4] - summary[0]) < 1e-4 * (1 + std::abs(summary[0])));
  CHECK(summary[1] >= 0 && summary[1] <= 1);
  const int64_t pairs = array(score, HW_SCORE_PAIRS).shape[0];
  CHECK(pairs > 0 && pairs <= 12 && array(score, HW_SCORE_PAIR_VALUES).shape[0] == pairs);
  OK(hw_close(score));

  REFUSED(hw_explain_score(found, 77, 0, -1, 9, 12, &score), HW_ERROR_USAGE, "no layer 77");
  REFUSED(hw_explain_score(found, 0, 77, -1, 9, 12, &score), HW_ERROR_USAGE, "no head 77");
  REFUSED(hw_explain_score(found, 0, 0, 3, 9, 12, &score), HW_ERROR_USAGE, "comes after the query");
  REFUSED(hw_explain_score(found, 0, 0, -1, 9, -1, &score), HW_ERROR_USAGE, "can't be negative");
  REFUSED(hw_find_heads(found, found, nullptr, &score), HW_ERROR_HANDLE, "is of a table of heads; this needs a model");
  OK(hw_close(found));
  const char *about;
  OK(hw_about(&about));
  CHECK(std::strstr(about, "\"open\": 0"));
}

void evaluations() {
  hw_model model;
  OK(hw_open_model(nullptr, nullptr, nullptr, &model));
  const std::string file = "/tmp/headwater-evaluation-" + std::to_string(getpid()) + ".txt";
  const char *names[] = {file.c_str(), file.c_str()};
  std::ofstream(file) << "36+59=95\n";
  hw_evaluation found;
  REFUSED(hw_evaluate(model, names, 1, nullptr, &found), HW_ERROR_FAILED, "too short to judge");
  {
    std::ofstream lines(file);
    for (int a = 10; a < 40; a++) lines << a << "+41=" << a + 41 << "\n";
  }
  hw_evaluation_options options;
  hw_evaluation_options_init(&options);
  options.loss_tokens = 100;
  OK(hw_evaluate(model, names, 2, &options, &found));
  hw_texts info;
  OK(hw_get_texts(found, HW_INFO, &info));
  const std::string json = info.text[0];
  CHECK(json.find("\"meanFvu\":0.") != std::string::npos && json.find("\"recovered\":0.9") != std::string::npos);
  REFUSED(hw_get_texts(found, HW_PROMPT_TEXT, &info), HW_ERROR_USAGE, "an evaluation has no texts");
  options.window = 2;
  hw_evaluation none;
  REFUSED(hw_evaluate(model, names, 1, &options, &none), HW_ERROR_USAGE, "3 tokens or more");
  names[1] = nullptr;
  REFUSED(hw_evaluate(model, names, 2, nullptr, &none), HW_ERROR_USAGE, "files");
  REFUSED(hw_evaluate(model, nullptr, 0, nullptr, &none), HW_ERROR_FAILED, "no files");
  OK(hw_close(found));
  OK(hw_close(model));
  unlink(file.c_str());
}
