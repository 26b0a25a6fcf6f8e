/*
 * What the parts of the library share: the tables of kernels, and how a failure leaves a kernel.
 *
 * Every backend implements the public functions with their public signatures, on arguments that api.cpp has checked.
 */
#ifndef HEADWATER_SRC_KERNELS_H
#define HEADWATER_SRC_KERNELS_H

#include <cstddef>

#include "headwater/kernels.h"

namespace hw {

/* Kernels that run on exec->device. */
struct DeviceKernels {
  decltype(&hw_encode_threshold) encode_threshold;
  decltype(&hw_encode_topk) encode_topk;
  decltype(&hw_gather_rows) gather_rows;
  decltype(&hw_pattern_adjoint) pattern_adjoint;
  decltype(&hw_pattern_adjoint_single) pattern_adjoint_single;
  decltype(&hw_edge_contract) edge_contract;
  decltype(&hw_add_rows) add_rows;
  decltype(&hw_add_scaled_rows) add_scaled_rows;
};

/* Graph mathematics, on the CPU always. */
struct GraphKernels {
  decltype(&hw_row_sums) row_sums;
  decltype(&hw_influence) influence;
  decltype(&hw_edge_cut) edge_cut;
  decltype(&hw_edges_above) edges_above;
};

struct CpuKernels {
  const char *isa;
  DeviceKernels device;
  GraphKernels graph;
  decltype(&hw_split_bf16) split_bf16;
};

namespace baseline { extern const CpuKernels kernels; }
namespace avx2 { extern const CpuKernels kernels; }
namespace avx512 { extern const CpuKernels kernels; }

/* The best of the above that the processor and HEADWATER_ISA allow. */
const CpuKernels &cpu();
/* The CUDA kernels, or nullptr if this build has none. */
const DeviceKernels *cuda();

decltype(hw_will_need) will_need;
decltype(hw_link_text) link_text;
/* Bytes that no link is longer than. */
int64_t link_room(const int64_t *name_start, int64_t nodes);

/* Threads of a parallel region. */
int threads();

/* A failure on its way to the C boundary; its text is in hw_last_error() already. */
struct Failure {
  int32_t status;
};

[[noreturn]] void fail(int32_t status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Cache-aligned memory; fails with HW_OUT_OF_MEMORY. */
void *allocate(int64_t count, size_t size);
void release(void *memory);

}  // namespace hw

#endif
