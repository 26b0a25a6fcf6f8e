/* A tiny test frame: cases register themselves, checks count failures and say where and on what. */
#ifndef HEADWATER_TESTS_TEST_H
#define HEADWATER_TESTS_TEST_H

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "headwater/kernels.h"

namespace test {

/* Views of vectors. Kernels take matrices that they only read by the same view as those that they write. */
inline hw_matrix matrix(const std::vector<float> &x, int64_t rows, int64_t columns) {
  return {const_cast<float *>(x.data()), rows, columns};
}
inline hw_vector vector(const std::vector<float> &x) {
  return {const_cast<float *>(x.data()), static_cast<int64_t>(x.size())};
}
inline hw_segments segments(const std::vector<int64_t> &start, int64_t sources) {
  return {start.data(), static_cast<int64_t>(start.size()) - 1, sources};
}
inline hw_rows rows(const std::vector<int64_t> &index, int64_t limit) {
  return {index.data(), static_cast<int64_t>(index.size()), limit};
}

/* Where the kernels under test run: the CPU, or the first device of a build with (emulated) CUDA kernels. */
extern hw_exec exec;

/* The memory that tests allocate can be read where the kernels run. False: there is no such device here. */
bool prepare_memory();
/* Waits until the device has passed all calls. */
void finish();

struct Case {
  Case(const char *name, void (*body)());
};

#define TEST(name)                                  \
  static void name();                               \
  static const test::Case case_##name(#name, name); \
  static void name()

void failed(const char *file, int line, const std::string &what);

#define CHECK(condition, ...)                                                                     \
  do {                                                                                            \
    if (!(condition)) test::failed(__FILE__, __LINE__, #condition " " + test::text(__VA_ARGS__)); \
  } while (0)

#define CHECK_OK(call)                                                                                \
  do {                                                                                                \
    const int32_t status_of_call = (call);                                                            \
    test::finish();                                                                                   \
    if (status_of_call != HW_OK) {                                                                    \
      test::failed(__FILE__, __LINE__, test::text("status ", status_of_call, ": ", hw_last_error())); \
    }                                                                                                 \
  } while (0)

/* The call is refused as invalid, with a sentence that holds `words`. */
#define CHECK_INVALID(call, words)                                                                            \
  do {                                                                                                        \
    const int32_t status_of_call = (call);                                                                    \
    if (status_of_call != HW_INVALID || std::strstr(hw_last_error(), words) == nullptr) {                     \
      test::failed(__FILE__, __LINE__, test::text(#call ": status ", status_of_call, ": ", hw_last_error())); \
    }                                                                                                         \
  } while (0)

inline std::string one(const char *x) { return x; }
inline std::string one(const std::string &x) { return x; }
inline std::string one(double x) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.9g", x);
  return buffer;
}
template <class T>
  requires std::is_integral_v<T>
std::string one(T x) {
  return std::to_string(x);
}
template <class... T>
std::string text(const T &...x) {
  return (std::string() + ... + one(x));
}

/* Random numbers, the same in every run. */
class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  int64_t below(int64_t n) { return static_cast<int64_t>(engine_() % static_cast<uint64_t>(n)); }
  float gauss() { return static_cast<float>(normal_(engine_)); }
  std::vector<float> gauss(int64_t n) {
    std::vector<float> x(static_cast<size_t>(n));
    for (float &e : x) e = gauss();
    return x;
  }

 private:
  std::mt19937_64 engine_;
  std::normal_distribution<double> normal_;
};

/* A ragged batch: targets' row offsets in shuffled order with gaps, positions below P. */
struct Ragged {
  std::vector<int64_t> row_offset;
  std::vector<int32_t> position;
  int64_t rows = 0;

  Ragged(Random &random, int64_t targets, int64_t P);
  int64_t targets() const { return static_cast<int64_t>(position.size()); }
  hw_ragged view(int64_t P) const { return {row_offset.data(), position.data(), targets(), P, rows}; }
  int64_t row(int64_t t, int64_t q) const { return row_offset[static_cast<size_t>(t)] + q; }
};

/* |got - expected| <= tolerance * scale, where scale is the sum of the magnitudes that made up `expected`. */
inline bool close(double got, double expected, double scale, double tolerance = 1e-6) {
  return std::abs(got - expected) <= tolerance * scale + 1e-30;
}

/* Numbers of threads that have to give the same bits as 2 do; none for a device. */
inline std::vector<int32_t> other_threads() {
  return exec.device < 0 ? std::vector<int32_t>{1, 3, 8} : std::vector<int32_t>{};
}

constexpr float kUntouched = -12345.0f;

}  // namespace test

#endif
