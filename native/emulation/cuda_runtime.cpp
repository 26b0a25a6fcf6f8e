/* The emulation's engine: fibers that take turns, one after the other in the order of their thread numbers. */
#include "cuda_runtime.h"

#include <ucontext.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace {

constexpr size_t kStackBytes = 64 << 10;

/* What a warp's threads exchange: in the exchange under way, and in the one before, which late threads still read. */
struct Warp {
  unsigned bits[2] = {0, 0};
  float values[2][32] = {};
  int arrived = 0, size = 0;
  unsigned exchanges = 0;
};

struct Fiber {
  ucontext_t context;
  std::unique_ptr<char[]> stack{new char[kStackBytes]};
  bool done = false;
  void *fake_stack = nullptr;
};

struct Block {
  std::vector<Fiber> fibers;
  std::vector<Warp> warps;
  size_t size = 0, current = 0, running = 0, arrived = 0, barriers = 0;
  const std::function<void()> *body = nullptr;
  ucontext_t home;
  void *home_fake_stack = nullptr;
  const void *home_stack = nullptr;
  size_t home_bytes = 0;
} block;

void entered(void *fake_stack, bool from_home) {
#if defined(__SANITIZE_ADDRESS__)
  const void *stack = nullptr;
  size_t bytes = 0;
  __sanitizer_finish_switch_fiber(fake_stack, &stack, &bytes);
  if (from_home) {
    block.home_stack = stack;
    block.home_bytes = bytes;
  }
#else
  (void)fake_stack, (void)from_home;
#endif
}

void leaving(void **fake_stack, const void *stack, size_t bytes) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(fake_stack, stack, bytes);
#else
  (void)fake_stack, (void)stack, (void)bytes;
#endif
}

/* Runs the next thread that is not done; the caller goes on when its turn comes round. */
void yield() {
  Fiber &from = block.fibers[block.current];
  size_t next = block.current;
  do {
    next = (next + 1) % block.size;
  } while (block.fibers[next].done);
  if (next == block.current) {
    std::fprintf(stderr, "emulation: thread %zu waits for threads that have ended\n", next);
    std::abort();
  }
  const size_t self = block.current;
  Fiber &to = block.fibers[next];
  block.current = next;
  threadIdx.x = static_cast<unsigned>(next);
  leaving(&from.fake_stack, to.stack.get(), kStackBytes);
  swapcontext(&from.context, &to.context);
  entered(from.fake_stack, false);
  block.current = self;
  threadIdx.x = static_cast<unsigned>(self);
}

bool first_entry = true;

void run_fiber() {
  entered(nullptr, first_entry);
  first_entry = false;
  (*block.body)();
  Fiber &self = block.fibers[block.current];
  self.done = true;
  block.running--;
  if (block.arrived > 0 && block.arrived == block.running) {
    std::fprintf(stderr, "emulation: thread %zu ended while others wait at a barrier\n", block.current);
    std::abort();
  }
  if (block.running == 0) {
    leaving(nullptr, block.home_stack, block.home_bytes);
    setcontext(&block.home);
  }
  size_t next = block.current;
  do {
    next = (next + 1) % block.size;
  } while (block.fibers[next].done);
  block.current = next;
  threadIdx.x = static_cast<unsigned>(next);
  leaving(nullptr, block.fibers[next].stack.get(), kStackBytes);
  setcontext(&block.fibers[next].context);
}

void prepare(size_t i) {
  Fiber &fiber = block.fibers[i];
  fiber.done = false;
  block.warps[i / 32].size++;
  getcontext(&fiber.context);
  fiber.context.uc_stack.ss_sp = fiber.stack.get();
  fiber.context.uc_stack.ss_size = kStackBytes;
  fiber.context.uc_link = nullptr;
  makecontext(&fiber.context, run_fiber, 0);
}

void run_block() {
  threadIdx = dim3(0, 0, 0);
  first_entry = true;
  leaving(&block.home_fake_stack, block.fibers[0].stack.get(), kStackBytes);
  swapcontext(&block.home, &block.fibers[0].context);
  entered(block.home_fake_stack, false);
}

}  // namespace

void __syncthreads() {
  const size_t barrier = block.barriers;
  if (++block.arrived == block.size) {
    block.arrived = 0;
    block.barriers++;
    return;
  }
  while (block.barriers == barrier) yield();
}

namespace {

/* Brings what this thread gives to the exchange, bring(which), and comes back when all of its warp have; returns which it was. */
template <class Bring>
unsigned exchange(Warp &warp, Bring bring) {
  const unsigned number = warp.exchanges;
  bring(number % 2);
  if (++warp.arrived == warp.size) {
    warp.arrived = 0;
    warp.exchanges++;
  } else {
    while (warp.exchanges == number) yield();
  }
  return number % 2;
}

}  // namespace

unsigned __ballot_sync(unsigned, bool flag) {
  Warp &warp = block.warps[block.current / 32];
  const unsigned which = exchange(warp, [&](unsigned now) {
    if (warp.arrived == 0) warp.bits[now] = 0;
    warp.bits[now] |= static_cast<unsigned>(flag) << block.current % 32;
  });
  return warp.bits[which];
}

float __shfl_down_sync(unsigned, float value, unsigned delta) {
  Warp &warp = block.warps[block.current / 32];
  const size_t lane = block.current % 32, from = lane + delta;
  const unsigned which = exchange(warp, [&](unsigned now) { warp.values[now][lane] = value; });
  return from < static_cast<size_t>(warp.size) ? warp.values[which][from] : value;
}

void emulation::launch(dim3 grid, dim3 threads, const std::function<void()> &thread) {
  gridDim = grid;
  blockDim = threads;
  block.size = threads.x;
  block.body = &thread;
  if (block.fibers.size() < block.size) block.fibers = std::vector<Fiber>(block.size);
  for (unsigned y = 0; y < grid.y; y++) {
    for (unsigned x = 0; x < grid.x; x++) {
      blockIdx = dim3(x, y);
      block.running = block.size;
      block.arrived = 0;
      block.current = 0;
      block.warps.assign((block.size + 31) / 32, Warp());
      for (size_t i = 0; i < block.size; i++) prepare(i);
      run_block();
    }
  }
}

const char *cudaGetErrorString(cudaError_t error) {
  switch (error) {
    case cudaSuccess: return "no error";
    case cudaErrorMemoryAllocation: return "out of memory";
    default: return "invalid device ordinal";
  }
}

cudaError_t cudaGetLastError() { return cudaSuccess; }

cudaError_t cudaGetDevice(int *device) {
  *device = 0;
  return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) { return device == 0 ? cudaSuccess : cudaErrorInvalidDevice; }

cudaError_t cudaMallocAsync(void **memory, size_t bytes, cudaStream_t) {
  *memory = std::malloc(bytes > 0 ? bytes : 1);
  return *memory != nullptr ? cudaSuccess : cudaErrorMemoryAllocation;
}

cudaError_t cudaFreeAsync(void *memory, cudaStream_t) {
  std::free(memory);
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind, cudaStream_t) {
  std::memcpy(to, from, bytes);
  return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t) { return cudaSuccess; }
