/* Float32 matrices times bfloat16 matrices, with float32 sums. */
#include <omp.h>

#include "cpu/cpu.h"
#include "floats.h"

namespace hw::HW_ISA {
namespace {

/* Two bfloat16 numbers in each lane: neighbours along what is summed over, the first in the lower half. */
using Pairs = uint32_t __attribute__((vector_size(kLanes * sizeof(uint32_t))));
using UnalignedPairs = uint32_t __attribute__((vector_size(kLanes * sizeof(uint32_t)), aligned(4), may_alias));

constexpr int64_t kPanel = kVectors * kLanes; /* columns of b whose pairs lie together */
constexpr int64_t kChunk = 16 * kRows;        /* rows of a that are rounded at a time: they stay in the second cache */

HW_INLINE uint32_t rounded(float x) {
  const uint32_t bits = bits_of(x);
  const uint32_t nearest = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
  return (bits & 0x7fffffffu) > 0x7f800000u ? 0x7fc0u : nearest;
}

HW_INLINE Vec multiply_add(Vec sum, Pairs a, Pairs b) {
#if defined(__AVX512BF16__)
  return (Vec)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b);
#else
  sum += (Vec)(a << 16) * (Vec)(b << 16);
  sum += (Vec)(a & 0xffff0000u) * (Vec)(b & 0xffff0000u);
  return sum;
#endif
}

/* Columns first .. first + kPanel of b by pairs of rows, [pairs, kPanel], zeros beyond its ends. */
void pack(const hw_bf16_matrix *b, int64_t first, uint32_t *__restrict to) {
  const int64_t live = min(kPanel, b->columns - first);
  for (int64_t row = 0; row < b->rows; row += 2, to += kPanel) {
    const uint16_t *__restrict upper = b->data + row * b->stride + first;
    const bool last = row + 1 == b->rows;
    const uint16_t *__restrict lower = last ? upper : upper + b->stride;
    const uint32_t mask = last ? 0u : 0xffff0000u;
    for (int64_t j = 0; j < live; j++) to[j] = upper[j] | (static_cast<uint32_t>(lower[j]) << 16 & mask);
    for (int64_t j = live; j < kPanel; j++) to[j] = 0;
  }
}

/* A row of a by pairs. */
HW_INLINE void round_row(const float *__restrict from, int64_t count, uint32_t *__restrict to) {
  for (int64_t p = 0; p < count / 2; p++) to[p] = rounded(from[2 * p]) | rounded(from[2 * p + 1]) << 16;
  if (count % 2 != 0) to[count / 2] = rounded(from[count - 1]);
}

template <int M, int N>
HW_INLINE void tile(const uint32_t *a, const uint32_t *b, int64_t pairs, float *out, int64_t stride, int64_t live,
                    bool add) {
  Vec sums[M][N] = {};
  for (int64_t p = 0; p < pairs; p++) {
    Pairs right[N];
#pragma GCC unroll 4
    for (int j = 0; j < N; j++) right[j] = *reinterpret_cast<const UnalignedPairs *>(b + p * kPanel + j * kLanes);
#pragma GCC unroll 6
    for (int i = 0; i < M; i++) {
      const Pairs left = a[i * pairs + p] | Pairs{};
#pragma GCC unroll 4
      for (int j = 0; j < N; j++) sums[i][j] = multiply_add(sums[i][j], left, right[j]);
    }
  }
  deliver(sums, live, add, [&](int i) { return out + i * stride; });
}

}  // namespace

int32_t bf16_product(const hw_matrix *a, const hw_bf16_matrix *b, int32_t add, const hw_matrix *out) {
  const int64_t pairs = ceil_div(a->columns, 2), panels = ceil_div(out->columns, kPanel);
  const int threads = hw::threads();
  /* No thread is left without rows where there are few. */
  const int64_t chunk = min(kChunk, round_up(ceil_div(a->rows, threads), kRows));
  const Buffer<uint32_t> packed(panels * pairs * kPanel);
  const Buffer<uint32_t> chunks(threads * chunk * pairs);
#pragma omp parallel num_threads(threads)
  {
#pragma omp for schedule(static)
    for (int64_t panel = 0; panel < panels; panel++) pack(b, panel * kPanel, packed.data() + panel * pairs * kPanel);
    uint32_t *rows = chunks.data() + omp_get_thread_num() * chunk * pairs;
#pragma omp for schedule(static)
    for (int64_t first = 0; first < a->rows; first += chunk) {
      const int64_t count = min(chunk, a->rows - first);
      for (int64_t i = 0; i < count; i++) round_row(a->data + (first + i) * a->columns, a->columns, rows + i * pairs);
      for (int64_t panel = 0; panel < panels; panel++) {
        const uint32_t *right = packed.data() + panel * pairs * kPanel;
        const int64_t live = min(kPanel, out->columns - panel * kPanel);
        for (int64_t i = 0; i < count; i += kRows) {
          float *to = out->data + (first + i) * out->columns + panel * kPanel;
          with_tile(min(kRows, count - i), ceil_div(live, kLanes), [&]<int M, int N>() {
            tile<M, N>(rows + i * pairs, right, pairs, to, out->columns, live, add != 0);
          });
        }
      }
    }
  }
  return HW_OK;
}

}  // namespace hw::HW_ISA
