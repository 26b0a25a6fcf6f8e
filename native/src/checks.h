/* Checks of the public functions' arguments; each fails with HW_INVALID and a sentence that names the argument. */
#ifndef HEADWATER_SRC_CHECKS_H
#define HEADWATER_SRC_CHECKS_H

#include <initializer_list>

#include "kernels.h"

namespace hw {

class Checks {
 public:
  explicit Checks(const char *function) : function_(function) {}

  /* A pointer may be null only where it points to nothing. */
  void present(const void *pointer, const char *name, bool needed = true) const;
  void at_least(int64_t value, int64_t least, const char *name) const;
  /* The product of the factors, as a number of elements, can be addressed. */
  void addressable(std::initializer_list<int64_t> factors, const char *what) const;
  /* Each position is in 0 .. P-1, each row offset (unless null) 0 or more. */
  void targets(int64_t targets, const int64_t *row_offset, const int32_t *position, int64_t P) const;
  /* Every number is 0 or more. */
  void not_negative(const int64_t *values, int64_t n, const char *name) const;
  /* Every number is 0 .. limit-1. */
  template <class Integer>
  void within(const Integer *values, int64_t n, int64_t limit, const char *name) const;
  /* Starts at 0 or more and never descends. */
  void ascending(const int64_t *values, int64_t n, const char *name) const;
  void edges(const hw_edges *edges) const;
  /* Each is a finite number, 0 or more. */
  void coefficients(const double *values, int64_t n) const;

  const char *function() const { return function_; }

 private:
  const char *function_;
};

}  // namespace hw

#endif
