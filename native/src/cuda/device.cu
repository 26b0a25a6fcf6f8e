/* The table of the CUDA kernels, and their errors. */
#include "cuda/device.h"

namespace hw {
namespace gpu {

void check(cudaError_t status, const char *what) {
  if (status == cudaSuccess) return;
  cudaGetLastError(); /* an error that does not last is not the next call's */
  fail(status == cudaErrorMemoryAllocation ? HW_OUT_OF_MEMORY : HW_DEVICE_ERROR, "CUDA: %s: %s", what,
       cudaGetErrorString(status));
}

dim3 grid_of(int64_t blocks) {
  if (blocks > INT32_MAX)
    fail(HW_INVALID, "CUDA: %lld blocks are more than one launch has", static_cast<long long>(blocks));
  return dim3(static_cast<unsigned>(blocks));
}

}  // namespace gpu

const DeviceKernels *cuda() {
  using namespace gpu;
  static const DeviceKernels kernels = {HW_DEVICE_KERNELS(HW_ADDRESS)};
  return &kernels;
}

}  // namespace hw
