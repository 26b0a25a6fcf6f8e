/* Edge contraction against its definition in double precision. */
#include "test.h"

using test::Ragged;
using test::Random;

namespace {

struct Shape {
  int64_t P, width, targets, most; /* sources of a position: 0 .. most */
  bool last = false;               /* all targets at the last position */
};

void contract_case(const Shape &s) {
  Random random(static_cast<uint64_t>(s.P * 1009 + s.width * 17 + s.targets * 3 + s.most));
  Ragged ragged(random, s.targets, s.P);
  if (s.last) {
    ragged.rows = 0;
    for (size_t t = 0; t < ragged.position.size(); t++) {
      ragged.position[t] = static_cast<int32_t>(s.P - 1);
      ragged.row_offset[t] = ragged.rows;
      ragged.rows += s.P;
    }
  }
  std::vector<int64_t> segment(static_cast<size_t>(s.P + 1));
  const int64_t before = 2; /* segment[0]: sources that belong to no position */
  segment[0] = before;
  for (size_t q = 0; q < static_cast<size_t>(s.P); q++) segment[q + 1] = segment[q] + random.below(s.most + 1);
  const int64_t sources = segment.back() - before;
  const std::vector<float> g = random.gauss(ragged.rows * s.width),
                           source = random.gauss(segment.back() * s.width);
  const int64_t stride = sources + 3;
  std::vector<int64_t> out_base(static_cast<size_t>(s.targets));
  for (size_t t = 0; t < out_base.size(); t++) out_base[t] = static_cast<int64_t>(out_base.size() - 1 - t) * stride;
  const std::vector<float> old = random.gauss(s.targets * stride);
  const std::string what = test::text("P ", s.P, " width ", s.width, " targets ", s.targets, " sources ", sources);

  for (int32_t accumulate : {0, 1}) {
    const auto run = [&](int32_t threads) {
      std::vector<float> out = old;
      CHECK_OK(hw_set_threads(threads));
      CHECK_OK(hw_edge_contract(&test::exec, g.data(), s.width, s.targets, ragged.row_offset.data(),
                                ragged.position.data(), source.data(), s.P, segment.data(), out.data(),
                                out_base.data(), accumulate));
      return out;
    };
    const std::vector<float> out = run(2);
    std::vector<double> expected(old.begin(), old.end()), scale(old.size());
    for (int64_t t = 0; t < s.targets; t++) {
      for (int64_t q = 0; q <= ragged.position[static_cast<size_t>(t)]; q++) {
        for (int64_t e = segment[static_cast<size_t>(q)]; e < segment[static_cast<size_t>(q + 1)]; e++) {
          double dot = 0, magnitude = 0;
          for (int64_t k = 0; k < s.width; k++) {
            const double term = double{g[static_cast<size_t>(ragged.row(t, q) * s.width + k)]} *
                                source[static_cast<size_t>(e * s.width + k)];
            dot += term;
            magnitude += std::abs(term);
          }
          const auto at = static_cast<size_t>(out_base[static_cast<size_t>(t)] + e - before);
          expected[at] = accumulate ? expected[at] + dot : dot;
          scale[at] = magnitude + std::abs(double{old[at]});
        }
      }
    }
    for (size_t i = 0; i < out.size(); i++) {
      CHECK(test::close(out[i], expected[i], scale[i]), what, " accumulate ", accumulate, " element ", i, ": ", out[i],
            " expected ", expected[i]);
    }
    for (int32_t threads : test::other_threads()) {
      CHECK(run(threads) == out, what, ": other bits with ", threads, " threads");
    }
  }
  CHECK_OK(hw_set_threads(2));
}

}  // namespace

TEST(edge_contract_matches_the_definition) {
  const Shape shapes[] = {{1, 5, 1, 3},    {1, 1, 1, 1},     {4, 5, 3, 4},     {3, 16, 0, 4},   {5, 64, 7, 0},
                          {6, 33, 20, 9},  {9, 40, 40, 17},  {5, 100, 33, 70}, {2, 48, 97, 33}, {7, 192, 64, 64},
                          {3, 130, 19, 50}};
  for (const Shape &shape : shapes) contract_case(shape);
}

TEST(edge_contract_serves_a_few_targets_at_the_last_position) {
  contract_case({6, 70, 10, 40, true});
  contract_case({1, 129, 1, 100, true});
}

TEST(edge_contract_cuts_wide_and_many_sources_into_blocks) {
  if (test::exec.device >= 0) return;
  contract_case({1, 30, 150, 700, true});
  contract_case({2, 2500, 30, 300, true});
  contract_case({2, 4096, 20, 70, true});
}

TEST(edge_contract_refuses_bad_arguments) {
  const std::vector<float> g(16), source(16);
  std::vector<float> out(16);
  std::vector<int64_t> out_base = {0}, segment = {0, 1, 2};
  const std::vector<int64_t> row_offset = {0};
  const std::vector<int32_t> position = {1};
  const auto contract = [&](int64_t width, int64_t targets, int64_t P) {
    return hw_edge_contract(&test::exec, g.data(), width, targets, row_offset.data(), position.data(), source.data(), P,
                            segment.data(), out.data(), out_base.data(), 0);
  };
  CHECK_OK(contract(4, 1, 2));
  CHECK_INVALID(contract(0, 1, 2), "width is 0");
  CHECK_INVALID(contract(4, -1, 2), "targets is -1");
  CHECK_INVALID(contract(4, 1, -2), "P is -2");
  CHECK_INVALID(contract(int64_t{1} << 60, 1, 2), "too large");
  CHECK_INVALID(hw_edge_contract(&test::exec, nullptr, 4, 1, row_offset.data(), position.data(), source.data(), 2,
                                 segment.data(), out.data(), out_base.data(), 0),
                "g is NULL");
  CHECK_INVALID(hw_edge_contract(&test::exec, g.data(), 4, 1, row_offset.data(), position.data(), source.data(), 2,
                                 nullptr, out.data(), out_base.data(), 0),
                "segment is NULL");
  if (test::exec.device < 0) {
    segment[1] = 3;
    CHECK_INVALID(contract(4, 1, 2), "segment[2] is 2, less");
    segment[1] = 1;
    out_base[0] = -1;
    CHECK_INVALID(contract(4, 1, 2), "out_base[0] is -1");
    CHECK_INVALID(contract(4, 1, 1), "position[0] is 1");
  }
}
