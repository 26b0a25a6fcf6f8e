/*
 * Takes Texas away and lets the model go on: what ./headwater intervene shows, from C++.
 *
 *   c++ -std=c++17 intervene.cpp $(pkg-config --cflags --libs headwater) -o intervene && ./intervene
 */
#include <headwater.h>

#include <algorithm>
#include <cstdio>
#include <stdexcept>
#include <utility>
#include <vector>

namespace {

void check(int32_t status) {
  if (status != HW_OK) throw std::runtime_error(hw_error_message());
}

/* Ends a handle with its block. */
class Handle {
 public:
  Handle() = default;
  Handle(Handle &&other) noexcept : number_(std::exchange(other.number_, 0)) {}
  ~Handle() {
    if (number_ != 0) hw_close(number_);
  }
  hw_handle *out() { return &number_; }
  operator hw_handle() const { return number_; }

 private:
  hw_handle number_ = 0;
};

/* The likeliest token at the end of a run, and its logit. */
std::pair<int64_t, float> likeliest(const Handle &run) {
  hw_array logits;
  check(hw_get_array(run, HW_LOGITS, 0, &logits));
  const auto *last = static_cast<const float *>(logits.data) + (logits.shape[0] - 1) * logits.shape[1];
  const float *best = std::max_element(last, last + logits.shape[1]);
  return {best - last, *best};
}

}  // namespace

int main() try {
  Handle model;
  check(hw_open_model(nullptr, nullptr, nullptr, model.out()));
  hw_prompt_input prompt;
  hw_prompt_input_init(&prompt);
  prompt.text = "Fact: the capital of the state containing Dallas is";

  std::vector<hw_edit> edits;
  for (const char *place : {"0/9/94", "0/9/1862", "1/9/696", "2/-1/607", "2/-1/1040", "3/-1/1683", "4/-1/425"}) {
    edits.push_back({place, nullptr, HW_SCALE, -1});
  }
  Handle before, after;
  check(hw_intervene(model, &prompt, nullptr, 0, nullptr, before.out()));
  check(hw_intervene(model, &prompt, edits.data(), edits.size(), nullptr, after.out()));
  std::printf("token %lld becomes %lld\n", static_cast<long long>(likeliest(before).first),
              static_cast<long long>(likeliest(after).first));

  hw_intervention_options options;
  hw_intervention_options_init(&options);
  options.max_tokens = 3;
  for (size_t count : {size_t{0}, edits.size()}) {
    Handle generated;
    check(hw_generate(model, &prompt, edits.data(), count, &options, generated.out()));
    hw_texts text;
    check(hw_get_texts(generated, HW_GENERATED_TEXT, &text));
    std::printf("with %zu edits:%s\n", count, text.text[0]);
  }
  return 0;
} catch (const std::exception &failure) {
  std::fprintf(stderr, "intervene: %s\n", failure.what());
  return 1;
}
