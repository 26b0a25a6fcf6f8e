/* A host's own handlers of signals. */
#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <csetjmp>

#include "check.h"

namespace {
sigjmp_buf back;
std::atomic<int> interrupts{0};
std::atomic<pthread_t> interrupted{};
}  // namespace

void signals() {
  struct sigaction fault = {}, interrupt = {}, now;
  fault.sa_handler = [](int) { siglongjmp(back, 1); };
  interrupt.sa_handler = [](int) {
    interrupts++;
    interrupted = pthread_self();
  };
  CHECK(sigaction(SIGSEGV, &fault, nullptr) == 0 && sigaction(SIGINT, &interrupt, nullptr) == 0);
  // Not SIG_DFL for all, where this runs under nohup.
  constexpr int others[] = {SIGTERM, SIGHUP, SIGQUIT};
  struct sigaction before[3] = {};
  for (int i = 0; i < 3; i++) {
    CHECK(sigaction(others[i], nullptr, &before[i]) == 0);
  }
  const hw_model model = open_model();
  const std::string expected = edges(model, kFact, 50);
  for (int i = 0; i < 3; i++) {
    if (sigsetjmp(back, 1) == 0) {
      *reinterpret_cast<volatile int *>(uintptr_t{16} * static_cast<uintptr_t>(i + 1)) = 1;
      fail(__LINE__, "the fault was met with silence");
    }
    kill(getpid(), SIGINT);
    CHECK(edges(model, kFact, 50) == expected);
  }
  CHECK(sigaction(SIGINT, nullptr, &now) == 0 && now.sa_handler == interrupt.sa_handler);
  CHECK(interrupts == 3 && pthread_equal(interrupted, pthread_self()));
  for (int i = 0; i < 3; i++) {
    CHECK(sigaction(others[i], nullptr, &now) == 0 && now.sa_handler == before[i].sa_handler);
  }
  OK(hw_close(model));
}

/* A host that sets its handler of SIGSEGV when the machine runs, with libjsig.so preloaded. */
void late_signals() {
  const hw_model model = open_model();
  const std::string expected = edges(model, kFact, 50);
  struct sigaction fault = {};
  fault.sa_handler = [](int) { siglongjmp(back, 1); };
  CHECK(sigaction(SIGSEGV, &fault, nullptr) == 0);
  for (int i = 0; i < 3; i++) {
    if (sigsetjmp(back, 1) == 0) {
      *reinterpret_cast<volatile int *>(uintptr_t{32}) = 1;
      fail(__LINE__, "the fault was met with silence");
    }
    CHECK(edges(model, kFact, 50) == expected);
  }
  OK(hw_close(model));
}
