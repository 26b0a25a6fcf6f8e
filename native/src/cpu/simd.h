/*
 * Vectors of the instruction set that a source is compiled for, and working memory.
 *
 * Each CPU source is compiled once per instruction set, in the namespace HW_ISA. No function outside that namespace (an
 * inline one of a standard header, say) may be emitted there: the linker would keep one copy for all, and a processor
 * without AVX-512 could meet the copy that needs it.
 */
#ifndef HEADWATER_SRC_CPU_SIMD_H
#define HEADWATER_SRC_CPU_SIMD_H

#include <cstdint>
#include <cstring>
#include <utility>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "kernels.h"

namespace hw::HW_ISA {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
constexpr int kVectors = 4; /* vectors of a register tile: kRows * kVectors sums, kVectors operands, a broadcast */
#elif defined(__AVX2__)
constexpr int kLanes = 8;
constexpr int kVectors = 2;
#else
constexpr int kLanes = 4;
constexpr int kVectors = 2;
#endif
constexpr int kRows = 6; /* rows of a register tile */

using Vec = float __attribute__((vector_size(kLanes * sizeof(float))));
using UnalignedVec = float __attribute__((vector_size(kLanes * sizeof(float)), aligned(4), may_alias));

#define HW_INLINE inline __attribute__((always_inline))

HW_INLINE Vec load(const float *p) { return *reinterpret_cast<const UnalignedVec *>(p); }

HW_INLINE void store(float *p, Vec v) { *reinterpret_cast<UnalignedVec *>(p) = v; }

HW_INLINE Vec load_part(const float *p, int64_t n) {
  Vec v = {};
  __builtin_memcpy(&v, p, static_cast<size_t>(n) * sizeof(float));
  return v;
}

HW_INLINE Vec broadcast(float x) { return x - Vec{}; } /* x - 0 is x, also where x is -0 */

/* The vector whose lane i is lane pick(i) of a and b, one after the other. Its indices have to be constants: GCC builds
 * others element by element. */
template <class Pick, int... I>
HW_INLINE Vec shuffle(Vec a, Vec b, Pick, std::integer_sequence<int, I...>) {
  return __builtin_shufflevector(a, b, Pick{}(I)...);
}
template <class Pick>
HW_INLINE Vec shuffle(Vec a, Vec b, Pick pick) {
  return shuffle(a, b, pick, std::make_integer_sequence<int, kLanes>{});
}

__attribute__((noinline)) inline void deliver(const float *sums, int64_t n, float *to, bool add) {
  if (add) {
    for (int64_t i = 0; i < n; i++) to[i] += sums[i];
  } else {
    for (int64_t i = 0; i < n; i++) to[i] = sums[i];
  }
}

/*
 * Writes the first `live` columns of a register tile to the rows that to(i) names. The sums leave through memory in one
 * known shape: where a kernel's own epilogue deals with parts of vectors, GCC keeps sums in memory during its loop too.
 */
template <int M, int N, class Row>
HW_INLINE void deliver(const Vec (&sums)[M][N], int64_t live, bool add, Row to) {
  Vec tile[M][N];
#pragma GCC unroll 6
  for (int i = 0; i < M; i++) {
#pragma GCC unroll 4
    for (int j = 0; j < N; j++) tile[i][j] = sums[i][j];
  }
  asm volatile("" : : "r"(tile) : "memory");
  for (int i = 0; i < M; i++) {
    deliver(reinterpret_cast<const float *>(tile[i]), live < N * kLanes ? live : N * kLanes, to(i), add);
  }
}

/* Calls body<rows, vectors>() with the numbers as constants: rows 1 .. kRows, vectors 1 .. kVectors. */
template <int M, class Body>
HW_INLINE void with_tile(int64_t vectors, Body body) {
  if (vectors == 1) return body.template operator()<M, 1>();
  if (vectors == 2) return body.template operator()<M, 2>();
  if constexpr (kVectors == 4) {
    if (vectors == 3) return body.template operator()<M, 3>();
    return body.template operator()<M, 4>();
  }
}
template <class Body>
HW_INLINE void with_tile(int64_t rows, int64_t vectors, Body body) {
  switch (rows) {
    case 1: return with_tile<1>(vectors, body);
    case 2: return with_tile<2>(vectors, body);
    case 3: return with_tile<3>(vectors, body);
    case 4: return with_tile<4>(vectors, body);
    case 5: return with_tile<5>(vectors, body);
    default: return with_tile<6>(vectors, body);
  }
}

HW_INLINE int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
HW_INLINE int64_t round_up(int64_t a, int64_t b) { return ceil_div(a, b) * b; }
HW_INLINE int64_t min(int64_t a, int64_t b) { return a < b ? a : b; }
HW_INLINE int64_t max(int64_t a, int64_t b) { return a > b ? a : b; }

/* Uninitialised working memory, aligned to a cache line. */
template <class T>
class Buffer {
 public:
  explicit HW_INLINE Buffer(int64_t count) : data_(static_cast<T *>(allocate(count, sizeof(T)))) {}
  HW_INLINE ~Buffer() { release(data_); }
  Buffer(const Buffer &) = delete;
  Buffer &operator=(const Buffer &) = delete;
  HW_INLINE T *data() const { return data_; }
  HW_INLINE T &operator[](int64_t i) const { return data_[i]; }

 private:
  T *data_;
};

}  // namespace hw::HW_ISA

#endif
