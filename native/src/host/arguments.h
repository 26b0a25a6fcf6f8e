/* What callers pass in structs, as Java takes it. */
#ifndef HEADWATER_HOST_ARGUMENTS_H
#define HEADWATER_HOST_ARGUMENTS_H

#include <cstring>
#include <deque>

#include "machine.h"

namespace hw_host {

/* A prompt as tokens of the model, for as long as a call needs it. */
class Prompt {
 public:
  Prompt(Call &call, hw_model model, const hw_prompt_input *given) : call_(call) {
    require(given, "prompt");
    const hw_prompt_input prompt = read(given, hw_prompt_input_init, "hw_prompt_input");
    JNIEnv *env = call.env;
    if (env->PushLocalFrame(16) != 0) call.check();
    try {
      jbyteArray text = nullptr;
      if (prompt.text != nullptr) {
        text = call.bytes(prompt.text, prompt.text_length == HW_UNTIL_ZERO ? strlen(prompt.text) : prompt.text_length);
      }
      jintArray tokens = prompt.tokens == nullptr ? nullptr : call.ints(prompt.tokens, prompt.token_count);
      number_ = call.number({"HostCalls", "readPrompt", "(J[B[I[B[B[BZZI)J"}, static_cast<jlong>(model), text, tokens,
                            call.bytes(prompt.messages), call.bytes(prompt.system), call.bytes(prompt.assistant),
                            prompt.chat != 0, prompt.leading_special != 0, prompt.thinking);
    } catch (...) {
      env->PopLocalFrame(nullptr);
      throw;
    }
    env->PopLocalFrame(nullptr);
  }

  ~Prompt() {
    if (number_ != 0) {
      guarded([&] { call_.nothing({"HostCalls", "close", "(J)V"}, number_); });
    }
  }
  Prompt(const Prompt &) = delete;
  Prompt &operator=(const Prompt &) = delete;

  jlong number() const { return number_; }

  /* Gives it away. */
  hw_prompt release() {
    const jlong number = number_;
    number_ = 0;
    return static_cast<hw_prompt>(number);
  }

 private:
  Call &call_;
  jlong number_ = 0;
};

/* Prompts that lie behind each other, each of the size that the first one says. */
inline std::deque<Prompt> prompts(Call &call, hw_model model, const hw_prompt_input *first, size_t count) {
  std::deque<Prompt> all;
  if (count == 0) return all;
  require(first, "contrast");
  const size_t size = *reinterpret_cast<const size_t *>(first);
  for (size_t i = 0; i < count; i++) {
    const auto at = reinterpret_cast<const char *>(first) + i * size;
    if (*reinterpret_cast<const size_t *>(at) != size)
      throw Failure{HW_ERROR_USAGE,
                    "the prompts of a contrast differ in their size; fill each in with its init function"};
    all.emplace_back(call, model, reinterpret_cast<const hw_prompt_input *>(at));
  }
  return all;
}

inline jlongArray numbers(Call &call, const std::deque<Prompt> &prompts) {
  jlongArray array = call.env->NewLongArray(static_cast<jsize>(prompts.size()));
  if (array == nullptr) call.check();
  jsize i = 0;
  for (const Prompt &prompt : prompts) {
    const jlong number = prompt.number();
    call.env->SetLongArrayRegion(array, i++, 1, &number);
  }
  return array;
}

/* Texts that end with 0, each as bytes. */
inline jobjectArray texts(Call &call, const char *const *given, size_t n, const char *what) {
  constexpr size_t kMost = 1 << 20;
  if (n > kMost) throw Failure{HW_ERROR_USAGE, std::to_string(n) + " " + what + " are too many"};
  if (n > 0) require(given, what);
  JNIEnv *env = call.env;
  const auto count = static_cast<jsize>(n);
  jobjectArray array = env->NewObjectArray(count, env->FindClass("[B"), nullptr);
  call.check();
  for (jsize i = 0; i < count; i++) {
    require(given[i], what);
    jbyteArray text = call.bytes(given[i]);
    env->SetObjectArrayElement(array, i, text);
    env->DeleteLocalRef(text);
  }
  return array;
}

struct Edits {
  jobjectArray places, others;
  jintArray changes;
  jfloatArray values;

  Edits(Call &call, const hw_edit *edits, size_t n) {
    constexpr size_t kMost = 1 << 20;
    if (n > kMost) throw Failure{HW_ERROR_USAGE, std::to_string(n) + " edits are too many"};
    if (n > 0) require(edits, "edits");
    JNIEnv *env = call.env;
    const auto count = static_cast<jsize>(n);
    jclass type = env->FindClass("[B");
    places = env->NewObjectArray(count, type, nullptr);
    others = env->NewObjectArray(count, type, nullptr);
    changes = env->NewIntArray(count);
    values = env->NewFloatArray(count);
    call.check();
    for (jsize i = 0; i < count; i++) {
      const hw_edit &edit = edits[i];
      require(edit.place, "the place of an edit");
      jbyteArray place = call.bytes(edit.place);
      jbyteArray other = call.bytes(edit.other);
      env->SetObjectArrayElement(places, i, place);
      env->SetObjectArrayElement(others, i, other);
      env->DeleteLocalRef(place);
      if (other != nullptr) env->DeleteLocalRef(other);
      env->SetIntArrayRegion(changes, i, 1, &edit.change);
      env->SetFloatArrayRegion(values, i, 1, &edit.value);
    }
  }
};

}  // namespace hw_host

#endif
