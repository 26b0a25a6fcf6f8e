/* Mapped files that lose their end: what is missing reads as zeros, and only where it was asked for. */
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

#include "test.h"

namespace {

class ShrinkingFile {
 public:
  static constexpr int64_t kBytes = 1 << 20;

  ShrinkingFile() {
    char name[] = "/var/tmp/headwater-guard-XXXXXX";
    file_ = mkstemp(name);
    CHECK(file_ >= 0);
    unlink(name);
    const std::vector<char> some(kBytes, 'x');
    CHECK(write(file_, some.data(), some.size()) == kBytes);
    bytes_ = static_cast<unsigned char *>(mmap(nullptr, kBytes, PROT_READ, MAP_SHARED, file_, 0));
    CHECK(bytes_ != MAP_FAILED);
  }
  ~ShrinkingFile() {
    munmap(bytes_, kBytes);
    close(file_);
  }
  void shrink(int64_t to) const { CHECK(ftruncate(file_, to) == 0); }
  const volatile unsigned char *bytes() const { return bytes_; }
  const void *start() const { return bytes_; }

 private:
  int file_;
  unsigned char *bytes_;
};

int64_t sum(const ShrinkingFile &file) {
  int64_t total = 0;
  for (int64_t i = 0; i < ShrinkingFile::kBytes; i++) total += file.bytes()[i];
  return total;
}

}  // namespace

TEST(guard_gives_zeros_for_what_a_file_has_lost) {
  const ShrinkingFile file;
  CHECK_OK(hw_guard(file.start(), ShrinkingFile::kBytes));
  CHECK(sum(file) == ShrinkingFile::kBytes * 'x');
  CHECK(hw_torn(file.start()) == 0);
  const int64_t before = hw_torn(nullptr);
  file.shrink(8192);
  std::thread other([&] { CHECK(sum(file) == int64_t{8192} * 'x'); });
  CHECK(sum(file) == int64_t{8192} * 'x');
  other.join();
  CHECK(hw_torn(file.start()) > 0 && hw_torn(nullptr) > before);
  CHECK_OK(hw_unguard(file.start()));
  CHECK(hw_torn(file.start()) == 0);
}

TEST(guard_leaves_other_signals_alone) {
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    signal(SIGBUS, [](int) { _exit(7); });
    const ShrinkingFile guarded, other;
    if (hw_guard(guarded.start(), ShrinkingFile::kBytes) != HW_OK) _exit(1);
    other.shrink(0);
    sum(other);
    _exit(0);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7, "status ", status);
}

TEST(guard_refuses_what_is_none) {
  CHECK_INVALID(hw_guard(nullptr, 1), "start is NULL");
  const int nothing = 0;
  CHECK_INVALID(hw_unguard(&nothing), "no mapping begins there");
}
