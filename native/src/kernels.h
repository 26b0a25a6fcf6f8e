/*
 * What the parts of the library share: the tables of kernels, made from the header's lists, and how a failure leaves a
 * kernel.
 *
 * Every backend implements the public functions with their public signatures, on arguments that api.cpp has checked: a
 * view that may be left out is there, with its data NULL.
 */
#ifndef HEADWATER_SRC_KERNELS_H
#define HEADWATER_SRC_KERNELS_H

#include <cstddef>

#include "headwater/kernels.h"

namespace hw {

#define HW_MEMBER(name) decltype(&hw_##name) name;
/* Kernels that run on exec->device. */
struct DeviceKernels {
  HW_DEVICE_KERNELS(HW_MEMBER)
};

/* Kernels that run on the CPU always. */
struct HostKernels {
  HW_HOST_KERNELS(HW_MEMBER)
};
#undef HW_MEMBER

struct CpuKernels {
  const char *isa;
  DeviceKernels device;
  HostKernels host;
};

/* In a namespace with functions of these names: declarations of them, and their addresses in the tables' order. */
#define HW_DECLARE(name) decltype(hw_##name) name;
#define HW_ADDRESS(name) name,

namespace baseline {
extern const CpuKernels kernels;
}
namespace avx2 {
extern const CpuKernels kernels;
}
namespace avx512 {
extern const CpuKernels kernels;
}
/* What beside AVX-512 needs its bfloat16 units. */
namespace avx512bf16 {
decltype(hw_bf16_product) bf16_product;
}

/* The best of the above that the processor and HEADWATER_ISA allow. */
const CpuKernels &cpu();
/* The CUDA kernels, or nullptr if this build has none. */
const DeviceKernels *cuda();

decltype(hw_will_need) will_need;
decltype(hw_guard) guard;
decltype(hw_unguard) unguard;
decltype(hw_torn) torn;

/* Threads of a parallel region. */
int threads();

/* A failure on its way to the C boundary; its text is in hw_last_error() already. */
struct Failure {
  int32_t status;
};

/* Writes hw_last_error(). */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
[[noreturn]] void fail(int32_t status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Cache-aligned memory; fails with HW_OUT_OF_MEMORY. */
void *allocate(int64_t count, size_t size);
void release(void *memory);

}  // namespace hw

#endif
