/* Transposed attention mixing against its definition in double precision. */
#include <limits>

#include "test.h"

using test::Ragged;
using test::Random;

namespace {

/* Patterns with not-a-numbers above the diagonal, where nothing may be read. */
std::vector<float> causal_pattern(Random &random, int64_t heads, int64_t P) {
  std::vector<float> pattern = random.gauss(heads * P * P);
  for (int64_t h = 0; h < heads; h++) {
    for (int64_t q = 0; q < P; q++) {
      for (int64_t p = q + 1; p < P; p++) pattern[static_cast<size_t>((h * P + q) * P + p)] = NAN;
    }
  }
  return pattern;
}

struct Shape {
  int64_t P, heads, kv_heads, head_dim, targets;
};

void adjoint_case(const Shape &s, bool single) {
  Random random(static_cast<uint64_t>(s.P * 131 + s.head_dim * 7 + s.targets));
  const Ragged ragged(random, s.targets, s.P);
  const std::vector<float> pattern = causal_pattern(random, s.heads, s.P);
  const int64_t o_width = s.heads * s.head_dim, v_width = s.kv_heads * s.head_dim, group = s.heads / s.kv_heads;
  const std::vector<float> o = random.gauss((single ? s.targets : ragged.rows) * o_width);
  const auto run = [&](int32_t threads) {
    std::vector<float> v(static_cast<size_t>(ragged.rows * v_width), test::kUntouched);
    CHECK_OK(hw_set_threads(threads));
    CHECK_OK((single ? hw_pattern_adjoint_single : hw_pattern_adjoint)(
        &test::exec, o.data(), pattern.data(), s.P, s.heads, s.kv_heads, s.head_dim, s.targets,
        ragged.row_offset.data(), ragged.position.data(), v.data()));
    return v;
  };
  const std::vector<float> v = run(2);
  std::vector<double> expected(v.size(), double{test::kUntouched}), scale(v.size());
  for (int64_t t = 0; t < s.targets; t++) {
    const int64_t last = ragged.position[static_cast<size_t>(t)];
    for (int64_t p = 0; p <= last; p++) {
      for (int64_t g = 0; g < s.kv_heads; g++) {
        for (int64_t j = 0; j < s.head_dim; j++) {
          double sum = 0, magnitude = 0;
          for (int64_t h = g * group; h < (g + 1) * group; h++) {
            for (int64_t q = single ? last : p; q <= last; q++) {
              const int64_t row = single ? t : ragged.row(t, q);
              const double term = double{pattern[static_cast<size_t>((h * s.P + q) * s.P + p)]} *
                                  o[static_cast<size_t>(row * o_width + h * s.head_dim + j)];
              sum += term;
              magnitude += std::abs(term);
            }
          }
          const auto at = static_cast<size_t>(ragged.row(t, p) * v_width + g * s.head_dim + j);
          expected[at] = sum;
          scale[at] = magnitude;
        }
      }
    }
  }
  for (size_t i = 0; i < v.size(); i++) {
    CHECK(test::close(v[i], expected[i], scale[i]), "P ", s.P, " heads ", s.heads, "/", s.kv_heads, " head_dim ",
          s.head_dim, " targets ", s.targets, " single ", single, " row ", static_cast<int64_t>(i) / v_width,
          " column ", static_cast<int64_t>(i) % v_width, ": ", v[i], " expected ", expected[i]);
  }
  for (int32_t threads : test::other_threads()) {
    CHECK(run(threads) == v, "P ", s.P, " head_dim ", s.head_dim, ": other bits with ", threads, " threads");
  }
  CHECK_OK(hw_set_threads(2));
}

}  // namespace

TEST(pattern_adjoint_matches_the_definition) {
  const Shape shapes[] = {{1, 1, 1, 1, 1},   {1, 4, 2, 8, 3},   {5, 2, 1, 7, 4},   {7, 4, 4, 16, 9},  {13, 6, 2, 33, 5},
                          {64, 4, 2, 64, 3}, {40, 2, 2, 80, 4}, {30, 8, 1, 20, 6}, {20, 2, 1, 96, 5},
                          {12, 2, 1, 128, 2},
                          {9, 3, 3, 256, 4}, {6, 2, 2, 8, 40},  {5, 2, 2, 8, 0}};
  for (const Shape &shape : shapes) adjoint_case(shape, false);
}

TEST(pattern_adjoint_cuts_long_prompts_into_blocks) {
  adjoint_case({150, 2, 1, 256, 2}, false);
  adjoint_case({131, 8, 1, 128, 2}, false);
  if (test::exec.device < 0) adjoint_case({700, 8, 1, 32, 3}, false);
}

TEST(pattern_adjoint_single_matches_the_definition) {
  const Shape shapes[] = {{1, 1, 1, 1, 1}, {5, 2, 1, 7, 4}, {7, 4, 4, 16, 9}, {130, 6, 2, 33, 5}, {64, 4, 2, 64, 3}};
  for (const Shape &shape : shapes) adjoint_case(shape, true);
}

TEST(pattern_adjoint_refuses_bad_arguments) {
  const std::vector<float> o(64), pattern(64);
  std::vector<float> v(64);
  std::vector<int64_t> row_offset = {0};
  const std::vector<int32_t> position = {1};
  const auto adjoint = [&](int64_t P, int64_t heads, int64_t kv_heads, int64_t head_dim, int64_t targets) {
    return hw_pattern_adjoint(&test::exec, o.data(), pattern.data(), P, heads, kv_heads, head_dim, targets,
                              row_offset.data(), position.data(), v.data());
  };
  CHECK_OK(adjoint(2, 4, 2, 4, 1));
  CHECK_INVALID(adjoint(2, 3, 2, 4, 1), "3 heads can't share 2");
  CHECK_INVALID(adjoint(2, 0, 2, 4, 1), "heads is 0");
  CHECK_INVALID(adjoint(2, 4, 0, 4, 1), "kv_heads is 0");
  CHECK_INVALID(adjoint(2, 4, 2, 0, 1), "head_dim is 0");
  CHECK_INVALID(adjoint(-2, 4, 2, 4, 1), "P is -2");
  CHECK_INVALID(adjoint(2, 4, 2, 4, -1), "targets is -1");
  CHECK_INVALID(adjoint(int64_t{1} << 40, 4, 2, 4, 1), "too large");
  CHECK_INVALID(hw_pattern_adjoint(&test::exec, nullptr, pattern.data(), 2, 4, 2, 4, 1, row_offset.data(),
                                   position.data(), v.data()),
                "o is NULL");
  CHECK_INVALID(hw_pattern_adjoint(&test::exec, o.data(), pattern.data(), 2, 4, 2, 4, 1, nullptr, position.data(),
                                   v.data()),
                "row_offset is NULL");
  if (test::exec.device < 0) {
    CHECK_INVALID(adjoint(1, 4, 2, 4, 1), "position[0] is 1; it must be 0 .. 0");
    row_offset[0] = -5;
    CHECK_INVALID(adjoint(2, 4, 2, 4, 1), "row_offset[0] is -5");
  }
}
