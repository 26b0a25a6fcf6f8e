/* Tests on a GPU: all that tests allocate with new is managed memory, which host and device read alike. */
#include <cuda_runtime.h>

#include <cstdlib>
#include <new>

#include "test.h"

namespace {

bool managed = false;

struct alignas(64) Header {
  bool managed;
};

}  // namespace

bool test::prepare_memory() {
  int devices = 0;
  managed = cudaGetDeviceCount(&devices) == cudaSuccess && devices > 0;
  return managed;
}

void test::finish() { cudaDeviceSynchronize(); }

void *operator new(std::size_t bytes) {
  void *memory = nullptr;
  const bool of_device = managed;
  if (of_device) {
    if (cudaMallocManaged(&memory, bytes + sizeof(Header)) != cudaSuccess) throw std::bad_alloc();
  } else {
    memory = std::aligned_alloc(64, (bytes + sizeof(Header) + 63) / 64 * 64);
    if (memory == nullptr) throw std::bad_alloc();
  }
  return new (memory) Header{of_device} + 1;
}

void operator delete(void *memory) noexcept {
  if (memory == nullptr) return;
  Header *header = static_cast<Header *>(memory) - 1;
  if (header->managed) {
    cudaFree(header);
  } else {
    std::free(header);
  }
}

void operator delete(void *memory, std::size_t) noexcept { operator delete(memory); }
