/* Row sums, influence, the edge cut and the edges above it against a dense matrix, power iteration and a sort. */
#include <algorithm>

#include "test.h"

using test::Random;

namespace {

/* A random edge matrix: row r has a few runs over the columns before its own node. */
struct Graph {
  int64_t rows, columns;
  std::vector<int64_t> run_start{0}, column, length, offset, node, order;
  std::vector<float> value;
  std::vector<const float *> run_value;
  std::vector<uint8_t> keep;
  std::vector<double> dense;

  Graph(Random &random, int64_t row_count, int64_t column_count, bool round = false)
      : rows(row_count),
        columns(column_count),
        keep(static_cast<size_t>(column_count)),
        dense(static_cast<size_t>(row_count * column_count)) {
    value.push_back(0); /* an offset that is not zero */
    for (int64_t r = 0; r < rows; r++) {
      const int64_t own = columns - 1 - r;
      node.push_back(own);
      order.push_back(r);
      for (int64_t c = random.below(3); c < own;) {
        const int64_t n = 1 + random.below(std::min<int64_t>(own - c, 40));
        column.push_back(c);
        length.push_back(n);
        offset.push_back(static_cast<int64_t>(value.size()));
        for (int64_t i = 0; i < n; i++) {
          const float nonzero = round ? static_cast<float>(random.below(9) - 4) : random.gauss();
          const float x = random.below(5) == 0 ? 0.0f : nonzero;
          value.push_back(x);
          dense[static_cast<size_t>(r * columns + c + i)] = std::abs(double{x});
        }
        c += n + random.below(4);
      }
      run_start.push_back(static_cast<int64_t>(column.size()));
    }
    for (int64_t at : offset) run_value.push_back(value.data() + at);
    for (uint8_t &k : keep) k = random.below(4) != 0;
  }

  hw_edges edges() const {
    return {rows,
            columns,
            run_start.data(),
            column.data(),
            length.data(),
            run_value.data(),
            static_cast<int64_t>(column.size())};
  }
  double at(int64_t r, int64_t c, bool kept) const {
    return kept && !keep[static_cast<size_t>(c)] ? 0 : dense[static_cast<size_t>(r * columns + c)];
  }
};

std::vector<double> row_sums(const Graph &graph, bool kept) {
  std::vector<double> sum(static_cast<size_t>(graph.rows));
  const hw_edges edges = graph.edges();
  CHECK_OK(hw_row_sums(&edges, kept ? graph.keep.data() : nullptr, sum.data()));
  return sum;
}

double cut_reference(const Graph &graph, const std::vector<double> &coefficient, bool kept, double share) {
  std::vector<double> scores;
  for (int64_t r = 0; r < graph.rows; r++) {
    for (int64_t c = 0; c < graph.columns; c++) {
      const double score = coefficient[static_cast<size_t>(r)] * graph.at(r, c, kept);
      if (score > 0) scores.push_back(score);
    }
  }
  if (scores.empty()) return INFINITY;
  std::sort(scores.begin(), scores.end(), std::greater<>());
  if (share >= 1) return scores.back();
  double total = 0, sum = 0;
  for (double score : scores) total += score;
  for (double score : scores) {
    sum += score;
    if (sum >= share * total) return score;
  }
  return scores.back();
}

}  // namespace

TEST(row_sums_match_the_definition) {
  Random random(6);
  for (int64_t rows : {0, 1, 30}) {
    const Graph graph(random, rows, 200);
    for (bool kept : {false, true}) {
      const std::vector<double> sum = row_sums(graph, kept);
      for (int64_t r = 0; r < rows; r++) {
        double expected = 0;
        for (int64_t c = 0; c < graph.columns; c++) expected += graph.at(r, c, kept);
        CHECK(test::close(sum[static_cast<size_t>(r)], expected, expected, 1e-14), "row ", r, " kept ", kept);
      }
      for (int32_t threads : {1, 5}) {
        CHECK_OK(hw_set_threads(threads));
        CHECK(row_sums(graph, kept) == sum, "other bits with ", threads, " threads");
      }
      CHECK_OK(hw_set_threads(2));
    }
  }
}

TEST(influence_is_one_pass_of_back_substitution) {
  Random random(7);
  const Graph graph(random, 60, 150);
  for (bool kept : {false, true}) {
    const std::vector<double> sum = row_sums(graph, kept);
    std::vector<double> scale, weight(static_cast<size_t>(graph.columns));
    for (double s : sum) scale.push_back(random.below(6) == 0 ? 0 : 1 / std::max(s, 1e-8));
    for (int64_t i = 0; i < 5; i++) weight[static_cast<size_t>(graph.columns - 1 - i)] = 0.2;
    /* The same by power iteration: influence is the sum of weight * A^k. */
    std::vector<double> expected(weight.size()), wave = weight;
    for (int step = 0; step < 70; step++) {
      std::vector<double> next(weight.size());
      for (int64_t r = 0; r < graph.rows; r++) {
        const double c = wave[static_cast<size_t>(graph.node[static_cast<size_t>(r)])] * scale[static_cast<size_t>(r)];
        for (int64_t s = 0; s < graph.columns; s++) next[static_cast<size_t>(s)] += c * graph.at(r, s, kept);
      }
      for (size_t i = 0; i < next.size(); i++) expected[i] += next[i];
      wave = next;
    }
    const hw_edges edges = graph.edges();
    std::vector<double> influence(weight.size(), NAN);
    CHECK_OK(hw_influence(&edges, graph.order.data(), graph.rows, graph.node.data(), weight.data(),
                          kept ? graph.keep.data() : nullptr, 1e-8, scale.data(), nullptr, influence.data()));
    for (size_t i = 0; i < influence.size(); i++) {
      CHECK(test::close(influence[i], expected[i], expected[i], 1e-12), "column ", i, ": ", influence[i], " expected ",
            expected[i]);
    }
  }
}

TEST(influence_finds_scales_that_are_not_known) {
  Random random(17);
  const Graph graph(random, 400, 1000);
  const hw_edges edges = graph.edges();
  for (bool kept : {false, true}) {
    const uint8_t *keep = kept ? graph.keep.data() : nullptr;
    std::vector<double> known, unknown(400, -1.0), weight(1000);
    for (double s : row_sums(graph, kept)) known.push_back(1 / std::max(s, 1e-3));
    weight[999] = 1;
    known[7] = unknown[7] = 0;
    std::vector<double> expected(1000), influence(1000);
    CHECK_OK(hw_set_threads(1));
    CHECK_OK(hw_influence(&edges, graph.order.data(), 400, graph.node.data(), weight.data(), keep, 1, known.data(),
                          nullptr, expected.data()));
    for (int32_t threads : {1, 2, 5}) {
      CHECK_OK(hw_set_threads(threads));
      std::vector<double> scale = unknown;
      CHECK_OK(hw_influence(&edges, graph.order.data(), 400, graph.node.data(), weight.data(), keep, 1e-3, scale.data(),
                            nullptr, influence.data()));
      CHECK(scale == known && influence == expected, "other bits with ", threads, " threads");
    }
  }
  CHECK_OK(hw_set_threads(2));
}

TEST(influence_passes_on_what_new_rows_change) {
  Random random(18);
  const Graph graph(random, 500, 1200);
  const hw_edges edges = graph.edges();
  std::vector<double> weight(1200), scale(500, -1.0), passed(500), influence(1200);
  for (size_t i = 1180; i < 1200; i++) weight[i] = 0.05;
  std::vector<int64_t> known;
  for (int64_t step = 0; step < 5; step++) {
    for (int64_t r : graph.order) {
      if ((r * 7) % 5 == step) known.push_back(r);
    }
    std::sort(known.begin(), known.end()); /* row r belongs to node columns - 1 - r */
    const auto n = static_cast<int64_t>(known.size());
    CHECK_OK(hw_influence(&edges, known.data(), n, graph.node.data(), weight.data(), nullptr, 1e-8, scale.data(),
                          passed.data(), influence.data()));
    std::vector<double> expected(1200);
    CHECK_OK(hw_influence(&edges, known.data(), n, graph.node.data(), weight.data(), nullptr, 1e-8, scale.data(),
                          nullptr, expected.data()));
    for (size_t i = 0; i < influence.size(); i++) {
      CHECK(test::close(influence[i], expected[i], expected[i], 1e-12), "step ", step, ", column ", i);
    }
  }
}

TEST(influence_shares_a_long_row_among_threads) {
  Random random(8);
  const int64_t columns = 300000;
  const std::vector<float> value = random.gauss(columns - 1);
  const int64_t run_start[] = {0, 2}, column[] = {0, 100001}, length[] = {100001, columns - 100002}, order[] = {0},
                node[] = {columns - 1};
  const float *const run_value[] = {value.data(), value.data() + 100001};
  const hw_edges edges = {1, columns, run_start, column, length, run_value, 2};
  double scale[] = {0.5};
  std::vector<double> weight(static_cast<size_t>(columns)), influence(weight.size());
  weight.back() = 2;
  CHECK_OK(hw_influence(&edges, order, 1, node, weight.data(), nullptr, 1e-8, scale, nullptr, influence.data()));
  for (size_t i = 0; i < value.size(); i++) CHECK(influence[i] == std::abs(double{value[i]}), "column ", i);
}

TEST(edge_cut_is_the_score_at_the_share) {
  Random random(9);
  const double shares[] = {-1, 0, 1e-9, 0.1, 0.3, 0.5, 0.8, 0.98, 0.999999, 1, 2};
  for (bool round : {true, false}) { /* round scores have many ties, and exact sums */
    const Graph graph(random, 50, 120, round);
    for (int zeros = 0; zeros < 3; zeros++) {
      std::vector<double> coefficient;
      for (int64_t r = 0; r < graph.rows; r++) {
        const double c = round ? std::ldexp(1.0, static_cast<int>(random.below(5))) : std::abs(double{random.gauss()});
        coefficient.push_back(zeros == 2 || (zeros == 1 && random.below(2) == 0) ? 0 : c);
      }
      const hw_edges edges = graph.edges();
      for (bool kept : {false, true}) {
        for (double share : shares) {
          const double expected = cut_reference(graph, coefficient, kept, share);
          for (int32_t threads : {1, 2, 5}) {
            double cut = -1;
            CHECK_OK(hw_set_threads(threads));
            CHECK_OK(hw_edge_cut(&edges, coefficient.data(), kept ? graph.keep.data() : nullptr, share, &cut));
            CHECK(cut == expected, "share ", share, " kept ", kept, " round ", round, ": ", cut, " expected ",
                  expected);
          }
        }
      }
    }
  }
  CHECK_OK(hw_set_threads(2));
}

TEST(edge_cut_of_equal_and_tiny_scores) {
  const std::vector<float> value = {1, 1, 1, 1, 1e-40f, 1e-45f};
  const int64_t run_start[] = {0, 1}, column[] = {0}, length[] = {6};
  const float *const run_value[] = {value.data()};
  const hw_edges edges = {1, 6, run_start, column, length, run_value, 1};
  const double coefficient[] = {1}, tiny[] = {1e-270};
  double cut;
  CHECK_OK(hw_edge_cut(&edges, coefficient, nullptr, 0.5, &cut));
  CHECK(cut == 1, cut);
  CHECK_OK(hw_edge_cut(&edges, coefficient, nullptr, 1, &cut));
  CHECK(cut == double{value[5]}, cut);
  CHECK_OK(hw_edge_cut(&edges, tiny, nullptr, 1, &cut));
  CHECK(cut == 1e-270 * double{value[5]}, cut);
}

TEST(edges_above_are_those_that_reach_the_cut) {
  Random random(10);
  const Graph graph(random, 50, 120, true); /* round scores: many lie on the cut */
  std::vector<double> coefficient;
  for (int64_t r = 0; r < graph.rows; r++) coefficient.push_back(static_cast<double>(random.below(4)));
  const hw_edges edges = graph.edges();
  for (bool kept : {false, true}) {
    const uint8_t *keep = kept ? graph.keep.data() : nullptr;
    for (double cut : {0.5, 4.0, 12.0, static_cast<double>(INFINITY)}) {
      std::vector<int64_t> expected_start{0};
      std::vector<int32_t> expected;
      for (int64_t r = 0; r < graph.rows; r++) {
        for (int64_t c = 0; c < graph.columns; c++) {
          if (coefficient[static_cast<size_t>(r)] * graph.at(r, c, kept) >= cut)
            expected.push_back(static_cast<int32_t>(c));
        }
        expected_start.push_back(static_cast<int64_t>(expected.size()));
      }
      const int64_t count = expected_start.back();
      for (int32_t threads : {1, 5}) {
        CHECK_OK(hw_set_threads(threads));
        std::vector<int64_t> start(expected_start.size(), -1);
        CHECK_OK(hw_edges_above(&edges, coefficient.data(), keep, cut, start.data(), nullptr, nullptr, 0));
        CHECK(start == expected_start, "cut ", cut, " kept ", kept);
        std::vector<int32_t> column(expected.size());
        std::vector<float> value(expected.size());
        CHECK_OK(
            hw_edges_above(&edges, coefficient.data(), keep, cut, start.data(), column.data(), value.data(), count));
        CHECK(column == expected, "cut ", cut, " kept ", kept);
        for (int64_t r = 0; r < graph.rows; r++) {
          for (int64_t e = start[static_cast<size_t>(r)]; e < start[static_cast<size_t>(r + 1)]; e++) {
            const auto at = static_cast<size_t>(e);
            CHECK(std::abs(double{value[at]}) == graph.at(r, column[at], false), "edge ", e);
          }
        }
      }
    }
  }
  CHECK_OK(hw_set_threads(2));
}

TEST(graph_functions_refuse_bad_arguments) {
  const float value[] = {1, 2, 3};
  int64_t run_start[] = {0, 1}, column[] = {0}, length[] = {3}, order[] = {0}, node[] = {2};
  const float *run_value[] = {value};
  const double weight[] = {0, 0, 1};
  double scale[] = {1};
  double sum[1], influence[3], cut;
  hw_edges edges = {1, 3, run_start, column, length, run_value, 1};
  CHECK_OK(hw_row_sums(&edges, nullptr, sum));
  CHECK_OK(hw_influence(&edges, order, 1, node, weight, nullptr, 1e-8, scale, nullptr, influence));
  CHECK_INVALID(hw_influence(&edges, order, 1, node, weight, nullptr, 0, scale, nullptr, influence), "floor is 0");
  CHECK_INVALID(hw_row_sums(nullptr, nullptr, sum), "edges is NULL");
  CHECK_INVALID(hw_row_sums(&edges, nullptr, nullptr), "sum is NULL");
  CHECK_INVALID(hw_edge_cut(&edges, scale, nullptr, NAN, &cut), "share");
  const double negative[] = {-1};
  CHECK_INVALID(hw_edge_cut(&edges, negative, nullptr, 0.5, &cut), "coefficient[0] is -1");
  int64_t start[2];
  CHECK_INVALID(hw_edges_above(&edges, negative, nullptr, 1, start, nullptr, nullptr, 0), "coefficient[0] is -1");
  CHECK_INVALID(hw_edges_above(&edges, scale, nullptr, 0, start, nullptr, nullptr, 0), "cut is 0");
  CHECK_INVALID(hw_edges_above(&edges, scale, nullptr, NAN, start, nullptr, nullptr, 0), "cut is nan");
  CHECK_INVALID(hw_edges_above(&edges, scale, nullptr, 1, start, nullptr, nullptr, 3), "column is NULL");
  const float none[] = {1, NAN, 3};
  int32_t column_above[2];
  float value_above[2];
  run_value[0] = none;
  CHECK_OK(hw_edges_above(&edges, scale, nullptr, 1, start, column_above, value_above, 2));
  CHECK(start[1] == 2 && column_above[1] == 2, "what is not a number is not above");
  run_value[0] = value;
  const float infinite[] = {1, INFINITY, 3};
  run_value[0] = infinite;
  CHECK_INVALID(hw_edge_cut(&edges, scale, nullptr, 0.5, &cut), "finite");
  run_value[0] = value;
  order[0] = 1;
  CHECK_INVALID(hw_influence(&edges, order, 1, node, weight, nullptr, 1e-8, scale, nullptr, influence),
                "order[0] is 1");
  order[0] = 0;
  node[0] = 3;
  CHECK_INVALID(hw_influence(&edges, order, 1, node, weight, nullptr, 1e-8, scale, nullptr, influence), "is 3");
  length[0] = 4;
  CHECK_INVALID(hw_row_sums(&edges, nullptr, sum), "the matrix has 3");
  length[0] = INT64_MAX;
  CHECK_INVALID(hw_row_sums(&edges, nullptr, sum), "the matrix has 3");
  length[0] = 3;
  run_value[0] = nullptr;
  CHECK_INVALID(hw_row_sums(&edges, nullptr, sum), "edges.value[0] is null");
  run_value[0] = value;
  run_start[1] = 2;
  CHECK_INVALID(hw_row_sums(&edges, nullptr, sum),
                "the last of edges.run_start is 2, more than edges.runs, which is 1");
  run_start[1] = -1;
  CHECK_INVALID(hw_row_sums(&edges, nullptr, sum), "run_start[1] is -1");
}
