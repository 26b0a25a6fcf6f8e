/* Float32 numbers as sums of three bfloat16 numbers. */
#include "cpu/cpu.h"
#include "floats.h"

namespace hw::HW_ISA {
namespace {

/*
 * The bits of the bfloat16 number nearest to x, ties to even, in a float's place. What rounds up to infinity stays the largest
 * finite number: the rest then still fits the parts below.
 */
HW_INLINE uint32_t nearest(float x) {
  const uint32_t bits = bits_of(x);
  const uint32_t magnitude = bits & 0x7fffffffu;
  const uint32_t rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) & 0xffff0000u;
  const uint32_t largest = (bits & 0x80000000u) | 0x7f7f0000u;
  const uint32_t special = (bits & 0xffff0000u) | (magnitude > 0x7f800000u ? 0x00400000u : 0u);
  return magnitude >= 0x7f800000u ? special : magnitude >= 0x7f7f8000u ? largest : rounded;
}

}  // namespace

int32_t split_bf16(const hw_matrix *x, const hw_bf16_matrix *high, const hw_bf16_matrix *middle,
                   const hw_bf16_matrix *low) {
  const int64_t cols = x->columns;
#pragma omp parallel for schedule(static) num_threads(hw::threads())
  for (int64_t i = 0; i < x->rows; i++) {
    const float *__restrict from = x->data + i * cols;
    uint16_t *__restrict first = high->data + i * high->stride;
    uint16_t *__restrict second = middle->data + i * middle->stride;
    uint16_t *__restrict third = low->data + i * low->stride;
    for (int64_t j = 0; j < cols; j++) {
      const uint32_t a = nearest(from[j]);
      /* The differences are exact. An infinity and a not-a-number leave nothing. */
      const float rest = (a & 0x7f800000u) == 0x7f800000u ? 0.0f : from[j] - float_of(a);
      const uint32_t b = nearest(rest);
      const uint32_t c = nearest(rest - float_of(b));
      first[j] = static_cast<uint16_t>(a >> 16);
      second[j] = static_cast<uint16_t>(b >> 16);
      third[j] = static_cast<uint16_t>(c >> 16);
    }
  }
  return HW_OK;
}

}  // namespace hw::HW_ISA
