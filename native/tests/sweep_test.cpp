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
    const hw_matrix from = test::matrix(o, single ? s.targets : ragged.rows, o_width),
                    to = test::matrix(v, ragged.rows, v_width);
    const hw_pattern probabilities = {pattern.data(), s.heads, s.P};
    const hw_ragged batch = ragged.view(s.P);
    CHECK_OK((single ? hw_pattern_adjoint_single : hw_pattern_adjoint)(&test::exec, &from, &probabilities, s.kv_heads,
                                                                       &batch, &to));
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
  const Shape shapes[] = {{1, 1, 1, 1, 1},   {1, 4, 2, 8, 3},    {5, 2, 1, 7, 4},   {7, 4, 4, 16, 9},
                          {13, 6, 2, 33, 5}, {64, 4, 2, 64, 3},  {40, 2, 2, 80, 4}, {30, 8, 1, 20, 6},
                          {20, 2, 1, 96, 5}, {12, 2, 1, 128, 2}, {9, 3, 3, 256, 4}, {6, 2, 2, 8, 40},
                          {5, 2, 2, 8, 0}};
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

namespace {

/* A call that is right: a target at position 1 of 2, four heads of four columns on two key/value heads. */
struct Call {
  std::vector<float> gradients = std::vector<float>(32), mixed = std::vector<float>(16),
                     numbers = std::vector<float>(16);
  std::vector<int64_t> row_offset = {0};
  std::vector<int32_t> position = {1};
  hw_matrix o = test::matrix(gradients, 2, 16), v = test::matrix(mixed, 2, 8);
  hw_pattern pattern = {numbers.data(), 4, 2};
  hw_ragged ragged = {row_offset.data(), position.data(), 1, 2, 2};
  int64_t kv_heads = 2;
};

template <class Spoil>
void refused(Spoil spoil, const char *words) {
  for (bool single : {false, true}) {
    Call call;
    if (single) call.o.rows = 1;
    spoil(call);
    CHECK_INVALID((single ? hw_pattern_adjoint_single : hw_pattern_adjoint)(&test::exec, &call.o, &call.pattern,
                                                                            call.kv_heads, &call.ragged, &call.v),
                  words);
  }
}

}  // namespace

TEST(pattern_adjoint_refuses_bad_arguments) {
  Call call;
  CHECK_OK(hw_pattern_adjoint(&test::exec, &call.o, &call.pattern, 2, &call.ragged, &call.v));
  refused([](Call &c) { c.kv_heads = 3; }, "4 heads can't share 3");
  refused([](Call &c) { c.kv_heads = 0; }, "kv_heads is 0");
  refused([](Call &c) { c.pattern.heads = 0; }, "pattern.heads is 0");
  refused([](Call &c) { c.pattern.positions = -2; }, "pattern.positions is -2");
  refused([](Call &c) { c.pattern.positions = int64_t{1} << 40; }, "pattern is too large");
  refused([](Call &c) { c.pattern.data = nullptr; }, "pattern is NULL");
  refused([](Call &c) { c.pattern.positions = 1; }, "ragged.positions is 2, more than pattern.positions, which is 1");
  refused([](Call &c) { c.o.columns = 0; }, "o.columns is 0");
  refused([](Call &c) { c.o.columns = 15; }, "columns of whole heads");
  refused([](Call &c) { c.o.data = nullptr; }, "o is NULL");
  refused([](Call &c) { c.v.columns = 9; }, "v.columns is 9; it must be 8");
  refused([](Call &c) { c.v.rows = 1; }, "ragged.rows is 2, more than v.rows, which is 1");
  refused([](Call &c) { c.ragged.targets = -1; }, "ragged.targets is -1");
  refused([](Call &c) { c.ragged.offset = nullptr; }, "ragged.offset is NULL");
  call.o.rows = 1;
  CHECK_INVALID(hw_pattern_adjoint(&test::exec, &call.o, &call.pattern, 2, &call.ragged, &call.v),
                "ragged.rows is 2, more than o.rows, which is 1");
  call.o.rows = 2;
  CHECK_INVALID(hw_pattern_adjoint_single(&test::exec, &call.o, &call.pattern, 2, &call.ragged, &call.v),
                "o.rows is 2; it must be 1, a row for each target");
  if (test::exec.device < 0) {
    refused([](Call &c) { c.position[0] = 2; }, "ragged.position[0] is 2; it must be 0 .. 1");
    refused([](Call &c) { c.row_offset[0] = -5; }, "ragged.offset[0] is -5");
    refused([](Call &c) { c.row_offset[0] = 1; }, "target 0 reaches row 1 + 1 of 2");
  }
}

TEST(add_scaled_rows_refuses_bad_arguments) {
  Call call;
  const std::vector<float> factors(2);
  const auto add = [&](hw_matrix x, hw_vector scale) {
    return hw_add_scaled_rows(&test::exec, &call.o, &x, &call.ragged, &scale);
  };
  const hw_vector scale = test::vector(factors);
  CHECK_OK(add(call.o, scale));
  CHECK_INVALID(add({call.o.data, 2, 15}, scale), "x.columns is 15; it must be 16");
  CHECK_INVALID(add({call.o.data, 1, 16}, scale), "ragged.rows is 2, more than x.rows, which is 1");
  CHECK_INVALID(add(call.o, {scale.data, 1}), "scale has 1 numbers where 2 are needed");
  CHECK_INVALID(add(call.o, {nullptr, 2}), "scale is NULL");
}
