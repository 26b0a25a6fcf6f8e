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
void gather_case(Random &random, int32_t dtype, T (*make)(Random &), double (*widen)(T), bool transposed, int64_t width,
                 int64_t n) {
  const int64_t source_rows = 37;
  const int64_t row_stride = transposed ? 1 : width + 3, col_stride = transposed ? source_rows : 1;
  std::vector<T> source(static_cast<size_t>((width + 3) * source_rows));
  for (T &x : source) x = make(random);
  std::vector<int64_t> index(static_cast<size_t>(n));
  for (int64_t &i : index) i = random.below(source_rows);
  const std::vector<float> scale = random.gauss(n), gain = random.gauss(width);
  for (int variant = 0; variant < 4; variant++) {
    const float *scales = variant & 1 ? scale.data() : nullptr, *gains = variant & 2 ? gain.data() : nullptr;
    std::vector<float> out(static_cast<size_t>(n * width + 2), test::kUntouched);
    const hw_layout layout = {static_cast<int64_t>(source.size()), row_stride, col_stride, dtype};
    const hw_rows rows = test::rows(index, source_rows);
    const hw_vector by_row = test::vector(scale), by_column = test::vector(gain);
    const hw_matrix to = test::matrix(out, n, width);
    CHECK_OK(hw_gather_rows(&test::exec, source.data(), &layout, &rows, scales ? &by_row : nullptr,
                            gains ? &by_column : nullptr, &to));
    CHECK(out[out.size() - 2] == test::kUntouched && out.back() == test::kUntouched, "past the end");
    for (int64_t i = 0; i < n; i++) {
      for (int64_t j = 0; j < width; j++) {
        const double got = out[static_cast<size_t>(i * width + j)];
        const int64_t at = index[static_cast<size_t>(i)] * row_stride + j * col_stride;
        const double x = widen(source[static_cast<size_t>(at)]);
        const double expected = (scales ? scales[i] : 1.0) * (gains ? gains[j] : 1.0) * x;
        CHECK(std::isnan(expected) ? std::isnan(got)
                                   : got == expected || test::close(got, expected, std::abs(expected), 2e-7),
              "dtype ", dtype, " transposed ", transposed, " width ", width, " at ", i, ",", j, ": ", got, " expected ",
              expected);
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
        gather_case<float>(
            random, HW_F32, [](Random &r) { return r.gauss(); }, [](float x) { return double{x}; }, transposed, width,
            n);
        gather_case<double>(
            random, HW_F64, [](Random &r) { return double{r.gauss()}; }, [](double x) { return x; }, transposed, width,
            n);
        gather_case<uint16_t>(
            random, HW_BF16, [](Random &r) { return bfloat16(r.gauss()); }, from_bfloat16, transposed, width, n);
        gather_case<uint16_t>(
            random, HW_F16, [](Random &r) { return static_cast<uint16_t>(r.below(1 << 16)); }, from_float16, transposed,
            width, n);
      }
    }
  }
}

TEST(gather_rows_widens_every_float16) {
  std::vector<uint16_t> source(1 << 16);
  for (size_t i = 0; i < source.size(); i++) source[i] = static_cast<uint16_t>(i);
  std::vector<float> out(source.size());
  const std::vector<int64_t> index = {0};
  const hw_layout layout = {1 << 16, 0, 1, HW_F16};
  const hw_rows rows = test::rows(index, 1);
  const hw_matrix to = test::matrix(out, 1, 1 << 16);
  CHECK_OK(hw_gather_rows(&test::exec, source.data(), &layout, &rows, nullptr, nullptr, &to));
  for (size_t i = 0; i < source.size(); i++) {
    const double expected = from_float16(source[i]);
    CHECK(std::isnan(expected) ? std::isnan(out[i])
                               : out[i] == expected && std::signbit(out[i]) == std::signbit(expected),
          "float16 ", i, ": ", out[i], " expected ", expected);
  }
}

TEST(gather_rows_refuses_bad_arguments) {
  const std::vector<float> numbers(4), one(1);
  std::vector<float> out(4);
  const auto gather = [&](hw_layout layout, const std::vector<int64_t> &index, int64_t limit, hw_matrix to) {
    const hw_rows rows = test::rows(index, limit);
    return hw_gather_rows(&test::exec, numbers.data(), &layout, &rows, nullptr, nullptr, &to);
  };
  const hw_layout layout = {4, 2, 1, HW_F32};
  const hw_matrix to = test::matrix(out, 2, 2);
  const std::vector<int64_t> both = {0, 1};
  CHECK_OK(gather(layout, both, 2, to));
  CHECK_OK(gather(layout, {}, 0, {nullptr, 0, 2}));
  CHECK_INVALID(gather({4, 2, 1, 9}, both, 2, to), "layout.dtype is 9");
  CHECK_INVALID(gather({4, -2, 1, HW_F32}, both, 2, to), "layout.row_stride is -2");
  CHECK_INVALID(gather({4, 2, -1, HW_F32}, both, 2, to), "layout.column_stride is -1");
  CHECK_INVALID(gather({3, 2, 1, HW_F32}, both, 2, to), "elements is 4, more than layout.elements");
  CHECK_INVALID(gather({4, 2, 3, HW_F32}, both, 2, to), "elements is 6, more than layout.elements");
  CHECK_INVALID(gather({4, INT64_MAX / 2, 1, HW_F32}, both, 2, to), "too large");
  CHECK_INVALID(gather(layout, both, 3, to), "more than layout.elements");
  CHECK_INVALID(gather(layout, {0}, 2, to), "out.rows is 2; it must be 1");
  CHECK_INVALID(gather(layout, both, 2, {nullptr, 2, 2}), "out is NULL");
  const hw_rows rows = test::rows(both, 2), nowhere = {nullptr, 2, 2};
  const hw_vector narrow = test::vector(one);
  CHECK_INVALID(hw_gather_rows(&test::exec, numbers.data(), &layout, &rows, &narrow, nullptr, &to),
                "scale has 1 numbers where 2");
  CHECK_INVALID(hw_gather_rows(&test::exec, numbers.data(), &layout, &rows, nullptr, &narrow, &to),
                "gain has 1 numbers where 2");
  CHECK_INVALID(hw_gather_rows(&test::exec, numbers.data(), &layout, &nowhere, nullptr, nullptr, &to),
                "rows.index is NULL");
  CHECK_INVALID(hw_gather_rows(&test::exec, nullptr, &layout, &rows, nullptr, nullptr, &to), "source is NULL");
  if (test::exec.device < 0) {
    CHECK_INVALID(gather(layout, {0, -1}, 2, to), "rows.index[1] is -1");
    CHECK_INVALID(gather(layout, {0, 2}, 2, to), "rows.index[1] is 2; it must be 0 .. 1");
  }
}

TEST(add_rows_adds_to_the_rows_named) {
  Random random(4);
  for (int64_t width : {1, 5, 64, 100}) {
    const std::vector<float> before = random.gauss(20 * width), x = random.gauss(4 * width);
    const std::vector<int64_t> row = {0, 3, 7, 19};
    std::vector<float> g = before;
    const hw_matrix to = test::matrix(g, 20, width), from = test::matrix(x, 4, width);
    const hw_rows rows = test::rows(row, 20);
    CHECK_OK(hw_add_rows(&test::exec, &to, &rows, &from));
    std::vector<float> expected = before;
    for (int64_t i = 0; i < 4; i++) {
      for (int64_t j = 0; j < width; j++) {
        expected[static_cast<size_t>(row[static_cast<size_t>(i)] * width + j)] += x[static_cast<size_t>(i * width + j)];
      }
    }
    CHECK(g == expected, "width ", width);
  }
}

TEST(add_rows_refuses_bad_arguments) {
  const std::vector<float> numbers(12);
  const auto add = [&](hw_matrix g, std::vector<int64_t> row, int64_t limit, hw_matrix x) {
    const hw_rows rows = test::rows(row, limit);
    return hw_add_rows(&test::exec, &g, &rows, &x);
  };
  const hw_matrix g = test::matrix(numbers, 3, 4), x = test::matrix(numbers, 2, 4);
  CHECK_INVALID(add({nullptr, 3, 4}, {0, 1}, 3, x), "g is NULL");
  CHECK_INVALID(add(g, {0, 1}, 4, x), "rows.limit is 4, more than g.rows, which is 3");
  CHECK_INVALID(add(g, {0}, 3, x), "x.rows is 2; it must be 1");
  CHECK_INVALID(add(g, {0, 1}, 3, test::matrix(numbers, 2, 3)), "x.columns is 3; it must be 4");
  CHECK_INVALID(hw_add_rows(&test::exec, &g, nullptr, &x), "rows is NULL");
  if (test::exec.device < 0) {
    CHECK_INVALID(add(g, {1, 3}, 3, x), "rows.index[1] is 3; it must be 0 .. 2");
    CHECK_INVALID(add(g, {-1, 0}, 3, x), "rows.index[0] is -1");
    CHECK_INVALID(add(g, {1, 1}, 3, x), "rows.index[1] is 1, not more than the one before it");
    CHECK_INVALID(add(g, {2, 1}, 3, x), "rows.index[1] is 1, not more than the one before it");
  }
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
      const hw_matrix to = test::matrix(g, ragged.rows, width), from = test::matrix(x, ragged.rows, width);
      const hw_ragged batch = ragged.view(P);
      const hw_vector factors = test::vector(scale);
      CHECK_OK(hw_add_scaled_rows(&test::exec, &to, &from, &batch, &factors));
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
