/*
 * Matrix products with float32 sums: of float32 matrices, and of float32 matrices that are rounded with bfloat16 matrices.
 *
 * The right side is laid out in panels of as many columns as a register tile has, a block of its rows at a time: such a block
 * stays in the second cache while the rows of a chunk of the left side pass it. Sums of a block are short, which keeps their
 * error small, and blocks are added up in their order.
 */
#include <omp.h>

#include "cpu/cpu.h"
#include "floats.h"

namespace hw::HW_ISA {
namespace {

constexpr int64_t kPanel = kVectors * kLanes;
constexpr int64_t kDepth = 256;        /* units of a block */
constexpr int64_t kChunk = 16 * kRows; /* rows of the left side */
constexpr int64_t kPacked = 4 << 20;   /* units that are laid out at a time: 16 MiB of any unembedding */

/*
 * A unit is what is multiplied at a time: a float32 number, or two bfloat16 numbers that are neighbours along what is summed
 * over, the first in the lower half.
 */
using Pair = uint32_t;
using Pairs = Pair __attribute__((vector_size(kLanes * sizeof(Pair))));
using UnalignedPairs = Pair __attribute__((vector_size(kLanes * sizeof(Pair)), aligned(4), may_alias));

HW_INLINE Vec take(const float *p) { return load(p); }
HW_INLINE Pairs take(const Pair *p) { return *reinterpret_cast<const UnalignedPairs *>(p); }

HW_INLINE Vec spread(float x) { return broadcast(x); }
HW_INLINE Pairs spread(Pair x) { return x | Pairs{}; }

HW_INLINE Vec multiply_add(Vec sum, Vec a, Vec b) { return sum + a * b; }
HW_INLINE Vec multiply_add(Vec sum, Pairs a, Pairs b) {
#if defined(__AVX512BF16__)
  return (Vec)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b);
#else
  sum += (Vec)(a << 16) * (Vec)(b << 16);
  sum += (Vec)(a & 0xffff0000u) * (Vec)(b & 0xffff0000u);
  return sum;
#endif
}

/* Rows of the left side, `stride` units apart. */
template <class Unit>
struct Rows {
  const Unit *first;
  int64_t stride;
};

template <int M, int N, class Unit>
HW_INLINE void tile(Rows<Unit> a, const Unit *b, int64_t units, float *out, int64_t stride, int64_t live, bool add) {
  Vec sums[M][N] = {};
  for (int64_t u = 0; u < units; u++) {
    decltype(take(b)) right[N];
#pragma GCC unroll 4
    for (int j = 0; j < N; j++) right[j] = take(b + u * kPanel + j * kLanes);
#pragma GCC unroll 6
    for (int i = 0; i < M; i++) {
      const auto left = spread(a.first[i * a.stride + u]);
#pragma GCC unroll 4
      for (int j = 0; j < N; j++) sums[i][j] = multiply_add(sums[i][j], left, right[j]);
    }
  }
  deliver(sums, live, add, [&](int i) { return out + i * stride; });
}

/*
 * out = left * right, or plus out.
 *   pack(column, unit, count, to)  lays out `count` units of kPanel columns, zeros beyond the last
 *   rows(first, count, thread)     rows of the left side
 */
template <class Unit, class Pack, class Left>
HW_INLINE void multiply(int64_t units, const hw_matrix *out, bool add, int64_t chunk, Pack pack, Left rows) {
  const int64_t m = out->rows, n = out->columns, blocks = ceil_div(units, kDepth);
  const int64_t panels = ceil_div(n, kPanel),
                together = min(panels, max(1, kPacked / max(1, blocks * kDepth * kPanel)));
  const Buffer<Unit> packed(blocks * together * kDepth * kPanel);
#pragma omp parallel num_threads(hw::threads())
  for (int64_t group = 0; group < panels; group += together) {
    const int64_t some = min(together, panels - group);
#pragma omp for schedule(static)
    for (int64_t each = 0; each < blocks * some; each++) {
      const int64_t unit = each / some * kDepth, column = (group + each % some) * kPanel;
      pack(column, unit, min(kDepth, units - unit), packed.data() + each * kDepth * kPanel);
    }
#pragma omp for schedule(static)
    for (int64_t first = 0; first < m; first += chunk) {
      const int64_t count = min(chunk, m - first);
      const Rows<Unit> left = rows(first, count, omp_get_thread_num());
      for (int64_t each = 0; each < blocks * some; each++) {
        const int64_t unit = each / some * kDepth, column = (group + each % some) * kPanel;
        const int64_t live = min(kPanel, n - column), depth = min(kDepth, units - unit);
        for (int64_t i = 0; i < count; i += kRows) {
          const Rows<Unit> tiles = {left.first + i * left.stride + unit, left.stride};
          with_tile(min(kRows, count - i), ceil_div(live, kLanes), [&]<int M, int N>() {
            tile<M, N>(tiles, packed.data() + each * kDepth * kPanel, depth, out->data + (first + i) * n + column, n,
                       live, add || unit > 0);
          });
        }
      }
    }
  }
}

/* So many rows of the left side at a time, that no thread is without. */
HW_INLINE int64_t chunk_of(const hw_matrix *a) {
  return min(kChunk, round_up(ceil_div(a->rows, hw::threads()), kRows));
}

/* Of a sum of nothing. */
HW_INLINE void clear(const hw_matrix *out) {
  std::memset(out->data, 0, static_cast<size_t>(out->rows * out->columns) * sizeof(float));
}

void pack_rows(const hw_matrix *b, int64_t column, int64_t row, int64_t count, float *__restrict to) {
  const int64_t live = min(kPanel, b->columns - column);
  for (int64_t r = 0; r < count; r++, to += kPanel) {
    const float *__restrict from = b->data + (row + r) * b->columns + column;
    for (int64_t j = 0; j < live; j++) to[j] = from[j];
    for (int64_t j = live; j < kPanel; j++) to[j] = 0;
  }
}

/* The same of b's transpose; a cache line of each of its rows at a time. */
void pack_columns(const hw_matrix *b, int64_t column, int64_t row, int64_t count, float *__restrict to) {
  const int64_t live = min(kPanel, b->rows - column);
  for (int64_t r = 0; r < count; r += 16) {
    const int64_t end = min(r + 16, count);
    for (int64_t j = 0; j < live; j++) {
      const float *__restrict from = b->data + (column + j) * b->columns + row;
      for (int64_t i = r; i < end; i++) to[i * kPanel + j] = from[i];
    }
    for (int64_t i = r; i < end; i++) {
      for (int64_t j = live; j < kPanel; j++) to[i * kPanel + j] = 0;
    }
  }
}

HW_INLINE Pair rounded(float x) {
  const uint32_t bits = bits_of(x);
  const uint32_t nearest = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
  return (bits & 0x7fffffffu) > 0x7f800000u ? 0x7fc0u : nearest;
}

void pack_pairs(const hw_bf16_matrix *b, int64_t column, int64_t pair, int64_t count, Pair *__restrict to) {
  const int64_t live = min(kPanel, b->columns - column);
  for (int64_t p = pair; p < pair + count; p++, to += kPanel) {
    const bool last = 2 * p + 1 == b->rows;
    const uint16_t *__restrict upper = b->data + 2 * p * b->stride + column;
    const uint16_t *__restrict lower = last ? upper : upper + b->stride;
    const uint32_t mask = last ? 0u : 0xffff0000u;
    for (int64_t j = 0; j < live; j++) to[j] = upper[j] | (static_cast<uint32_t>(lower[j]) << 16 & mask);
    for (int64_t j = live; j < kPanel; j++) to[j] = 0;
  }
}

HW_INLINE void round_row(const float *__restrict from, int64_t count, Pair *__restrict to) {
  for (int64_t p = 0; p < count / 2; p++) to[p] = rounded(from[2 * p]) | rounded(from[2 * p + 1]) << 16;
  if (count % 2 != 0) to[count / 2] = rounded(from[count - 1]);
}

}  // namespace

int32_t product(const hw_matrix *a, const hw_matrix *b, int32_t transposed, int32_t add, const hw_matrix *out) {
  if (a->columns == 0 && add == 0) clear(out);
  multiply<float>(
      a->columns, out, add != 0, chunk_of(a),
      [&](int64_t column, int64_t row, int64_t count, float *to) {
        (transposed != 0 ? pack_columns : pack_rows)(b, column, row, count, to);
      },
      [&](int64_t first, int64_t, int) { return Rows<float>{a->data + first * a->columns, a->columns}; });
  return HW_OK;
}

int32_t bf16_product(const hw_matrix *a, const hw_bf16_matrix *b, int32_t add, const hw_matrix *out) {
  const int64_t pairs = ceil_div(a->columns, 2), chunk = chunk_of(a);
  const Buffer<Pair> chunks(hw::threads() * chunk * pairs);
  if (pairs == 0 && add == 0) clear(out);
  multiply<Pair>(
      pairs, out, add != 0, chunk,
      [&](int64_t column, int64_t pair, int64_t count, Pair *to) { pack_pairs(b, column, pair, count, to); },
      [&](int64_t first, int64_t count, int thread) {
        Pair *to = chunks.data() + thread * chunk * pairs;
        for (int64_t i = 0; i < count; i++) round_row(a->data + (first + i) * a->columns, a->columns, to + i * pairs);
        return Rows<Pair>{to, pairs};
      });
  return HW_OK;
}

}  // namespace hw::HW_ISA
