/* The C boundary: no C++ exception passes it. */
#ifndef HEADWATER_SRC_GUARDED_H
#define HEADWATER_SRC_GUARDED_H

#include <exception>
#include <new>

#include "checks.h"

namespace hw {

/* The status of body(checks), or of its failure, whose text is then in hw_last_error(). */
template <class Body>
int32_t guarded(const char *function, Body body) noexcept {
  try {
    return body(Checks(function));
  } catch (const Failure &failure) {
    return failure.status;
  } catch (const std::bad_alloc &) {
    note("%s: out of memory", function);
    return HW_OUT_OF_MEMORY;
  } catch (const std::exception &e) {
    note("%s: %s", function, e.what());
    return HW_INTERNAL;
  } catch (...) {
    note("%s: an exception without a text", function);
    return HW_INTERNAL;
  }
}

}  // namespace hw

#endif
