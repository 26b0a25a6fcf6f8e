/*
 * Mappings of files that may lose their end. The handler runs where the fault was met, in any thread at any instruction, so it
 * calls nothing but what POSIX allows there and mmap, which is a system call alone.
 */
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <mutex>

#include "kernels.h"

namespace hw {
namespace {

struct Guarded {
  std::atomic<uintptr_t> start{0}; /* 0: free; written last and cleared first */
  std::atomic<uintptr_t> end{0};
  std::atomic<int64_t> torn{0};
};

constexpr int kMost = 1 << 14;
Guarded table[kMost];
std::atomic<int> used{0};
std::atomic<int64_t> all_torn{0};
std::mutex changing;
struct sigaction before;
uintptr_t page = 0;

/* Puts zeros where the file has nothing to give; false if the address is in no guarded mapping. */
bool mend(uintptr_t address) {
  const int n = used.load(std::memory_order_acquire);
  for (int i = 0; i < n; i++) {
    const uintptr_t start = table[i].start.load(std::memory_order_acquire);
    const uintptr_t end = table[i].end.load(std::memory_order_acquire);
    if (start == 0 || address < start || address >= end) continue;
    const uintptr_t from = address / page * page;
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;
    if (mmap(reinterpret_cast<void *>(from), end - from, PROT_READ, flags, -1, 0) == MAP_FAILED) return false;
    table[i].torn.fetch_add(1);
    all_torn.fetch_add(1);
    return true;
  }
  return false;
}

void on_bus_error(int number, siginfo_t *info, void *context) {
  if (mend(reinterpret_cast<uintptr_t>(info->si_addr))) return;
  if ((before.sa_flags & SA_SIGINFO) != 0) {
    before.sa_sigaction(number, info, context);
  } else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
    before.sa_handler(number);
  } else {
    sigaction(number, &before, nullptr); /* back at the instruction, the fault is met again */
  }
}

void install() {
  page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  struct sigaction action = {};
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
  sigemptyset(&action.sa_mask);
  if (sigaction(SIGBUS, &action, &before) != 0) fail(HW_INTERNAL, "hw_guard: the handler of SIGBUS can't be set");
}

}  // namespace

int32_t guard(const void *start, int64_t size) {
  const std::lock_guard<std::mutex> lock(changing);
  if (page == 0) install();
  for (int i = 0; i < kMost; i++) {
    if (table[i].start.load() != 0) continue;
    table[i].torn.store(0);
    table[i].end.store(reinterpret_cast<uintptr_t>(start) + static_cast<uintptr_t>(size));
    table[i].start.store(reinterpret_cast<uintptr_t>(start), std::memory_order_release);
    if (i >= used.load()) used.store(i + 1, std::memory_order_release);
    return HW_OK;
  }
  fail(HW_INVALID, "hw_guard: %d mappings are guarded already", kMost);
}

int32_t unguard(const void *start) {
  const std::lock_guard<std::mutex> lock(changing);
  for (int i = 0; i < used.load(); i++) {
    if (table[i].start.load() == reinterpret_cast<uintptr_t>(start)) {
      table[i].start.store(0);
      return HW_OK;
    }
  }
  fail(HW_INVALID, "hw_unguard: no mapping begins there that is guarded");
}

int64_t torn(const void *start) {
  if (start == nullptr) return all_torn.load();
  for (int i = 0; i < used.load(); i++) {
    if (table[i].start.load() == reinterpret_cast<uintptr_t>(start)) return table[i].torn.load();
  }
  return 0;
}

}  // namespace hw
