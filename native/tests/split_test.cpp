/* Float32 matrices as sums of three bfloat16 matrices. */
#include <cfloat>
#include <limits>

#include "test.h"

using test::Random;

namespace {

double widen(uint16_t b) {
  const uint32_t u = static_cast<uint32_t>(b) << 16;
  float x;
  std::memcpy(&x, &u, sizeof x);
  return x;
}

struct Parts {
  std::vector<uint16_t> high, middle, low;

  explicit Parts(size_t n) : high(n, 0xabcd), middle(n, 0xabcd), low(n, 0xabcd) {}
  int32_t fill(const hw_matrix &x, int64_t stride) {
    const hw_bf16_matrix first = {high.data(), x.rows, x.columns, stride},
                         second = {middle.data(), x.rows, x.columns, stride},
                         third = {low.data(), x.rows, x.columns, stride};
    return hw_split_bf16(&x, &first, &second, &third);
  }
  double sum(size_t i) const { return widen(high[i]) + widen(middle[i]) + widen(low[i]); }
};

Parts split(const std::vector<float> &x) {
  Parts parts(x.size());
  const auto n = static_cast<int64_t>(x.size());
  CHECK_OK(parts.fill(test::matrix(x, 1, n), n));
  return parts;
}

}  // namespace

TEST(split_parts_sum_to_the_number) {
  Random random(11);
  std::vector<float> x;
  for (int exponent = -110; exponent <= 127; exponent++) {
    for (int i = 0; i < 100; i++) {
      const auto mantissa = static_cast<double>((1 << 23) + random.below(1 << 23));
      x.push_back(static_cast<float>((i % 2 ? -1 : 1) * std::ldexp(mantissa, exponent - 23)));
    }
  }
  for (float each : {0.0f, 1.0f, FLT_MAX, -FLT_MAX, 0x1.fefp127f, 0x1.ffp127f, -0x1.fe8p100f, 0x1.01p0f, 0x1.03p0f})
    x.push_back(each);
  const Parts parts = split(x);
  for (size_t i = 0; i < x.size(); i++) {
    CHECK(parts.sum(i) == double{x[i]}, "of ", x[i]);
    const double size = std::abs(double{x[i]}), clipped = size > 0x1.fep127 ? 2 : 1;
    CHECK(std::abs(x[i] - widen(parts.high[i])) <= clipped * size * 0x1p-8, "high part of ", x[i]);
    CHECK(std::abs(widen(parts.low[i])) <= clipped * size * 0x1p-17, "low part of ", x[i]);
  }
}

TEST(split_of_tiny_numbers_loses_only_what_bfloat16_cannot_hold) {
  Random random(12);
  std::vector<float> x = {FLT_TRUE_MIN, -FLT_TRUE_MIN, FLT_MIN, 0x1.fffffep-126f};
  for (int i = 0; i < 1000; i++) x.push_back(std::ldexp(random.gauss(), -static_cast<int>(100 + random.below(50))));
  const Parts parts = split(x);
  for (size_t i = 0; i < x.size(); i++) {
    CHECK(std::abs(parts.sum(i) - double{x[i]}) <= 0x1p-134, "of ", x[i]);
  }
}

TEST(split_keeps_infinities_and_not_a_numbers) {
  uint32_t bits = 0x7f800001u; /* a not-a-number whose upper half would be an infinity */
  float narrow;
  std::memcpy(&narrow, &bits, sizeof narrow);
  const float infinity = std::numeric_limits<float>::infinity();
  const Parts parts = split({infinity, -infinity, NAN, narrow, -0.0f});
  CHECK(widen(parts.high[0]) == infinity && widen(parts.high[1]) == -infinity);
  CHECK(std::isnan(widen(parts.high[2])) && std::isnan(widen(parts.high[3])));
  CHECK(widen(parts.high[4]) == 0 && std::signbit(widen(parts.high[4])));
  for (size_t i = 0; i < 5; i++) CHECK(widen(parts.middle[i]) == 0 && widen(parts.low[i]) == 0, "number ", i);
}

TEST(split_writes_rows_at_the_stride) {
  Random random(13);
  for (int64_t cols : {1, 7, 16, 65}) {
    const int64_t rows = 9, stride = cols + 3;
    const std::vector<float> x = random.gauss(rows * cols);
    Parts parts(static_cast<size_t>(rows * stride));
    CHECK_OK(parts.fill(test::matrix(x, rows, cols), stride));
    for (int64_t i = 0; i < rows; i++) {
      for (int64_t j = 0; j < stride; j++) {
        const auto at = static_cast<size_t>(i * stride + j);
        CHECK(j < cols ? parts.sum(at) == x[static_cast<size_t>(i * cols + j)] : parts.low[at] == 0xabcd, "at ", i, ",",
              j);
      }
    }
  }
}

TEST(split_refuses_bad_arguments) {
  const std::vector<float> numbers(4);
  std::vector<uint16_t> room(4);
  const hw_matrix x = test::matrix(numbers, 2, 2);
  const hw_bf16_matrix part = {room.data(), 2, 2, 2};
  const auto split = [&](const hw_matrix &from, const hw_bf16_matrix &low) {
    return hw_split_bf16(&from, &part, &part, &low);
  };
  const hw_matrix none = {nullptr, 0, 2};
  const hw_bf16_matrix nowhere = {nullptr, 0, 2, 2};
  CHECK_OK(hw_split_bf16(&none, &nowhere, &nowhere, &nowhere));
  CHECK_INVALID(split({x.data, -1, 2}, part), "x has -1 rows");
  CHECK_INVALID(split({nullptr, 2, 2}, part), "x is NULL");
  CHECK_INVALID(split({x.data, INT64_MAX / 4, 2}, part), "too large");
  CHECK_INVALID(split(x, {room.data(), 2, 2, 1}), "low has 2 rows of 2 columns at a stride of 1");
  CHECK_INVALID(split(x, {nullptr, 2, 2, 2}), "low is NULL");
  CHECK_INVALID(split(x, {room.data(), 1, 2, 2}), "a part's rows is 1; it must be 2");
  CHECK_INVALID(split(x, {room.data(), 2, 1, 2}), "a part's columns is 1; it must be 2");
  CHECK_INVALID(hw_split_bf16(&x, &part, nullptr, &part), "middle is NULL");
}
