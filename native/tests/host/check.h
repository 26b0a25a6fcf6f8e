/*
 * What a host may do to libheadwater.so and what it gets for it: cases that main.cpp runs by name.
 */
#ifndef HEADWATER_HOST_CHECK_H
#define HEADWATER_HOST_CHECK_H

#include <headwater.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string>

/* As dmlc/dlpack.h. */
struct DLManagedTensorVersioned {
  struct {
    uint32_t major, minor;
  } version;
  void *manager_ctx;
  void (*deleter)(DLManagedTensorVersioned *self);
  uint64_t flags;
  struct {
    void *data;
    struct {
      int32_t type, id;
    } device;
    int32_t ndim;
    struct {
      uint8_t code, bits;
      uint16_t lanes;
    } dtype;
    int64_t *shape, *strides;
    uint64_t byte_offset;
  } dl_tensor;
};

inline const char *const kFact = "Fact: the capital of the state containing Dallas is";

[[noreturn]] inline void fail(int line, const std::string &what) {
  std::printf("line %d: %s\n", line, what.c_str());
  std::fflush(stdout);
  _exit(1);
}

#define CHECK(condition) \
  if (!(condition)) fail(__LINE__, #condition)
#define OK(call)                                      \
  if (const int32_t status = (call); status != HW_OK) \
  fail(__LINE__, std::string(#call) + " gave " + std::to_string(status) + ": " + hw_error_message())
/* The status, and a part of the sentence. */
#define REFUSED(call, expected, part)                                                                \
  if (const int32_t status = (call); status != (expected) || !std::strstr(hw_error_message(), part)) \
  fail(__LINE__, std::string(#call) + " gave " + std::to_string(status) + ": " + hw_error_message())

inline hw_prompt_input text(const char *text) {
  hw_prompt_input prompt;
  hw_prompt_input_init(&prompt);
  prompt.text = text;
  return prompt;
}

inline hw_model open_model() {
  hw_model model;
  OK(hw_open_model("atlas", "atlas-plt", nullptr, &model));
  return model;
}

inline hw_attribution_options small(int32_t features) {
  hw_attribution_options options;
  hw_attribution_options_init(&options);
  options.max_features = features;
  return options;
}

inline hw_array array(hw_handle handle, int32_t what, int32_t index = 0) {
  hw_array found;
  OK(hw_get_array(handle, what, index, &found));
  return found;
}

/* A graph's edges as bytes, which are the same however it is made. */
std::string edges(hw_model model, const char *prompt, int32_t features);

void ending();
void errors();
void versions();
void threads();
void closing();
void forking();
void stacks();
void signals();
void late_signals();
void tensors();
void contents();
void another_machine();
void conversations();
void contrasts();
void heads();
void evaluations();
void loop(int rounds);

#endif
