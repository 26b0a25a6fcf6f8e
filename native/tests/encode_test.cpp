/* Sparse encode against a plain loop and a stable sort: ties, zeros of both signs, not-a-numbers, too little room. */
#include <algorithm>
#include <array>
#include <limits>

#include "test.h"

using test::Random;

namespace {

struct Encoded {
  std::vector<int32_t> row, col;
  std::vector<float> value;
  bool operator==(const Encoded &) const = default;
};

struct Matrix {
  int64_t rows, cols;
  std::vector<float> pre, bias, threshold;
};

Matrix random_matrix(Random &random, int64_t rows, int64_t cols) {
  Matrix m{rows, cols, random.gauss(rows * cols), random.gauss(cols), random.gauss(cols)};
  const float special[] = {0.0f, -0.0f, NAN, INFINITY, -INFINITY, std::numeric_limits<float>::denorm_min()};
  for (float &x : m.pre) {
    if (random.below(20) == 0) x = special[random.below(6)];
    if (random.below(10) == 0) x = 0.5f; /* ties */
  }
  for (int64_t c = 0; c < cols; c += 7) m.bias[static_cast<size_t>(c)] = 0;
  return m;
}

float pre_activation(const Matrix &m, bool bias, int64_t r, int64_t c) {
  const float x = m.pre[static_cast<size_t>(r * m.cols + c)];
  return bias ? x + m.bias[static_cast<size_t>(c)] : x;
}

Encoded threshold_reference(const Matrix &m, bool bias, bool jump, int64_t first_row) {
  Encoded e;
  for (int64_t r = first_row; r < m.rows; r++) {
    for (int64_t c = 0; c < m.cols; c++) {
      const float x = pre_activation(m, bias, r, c);
      if (jump ? x > m.threshold[static_cast<size_t>(c)] && x != 0 : x > 0) {
        e.row.push_back(static_cast<int32_t>(r));
        e.col.push_back(static_cast<int32_t>(c));
        e.value.push_back(x);
      }
    }
  }
  return e;
}

Encoded topk_reference(const Matrix &m, bool bias, int64_t k, int64_t first_row) {
  Encoded e;
  for (int64_t r = first_row; r < m.rows; r++) {
    std::vector<int64_t> columns;
    for (int64_t c = 0; c < m.cols; c++) {
      if (!std::isnan(pre_activation(m, bias, r, c))) columns.push_back(c);
    }
    std::stable_sort(columns.begin(), columns.end(), [&](int64_t a, int64_t b) {
      return pre_activation(m, bias, r, a) > pre_activation(m, bias, r, b);
    });
    columns.resize(std::min(columns.size(), static_cast<size_t>(k)));
    std::sort(columns.begin(), columns.end());
    for (int64_t c : columns) {
      const float x = pre_activation(m, bias, r, c);
      if (x == 0) continue;
      e.row.push_back(static_cast<int32_t>(r));
      e.col.push_back(static_cast<int32_t>(c));
      e.value.push_back(x);
    }
  }
  return e;
}

/* Rows and columns; few for a device, which may be emulated. */
std::vector<std::array<int64_t, 2>> shapes() {
  if (test::exec.device >= 0) return {{1, 1}, {4, 129}, {2, 600}, {0, 10}, {3, 0}};
  return {{1, 1}, {3, 5}, {5, 64}, {4, 129}, {7, 1000}, {64, 300}, {0, 10}, {3, 0}};
}

/* Calls encode(out) with too little room, then with just enough. */
template <class Encode>
void check_encode(const Encoded &expected, Encode encode, const std::string &what) {
  const auto total = static_cast<int64_t>(expected.row.size());
  for (int64_t capacity : {total / 2, total, total + 5}) {
    const auto room = static_cast<size_t>(total + 10);
    Encoded got{std::vector<int32_t>(room, -1), std::vector<int32_t>(room, -1),
                std::vector<float>(room, test::kUntouched)};
    hw_active out = {got.row.data(), got.col.data(), got.value.data(), capacity, -1};
    CHECK_OK(encode(&out));
    CHECK(out.count == total, what, " count ", out.count, " expected ", total);
    const auto written = static_cast<size_t>(std::min(capacity, total));
    for (size_t i = written; i < room; i++) CHECK(got.value[i] == test::kUntouched, what, " wrote past its room");
    Encoded head = expected;
    head.row.resize(written), head.col.resize(written), head.value.resize(written);
    got.row.resize(written), got.col.resize(written), got.value.resize(written);
    CHECK(got == head, what, " capacity ", capacity);
  }
}

}  // namespace

TEST(encode_threshold_finds_what_is_active) {
  Random random(1);
  for (const auto &shape : shapes()) {
    const Matrix m = random_matrix(random, shape[0], shape[1]);
    for (int variant = 0; variant < 4; variant++) {
      const bool bias = variant & 1, jump = variant & 2;
      for (int64_t first_row : {int64_t{0}, int64_t{1}, shape[0] + 3}) {
        check_encode(
            threshold_reference(m, bias, jump, first_row),
            [&](hw_active *out) {
              const hw_matrix pre = test::matrix(m.pre, m.rows, m.cols);
              const hw_vector biases = test::vector(m.bias), thresholds = test::vector(m.threshold);
              return hw_encode_threshold(&test::exec, &pre, bias ? &biases : nullptr, jump ? &thresholds : nullptr,
                                         first_row, out);
            },
            test::text(m.rows, "x", m.cols, " bias ", bias, " jump ", jump, " first ", first_row));
      }
    }
  }
}

TEST(encode_topk_finds_the_largest) {
  Random random(2);
  for (const auto &shape : shapes()) {
    const Matrix m = random_matrix(random, shape[0], shape[1]);
    for (int64_t k : {0, 1, 17, 128, 5000}) {
      for (bool bias : {false, true}) {
        for (int64_t first_row : {0, 1}) {
          check_encode(
              topk_reference(m, bias, k, first_row),
              [&](hw_active *out) {
                const hw_matrix pre = test::matrix(m.pre, m.rows, m.cols);
                const hw_vector biases = test::vector(m.bias);
                return hw_encode_topk(&test::exec, &pre, bias ? &biases : nullptr, k, first_row, out);
              },
              test::text(m.rows, "x", m.cols, " bias ", bias, " k ", k, " first ", first_row));
        }
      }
    }
  }
}

TEST(encode_refuses_bad_arguments) {
  const std::vector<float> numbers(4), one(1);
  std::vector<int32_t> row(4), column(4);
  std::vector<float> value(4);
  const hw_exec *exec = &test::exec;
  const hw_matrix pre = test::matrix(numbers, 2, 2);
  const hw_vector narrow = test::vector(one);
  hw_active out = {row.data(), column.data(), value.data(), 4, 0};
  const auto encode = [&](hw_matrix x) { return hw_encode_threshold(exec, &x, nullptr, nullptr, 0, &out); };
  CHECK_OK(encode(pre));
  CHECK_INVALID(encode({pre.data, -1, 2}), "pre has -1 rows of 2 columns");
  CHECK_INVALID(encode({pre.data, 2, -2}), "pre has 2 rows of -2 columns");
  CHECK_INVALID(encode({pre.data, int64_t{1} << 31, 2}), "over 2^31");
  CHECK_INVALID(encode({pre.data, 1 << 30, INT64_MAX / 2}), "too large");
  CHECK_INVALID(encode({nullptr, 2, 2}), "pre is NULL");
  CHECK_INVALID(hw_encode_threshold(nullptr, &pre, nullptr, nullptr, 0, &out), "exec is NULL");
  CHECK_INVALID(hw_encode_threshold(exec, nullptr, nullptr, nullptr, 0, &out), "pre is NULL");
  CHECK_INVALID(hw_encode_threshold(exec, &pre, &narrow, nullptr, 0, &out), "bias has 1 numbers where 2 are needed");
  CHECK_INVALID(hw_encode_threshold(exec, &pre, nullptr, &narrow, 0, &out), "threshold has 1 numbers");
  CHECK_INVALID(hw_encode_threshold(exec, &pre, nullptr, nullptr, -1, &out), "first_row is -1");
  CHECK_INVALID(hw_encode_threshold(exec, &pre, nullptr, nullptr, 0, nullptr), "out is NULL");
  CHECK_INVALID(hw_encode_topk(exec, &pre, nullptr, -1, 0, &out), "k is -1");
  CHECK_INVALID(hw_encode_topk(exec, &pre, &narrow, 1, 0, &out), "bias has 1 numbers");
  out.capacity = -4;
  CHECK_INVALID(encode(pre), "out.capacity is -4");
  out = {row.data(), nullptr, value.data(), 4, 0};
  CHECK_INVALID(encode(pre), "out.column is NULL");
}
