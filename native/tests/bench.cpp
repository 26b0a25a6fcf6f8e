/*
 * Speed of the dense kernels beside this machine's limits: the rate of a loop of multiply-adds in registers, and of
 * reading memory. Not run by the tests. Arguments: cpu-time, to
 * measure processor time; words that pick the lines whose names hold one of them.
 */
#include <algorithm>
#include <chrono>
#include <ctime>
#include <thread>

#include "test.h"

namespace {

bool cpu_time = false;

/* Of the clock; on a busy machine, with the argument cpu-time, of the process's work shared by its threads. */
double seconds() {
  if (cpu_time) return static_cast<double>(std::clock()) / CLOCKS_PER_SEC / hw_get_threads();
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/* The best of several runs: other work on the machine only ever adds time. */
template <class Body>
double best(Body body) {
  double least = INFINITY;
  const double end = seconds() + 1.0;
  for (int run = 0; run < 3 || (run < 30 && seconds() < end); run++) {
    const double start = seconds();
    body();
    least = std::min(least, seconds() - start);
  }
  return least;
}

template <class Body>
void on_all_threads(int threads, Body body) {
  std::vector<std::thread> team;
  for (int i = 0; i < threads; i++) team.emplace_back([&, i] { body(i); });
  for (std::thread &thread : team) thread.join();
}

#if defined(__x86_64__)
using Floats4 = float __attribute__((vector_size(16)));
using Floats8 = float __attribute__((vector_size(32)));
using Floats16 = float __attribute__((vector_size(64)));

template <class V>
inline __attribute__((always_inline)) float multiply_add(int64_t steps) {
  V sums[12];
  for (V &s : sums) s = V{} + 1.0f;
  V a = V{} + 0.999f, b = V{} + 0.001f;
  for (int64_t i = 0; i < steps; i++) {
    asm volatile("" : "+x"(a), "+x"(b));
#pragma GCC unroll 12
    for (V &s : sums) s = s * a + b;
  }
  V total = {};
  for (V &s : sums) total += s;
  float first;
  std::memcpy(&first, &total, sizeof first);
  return first;
}

__attribute__((target("avx512f,fma"))) float peak_avx512(int64_t steps) { return multiply_add<Floats16>(steps); }
__attribute__((target("avx2,fma"))) float peak_avx2(int64_t steps) { return multiply_add<Floats8>(steps); }
float peak_baseline(int64_t steps) { return multiply_add<Floats4>(steps); }

double peak_flops(int threads) {
  const std::string isa = hw_isa();
  const int lanes = isa == "avx512" ? 16 : isa == "avx2" ? 8 : 4;
  float (*const loop)(int64_t) = isa == "avx512" ? peak_avx512 : isa == "avx2" ? peak_avx2 : peak_baseline;
  const int64_t steps = 4000000;
  std::vector<float> sink(static_cast<size_t>(threads));
  const double time =
      best([&] { on_all_threads(threads, [&](int i) { sink[static_cast<size_t>(i)] = loop(steps); }); });
  return 2.0 * 12 * lanes * static_cast<double>(steps) * threads / time;
}
#else
double peak_flops(int) { return NAN; }
#endif

double read_bandwidth(int threads) {
  const int64_t each = 16 << 20;
  std::vector<float> data(static_cast<size_t>(each * threads), 1.0f);
  std::vector<double> sink(static_cast<size_t>(threads));
  const double time = best([&] {
    on_all_threads(threads, [&](int i) {
      float sums[64] = {};
      const float *x = data.data() + i * each;
      for (int64_t k = 0; k < each; k += 64) {
        for (int j = 0; j < 64; j++) sums[j] += x[k + j];
      }
      sink[static_cast<size_t>(i)] = sums[0];
    });
  });
  return static_cast<double>(each * threads) * 4 / time;
}

int arguments = 0;
char **words = nullptr;

bool wanted(const std::string &name) {
  if (arguments <= 1) return true;
  return std::any_of(words + 1, words + arguments, [&](const char *word) { return name.find(word) != name.npos; });
}

double peak = 0;

void report(const std::string &name, double flops, double bytes, double time) {
  std::printf("%-74s %9.3f ms %8.1f GFLOP/s (%3.0f %% of peak) %6.1f GB/s\n", name.c_str(), time * 1e3,
              flops / time * 1e-9, 100 * flops / time / peak, bytes / time * 1e-9);
  std::fflush(stdout);
}

/* Targets spread evenly over the positions, or all at the last one. */
struct Batch {
  std::vector<int64_t> row_offset;
  std::vector<int32_t> position;
  int64_t rows = 0, pairs = 0; /* pairs: queries and keys that mix */

  hw_ragged view(int64_t P) const {
    return {row_offset.data(), position.data(), static_cast<int64_t>(position.size()), P, rows};
  }

  Batch(int64_t P, int64_t targets, bool last) {
    for (int64_t t = 0; t < targets; t++) {
      const int64_t q = last ? P - 1 : (t * 37 + 11) % P;
      position.push_back(static_cast<int32_t>(q));
      row_offset.push_back(rows);
      rows += q + 1;
      pairs += (q + 1) * (q + 2) / 2;
    }
  }
};

void contract(int64_t P, int64_t width, int64_t per_position, int64_t targets, bool last) {
  const std::string name = test::text("contract P ", P, " width ", width, " sources/position ", per_position,
                                      " targets ", targets, last ? " (last position)" : "");
  if (!wanted(name)) return;
  const Batch batch(P, targets, last);
  const int64_t sources = P * per_position;
  const std::vector<float> g(static_cast<size_t>(batch.rows * width), 0.5f),
      source(static_cast<size_t>(sources * width), 0.25f);
  std::vector<float> out(static_cast<size_t>(targets * sources));
  std::vector<int64_t> segment, base;
  for (int64_t q = 0; q <= P; q++) segment.push_back(q * per_position);
  for (int64_t t = 0; t < targets; t++) base.push_back(t * sources);
  const hw_matrix gradients = test::matrix(g, batch.rows, width), from = test::matrix(source, sources, width);
  const hw_ragged ragged = batch.view(P);
  const hw_segments segments = test::segments(segment, sources);
  const hw_runs runs = {out.data(), targets * sources, base.data(), targets, targets * sources};
  const double time =
      best([&] { CHECK_OK(hw_edge_contract(&test::exec, &gradients, &ragged, &from, &segments, &runs, 0)); });
  const double dots = static_cast<double>(batch.rows * per_position);
  report(name, 2 * dots * static_cast<double>(width), 4 * (static_cast<double>((batch.rows + sources) * width) + dots),
         time);
}

void adjoint(int64_t P, int64_t heads, int64_t kv_heads, int64_t head_dim, int64_t targets, bool last) {
  const std::string name = test::text("adjoint P ", P, " heads ", heads, "/", kv_heads, " head_dim ", head_dim,
                                      " targets ", targets, last ? " (last position)" : "");
  if (!wanted(name)) return;
  const Batch batch(P, targets, last);
  const std::vector<float> o(static_cast<size_t>(batch.rows * heads * head_dim), 0.5f),
      pattern(static_cast<size_t>(heads * P * P), 0.25f);
  std::vector<float> v(static_cast<size_t>(batch.rows * kv_heads * head_dim));
  const hw_matrix from = test::matrix(o, batch.rows, heads * head_dim),
                  to = test::matrix(v, batch.rows, kv_heads * head_dim);
  const hw_pattern probabilities = {pattern.data(), heads, P};
  const hw_ragged ragged = batch.view(P);
  const double time =
      best([&] { CHECK_OK(hw_pattern_adjoint(&test::exec, &from, &probabilities, kv_heads, &ragged, &to)); });
  report(name, 2.0 * static_cast<double>(batch.pairs * heads * head_dim),
         4.0 * (static_cast<double>(batch.rows * (heads + kv_heads) * head_dim) +
                0.5 * static_cast<double>(heads * P * P)),
         time);
}

void encode(int64_t rows, int64_t cols, int64_t k) {
  const std::string what = k ? test::text("top ", k) : "threshold";
  const std::string name = test::text("encode ", what, " rows ", rows, " cols ", cols);
  if (!wanted(name)) return;
  test::Random random(1);
  const std::vector<float> pre = random.gauss(rows * cols), threshold(static_cast<size_t>(cols), 2.33f);
  const int64_t room = rows * cols / 8;
  std::vector<int32_t> row(static_cast<size_t>(room)), col(row);
  std::vector<float> value(row.size());
  hw_active out = {row.data(), col.data(), value.data(), room, 0};
  const hw_matrix x = test::matrix(pre, rows, cols);
  const hw_vector numbers = test::vector(threshold);
  const double time = best([&] {
    CHECK_OK(k ? hw_encode_topk(&test::exec, &x, &numbers, k, 0, &out)
               : hw_encode_threshold(&test::exec, &x, nullptr, &numbers, 0, &out));
  });
  report(name, 0, 4.0 * static_cast<double>(rows * cols), time);
}

void gather(int32_t dtype, const char *dtype_name, int64_t bytes, bool transposed) {
  const std::string name = test::text("gather ", dtype_name, transposed ? " transposed" : "", " 4000 of 16384 x 2304");
  if (!wanted(name)) return;
  const int64_t width = 2304, all = 16384, n = 4000;
  const std::vector<uint8_t> source(static_cast<size_t>(width * all * bytes), 0x3c);
  std::vector<int64_t> index;
  for (int64_t i = 0; i < n; i++) index.push_back(i * 4);
  std::vector<float> out(static_cast<size_t>(n * width));
  const hw_layout layout = {width * all, transposed ? 1 : width, transposed ? all : 1, dtype};
  const hw_rows rows = test::rows(index, all);
  const hw_matrix to = test::matrix(out, n, width);
  const double time =
      best([&] { CHECK_OK(hw_gather_rows(&test::exec, source.data(), &layout, &rows, nullptr, nullptr, &to)); });
  report(name, 0, static_cast<double>(n * width * (4 + bytes)), time);
}

void graph(int64_t layers, int64_t P, int64_t per_position) {
  const int64_t columns = layers * P * per_position;
  const std::string name = test::text("graph nodes ", columns);
  if (!wanted(name)) return;
  test::Random random(1);
  std::vector<int64_t> run_start{0}, column, length, offset, node, order;
  int64_t values = 0;
  for (int64_t l = layers - 1; l > 0; l--) {
    for (int64_t i = 0; i < P * per_position; i++) {
      node.push_back(l * P * per_position + i);
      order.push_back(static_cast<int64_t>(order.size()));
      for (int64_t below = 0; below < l; below++) {
        column.push_back(below * P * per_position);
        length.push_back((i / per_position + 1) * per_position);
        offset.push_back(values);
        values += length.back();
      }
      run_start.push_back(static_cast<int64_t>(column.size()));
    }
  }
  const std::vector<float> value = random.gauss(values);
  const auto rows = static_cast<int64_t>(order.size());
  std::vector<const float *> run_value;
  for (int64_t at : offset) run_value.push_back(value.data() + at);
  const hw_edges edges = {rows,
                          columns,
                          run_start.data(),
                          column.data(),
                          length.data(),
                          run_value.data(),
                          static_cast<int64_t>(column.size())};
  std::vector<double> sum(order.size()), influence(static_cast<size_t>(columns)), weight(influence.size(), 1e-3);
  const double bytes = 4.0 * static_cast<double>(values);
  report(name + " row sums", 0, bytes, best([&] { CHECK_OK(hw_row_sums(&edges, nullptr, sum.data())); }));
  for (double &s : sum) s = 1 / s;
  report(name + " influence", 0, bytes, best([&] {
           CHECK_OK(hw_influence(&edges, order.data(), rows, node.data(), weight.data(), nullptr, 1e-10, sum.data(),
                                 nullptr, influence.data()));
         }));
  double cut;
  report(name + " edge cut", 0, bytes, best([&] { CHECK_OK(hw_edge_cut(&edges, sum.data(), nullptr, 0.98, &cut)); }));
}

}  // namespace

hw_exec test::exec = {-1, nullptr};

void test::failed(const char *file, int line, const std::string &what) {
  std::printf("%s:%d: %s\n", file, line, what.c_str());
  std::exit(1);
}

int main(int argc, char **argv) {
  arguments = argc;
  words = argv;
  if (argc > 1 && std::strcmp(argv[1], "cpu-time") == 0) {
    cpu_time = true;
    arguments--;
    words++;
  }
  peak = peak_flops(hw_get_threads());
  std::printf("isa %s, %d threads; multiply-adds in registers %.1f GFLOP/s, reading memory %.1f GB/s\n", hw_isa(),
              hw_get_threads(), peak * 1e-9, read_bandwidth(hw_get_threads()) * 1e-9);
  for (int64_t targets : {1, 10, 16, 32, 64, 256, 1024}) contract(64, 768, 61, targets, targets < 16);
  contract(64, 768, 20, 256, false);
  contract(64, 768, 130, 256, false);
  contract(64, 2304, 61, 256, false);
  contract(64, 4096, 61, 128, false);
  contract(64, 192, 61, 256, false);
  contract(1, 768, 61, 1024, true);
  contract(4, 768, 61, 256, false);
  for (int64_t targets : {1, 10, 64, 256}) adjoint(64, 12, 4, 64, targets, targets < 64);
  adjoint(5, 12, 4, 64, 1024, false);
  adjoint(64, 8, 4, 256, 64, false);
  adjoint(64, 32, 8, 64, 64, false);
  adjoint(64, 4, 1, 256, 64, false);
  adjoint(64, 16, 8, 128, 64, false);
  adjoint(64, 4, 4, 8, 256, false);
  adjoint(500, 12, 4, 64, 16, true);
  adjoint(2048, 12, 4, 64, 4, true);
  encode(64, 6144, 0);
  encode(64, 16384, 0);
  encode(64, 16384, 64);
  gather(HW_F32, "float32", 4, false);
  gather(HW_BF16, "bfloat16", 2, false);
  gather(HW_F16, "float16", 2, false);
  gather(HW_F64, "float64", 8, false);
  gather(HW_BF16, "bfloat16", 2, true);
  graph(12, 64, 13);
}
