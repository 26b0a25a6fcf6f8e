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
  int64_t rows, cols, stride;
  std::vector<float> pre, bias, threshold;
};

Matrix random_matrix(Random &random, int64_t rows, int64_t cols) {
  Matrix m{rows, cols, cols + random.below(4), {}, random.gauss(cols), random.gauss(cols)};
  m.pre = random.gauss(rows * m.stride);
  const float special[] = {0.0f, -0.0f, NAN, INFINITY, -INFINITY, std::numeric_limits<float>::denorm_min()};
  for (float &x : m.pre) {
    if (random.below(20) == 0) x = special[random.below(6)];
    if (random.below(10) == 0) x = 0.5f; /* ties */
  }
  for (int64_t c = 0; c < cols; c += 7) m.bias[static_cast<size_t>(c)] = 0;
  return m;
}

float pre_activation(const Matrix &m, bool bias, int64_t r, int64_t c) {
  const float x = m.pre[static_cast<size_t>(r * m.stride + c)];
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

/* Calls encode(out_row, out_col, out_value, capacity, count) with too little room, then with just enough. */
template <class Encode>
void check_encode(const Encoded &expected, Encode encode, const std::string &what) {
  const auto total = static_cast<int64_t>(expected.row.size());
  for (int64_t capacity : {total / 2, total, total + 5}) {
    const auto room = static_cast<size_t>(total + 10);
    Encoded got{std::vector<int32_t>(room, -1), std::vector<int32_t>(room, -1),
                std::vector<float>(room, test::kUntouched)};
    int64_t count = -1;
    CHECK_OK(encode(got.row.data(), got.col.data(), got.value.data(), capacity, &count));
    CHECK(count == total, what, " count ", count, " expected ", total);
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
            [&](int32_t *row, int32_t *col, float *value, int64_t capacity, int64_t *count) {
              return hw_encode_threshold(&test::exec, m.pre.data(), m.rows, m.cols, m.stride,
                                         bias ? m.bias.data() : nullptr, jump ? m.threshold.data() : nullptr, first_row,
                                         row, col, value, capacity, count);
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
              [&](int32_t *row, int32_t *col, float *value, int64_t capacity, int64_t *count) {
                return hw_encode_topk(&test::exec, m.pre.data(), m.rows, m.cols, m.stride,
                                      bias ? m.bias.data() : nullptr, k, first_row, row, col, value, capacity, count);
              },
              test::text(m.rows, "x", m.cols, " bias ", bias, " k ", k, " first ", first_row));
        }
      }
    }
  }
}

TEST(encode_refuses_bad_arguments) {
  float pre[4] = {};
  int32_t row[4], col[4];
  float value[4];
  int64_t count;
  const hw_exec *exec = &test::exec;
  const auto encode = [&](int64_t rows, int64_t cols, int64_t stride, int64_t capacity, int64_t *out) {
    return hw_encode_threshold(exec, pre, rows, cols, stride, nullptr, nullptr, 0, row, col, value, capacity, out);
  };
  CHECK_INVALID(encode(-1, 2, 2, 4, &count), "rows is -1");
  CHECK_INVALID(encode(2, -2, 2, 4, &count), "cols is -2");
  CHECK_INVALID(encode(2, 2, 1, 4, &count), "stride is 1");
  CHECK_INVALID(encode(2, 2, 2, -4, &count), "capacity is -4");
  CHECK_INVALID(encode(2, 2, 2, 4, nullptr), "count is NULL");
  CHECK_INVALID(encode(int64_t{1} << 31, 2, 2, 4, &count), "over 2^31");
  CHECK_INVALID(encode(1 << 30, 2, INT64_MAX / 2, 4, &count), "too large");
  CHECK_INVALID(hw_encode_threshold(exec, nullptr, 2, 2, 2, nullptr, nullptr, 0, row, col, value, 4, &count),
                "pre is NULL");
  CHECK_INVALID(hw_encode_threshold(nullptr, pre, 2, 2, 2, nullptr, nullptr, 0, row, col, value, 4, &count),
                "exec is NULL");
  CHECK_INVALID(hw_encode_topk(exec, pre, 2, 2, 2, nullptr, -1, 0, row, col, value, 4, &count), "k is -1");
}
