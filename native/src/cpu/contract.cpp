/*
 * Edge contraction: for each position a matrix product of the targets' gradients (rows anywhere) with the position's
 * sources. Many targets: the sources are packed once into panels of lanes, and register tiles of kRows targets stream
 * them. Few targets: dot products on the sources where they lie.
 */
#include <omp.h>

#include "cpu/cpu.h"

namespace hw::HW_ISA {
namespace {

constexpr int64_t kPackFrom = 16;                                      /* targets at which packing pays */
constexpr int64_t kGroup = 4 * kVectors * kLanes;                      /* sources of a work item */
constexpr int64_t kPanelFloats = kVectors == 4 ? 128 << 10 : 48 << 10; /* of a work item: half a second-level cache */

/* Four floats from each of kLanes / 4 rows, one row after the other. */
HW_INLINE Vec load_quads(const float *p, int64_t stride) {
#if defined(__AVX512F__)
  __m512 v = _mm512_castps128_ps512(_mm_loadu_ps(p));
  v = _mm512_insertf32x4(v, _mm_loadu_ps(p + stride), 1);
  v = _mm512_insertf32x4(v, _mm_loadu_ps(p + 2 * stride), 2);
  return _mm512_insertf32x4(v, _mm_loadu_ps(p + 3 * stride), 3);
#elif defined(__AVX2__)
  return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(p)), _mm_loadu_ps(p + stride), 1);
#else
  (void)stride;
  return load(p);
#endif
}

/* out[k][lane] = source[lane][k] for k < 4: quads of rows i, i + 4, ... side by side, then squares of 4 transposed. */
HW_INLINE void transpose_quads(const float *source, int64_t stride, Vec (&out)[4]) {
  constexpr auto low = [](int i) { return (i & ~3) + (i >> 1 & 1) + (i & 1) * kLanes; };
  constexpr auto high = [](int i) { return (i & ~3) + 2 + (i >> 1 & 1) + (i & 1) * kLanes; };
  constexpr auto low_pair = [](int i) { return (i & ~3) + (i & 1) + (i >> 1 & 1) * kLanes; };
  constexpr auto high_pair = [](int i) { return (i & ~3) + 2 + (i & 1) + (i >> 1 & 1) * kLanes; };
  const Vec r0 = load_quads(source, 4 * stride), r1 = load_quads(source + stride, 4 * stride),
            r2 = load_quads(source + 2 * stride, 4 * stride), r3 = load_quads(source + 3 * stride, 4 * stride);
  const Vec a = shuffle(r0, r1, low), b = shuffle(r2, r3, low);
  const Vec c = shuffle(r0, r1, high), d = shuffle(r2, r3, high);
  out[0] = shuffle(a, b, low_pair);
  out[1] = shuffle(a, b, high_pair);
  out[2] = shuffle(c, d, low_pair);
  out[3] = shuffle(c, d, high_pair);
}

/*
 * panel[k][lane] = source[lane][k] for `lanes` lanes (whole vectors), zero from lane `live` on; depth in whole quads.
 * Squares pass through a buffer, so that each line of the sources is read once, whatever their distance in memory.
 */
void pack(const float *source, int64_t stride, int64_t live, int64_t lanes, int64_t depth, float *panel) {
  constexpr int64_t kStrip = 64;
  alignas(64) float strip[kLanes * kStrip];
  for (int64_t l = 0; l < lanes; l += kLanes) {
    for (int64_t k0 = 0; k0 < depth; k0 += kStrip) {
      const int64_t n = min(kStrip, depth - k0);
      const float *from = source + l * stride + k0;
      const int64_t rows = min(kLanes, live - l);
      if (rows < kLanes || n < kStrip) __builtin_memset(strip, 0, sizeof strip);
      for (int64_t i = 0; i < rows; i++) {
        float *to = strip + i * kStrip;
        for (int64_t ahead = 0; ahead < kStrip; ahead += 16) __builtin_prefetch(from + i * stride + kStrip + ahead);
        if (n == kStrip) {
          __builtin_memcpy(to, from + i * stride, kStrip * sizeof(float));
        } else {
          __builtin_memcpy(to, from + i * stride, static_cast<size_t>(n) * sizeof(float));
        }
      }
      for (int64_t k = 0; k < n; k += 4) {
        float *to = panel + (k0 + k) * lanes + l;
        Vec out[4];
        transpose_quads(strip + k, kStrip, out);
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++) store(to + i * lanes, out[i]);
      }
    }
  }
}

/* M targets by N vectors of sources: to[i][lane] (+)= sum over k of row[i][k] * panel[k][lane], `live` lanes. */
template <int M, int N>
__attribute__((noinline)) void stream(const float *const *row, const float *const *next, const float *panel,
                                      int64_t depth, float *const *to, int64_t live, bool add) {
  Vec sums[M][N] = {};
  const float *x[M];
#pragma GCC unroll 6
  for (int i = 0; i < M; i++) x[i] = row[i];
  for (int64_t k0 = 0; k0 < depth; k0 += 16) {
    const float *const *ahead = next;
    asm("" : "+r"(ahead)); /* keeps these addresses out of registers that the sums need */
    for (int i = 0; i < M; i++) __builtin_prefetch(ahead[i] + k0, 0, 2);
    const int64_t k1 = min(depth, k0 + 16);
    for (int64_t k = k0; k < k1; k++) {
      Vec lanes[N];
#pragma GCC unroll 4
      for (int j = 0; j < N; j++) lanes[j] = *reinterpret_cast<const Vec *>(panel + j * kLanes);
      panel += N * kLanes;
#pragma GCC unroll 6
      for (int i = 0; i < M; i++) {
        const Vec a = broadcast(x[i][k]);
#pragma GCC unroll 4
        for (int j = 0; j < N; j++) sums[i][j] += a * lanes[j];
      }
    }
  }
  deliver(sums, live, add, [&](int i) { return to[i]; });
}

/* M targets by N sources as dot products, vectors along the width. */
constexpr int kDotRows = kVectors == 4 ? 4 : 2;
constexpr int kDotSources = 4;
constexpr int kDots = kDotRows * kDotSources;

/* Lane i of the first vectors becomes the sum of the lanes of vector i, each in the same order. */
template <int D>
HW_INLINE void add_lanes(Vec (&sums)[kDots]) {
  constexpr auto low = [](int i) { return i & D ? kLanes + i - D : i; };
  constexpr auto high = [](int i) { return i & D ? kLanes + i : i + D; };
#pragma GCC unroll 16
  for (int i = 0; i < kDots; i++) {
    if (i % kLanes < D) sums[i] = shuffle(sums[i], sums[i + D], low) + shuffle(sums[i], sums[i + D], high);
  }
  if constexpr (D > 1) {
    add_lanes<D / 2>(sums);
  } else {
#pragma GCC unroll 4
    for (int i = 1; i < kDots / kLanes; i++) sums[i] = sums[i * kLanes];
  }
}

__attribute__((noinline)) float dot_of_rest(const float *a, const float *b, int64_t n) {
  float total = 0;
  for (int64_t k = 0; k < n; k++) total += a[k] * b[k];
  return total;
}

template <int M, int N>
void dot(const float *const *row, const float *source, int64_t width, float *const *to, bool add) {
  Vec sums[kDots] = {};
  const float *x[M];
#pragma GCC unroll 4
  for (int i = 0; i < M; i++) x[i] = row[i];
  int64_t k = 0;
  for (; k + kLanes <= width; k += kLanes) {
    Vec b[N];
#pragma GCC unroll 4
    for (int j = 0; j < N; j++) b[j] = load(source + j * width + k);
#pragma GCC unroll 4
    for (int i = 0; i < M; i++) {
      const Vec a = load(x[i] + k);
#pragma GCC unroll 4
      for (int j = 0; j < N; j++) sums[i * kDotSources + j] += a * b[j];
    }
  }
  add_lanes<kLanes / 2>(sums);
  float total[kDots];
#pragma GCC unroll 4
  for (int i = 0; i < kDots / kLanes; i++) store(total + i * kLanes, sums[i]);
  for (int i = 0; i < M; i++) {
    if (k < width) {
      for (int j = 0; j < N; j++) {
        total[i * kDotSources + j] += dot_of_rest(row[i] + k, source + j * width + k, width - k);
      }
    }
    for (int j = 0; j < N; j++) to[i][j] = add ? to[i][j] + total[i * kDotSources + j] : total[i * kDotSources + j];
  }
}

using Dot = void (*)(const float *const *, const float *, int64_t, float *const *, bool);

Dot dot_of(int64_t rows, int64_t sources) {
  static constexpr Dot table[kDotRows][kDotSources] = {
      {dot<1, 1>, dot<1, 2>, dot<1, 3>, dot<1, 4>},
      {dot<2, 1>, dot<2, 2>, dot<2, 3>, dot<2, 4>},
#if defined(__AVX512F__)
      {dot<3, 1>, dot<3, 2>, dot<3, 3>, dot<3, 4>},
      {dot<4, 1>, dot<4, 2>, dot<4, 3>, dot<4, 4>},
#endif
  };
  return table[rows - 1][sources - 1];
}

/* Sources first .. first+count-1, all of position q, against targets begin .. end-1 in order of position. */
struct Item {
  int64_t q, first, count, begin, end;
};

struct Contraction {
  const float *g;
  int64_t width;
  const int64_t *row_offset;
  const float *source;
  int64_t first_source;
  float *out;
  const int64_t *out_base;
  bool accumulate;
  const int64_t *order; /* targets, the latest position first */

  const float *row(int64_t i, int64_t q) const { return g + (row_offset[order[i]] + q) * width; }
  float *to(int64_t i, int64_t s) const { return out + out_base[order[i]] + (s - first_source); }

  void packed(const Item &item, float *panels) const {
    const int64_t vectors = ceil_div(item.count, kLanes), tiles = ceil_div(vectors, kVectors);
    const int64_t deepest = max(kLanes, kPanelFloats / (vectors * kLanes) / kLanes * kLanes);
    const int64_t blocks = ceil_div(width, deepest), depth = round_up(ceil_div(width, blocks), kLanes);
    for (int64_t k0 = 0; k0 < width; k0 += depth) {
      const int64_t k = min(depth, width - k0);
      for (int64_t tile = 0; tile < tiles; tile++) {
        const int64_t l0 = tile * vectors / tiles * kLanes, l1 = (tile + 1) * vectors / tiles * kLanes;
        pack(source + (item.first + l0) * width + k0, width, min(l1, item.count) - l0, l1 - l0, k, panels + l0 * depth);
      }
      for (int64_t i0 = item.begin; i0 < item.end; i0 += kRows) {
        const int64_t rows = min(kRows, item.end - i0);
        const float *row_of[kRows], *next[kRows];
        for (int64_t i = 0; i < rows; i++) {
          row_of[i] = row(i0 + i, item.q) + k0;
          next[i] = i0 + kRows + i < item.end ? row(i0 + kRows + i, item.q) + k0 : row_of[i];
        }
        for (int64_t tile = 0; tile < tiles; tile++) {
          const int64_t l0 = tile * vectors / tiles * kLanes, l1 = (tile + 1) * vectors / tiles * kLanes;
          float *to_of[kRows];
          for (int64_t i = 0; i < rows; i++) to_of[i] = to(i0 + i, item.first + l0);
          with_tile(rows, (l1 - l0) / kLanes, [&]<int M, int N>() {
            stream<M, N>(row_of, next, panels + l0 * depth, k, to_of, item.count - l0, accumulate || k0 > 0);
          });
        }
      }
    }
  }

  void direct(const Item &item) const {
    for (int64_t s0 = item.first; s0 < item.first + item.count; s0 += kDotSources) {
      const int64_t sources = min(kDotSources, item.first + item.count - s0);
      for (int64_t i0 = item.begin; i0 < item.end; i0 += kDotRows) {
        const int64_t rows = min(kDotRows, item.end - i0);
        const float *row_of[kDotRows];
        float *to_of[kDotRows];
        for (int64_t i = 0; i < rows; i++) {
          row_of[i] = row(i0 + i, item.q);
          to_of[i] = to(i0 + i, s0);
        }
        dot_of(rows, sources)(row_of, source + s0 * width, width, to_of, accumulate);
      }
    }
  }
};

/* Targets in descending order of position, and for each q how many are at q or later. */
void sort_targets(int64_t targets, const int32_t *position, int64_t P, int64_t *order, int64_t *reach) {
  for (int64_t q = 0; q < P; q++) reach[q] = 0;
  for (int64_t t = 0; t < targets; t++) reach[position[t]]++;
  for (int64_t q = P - 2; q >= 0; q--) reach[q] += reach[q + 1];
  for (int64_t t = targets - 1; t >= 0; t--) order[--reach[position[t]]] = t;
  /* reach[q] is now how many are later than q */
  for (int64_t q = P - 1; q > 0; q--) reach[q] = reach[q - 1];
  if (P > 0) reach[0] = targets;
}

}  // namespace

int32_t edge_contract(const hw_exec *, const hw_matrix *g, const hw_ragged *ragged, const hw_matrix *source,
                      const hw_segments *segments, const hw_runs *out, int32_t accumulate) {
  const int64_t targets = ragged->targets, P = segments->positions, *segment = segments->start;
  Buffer<int64_t> order(targets), reach(P);
  sort_targets(targets, ragged->position, P, order.data(), reach.data());
  const Contraction contraction = {g->data,   g->columns, ragged->offset,  source->data, segment[0],
                                   out->data, out->base,  accumulate != 0, order.data()};
  const int team = hw::threads();

  /* Items: groups of sources, and of targets too where there are too few groups to go round. */
  int64_t groups = 0;
  for (int64_t q = 0; q < P; q++) groups += reach[q] > 0 ? ceil_div(segment[q + 1] - segment[q], kGroup) : 0;
  if (groups == 0) return HW_OK;
  const int64_t shares = team == 1 ? 1 : ceil_div(4 * team, groups);
  const auto block_of = [&](int64_t n) { return max(8 * kRows, round_up(ceil_div(n, shares), kRows)); };
  Buffer<Item> items(groups * shares);
  int64_t n = 0;
  for (int64_t q = 0; q < P; q++) {
    for (int64_t s = segment[q]; s < segment[q + 1]; s += kGroup) {
      for (int64_t i = 0; i < reach[q]; i += block_of(reach[q])) {
        items[n++] = {q, s, min(kGroup, segment[q + 1] - s), i, min(reach[q], i + block_of(reach[q]))};
      }
    }
  }

  const int64_t floats = round_up(max(kPanelFloats, kGroup * kLanes), 16);
  Buffer<float> panels(team * floats);
#pragma omp parallel num_threads(team)
  {
    float *own = panels.data() + omp_get_thread_num() * floats;
#pragma omp for schedule(dynamic)
    for (int64_t i = 0; i < n; i++) {
      if (reach[items[i].q] < kPackFrom) {
        contraction.direct(items[i]);
      } else {
        contraction.packed(items[i], own);
      }
    }
  }
  return HW_OK;
}

}  // namespace hw::HW_ISA
