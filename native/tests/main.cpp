/* Runs every case. Arguments: the word `cuda` runs on device 0; any other word picks the cases whose names hold it. */
#include <algorithm>
#include <cstdlib>
#include <numeric>

#include "test.h"

namespace test {
namespace {

struct Named {
  const char *name;
  void (*body)();
};

std::vector<Named> &cases() {
  static std::vector<Named> all;
  return all;
}

int failures = 0;
const char *running = "";

}  // namespace

hw_exec exec = {-1, nullptr};

Case::Case(const char *name, void (*body)()) { cases().push_back({name, body}); }

void failed(const char *file, int line, const std::string &what) {
  failures++;
  if (failures <= 50) std::printf("%s:%d: %s: %s\n", file, line, running, what.c_str());
}

Ragged::Ragged(Random &random, int64_t targets, int64_t P)
    : row_offset(static_cast<size_t>(targets)), position(static_cast<size_t>(targets)) {
  std::vector<size_t> order(static_cast<size_t>(targets));
  std::iota(order.begin(), order.end(), size_t{0});
  for (size_t i = order.size(); i > 1; i--) {
    std::swap(order[i - 1], order[static_cast<size_t>(random.below(static_cast<int64_t>(i)))]);
  }
  for (size_t t : order) {
    position[t] = static_cast<int32_t>(random.below(P));
    row_offset[t] = rows + random.below(3);
    rows = row_offset[t] + position[t] + 1;
  }
}

}  // namespace test

int main(int argc, char **argv) {
  const char *only = nullptr;
  for (int i = 1; i < argc; i++) {
    if (std::strcmp(argv[i], "cuda") == 0) {
      test::exec.device = 0;
    } else {
      only = argv[i];
    }
  }
  if (!test::prepare_memory()) {
    std::printf("no CUDA device: skipped\n");
    return 77;
  }
  const char *wanted = std::getenv("HEADWATER_ISA");
  std::printf("isa %s (asked for %s), device %d, %d threads\n", hw_isa(), wanted ? wanted : "any", test::exec.device,
              hw_get_threads());
  int run = 0;
  for (const auto &each : test::cases()) {
    if (only != nullptr && std::strstr(each.name, only) == nullptr) continue;
    test::running = each.name;
    each.body();
    run++;
  }
  std::printf("%d cases, %d failures\n", run, test::failures);
  return run == 0 || test::failures > 0;
}
