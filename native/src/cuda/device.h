/*
 * What the CUDA kernels' host sides share. The kernels are compiled by nvcc, and as C++ against emulation/.
 */
#ifndef HEADWATER_SRC_CUDA_DEVICE_H
#define HEADWATER_SRC_CUDA_DEVICE_H

#include <cuda_runtime.h>

#include "kernels.h"

/* kernel<<<grid, block, 0, stream>>>(arguments...); emulation/cuda_runtime.h has its own. */
#if !defined(HW_LAUNCH)
#define HW_LAUNCH(kernel, grid, block, stream, ...) kernel<<<grid, block, 0, stream>>>(__VA_ARGS__)
#endif

namespace hw::gpu {

HW_DEVICE_KERNELS(HW_DECLARE)

/* Fails with HW_DEVICE_ERROR, or HW_OUT_OF_MEMORY, unless the call succeeded. */
void check(cudaError_t status, const char *what);

/* Makes exec's device the current one for the scope. */
class OnDevice {
 public:
  explicit OnDevice(const hw_exec *exec) {
    check(cudaGetDevice(&before_), "finding the current device");
    check(cudaSetDevice(exec->device), "choosing the device");
  }
  ~OnDevice() { cudaSetDevice(before_); }
  OnDevice(const OnDevice &) = delete;
  OnDevice &operator=(const OnDevice &) = delete;

 private:
  int before_ = 0;
};

/* Device memory that is the stream's to use until the scope's end. */
template <class T>
class DeviceBuffer {
 public:
  DeviceBuffer(int64_t count, cudaStream_t stream) : stream_(stream) {
    void *memory = nullptr;
    check(cudaMallocAsync(&memory, static_cast<size_t>(count) * sizeof(T), stream), "reserving working space");
    data_ = static_cast<T *>(memory);
  }
  ~DeviceBuffer() { cudaFreeAsync(data_, stream_); }
  DeviceBuffer(const DeviceBuffer &) = delete;
  DeviceBuffer &operator=(const DeviceBuffer &) = delete;
  T *data() const { return data_; }

 private:
  T *data_ = nullptr;
  cudaStream_t stream_;
};

inline cudaStream_t stream_of(const hw_exec *exec) { return static_cast<cudaStream_t>(exec->stream); }

inline int64_t blocks_for(int64_t n, int64_t each) { return (n + each - 1) / each; }

/* A one-dimensional grid; fails if there are more blocks than a grid has. */
dim3 grid_of(int64_t blocks);

}  // namespace hw::gpu

#endif
