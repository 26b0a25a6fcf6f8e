/* What happens to exceptions at the C boundary. Looks inside the library, so it is part of the emulated tests only. */
#include "guarded.h"

#include <stdexcept>

#include "test.h"

namespace {

template <class Exception>
int32_t thrown(Exception exception) {
  return hw::guarded("hw_test", [&](const hw::Checks &) -> int32_t { throw exception; });
}

}  // namespace

TEST(exceptions_become_statuses) {
  CHECK(thrown(std::bad_alloc()) == HW_OUT_OF_MEMORY);
  CHECK(std::strcmp(hw_last_error(), "hw_test: out of memory") == 0, hw_last_error());
  CHECK(thrown(std::runtime_error("no such thing")) == HW_INTERNAL);
  CHECK(std::strcmp(hw_last_error(), "hw_test: no such thing") == 0, hw_last_error());
  CHECK(thrown(42) == HW_INTERNAL);
  CHECK(std::strstr(hw_last_error(), "hw_test: an exception") != nullptr, hw_last_error());
  CHECK(thrown(hw::Failure{HW_UNSUPPORTED}) == HW_UNSUPPORTED);
}
