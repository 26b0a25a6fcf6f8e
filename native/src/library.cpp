/* The library itself: errors, threads, and the choice of instruction set. */
#include <omp.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <atomic>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

#include "guarded.h"

namespace hw {
namespace {

thread_local char last_error[512];

std::atomic<int> thread_count{0};

const char *bf16_units();

#if defined(__x86_64__)
/* 0 baseline, 1 avx2, 2 avx512, 3 that with bfloat16 units. */
int isa_level() {
  int level = 0;
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c")) {
    level = 1;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl")) {
      level = std::strcmp(bf16_units(), "none") == 0 ? 2 : 3;
    }
  }
  const char *wanted = std::getenv("HEADWATER_ISA");
  if (wanted != nullptr) {
    const char *names[] = {"baseline", "avx2", "avx512"};
    for (int i = 0; i < level; i++) {
      if (std::strcmp(wanted, names[i]) == 0) level = i;
    }
  }
  return level;
}
#endif

/* By the processor's word and the system's: the registers of AVX-512 (bits 5 to 7) and of AMX (17, 18) must be saved. */
const char *bf16_units() {
#if defined(__x86_64__)
  unsigned a, b, c, d, top;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & bit_OSXSAVE) == 0) return "none";
  unsigned saved, unused;
  asm volatile("xgetbv" : "=a"(saved), "=d"(unused) : "c"(0));
  if (__get_cpuid_count(7, 0, &top, &b, &c, &d) == 0) return "none";
  constexpr unsigned kAmxBf16 = 1u << 22, kAmxTile = 1u << 24, kAmxSaved = 3u << 17;
  if ((d & kAmxBf16) != 0 && (d & kAmxTile) != 0 && (saved & kAmxSaved) == kAmxSaved) return "amx";
  constexpr unsigned kAvx512Bf16 = 1u << 5, kAvx512Saved = 7u << 5;
  if (top >= 1 && (saved & kAvx512Saved) == kAvx512Saved && __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 &&
      (a & kAvx512Bf16) != 0) {
    return "avx512_bf16";
  }
#endif
  return "none";
}

bool is_amd() {
#if defined(__x86_64__)
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(0, &a, &b, &c, &d) != 0 && b == signature_AMD_ebx && c == signature_AMD_ecx &&
         d == signature_AMD_edx;
#else
  return false;
#endif
}

const CpuKernels &choose() {
#if defined(__x86_64__)
  static CpuKernels widest = avx512::kernels;
  switch (isa_level()) {
    case 3: widest.host.bf16_product = avx512bf16::bf16_product; return widest;
    case 2: return avx512::kernels;
    case 1: return avx2::kernels;
    default: break;
  }
#endif
  return baseline::kernels;
}

}  // namespace

const CpuKernels &cpu() {
  static const CpuKernels &chosen = choose();
  return chosen;
}

#ifndef HEADWATER_WITH_CUDA
const DeviceKernels *cuda() { return nullptr; }
#endif

int threads() {
  int n = thread_count.load(std::memory_order_relaxed);
  return n > 0 ? n : omp_get_max_threads();
}

void note(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(last_error, sizeof last_error, format, arguments);
  va_end(arguments);
}

void fail(int32_t status, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(last_error, sizeof last_error, format, arguments);
  va_end(arguments);
  throw Failure{status};
}

void *allocate(int64_t count, size_t size) {
  size_t bytes;
  void *memory = nullptr;
  if (!__builtin_mul_overflow(static_cast<size_t>(count), size, &bytes) && bytes <= PTRDIFF_MAX - 64) {
    memory = std::aligned_alloc(64, bytes / 64 * 64 + 64);
  }
  if (memory == nullptr) {
    fail(HW_OUT_OF_MEMORY, "no memory for %lld elements of %zu bytes of working space", static_cast<long long>(count),
         size);
  }
  return memory;
}

void release(void *memory) { std::free(memory); }

}  // namespace hw

extern "C" {

int64_t hw_abi_version(void) { return HEADWATER_ABI; }

const char *hw_last_error(void) { return hw::last_error; }

const char *hw_isa(void) { return hw::cpu().isa; }

const char *hw_bf16_units(void) { return hw::bf16_units(); }

int32_t hw_prefers_product(void) { return std::strcmp(hw::cpu().isa, "avx512") == 0 && hw::is_amd(); }

int32_t hw_has_cuda(void) { return hw::cuda() != nullptr; }

int32_t hw_set_threads(int32_t threads) {
  return hw::guarded("hw_set_threads", [&](const hw::Checks &check) {
    check.at_least(threads, 1, "threads");
    hw::thread_count.store(threads, std::memory_order_relaxed);
    return HW_OK;
  });
}

int32_t hw_get_threads(void) { return hw::threads(); }
}
