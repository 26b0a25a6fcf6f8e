/* Arrays in place, tensors shared, memory given back, and a machine that somebody else started. */
#include <dlfcn.h>
#include <jni.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <vector>

#include "check.h"

namespace {

template <class T>
const T *values(const hw_array &array, int32_t type) {
  CHECK(array.type == type && array.data != nullptr);
  return static_cast<const T *>(array.data);
}

std::string texts(hw_handle handle, int32_t what, size_t index = 0) {
  hw_texts found;
  OK(hw_get_texts(handle, what, &found));
  CHECK(index < found.count && found.text[index][found.length[index]] == 0);
  return found.text[index];
}

/* Of /proc/self/statm, in MB. */
double resident() {
  long size = 0, pages = 0;
  std::ifstream("/proc/self/statm") >> size >> pages;
  return static_cast<double>(pages) * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1e6;
}

bool given_back = false;

}  // namespace

/* What arrays hold fits together, and with rows made dense. */
void contents() {
  const hw_model model = open_model();
  hw_prompt_input prompt = text(kFact);
  hw_graph graph;
  OK(hw_attribute(model, &prompt, nullptr, &graph));
  const hw_array kind = array(graph, HW_NODE_KIND);
  const int64_t n = kind.shape[0];
  std::map<int, int64_t> kinds;
  for (int64_t i = 0; i < n; i++) kinds[values<uint8_t>(kind, HW_U8)[i]]++;
  const hw_array tokens = array(graph, HW_TOKENS);
  CHECK(kinds[0] == array(graph, HW_SELECTED).shape[0] && kinds[1] == 6 * tokens.shape[0] &&
        kinds[2] == tokens.shape[0]);
  CHECK(kinds[3] == array(graph, HW_LOGIT_TOKENS).shape[0] && texts(graph, HW_LOGIT_TEXTS) == " Austin");
  CHECK(texts(graph, HW_TOKEN_TEXTS, 9) == " Dallas" && texts(graph, HW_INFO).find("atlas-plt") != std::string::npos);

  const hw_array starts = array(graph, HW_EDGE_START);
  const auto *start = values<int64_t>(starts, HW_I64);
  const auto *source = values<int32_t>(array(graph, HW_EDGE_SOURCE), HW_I32);
  const auto *weight = values<float>(array(graph, HW_EDGE_WEIGHT), HW_F32);
  CHECK(starts.shape[0] == n + 1 && start[n] == array(graph, HW_EDGE_WEIGHT).shape[0]);
  hw_tensor rows;
  OK(hw_edge_rows(graph, static_cast<int32_t>(n - 2), 2, &rows));
  const hw_array dense = array(rows, HW_VALUES);
  CHECK(dense.rank == 2 && dense.shape[0] == 2 && dense.shape[1] == n);
  std::vector<float> expected(static_cast<size_t>(2 * n));
  for (int64_t r = 0; r < 2; r++) {
    for (int64_t e = start[n - 2 + r]; e < start[n - 1 + r]; e++)
      expected[static_cast<size_t>(r * n + source[e])] = weight[e];
  }
  CHECK(std::memcmp(expected.data(), dense.data, expected.size() * sizeof(float)) == 0);
  double replacement, completeness;
  OK(hw_scores(graph, &replacement, &completeness));
  CHECK(std::abs(replacement - 0.908) < 0.001 && std::abs(completeness - 0.975) < 0.001);

  hw_run run;
  OK(hw_intervene(model, &prompt, nullptr, 0, nullptr, &run));
  OK(hw_close(model)); /* the run keeps it */
  const hw_array logits = array(run, HW_LOGITS);
  CHECK(logits.rank == 2 && logits.shape[0] == tokens.shape[0]);
  const hw_array active = array(run, HW_LAYER_FEATURES, 0), layer = array(run, HW_LAYER_DENSE, 0);
  const auto *feature = values<int32_t>(active, HW_I32);
  const auto *position = values<int32_t>(array(run, HW_LAYER_POSITIONS, 0), HW_I32);
  const auto *activation = values<float>(array(run, HW_LAYER_ACTIVATIONS, 0), HW_F32);
  for (int64_t i = 0; i < active.shape[0]; i++) {
    CHECK(values<float>(layer, HW_F32)[position[i] * layer.shape[1] + feature[i]] == activation[i]);
  }
  hw_array none;
  REFUSED(hw_get_array(run, HW_LAYER_DENSE, 6, &none), HW_ERROR_USAGE, "no layer 6");
  for (hw_handle handle : {rows, run, graph}) OK(hw_close(handle));
}

void tensors() {
  const hw_model model = open_model();
  hw_prompt_input prompt = text(kFact);
  hw_attribution_options options = small(60);
  hw_graph graph;
  OK(hw_attribute(model, &prompt, &options, &graph));
  const hw_array weights = array(graph, HW_EDGE_WEIGHT);
  DLManagedTensorVersioned *shared = nullptr;
  OK(hw_export_tensor(graph, HW_EDGE_WEIGHT, 0, &shared));
  CHECK(shared->dl_tensor.data == weights.data && shared->dl_tensor.shape[0] == weights.shape[0] && shared->flags == 1);
  CHECK(shared->dl_tensor.ndim == 1 && shared->dl_tensor.dtype.code == 2 && shared->dl_tensor.dtype.bits == 32);
  const std::string before(static_cast<const char *>(weights.data), static_cast<size_t>(weights.shape[0]) * 4);
  OK(hw_close(graph));
  for (int i = 0; i < 3; i++) { /* whoever would get the memory, if it were free */
    OK(hw_attribute(model, &prompt, &options, &graph));
    OK(hw_close(graph));
  }
  CHECK(std::memcmp(before.data(), shared->dl_tensor.data, before.size()) == 0);
  shared->deleter(shared);
  REFUSED(hw_export_tensor(graph, HW_EDGE_WEIGHT, 0, &shared), HW_ERROR_HANDLE, "closed");

  /* A direction that goes out and comes in again, as somebody else's. */
  const int32_t answer[] = {3913, 2362};
  hw_tensor directions, ours;
  OK(hw_target_directions(model, answer, 2, &directions));
  DLManagedTensorVersioned *rows = nullptr;
  OK(hw_export_tensor(directions, HW_VALUES, 0, &rows));
  OK(hw_close(directions));
  DLManagedTensorVersioned theirs = *rows;
  theirs.manager_ctx = rows;
  theirs.deleter = [](DLManagedTensorVersioned *self) {
    auto rows = static_cast<DLManagedTensorVersioned *>(self->manager_ctx);
    rows->deleter(rows);
    given_back = true;
  };
  DLManagedTensorVersioned wrong = theirs;
  wrong.dl_tensor.dtype.bits = 64;
  REFUSED(hw_import_tensor(&wrong, &ours), HW_ERROR_USAGE, "not float32");
  wrong = theirs;
  wrong.version.major = 2;
  REFUSED(hw_import_tensor(&wrong, &ours), HW_ERROR_USAGE, "2.x");
  int64_t strides[] = {1, 2};
  wrong = theirs;
  wrong.dl_tensor.strides = strides;
  REFUSED(hw_import_tensor(&wrong, &ours), HW_ERROR_USAGE, "contiguous");
  OK(hw_import_tensor(&theirs, &ours));
  CHECK(array(ours, HW_VALUES).data == theirs.dl_tensor.data);
  options.target_kind = HW_TARGETS_DIRECTIONS;
  options.direction = ours;
  OK(hw_attribute(model, &prompt, &options, &graph));
  CHECK(array(graph, HW_LOGIT_TOKENS).shape[0] == 2 && texts(graph, HW_LOGIT_TEXTS, 1) == "direction 1");
  CHECK(!given_back);
  OK(hw_close(ours));
  CHECK(given_back);
  for (hw_handle handle : {graph, model}) OK(hw_close(handle));
}

/* A Java machine is here before ours would be, and knows nothing of us. */
void another_machine() {
  const std::string java = std::getenv("JAVA_HOME");
  void *library = dlopen((java + "/lib/server/libjvm.so").c_str(), RTLD_NOW);
  CHECK(library != nullptr);
  auto create = reinterpret_cast<jint (*)(JavaVM **, void **, void *)>(dlsym(library, "JNI_CreateJavaVM"));
  char access[] = "--enable-native-access=ALL-UNNAMED";
  JavaVMOption option = {access, nullptr};
  JavaVMInitArgs arguments = {JNI_VERSION_10, 1, &option, JNI_FALSE};
  JavaVM *vm = nullptr;
  void *env = nullptr;
  CHECK(create(&vm, &env, &arguments) == JNI_OK);
  contents();
  CHECK(vm->GetEnv(&env, JNI_VERSION_10) == JNI_OK); /* a thread that was attached stays so */
}

/* Resident memory after the first third and at the end, and the time of a graph since then. */
void loop(int rounds) {
  using clock = std::chrono::steady_clock;
  const hw_model model = open_model();
  double early = 0;
  clock::time_point began = clock::now();
  for (int i = 0; i < rounds; i++) {
    if (i == rounds / 3) {
      early = resident();
      began = clock::now();
    }
    const std::string sum = std::to_string(i % 90 + 10) + "+" + std::to_string(i % 70 + 20) + "=";
    hw_prompt_input prompt = text(sum.c_str());
    const hw_attribution_options options = small(100);
    hw_graph graph;
    hw_pruned pruned;
    OK(hw_attribute(model, &prompt, &options, &graph));
    OK(hw_prune(graph, 0.8, 0.98, &pruned));
    array(graph, HW_EDGE_WEIGHT);
    OK(hw_close(graph));
    OK(hw_close(pruned));
  }
  const double each = std::chrono::duration<double, std::milli>(clock::now() - began).count() / (rounds - rounds / 3);
  OK(hw_close(model));
  const double late = resident();
  const char *about;
  OK(hw_about(&about));
  std::printf("%d graphs: %.0f MB after a third of them, %.0f MB at the end; %.2f ms each since then\n", rounds, early,
              late, each);
  CHECK(std::strstr(about, "\"open\": 0") != nullptr);
  CHECK(late < early * 1.05 + 30);
}
