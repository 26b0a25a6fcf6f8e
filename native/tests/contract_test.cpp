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
  const std::vector<float> g = random.gauss(ragged.rows * s.width), source = random.gauss(segment.back() * s.width);
  const int64_t stride = sources + 3;
  std::vector<int64_t> out_base(static_cast<size_t>(s.targets));
  for (size_t t = 0; t < out_base.size(); t++) out_base[t] = static_cast<int64_t>(out_base.size() - 1 - t) * stride;
  const std::vector<float> old = random.gauss(s.targets * stride);
  const std::string what = test::text("P ", s.P, " width ", s.width, " targets ", s.targets, " sources ", sources);

  for (int32_t accumulate : {0, 1}) {
    const auto run = [&](int32_t threads) {
      std::vector<float> out = old;
      CHECK_OK(hw_set_threads(threads));
      const hw_matrix gradients = test::matrix(g, ragged.rows, s.width),
                      from = test::matrix(source, segment.back(), s.width);
      const hw_ragged batch = ragged.view(s.P);
      const hw_segments segments = test::segments(segment, segment.back());
      const auto count = static_cast<int64_t>(out.size());
      const hw_runs runs = {out.data(), count, out_base.data(), s.targets, count};
      CHECK_OK(hw_edge_contract(&test::exec, &gradients, &batch, &from, &segments, &runs, accumulate));
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
  const Shape shapes[] = {{1, 5, 1, 3},    {1, 1, 1, 1},     {4, 5, 3, 4},    {3, 16, 0, 4},
                          {5, 64, 7, 0},   {6, 33, 20, 9},   {9, 40, 40, 17}, {5, 100, 33, 70},
                          {2, 48, 97, 33}, {7, 192, 64, 64}, {3, 130, 19, 50}};
  for (const Shape &shape : shapes) contract_case(shape);
}

TEST(edge_contract_serves_positions_of_few_sources) {
  for (const Shape &shape : {Shape{33, 70, 12, 1}, Shape{9, 100, 40, 2}, Shape{70, 31, 3, 1}, Shape{40, 7, 5, 6}}) {
    contract_case(shape);
  }
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

namespace {

/* A call that is right: one target at position 1 of 2, three sources of width 4. Tests spoil one thing each. */
struct Call {
  std::vector<float> gradients = std::vector<float>(8), sources = std::vector<float>(12), edges = std::vector<float>(5);
  std::vector<int64_t> row_offset = {0}, start = {0, 1, 3}, base = {2};
  std::vector<int32_t> position = {1};
  hw_matrix g = test::matrix(gradients, 2, 4), source = test::matrix(sources, 3, 4);
  hw_ragged ragged = {row_offset.data(), position.data(), 1, 2, 2};
  hw_segments segments = {start.data(), 2, 3};
  hw_runs out = {edges.data(), 5, base.data(), 1, 5};

  int32_t run() { return hw_edge_contract(&test::exec, &g, &ragged, &source, &segments, &out, 0); }
};

template <class Spoil>
void refused(Spoil spoil, const char *words) {
  Call call;
  spoil(call);
  CHECK_INVALID(call.run(), words);
}

}  // namespace

TEST(edge_contract_refuses_views_that_do_not_fit) {
  Call call;
  CHECK_OK(call.run());
  refused([](Call &c) { c.g.columns = 0; }, "g.columns is 0");
  refused([](Call &c) { c.g.rows = -1; }, "g has -1 rows");
  refused([](Call &c) { c.g.rows = INT64_MAX / 2; }, "g is too large");
  refused([](Call &c) { c.g.data = nullptr; }, "g is NULL");
  refused([](Call &c) { c.source.columns = 3; }, "source.columns is 3; it must be 4");
  refused([](Call &c) { c.ragged.targets = -1; }, "ragged.targets is -1");
  refused([](Call &c) { c.ragged.offset = nullptr; }, "ragged.offset is NULL");
  refused([](Call &c) { c.ragged.rows = 3; }, "ragged.rows is 3, more than g.rows, which is 2");
  refused([](Call &c) { c.segments.positions = -2; }, "segments.positions is -2");
  refused([](Call &c) { c.segments.start = nullptr; }, "segments.start is NULL");
  refused([](Call &c) { c.source.rows = 2; }, "segments.sources is 3, more than source.rows, which is 2");
  refused([](Call &c) { c.out.reach = 6; }, "out.reach is 6, more than out.count, which is 5");
  refused([](Call &c) { c.out.targets = 0; }, "out.targets is 0; it must be 1");
  refused([](Call &c) { c.out.data = nullptr; }, "out is NULL");
  refused(
      [](Call &c) {
        c.ragged.positions = 3;
        c.position[0] = 1;
      },
      "ragged.positions is 3, more than segments.positions, which is 2");
}

TEST(edge_contract_refuses_indices_that_lead_out) {
  if (test::exec.device >= 0) return; /* of a device's arrays only the sizes can be looked at */
  refused([](Call &c) { c.start[1] = 4; }, "segments.start[2] is 3, less");
  refused([](Call &c) { c.start[0] = -1; }, "segments.start[0] is -1");
  refused([](Call &c) { c.start[2] = 4; }, "the last of segments.start is 4, more than segments.sources, which is 3");
  refused([](Call &c) { c.base[0] = -1; }, "target 0's run is out[-1");
  refused([](Call &c) { c.base[0] = 3; }, "target 0's run is out[3 .. 3 + 3), past the 5");
  refused([](Call &c) { c.base[0] = INT64_MAX; }, "target 0's run");
  refused([](Call &c) { c.position[0] = 2; }, "ragged.position[0] is 2; it must be 0 .. 1");
  refused([](Call &c) { c.position[0] = -1; }, "ragged.position[0] is -1");
  refused([](Call &c) { c.row_offset[0] = -1; }, "ragged.offset[0] is -1");
  refused([](Call &c) { c.row_offset[0] = 1; }, "target 0 reaches row 1 + 1 of 2");
  refused([](Call &c) { c.row_offset[0] = INT64_MAX; }, "ragged.offset[0]");
}
