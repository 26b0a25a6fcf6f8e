/* What goes wrong on the way to Java, and what the calling thread is told of it. */
#ifndef HEADWATER_HOST_FAILURE_H
#define HEADWATER_HOST_FAILURE_H

#include <cstdint>
#include <new>
#include <string>
#include <utility>

#include "headwater.h"

namespace hw_host {

struct Failure {
  int32_t status;
  std::string sentence;
};

/* The calling thread's sentence. */
std::string &message();

/* Runs the body of a public function; no C++ exception leaves the library. */
template <class Body>
int32_t guarded(Body &&body) noexcept {
  try {
    std::forward<Body>(body)();
    return HW_OK;
  } catch (Failure &failure) {
    message() = std::move(failure.sentence);
    return failure.status;
  } catch (const std::bad_alloc &) {
    message().clear(); /* a sentence might need memory too */
    return HW_ERROR_MEMORY;
  } catch (...) {
    message().clear();
    return HW_ERROR_INTERNAL;
  }
}

template <class T>
void require(const T *pointer, const char *name) {
  if (pointer == nullptr) throw Failure{HW_ERROR_USAGE, std::string(name) + " is NULL; it must point to something"};
}

/* A caller's struct as this version knows it: what an older caller lacks has its default. */
template <class T>
T read(const T *given, void (*init)(T *), const char *name) {
  T known;
  init(&known);
  if (given == nullptr) return known;
  const size_t size = *reinterpret_cast<const size_t *>(given);
  if (size < sizeof(size_t) || size > sizeof(T)) {
    throw Failure{HW_ERROR_USAGE, std::string(name) + " says that its size is " + std::to_string(size) +
                                      "; this library knows up to " + std::to_string(sizeof(T)) +
                                      ": fill it in with its init function"};
  }
  __builtin_memcpy(&known, given, size);
  known.size = sizeof(T);
  return known;
}

}  // namespace hw_host

#endif
