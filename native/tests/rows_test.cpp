/* Gathered rows of each element type, every float16, and additions to rows. */
#include "test.h"

using test::Random;

namespace {

uint16_t bfloat16(float x) {
  uint32_t u;
  std::memcpy(&u, &x, sizeof u);
  return static_cast<uint16_t>(u >> 16);
}

double from_bfloat16(uint16_t b) {
  const uint32_t u = static_cast<uint32_t>(b) << 16;
  float x;
  std::memcpy(&x, &u, sizeof x);
  return x;
}

/* By the definition of the format. */
double from_float16(uint16_t h) {
  const int exponent = h >> 10 & 31, mantissa = h & 1023;
  const double sign = h & 0x8000 ? -1 : 1;
  if (exponent == 31) return mantissa != 0 ? NAN : sign * INFINITY;
  return exponent == 0 ? sign * std::ldexp(mantissa, -24) : sign * std::ldexp(mantissa + 1024, exponent - 25);
}

template <class T>
void gather_case(Random &random, int32_t dtype, T (*make)(Random &), double (*widen)(T), bool transposed,
                 int64_t width, int64_t n) {
  const int64_t source_rows = 37;
  const int64_t row_stride = transposed ? 1 : width + 3, col_stride = transposed ? source_rows : 1;
  std::vector<T> source(static_cast<size_t>((width + 3) * source_rows));
  for (T &x : source) x = make(random);
  std::vector<int64_t> index(static_cast<size_t>(n));
  for (int64_t &i : index) i = random.below(source_rows);
  const std::vector<float> scale = random.gauss(n), gain = random.gauss(width);
  const int64_t out_stride = width + 2;
  for (int variant = 0; variant < 4; variant++) {
    const float *scales = variant & 1 ? scale.data() : nullptr, *gains = variant & 2 ? gain.data() : nullptr;
    std::vector<float> out(static_cast<size_t>(n * out_stride), test::kUntouched);
    CHECK_OK(hw_gather_rows(&test::exec, source.data(), dtype, row_stride, col_stride, width, index.data(), n, scales,
                            gains, out.data(), out_stride));
    for (int64_t i = 0; i < n; i++) {
      for (int64_t j = 0; j < out_stride; j++) {
        const double got = out[static_cast<size_t>(i * out_stride + j)];
        if (j >= width) {
          CHECK(got == test::kUntouched, "column ", j, " past the width ", width);
          continue;
        }
        const int64_t at = index[static_cast<size_t>(i)] * row_stride + j * col_stride;
        const double x = widen(source[static_cast<size_t>(at)]);
        const double expected = (scales ? scales[i] : 1.0) * (gains ? gains[j] : 1.0) * x;
        CHECK(std::isnan(expected) ? std::isnan(got)
                                   : got == expected || test::close(got, expected, std::abs(expected), 2e-7),
              "dtype ", dtype, " transposed ", transposed, " width ", width, " at ", i, ",", j, ": ", got,
              " expected ", expected);
      }
    }
  }
}

}  // namespace

TEST(gather_rows_widens_and_scales) {
  Random random(3);
  for (bool transposed : {false, true}) {
    for (int64_t width : {1, 5, 16, 33, 200}) {
      for (int64_t n : {1, 7, 40}) {
        gather_case<float>(random, HW_F32, [](Random &r) { return r.gauss(); }, [](float x) { return double{x}; },
                           transposed, width, n);
        gather_case<double>(random, HW_F64, [](Random &r) { return double{r.gauss()}; }, [](double x) { return x; },
                            transposed, width, n);
        gather_case<uint16_t>(random, HW_BF16, [](Random &r) { return bfloat16(r.gauss()); }, from_bfloat16, transposed,
                              width, n);
        gather_case<uint16_t>(random, HW_F16, [](Random &r) { return static_cast<uint16_t>(r.below(1 << 16)); },
                              from_float16, transposed, width, n);
      }
    }
  }
}

TEST(gather_rows_widens_every_float16) {
  std::vector<uint16_t> source(1 << 16);
  for (size_t i = 0; i < source.size(); i++) source[i] = static_cast<uint16_t>(i);
  std::vector<float> out(source.size());
  const std::vector<int64_t> index = {0};
  CHECK_OK(hw_gather_rows(&test::exec, source.data(), HW_F16, 0, 1, 1 << 16, index.data(), 1, nullptr, nullptr,
                          out.data(), 1 << 16));
  for (size_t i = 0; i < source.size(); i++) {
    const double expected = from_float16(source[i]);
    CHECK(std::isnan(expected) ? std::isnan(out[i])
                               : out[i] == expected && std::signbit(out[i]) == std::signbit(expected),
          "float16 ", i, ": ", out[i], " expected ", expected);
  }
}

TEST(gather_rows_refuses_bad_arguments) {
  const std::vector<float> source(4);
  std::vector<float> out(4);
  std::vector<int64_t> index = {0, 1};
  const auto gather = [&](int32_t dtype, int64_t width, const int64_t *rows, int64_t n, int64_t out_stride) {
    return hw_gather_rows(&test::exec, source.data(), dtype, 2, 1, width, rows, n, nullptr, nullptr, out.data(),
                          out_stride);
  };
  CHECK_OK(gather(HW_F32, 2, index.data(), 2, 2));
  CHECK_OK(gather(HW_F32, 2, nullptr, 0, 2));
  CHECK_INVALID(gather(9, 2, index.data(), 2, 2), "source_dtype is 9");
  CHECK_INVALID(gather(HW_F32, -2, index.data(), 2, 2), "width is -2");
  CHECK_INVALID(gather(HW_F32, 2, index.data(), 2, 1), "out_stride is 1");
  CHECK_INVALID(gather(HW_F32, 2, nullptr, 2, 2), "index is NULL");
  CHECK_INVALID(gather(HW_F32, 2, index.data(), INT64_MAX / 2, 2), "too large");
  if (test::exec.device < 0) {
    index[1] = -1;
    CHECK_INVALID(gather(HW_F32, 2, index.data(), 2, 2), "-1");
  }
}

TEST(add_rows_adds_to_the_rows_named) {
  Random random(4);
  for (int64_t width : {1, 5, 64, 100}) {
    const std::vector<float> before = random.gauss(20 * width), x = random.gauss(4 * width);
    const std::vector<int64_t> row = {7, 0, 19, 3};
    std::vector<float> g = before;
    CHECK_OK(hw_add_rows(&test::exec, g.data(), width, 4, row.data(), x.data()));
    std::vector<float> expected = before;
    for (int64_t i = 0; i < 4; i++) {
      for (int64_t j = 0; j < width; j++) {
        expected[static_cast<size_t>(row[static_cast<size_t>(i)] * width + j)] += x[static_cast<size_t>(i * width + j)];
      }
    }
    CHECK(g == expected, "width ", width);
  }
  CHECK_INVALID(hw_add_rows(&test::exec, nullptr, 4, 1, nullptr, nullptr), "g is NULL");
  CHECK_INVALID(hw_add_rows(&test::exec, nullptr, 0, 1, nullptr, nullptr), "width is 0");
}

TEST(add_scaled_rows_adds_to_the_ragged_rows) {
  Random random(5);
  for (int64_t targets : {0, 1, 9}) {
    for (int64_t P : {1, 5, 150}) {
      const int64_t width = 13;
      const test::Ragged ragged(random, targets, P);
      const std::vector<float> before = random.gauss(ragged.rows * width), x = random.gauss(ragged.rows * width),
                               scale = random.gauss(P);
      std::vector<float> g = before;
      CHECK_OK(hw_add_scaled_rows(&test::exec, g.data(), x.data(), width, targets, ragged.row_offset.data(),
                                  ragged.position.data(), scale.data()));
      std::vector<double> expected(before.begin(), before.end());
      for (int64_t t = 0; t < targets; t++) {
        for (int64_t q = 0; q <= ragged.position[static_cast<size_t>(t)]; q++) {
          for (int64_t j = 0; j < width; j++) {
            const auto at = static_cast<size_t>(ragged.row(t, q) * width + j);
            expected[at] += double{scale[static_cast<size_t>(q)]} * x[at];
          }
        }
      }
      for (size_t i = 0; i < g.size(); i++) {
        CHECK(test::close(g[i], expected[i], std::abs(expected[i]) + std::abs(before[i]) + 1), "targets ", targets,
              " P ", P, " element ", i);
      }
    }
  }
}
