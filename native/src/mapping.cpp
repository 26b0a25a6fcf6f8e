/* Advice to the system about mapped files. */
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "kernels.h"

namespace hw {
namespace {

/*
 * Whether all of a sample of ranges is in memory: asking costs as much as reading then. The system answers yes, too, for a file
 * that belongs to somebody else.
 */
bool resident(uintptr_t base, const int64_t *offset, int64_t n, int64_t bytes, uintptr_t page) {
  constexpr int64_t kSample = 32;
  for (int64_t i = 0; i < std::min(n, kSample); i++) {
    const int64_t middle = offset[i * n / std::min(n, kSample)] + bytes / 2;
#if defined(__APPLE__)
    char in = 0;
#else
    unsigned char in = 0;
#endif
    const uintptr_t at = (base + static_cast<uintptr_t>(middle)) / page * page;
    if (mincore(reinterpret_cast<void *>(at), 1, &in) != 0 || (in & 1) == 0) return false;
  }
  return true;
}

}  // namespace

int32_t will_need(const void *start, int64_t, const int64_t *offset, int64_t n, int64_t bytes) {
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto base = reinterpret_cast<uintptr_t>(start);
  if (resident(base, offset, n, bytes, page)) return HW_OK;
  uintptr_t from = 0, to = 0; /* ranges that touch are asked for at once */
  const auto ask = [&] {
    if (from < to)
      madvise(reinterpret_cast<void *>(from), to - from, MADV_WILLNEED); /* only advice: a failure changes nothing */
  };
  for (int64_t i = 0; i < n; i++) {
    const uintptr_t first = (base + static_cast<uintptr_t>(offset[i])) / page * page;
    const uintptr_t end = base + static_cast<uintptr_t>(offset[i] + bytes);
    if (first >= from && first <= to) {
      to = std::max(to, end);
      continue;
    }
    ask();
    from = first;
    to = end;
  }
  ask();
  return HW_OK;
}

}  // namespace hw
