/* The kernels of training against their definitions in double precision. */
#include "test.h"

namespace {

using test::Random;

/* Random entries in order of rows, some rows and columns without any. */
struct Entries {
  std::vector<int32_t> row, column;
  std::vector<float> value;

  Entries(Random &random, int64_t rows, int64_t columns, int64_t share) {
    for (int64_t r = 0; r < rows; r++) {
      for (int64_t c = 0; c < columns; c++) {
        if (random.below(100) >= share) continue;
        row.push_back(static_cast<int32_t>(r));
        column.push_back(static_cast<int32_t>(c));
        value.push_back(random.gauss());
      }
    }
  }
  hw_active view() {
    const auto n = static_cast<int64_t>(row.size());
    return {row.data(), column.data(), value.data(), n, n};
  }
};

size_t at(int64_t r, int64_t columns, int64_t c) { return static_cast<size_t>(r * columns + c); }

bool host() { return test::exec.device < 0; }

}  // namespace

TEST(sparse_kernels_are_products_with_few_entries) {
  if (!host()) return;
  Random random(11);
  for (int64_t width : {1, 7, 16, 70, 192, 261, 576}) {
    for (int64_t share : {0, 3, 40}) {
      const int64_t rows = 37, columns = 53;
      Entries entries(random, rows, columns, share);
      const hw_active active = entries.view();
      const std::vector<float> b = random.gauss(columns * width), x = random.gauss(rows * width);
      const hw_matrix right = test::matrix(b, columns, width), left = test::matrix(x, rows, width);
      for (int add : {0, 1}) {
        std::vector<float> out = random.gauss(rows * width), sums = random.gauss(columns * width);
        std::vector<double> expected(out.begin(), out.end()), by_column(sums.begin(), sums.end());
        if (add == 0) {
          std::fill(expected.begin(), expected.end(), 0.0);
          std::fill(by_column.begin(), by_column.end(), 0.0);
        }
        for (size_t e = 0; e < entries.row.size(); e++) {
          for (int64_t j = 0; j < width; j++) {
            expected[at(entries.row[e], width, j)] += double{entries.value[e]} * b[at(entries.column[e], width, j)];
            by_column[at(entries.column[e], width, j)] += double{entries.value[e]} * x[at(entries.row[e], width, j)];
          }
        }
        const hw_matrix to = test::matrix(out, rows, width), sum = test::matrix(sums, columns, width);
        const std::vector<float> before = out, sums_before = sums;
        CHECK_OK(hw_sparse_product(&active, &right, add, &to));
        CHECK_OK(hw_sparse_sums(&active, &left, add, &sum));
        for (size_t i = 0; i < out.size(); i++) CHECK(test::close(out[i], expected[i], 40, 1e-6), width, " ", share);
        for (size_t i = 0; i < sums.size(); i++) CHECK(test::close(sums[i], by_column[i], 40, 1e-6), width, " ", share);
        const std::vector<float> first = out, first_sums = sums;
        for (int32_t threads : test::other_threads()) {
          out = before;
          sums = sums_before;
          hw_set_threads(threads);
          CHECK_OK(hw_sparse_product(&active, &right, add, &to));
          CHECK_OK(hw_sparse_sums(&active, &left, add, &sum));
          CHECK(out == first && sums == first_sums, threads, " threads");
        }
        hw_set_threads(2);
      }
      std::vector<float> dots(entries.row.size());
      const hw_vector value = test::vector(dots);
      CHECK_OK(hw_sparse_dots(&active, &left, &right, &value));
      for (size_t e = 0; e < dots.size(); e++) {
        double sum = 0;
        for (int64_t j = 0; j < width; j++) {
          sum += double{x[at(entries.row[e], width, j)]} * b[at(entries.column[e], width, j)];
        }
        CHECK(test::close(dots[e], sum, static_cast<double>(width) + 1, 1e-6), width, " entry ", e);
      }
    }
  }
}

TEST(adam_and_square_sum_follow_their_formulas) {
  if (!host()) return;
  Random random(12);
  for (int64_t n : {0, 1, 9, 4096, 10001}) {
    std::vector<float> p = random.gauss(n), g = random.gauss(n), m = random.gauss(n), v = random.gauss(n);
    for (float &x : v) x = std::abs(x);
    const std::vector<float> p0 = p, m0 = m, v0 = v;
    const hw_vector parameter = test::vector(p), gradient = test::vector(g), mean = test::vector(m),
                    square = test::vector(v);
    double sum = -1, expected = 0;
    CHECK_OK(hw_square_sum(&gradient, &sum));
    for (float x : g) expected += double{x} * x;
    CHECK(test::close(sum, expected, expected, 1e-12), n);
    CHECK_OK(hw_adam(&parameter, &gradient, &mean, &square, 0.5, 0.01, 0.9, 0.99, 1e-6));
    for (size_t i = 0; i < p.size(); i++) {
      const double x = 0.5 * g[i], m1 = 0.9 * m0[i] + 0.1 * x, v1 = 0.99 * v0[i] + 0.01 * x * x;
      CHECK(test::close(m[i], m1, 3, 1e-6) && test::close(v[i], v1, 3, 1e-6), "moments ", i);
      CHECK(test::close(p[i], p0[i] - 0.01 * m1 / (std::sqrt(v1) + 1e-6), 3, 1e-6), "parameter ", i);
    }
  }
}

TEST(training_refuses_bad_arguments) {
  if (!host()) return;
  std::vector<int32_t> row = {0, 2}, column = {1, 0};
  std::vector<float> value = {1, 2}, numbers(12);
  double sum;
  const auto active = [&](int64_t count) { return hw_active{row.data(), column.data(), value.data(), 2, count}; };
  hw_active two = active(2), negative = active(-1), none = {nullptr, nullptr, nullptr, 0, 1};
  const hw_matrix b = test::matrix(numbers, 2, 4), out = test::matrix(numbers, 3, 4), few = test::matrix(numbers, 2, 4);
  const hw_vector values = test::vector(value), nothing = {nullptr, 0};
  CHECK_OK(hw_sparse_product(&two, &b, 0, &out));
  CHECK_INVALID(hw_sparse_product(&negative, &b, 0, &out), "number of entries is -1");
  CHECK_INVALID(hw_sparse_product(&none, &b, 0, &out), "rows is NULL");
  CHECK_INVALID(hw_sparse_product(&two, &b, 0, &few), "row[1] is 2; it must be 0 .. 1");
  CHECK_INVALID(hw_sparse_product(&two, &b, 0, nullptr), "out is NULL");
  const hw_matrix narrow = test::matrix(numbers, 3, 3);
  CHECK_INVALID(hw_sparse_product(&two, &b, 0, &narrow), "out.columns is 3; it must be 4");
  CHECK_INVALID(hw_sparse_sums(&two, &narrow, 0, &b), "out.columns is 4; it must be 3");
  CHECK_INVALID(hw_sparse_dots(&two, &narrow, &b, &values), "y.columns is 4; it must be 3");
  CHECK_INVALID(hw_sparse_dots(&two, &out, &b, &nothing), "value has 0 numbers where 2");
  column[1] = 2;
  CHECK_INVALID(hw_sparse_sums(&two, &out, 0, &b), "column[1] is 2; it must be 0 .. 1");
  column[1] = 0;
  row[0] = 3;
  const hw_matrix many = test::matrix(numbers, 4, 3), wide = test::matrix(numbers, 2, 3);
  CHECK_INVALID(hw_sparse_sums(&two, &many, 0, &wide), "row[1] is 2, less than the one before it");
  CHECK_INVALID(hw_square_sum(&values, nullptr), "sum is NULL");
  CHECK_OK(hw_square_sum(&nothing, &sum));
  CHECK_INVALID(hw_adam(&values, &nothing, &values, &values, 1, 1, 0.9, 0.9, 1), "gradient has 0 numbers where 2");
  CHECK_INVALID(hw_adam(&values, &values, &values, &values, 1, 1, 0.9, 0.9, 0), "epsilon is 0");
}
