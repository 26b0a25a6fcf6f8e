/* Advice about a mapped file: what is asked for comes from the disk without being touched. */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <thread>

#include "test.h"

namespace {

/* A file of some megabytes that is on the disk only, as far as the system follows advice. */
class ColdFile {
 public:
  static constexpr int64_t kBytes = 8 << 20;

  ColdFile() {
    char name[] = "/var/tmp/headwater-mapping-XXXXXX";
    file_ = mkstemp(name);
    CHECK(file_ >= 0);
    unlink(name);
    const std::vector<char> some(kBytes, 'x');
    CHECK(write(file_, some.data(), some.size()) == kBytes && fsync(file_) == 0);
    posix_fadvise(file_, 0, 0, POSIX_FADV_DONTNEED);
    bytes_ = static_cast<unsigned char *>(mmap(nullptr, kBytes, PROT_READ, MAP_SHARED, file_, 0));
    CHECK(bytes_ != MAP_FAILED);
  }
  ~ColdFile() {
    munmap(bytes_, kBytes);
    close(file_);
  }
  const unsigned char *bytes() const { return bytes_; }

  /* Waits for a page that was asked for. */
  bool arrives(int64_t offset) const {
    for (int wait = 0; wait < 2000 && !resident(offset); wait++) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return resident(offset);
  }

  bool resident(int64_t offset) const {
    const int64_t page = sysconf(_SC_PAGESIZE);
    unsigned char in = 0;
    CHECK(mincore(bytes_ + offset / page * page, 1, &in) == 0);
    return (in & 1) != 0;
  }

 private:
  int file_;
  unsigned char *bytes_;
};

}  // namespace

TEST(will_need_brings_what_is_asked_for) {
  const ColdFile probe;
  madvise(const_cast<unsigned char *>(probe.bytes()), 1, MADV_WILLNEED);
  if (!probe.arrives(0)) {
    std::printf("the system takes no advice, as emulation does: not tested\n");
    return;
  }
  const ColdFile file;
  const int64_t offset[] = {100, 5000, (3 << 20) + 17, (6 << 20) - 1};
  CHECK_OK(hw_will_need(file.bytes(), ColdFile::kBytes, offset, 4, 5000));
  for (int64_t at : offset) {
    CHECK(file.arrives(at + 4999) && file.resident(at), "offset ", at, " is not there");
  }
}

TEST(will_need_passes_over_what_is_no_file) {
  const std::vector<char> memory(100000);
  const int64_t offset[] = {0, 70000};
  CHECK_OK(hw_will_need(memory.data(), 100000, offset, 2, 100));
  CHECK_OK(hw_will_need(nullptr, 0, nullptr, 0, 100));
  CHECK_INVALID(hw_will_need(memory.data(), 100000, nullptr, 1, 100), "offset is NULL");
  CHECK_INVALID(hw_will_need(memory.data(), 70099, offset, 2, 100), "offset[1] is 70000; it must be 0 .. 69999");
  CHECK_INVALID(hw_will_need(memory.data(), 99, offset, 2, 100), "bytes is 100, more than size, which is 99");
  CHECK_INVALID(hw_will_need(memory.data(), 100000, offset, 2, -1), "bytes is -1");
  const int64_t negative[] = {-1};
  CHECK_INVALID(hw_will_need(memory.data(), 100000, negative, 1, 1), "offset[0] is -1");
}
