/*
 * Edge contraction: for each position a matrix product of the targets' gradients (rows anywhere) with the position's
 * sources. Many targets: the sources are packed once into panels of lanes, and register tiles of kRows targets stream
 * them. Few targets: dot products on the sources where they lie.
 */
#include <omp.h>

#include "cpu/cpu.h"

namespace hw::HW_ISA {
namespace {

constexpr int64_t kPackFrom = 16;                                     /* targets at which packing pays */
constexpr int64_t kGroup = 4 * kVectors * kLanes;                     /* sources of a work item */
constexpr int64_t kPanelFloats = kVectors == 4 ? 128 << 10 : 48 << 10; /* of a work item: half a second-level cache */

/* Transposes a square of vectors by exchanging halves, quarters, ... */
HW_INLINE void transpose(Vec (&rows)[kLanes]) {
  using Index = int32_t __attribute__((vector_size(kLanes * sizeof(int32_t))));
#pragma GCC unroll 4
  for (int d = kLanes / 2; d > 0; d /= 2) {
    Index low, high;
    for (int i = 0; i < kLanes; i++) {
      low[i] = i & d ? kLanes + i - d : i;
      high[i] = i & d ? kLanes + i : i + d;
    }
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; i++) {
      if (i & d) continue;
      const Vec a = rows[i], b = rows[i + d];
      rows[i] = __builtin_shuffle(a, b, low);
      rows[i + d] = __builtin_shuffle(a, b, high);
    }
  }
}

/* panel[k][lane] = source[lane][k] for `lanes` lanes (whole vectors), zero from lane `live` on. */
void pack(const float *source, int64_t stride, int64_t live, int64_t lanes, int64_t depth, float *panel) {
  for (int64_t l = 0; l < lanes; l += kLanes) {
    for (int64_t k = 0; k < depth; k += kLanes) {
      const int64_t n = min(kLanes, depth - k);
      Vec square[kLanes];
#pragma GCC unroll 16
      for (int i = 0; i < kLanes; i++) {
        const float *from = source + (l + i) * stride + k;
        square[i] = l + i >= live ? Vec{} : n == kLanes ? load(from) : load_part(from, n);
      }
      transpose(square);
      if (n == kLanes) {
#pragma GCC unroll 16
        for (int i = 0; i < kLanes; i++) store(panel + (k + i) * lanes + l, square[i]);
      } else {
        for (int64_t i = 0; i < n; i++) store(panel + (k + i) * lanes + l, square[i]);
      }
    }
  }
}

/* M targets by N vectors of sources: to[i][lane] (+)= sum over k of row[i][k] * panel[k][lane], `live` lanes. */
template <int M, int N>
void stream(const float *const *row, const float *const *next, const float *panel, int64_t depth, float *const *to,
            int64_t live, bool add) {
  Vec sums[M][N] = {};
  const float *x[M];
#pragma GCC unroll 6
  for (int i = 0; i < M; i++) x[i] = row[i];
  for (int64_t k0 = 0; k0 < depth; k0 += 16) {
    for (int i = 0; i < M; i++) __builtin_prefetch(next[i] + k0, 0, 2);
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
#pragma GCC unroll 6
  for (int i = 0; i < M; i++) {
#pragma GCC unroll 4
    for (int j = 0; j < N; j++) {
      float *at = to[i] + j * kLanes;
      const int64_t part = live - j * kLanes;
      if (part >= kLanes) {
        store(at, add ? load(at) + sums[i][j] : sums[i][j]);
      } else {
        store_part(at, add ? load_part(at, part) + sums[i][j] : sums[i][j], part);
      }
    }
  }
}

using Stream = void (*)(const float *const *, const float *const *, const float *, int64_t, float *const *, int64_t,
                        bool);

template <int M>
Stream stream_of(int64_t vectors) {
  if constexpr (kVectors == 4) {
    constexpr Stream table[] = {stream<M, 1>, stream<M, 2>, stream<M, 3>, stream<M, 4>};
    return table[vectors - 1];
  } else {
    constexpr Stream table[] = {stream<M, 1>, stream<M, 2>};
    return table[vectors - 1];
  }
}

Stream stream_of(int64_t rows, int64_t vectors) {
  switch (rows) {
    case 1: return stream_of<1>(vectors);
    case 2: return stream_of<2>(vectors);
    case 3: return stream_of<3>(vectors);
    case 4: return stream_of<4>(vectors);
    case 5: return stream_of<5>(vectors);
    default: return stream_of<6>(vectors);
  }
}

/* M targets by N sources as dot products, vectors along the width. */
constexpr int kDotRows = kVectors == 4 ? 4 : 2;
constexpr int kDotSources = 4;

template <int M, int N>
void dot(const float *const *row, const float *source, int64_t width, float *const *to, bool add) {
  Vec sums[M][N] = {};
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
      for (int j = 0; j < N; j++) sums[i][j] += a * b[j];
    }
  }
  for (int i = 0; i < M; i++) {
    for (int j = 0; j < N; j++) {
      float total = sum(sums[i][j]);
      for (int64_t l = k; l < width; l++) total += row[i][l] * source[j * width + l];
      to[i][j] = add ? to[i][j] + total : total;
    }
  }
}

using Dot = void (*)(const float *const *, const float *, int64_t, float *const *, bool);

Dot dot_of(int64_t rows, int64_t sources) {
  static constexpr Dot table[4][kDotSources] = {
      {dot<1, 1>, dot<1, 2>, dot<1, 3>, dot<1, 4>},
      {dot<2, 1>, dot<2, 2>, dot<2, 3>, dot<2, 4>},
      {dot<3, 1>, dot<3, 2>, dot<3, 3>, dot<3, 4>},
      {dot<4, 1>, dot<4, 2>, dot<4, 3>, dot<4, 4>},
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
          stream_of(rows, (l1 - l0) / kLanes)(row_of, next, panels + l0 * depth, k, to_of, item.count - l0,
                                              accumulate || k0 > 0);
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

int32_t edge_contract(const hw_exec *, const float *g, int64_t width, int64_t targets, const int64_t *row_offset,
                      const int32_t *position, const float *source, int64_t P, const int64_t *segment, float *out,
                      const int64_t *out_base, int32_t accumulate) {
  Buffer<int64_t> order(targets), reach(P);
  sort_targets(targets, position, P, order.data(), reach.data());
  const Contraction contraction = {g, width, row_offset, source, segment[0], out, out_base, accumulate != 0, order.data()};
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
