/*
 * Floats by their bits, the same on the CPU and in CUDA kernels: element types of weight files, and an order that a
 * selection by digits can use.
 */
#ifndef HEADWATER_SRC_FLOATS_H
#define HEADWATER_SRC_FLOATS_H

#include <cstdint>
#include <cstring>

#if defined(__CUDACC__)
#define HW_ANYWHERE __host__ __device__ __forceinline__
#else
#define HW_ANYWHERE inline __attribute__((always_inline))
#endif

namespace hw {

HW_ANYWHERE float float_of(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

HW_ANYWHERE uint32_t bits_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

struct Bfloat16 {
  uint16_t bits;
};

struct Float16 {
  uint16_t bits;
};

HW_ANYWHERE float widen(float x) { return x; }

HW_ANYWHERE float widen(double x) { return static_cast<float>(x); }

HW_ANYWHERE float widen(Bfloat16 x) { return float_of(static_cast<uint32_t>(x.bits) << 16); }

/* Exponent and mantissa move into a float's place; the product corrects the exponent's bias, subnormals included. */
HW_ANYWHERE float widen(Float16 x) {
  const uint32_t sign = static_cast<uint32_t>(x.bits & 0x8000u) << 16;
  const uint32_t rest = x.bits & 0x7fffu;
  const uint32_t finite = bits_of(float_of(rest << 13) * 0x1p112f);
  const uint32_t special = rest << 13 | 0x7f800000u; /* infinity, not-a-number */
  return float_of(sign | (rest >= 0x7c00u ? special : finite));
}

/* A number that orders floats as they compare, both zeros alike; not-a-numbers are least, with 0. */
HW_ANYWHERE uint32_t rank(float x) {
  if (x != x) return 0;
  const uint32_t bits = x == 0 ? 0 : bits_of(x);
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

}  // namespace hw

#endif
