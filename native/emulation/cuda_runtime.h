/*
 * Stands in for CUDA's header of the same name where the .cu sources are compiled as C++ for tests: device memory is
 * host memory, streams are in order at once, and a kernel's blocks run one after the other, the threads of a block as
 * fibers that switch at barriers. Only what the kernels use.
 */
#ifndef HEADWATER_EMULATION_CUDA_RUNTIME_H
#define HEADWATER_EMULATION_CUDA_RUNTIME_H

#include <cstddef>
#include <cstdint>
#include <functional>

#define __global__
#define __device__
#define __host__
#define __shared__ static /* one block at a time */

struct dim3 {
  unsigned x, y, z;
  dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

extern dim3 threadIdx, blockIdx, blockDim, gridDim;

/* Every thread of the block has to come, and come to the same barrier; else the program is stopped. */
void __syncthreads();
/* Every thread of the warp has to come. */
unsigned __ballot_sync(unsigned mask, bool flag);

/* The value that the thread `delta` further in the warp has come with; its own where there is none. Every thread has to come. */
float __shfl_down_sync(unsigned mask, float value, unsigned delta);

inline int __popc(unsigned x) { return __builtin_popcount(x); }

inline int atomicAdd(int *to, int x) {
  const int before = *to;
  *to += x;
  return before;
}

namespace emulation {

void launch(dim3 grid, dim3 block, const std::function<void()> &thread);

}  // namespace emulation

#define HW_LAUNCH(kernel, grid, block, stream, ...) \
  ((void)(stream), emulation::launch(grid, block, [&] { kernel(__VA_ARGS__); }))

using cudaStream_t = void *;

enum cudaError_t { cudaSuccess = 0, cudaErrorMemoryAllocation = 2, cudaErrorInvalidDevice = 101 };
enum cudaMemcpyKind { cudaMemcpyHostToDevice = 1, cudaMemcpyDeviceToHost = 2 };

const char *cudaGetErrorString(cudaError_t error);
cudaError_t cudaGetLastError();
cudaError_t cudaGetDevice(int *device);
cudaError_t cudaSetDevice(int device); /* there is one, 0 */
cudaError_t cudaMallocAsync(void **memory, size_t bytes, cudaStream_t stream);
cudaError_t cudaFreeAsync(void *memory, cudaStream_t stream);
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);

#endif
