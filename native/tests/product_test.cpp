/* Products of matrices. */
#include <limits>

#include "test.h"

using test::Random;

namespace {

/* The bfloat16 number nearest to x, ties to even. */
uint16_t nearest(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return static_cast<uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

float widen(uint16_t b) {
  const uint32_t bits = static_cast<uint32_t>(b) << 16;
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

struct Product {
  int64_t m, k, n, stride;
  std::vector<float> a, out;
  std::vector<uint16_t> b;

  Product(Random &random, int64_t rows, int64_t depth, int64_t columns, int64_t gap = 0)
      : m(rows),
        k(depth),
        n(columns),
        stride(columns + gap),
        a(random.gauss(rows * depth)),
        out(random.gauss(rows * columns)) {
    for (float x : random.gauss(k * stride)) b.push_back(nearest(x));
  }
  int32_t run(bool add) {
    const hw_matrix left = test::matrix(a, m, k), to = test::matrix(out, m, n);
    const hw_bf16_matrix right = {b.data(), k, n, stride};
    return hw_bf16_product(&left, &right, add ? 1 : 0, &to);
  }
  void check(bool add) {
    const std::vector<float> before = out;
    CHECK_OK(run(add));
    for (int64_t i = 0; i < m; i++) {
      for (int64_t j = 0; j < n; j++) {
        const auto at = static_cast<size_t>(i * n + j);
        double sum = add ? before[at] : 0, scale = std::abs(sum);
        for (int64_t l = 0; l < k; l++) {
          const double term = double{widen(nearest(a[static_cast<size_t>(i * k + l)]))} *
                              double{widen(b[static_cast<size_t>(l * stride + j)])};
          sum += term;
          scale += std::abs(term);
        }
        CHECK(test::close(out[at], sum, scale), m, "x", k, "x", n, " at ", i, ",", j, ": ", out[at], " for ", sum);
      }
    }
  }
};

}  // namespace

TEST(product_is_the_sum_of_products) {
  Random random(20);
  for (int64_t m : {1, 5, 6, 7, 97, 200}) {
    for (int64_t k : {0, 1, 16, 33, 257}) {
      for (int64_t n : {1, 15, 16, 17, 65, 130}) {
        const std::vector<float> a = random.gauss(m * k), b = random.gauss(k * n), start = random.gauss(m * n);
        const bool transposed = (m + n) % 2 != 0, add = (m + k + n) % 3 != 0;
        std::vector<float> out = start;
        const hw_matrix left = test::matrix(a, m, k), to = test::matrix(out, m, n);
        const hw_matrix right = transposed ? test::matrix(b, n, k) : test::matrix(b, k, n);
        CHECK_OK(hw_product(&left, &right, transposed ? 1 : 0, add ? 1 : 0, &to));
        for (int64_t i = 0; i < m; i++) {
          for (int64_t j = 0; j < n; j++) {
            const auto at = static_cast<size_t>(i * n + j);
            double sum = add ? double{start[at]} : 0, scale = std::abs(sum);
            for (int64_t l = 0; l < k; l++) {
              const double term = double{a[static_cast<size_t>(i * k + l)]} *
                                  double{b[static_cast<size_t>(transposed ? j * k + l : l * n + j)]};
              sum += term;
              scale += std::abs(term);
            }
            CHECK(test::close(out[at], sum, scale), m, "x", k, "x", n, " at ", i, ",", j, ": ", out[at], " for ", sum);
          }
        }
      }
    }
  }
}

/* More columns than are laid out at a time: 4 Mi numbers are 16,384 columns of 256. */
TEST(product_of_a_wide_matrix) {
  Random random(18);
  const int64_t m = 7, k = 2, n = 40'000;
  const std::vector<float> a = random.gauss(m * k), b = random.gauss(k * n);
  std::vector<float> out(static_cast<size_t>(m * n));
  const hw_matrix left = test::matrix(a, m, k), right = test::matrix(b, k, n), to = test::matrix(out, m, n);
  CHECK_OK(hw_product(&left, &right, 0, 0, &to));
  for (int64_t i = 0; i < m; i++) {
    for (int64_t j = 0; j < n; j += 37) {
      const double x = double{a[static_cast<size_t>(i * k)]} * double{b[static_cast<size_t>(j)]};
      const double y = double{a[static_cast<size_t>(i * k + 1)]} * double{b[static_cast<size_t>(n + j)]};
      CHECK(test::close(out[static_cast<size_t>(i * n + j)], x + y, std::abs(x) + std::abs(y)), "at ", i, ",", j);
    }
  }
}

TEST(product_gives_the_same_bits_with_any_threads) {
  Random random(19);
  const std::vector<float> a = random.gauss(301 * 300), b = random.gauss(300 * 70);
  std::vector<float> expected(301 * 70), out(301 * 70);
  const hw_matrix left = test::matrix(a, 301, 300), right = test::matrix(b, 300, 70);
  const int32_t before = hw_get_threads();
  CHECK_OK(hw_set_threads(2));
  hw_matrix to = test::matrix(expected, 301, 70);
  CHECK_OK(hw_product(&left, &right, 0, 0, &to));
  to = test::matrix(out, 301, 70);
  for (int32_t threads : test::other_threads()) {
    CHECK_OK(hw_set_threads(threads));
    CHECK_OK(hw_product(&left, &right, 0, 0, &to));
    CHECK(std::memcmp(out.data(), expected.data(), out.size() * sizeof(float)) == 0, threads, " threads");
  }
  CHECK_OK(hw_set_threads(before));
}

TEST(product_refuses_bad_arguments) {
  const std::vector<float> numbers(64);
  const hw_matrix a = test::matrix(numbers, 4, 6), b = test::matrix(numbers, 6, 8), out = test::matrix(numbers, 4, 8);
  const hw_matrix other = test::matrix(numbers, 8, 6), low = test::matrix(numbers, 5, 8);
  CHECK_INVALID(hw_product(&a, &low, 0, 0, &out), "b's side is 5; it must be 6");
  CHECK_INVALID(hw_product(&a, &b, 1, 0, &out), "b's side is 8; it must be 6");
  CHECK_INVALID(hw_product(&a, &b, 0, 0, &other), "out.rows is 8; it must be 4");
  CHECK_INVALID(hw_product(&a, &b, 0, 0, &a), "out.columns is 6; it must be 8");
  CHECK_INVALID(hw_product(&a, nullptr, 0, 0, &out), "b is NULL");
}

TEST(bf16_product_is_the_sum_of_rounded_products) {
  Random random(21);
  for (int64_t m : {1, 5, 6, 7, 97}) {
    for (int64_t k : {1, 2, 7, 64}) {
      for (int64_t n : {1, 15, 16, 17, 64, 65, 130}) Product(random, m, k, n).check((m + k + n) % 2 != 0);
    }
  }
  Product(random, 200, 129, 70).check(true);
}

TEST(bf16_product_reads_rows_at_the_stride) {
  Random random(22);
  Product(random, 13, 9, 33, 5).check(false);
}

TEST(bf16_product_of_no_depth_is_zero) {
  Random random(23);
  Product(random, 3, 0, 5).check(false);
  Product(random, 3, 0, 5).check(true);
  Product(random, 0, 4, 5).check(false);
}

TEST(bf16_product_gives_the_same_bits_with_any_threads) {
  Random random(24);
  Product one(random, 301, 65, 70);
  const int32_t before = hw_get_threads();
  CHECK_OK(hw_set_threads(2));
  CHECK_OK(one.run(false));
  const std::vector<float> expected = one.out;
  for (int32_t threads : test::other_threads()) {
    CHECK_OK(hw_set_threads(threads));
    CHECK_OK(one.run(false));
    CHECK(std::memcmp(one.out.data(), expected.data(), expected.size() * sizeof(float)) == 0, threads, " threads");
  }
  CHECK_OK(hw_set_threads(before));
}

TEST(bf16_product_keeps_what_is_no_number) {
  Random random(25);
  Product one(random, 8, 4, 6);
  one.a[5] = NAN;
  one.a[10] = std::numeric_limits<float>::infinity();
  CHECK_OK(one.run(false));
  for (size_t j = 0; j < 6; j++) {
    CHECK(std::isnan(one.out[6 + j]), "beside a not-a-number");
    CHECK(!std::isfinite(one.out[12 + j]), "beside an infinity");
    CHECK(std::isfinite(one.out[j]), "beside neither");
  }
}

TEST(bf16_product_refuses_bad_arguments) {
  Random random(26);
  Product one(random, 4, 6, 8);
  const hw_matrix a = test::matrix(one.a, 4, 6), out = test::matrix(one.out, 4, 8);
  const hw_bf16_matrix b = {one.b.data(), 6, 8, 8}, low = {one.b.data(), 5, 8, 8}, narrow = {one.b.data(), 6, 7, 8};
  CHECK_INVALID(hw_bf16_product(&a, &low, 0, &out), "b.rows is 5; it must be 6");
  CHECK_INVALID(hw_bf16_product(&a, &narrow, 0, &out), "out.columns is 8; it must be 7");
  const hw_matrix three = test::matrix(one.out, 3, 8);
  CHECK_INVALID(hw_bf16_product(&a, &b, 0, &three), "out.rows is 3; it must be 4");
  CHECK_INVALID(hw_bf16_product(nullptr, &b, 0, &out), "a is NULL");
}
