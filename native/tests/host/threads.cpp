/* Several threads, and what is closed under them. */
#include <pthread.h>
#include <sys/wait.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <thread>
#include <vector>

#include "check.h"

/* A graph's edges as bytes, which are the same however it is made. */
std::string edges(hw_model model, const char *prompt, int32_t features) {
  hw_prompt_input asked = text(prompt);
  const hw_attribution_options options = small(features);
  hw_graph graph;
  OK(hw_attribute(model, &asked, &options, &graph));
  const hw_array weights = array(graph, HW_EDGE_WEIGHT);
  const hw_array sources = array(graph, HW_EDGE_SOURCE);
  CHECK(weights.type == HW_F32 && weights.shape[0] == sources.shape[0]);
  std::string bytes(static_cast<const char *>(weights.data), static_cast<size_t>(weights.shape[0]) * 4);
  bytes.append(static_cast<const char *>(sources.data), static_cast<size_t>(sources.shape[0]) * 4);
  OK(hw_close(graph));
  return bytes;
}

void threads() {
  const hw_model model = open_model();
  const std::vector<const char *> prompts = {"36+59=", "The day after Monday is", "Le contraire de \"petit\" est \""};
  std::vector<std::string> expected;
  for (const char *prompt : prompts) expected.push_back(edges(model, prompt, 30));
  std::vector<std::thread> all;
  std::atomic<int> same{0};
  for (size_t t = 0; t < 8; t++) {
    all.emplace_back([&, t] {
      for (size_t i = 0; i < prompts.size(); i++) {
        const size_t which = (t + i) % prompts.size();
        same += edges(model, prompts[which], 30) == expected[which];
      }
    });
  }
  for (std::thread &thread : all) thread.join();
  CHECK(same == static_cast<int>(8 * prompts.size()));
  OK(hw_close(model));
}

/* The model and graphs are closed in the middle of other threads' work: every call gives a result or HW_ERROR_HANDLE. */
void closing() {
  for (int round = 0; round < 3; round++) {
    const hw_model model = open_model();
    hw_prompt_input prompt = text("36+59=");
    const hw_attribution_options options = small(20);
    hw_graph shared;
    OK(hw_attribute(model, &prompt, &options, &shared));
    std::atomic<int> done{0}, refused{0};
    std::vector<std::thread> all;
    for (int t = 0; t < 8; t++) {
      all.emplace_back([&, t] {
        for (int32_t status = HW_OK; status == HW_OK;) {
          hw_handle out = 0;
          status = t % 2 == 0 ? hw_attribute(model, &prompt, &options, &out) : hw_prune(shared, 0.8, 0.98, &out);
          if (status == HW_OK) {
            OK(hw_close(out));
            done++;
          } else {
            CHECK(status == HW_ERROR_HANDLE);
            refused++;
          }
        }
      });
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(40 * (round + 1)));
    OK(hw_close(model));
    OK(hw_close(shared));
    for (std::thread &thread : all) thread.join();
    CHECK(refused == 8 && (round == 0 || done > 0));
  }
}

void forking() {
  const hw_model model = open_model();
  hw_prompt_input prompt = text(kFact);
  const pid_t child = fork();
  if (child == 0) {
    hw_graph graph;
    REFUSED(hw_attribute(model, &prompt, nullptr, &graph), HW_ERROR_JAVA, "forked");
    REFUSED(hw_close(model), HW_ERROR_JAVA, "forked");
    exit(0);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
  OK(hw_close(model));
}

void stacks() {
  const hw_model model = open_model();
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_t thread;
  for (size_t stack : {size_t{128} << 10, size_t{512} << 10, size_t{1} << 20}) {
    pthread_attr_setstacksize(&attributes, stack);
    struct Asked {
      hw_model model;
      int32_t status;
      std::string message;
    } asked = {model, -1, ""};
    CHECK(pthread_create(
              &thread, &attributes,
              [](void *argument) -> void * {
                Asked &asked = *static_cast<Asked *>(argument);
                hw_prompt_input prompt = text(kFact);
                hw_graph graph;
                asked.status = hw_attribute(asked.model, &prompt, nullptr, &graph);
                asked.message = hw_error_message();
                return nullptr;
              },
              &asked) == 0);
    pthread_join(thread, nullptr);
    if (stack < size_t{512} << 10) {
      CHECK(asked.status == HW_ERROR_USAGE && asked.message.find("stack of") != std::string::npos);
    } else if (stack == size_t{1} << 20) {
      CHECK(asked.status == HW_OK);
    }
  }
  pthread_attr_destroy(&attributes);
}
