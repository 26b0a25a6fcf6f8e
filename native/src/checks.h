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
  /* `value` is what `what` says that it has to be. */
  void equal(int64_t value, int64_t expected, const char *name, const char *what) const;
  /* `inner` things have room in `outer`. */
  void fits(int64_t inner, const char *name, int64_t outer, const char *of) const;
  /* The product of the factors, as a number of elements, can be addressed. */
  void addressable(std::initializer_list<int64_t> factors, const char *what) const;

  /* Each view by itself. What it points to is looked into where `host` says that it can be. */
  void matrix(const hw_matrix *matrix, const char *name) const;
  void matrix(const hw_bf16_matrix *matrix, const char *name) const;
  void vector(const hw_vector *vector, const char *name, int64_t count) const;
  /* Returns the view or, for one that is left out, one with nothing in it. */
  const hw_vector *optional(const hw_vector *vector, const char *name, int64_t count) const;
  void rows(const hw_rows *rows, bool host) const;
  void ragged(const hw_ragged *ragged, bool host) const;
  void segments(const hw_segments *segments, bool host) const;
  void runs(const hw_runs *runs, const hw_ragged *ragged, const hw_segments *segments, bool host) const;
  void pattern(const hw_pattern *pattern) const;
  void layout(const void *source, const hw_layout *layout, int64_t rows, int64_t columns) const;
  void active(const hw_active *active) const;
  /* Entries that are read: in order of rows, each in one of so many rows and columns. */
  void entries(const hw_active *active, int64_t rows, int64_t columns, bool values) const;
  void edges(const hw_edges *edges) const;

  /* Every number is 0 .. limit-1. */
  template <class Integer>
  void within(const Integer *values, int64_t n, int64_t limit, const char *name) const;
  /* Starts at 0 or more and never descends. */
  void ascending(const int64_t *values, int64_t n, const char *name) const;
  /* Each number is more than the one before it. */
  void distinct(const int64_t *values, int64_t n, const char *name) const;
  /* Each is a finite number, 0 or more. */
  void coefficients(const double *values, int64_t n) const;

  const char *function() const { return function_; }

 private:
  const char *function_;
};

}  // namespace hw

#endif
