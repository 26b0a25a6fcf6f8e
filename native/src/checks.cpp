/* The checks and their sentences. */
#include "checks.h"

#include <cmath>

namespace hw {
namespace {

long long number(int64_t value) { return static_cast<long long>(value); }

}  // namespace

void Checks::present(const void *pointer, const char *name, bool needed) const {
  if (needed && pointer == nullptr) fail(HW_INVALID, "%s: %s is NULL", function_, name);
}

void Checks::at_least(int64_t value, int64_t least, const char *name) const {
  if (value < least) {
    fail(HW_INVALID, "%s: %s is %lld; it must be %lld or more", function_, name, number(value), number(least));
  }
}

void Checks::addressable(std::initializer_list<int64_t> factors, const char *what) const {
  int64_t elements = 1;
  for (int64_t factor : factors) {
    if (__builtin_mul_overflow(elements, factor, &elements) || elements > INT64_MAX / 16) {
      fail(HW_INVALID, "%s: %s is too large to be addressed", function_, what);
    }
  }
}

void Checks::targets(int64_t targets, const int64_t *row_offset, const int32_t *position, int64_t P) const {
  for (int64_t t = 0; t < targets; t++) {
    if (position[t] < 0 || position[t] >= P) {
      fail(HW_INVALID, "%s: position[%lld] is %d; it must be 0 .. %lld", function_, number(t), position[t],
           number(P - 1));
    }
  }
  if (row_offset != nullptr) not_negative(row_offset, targets, "row_offset");
}

void Checks::not_negative(const int64_t *values, int64_t n, const char *name) const {
  within(values, n, INT64_MAX / 16, name);
}

template <class Integer>
void Checks::within(const Integer *values, int64_t n, int64_t limit, const char *name) const {
  for (int64_t i = 0; i < n; i++) {
    if (values[i] < 0 || values[i] >= limit) {
      fail(HW_INVALID, "%s: %s[%lld] is %lld; it must be 0 .. %lld", function_, name, number(i), number(values[i]),
           number(limit - 1));
    }
  }
}

template void Checks::within(const int32_t *, int64_t, int64_t, const char *) const;
template void Checks::within(const int64_t *, int64_t, int64_t, const char *) const;

void Checks::ascending(const int64_t *values, int64_t n, const char *name) const {
  not_negative(values, n, name);
  for (int64_t i = 1; i < n; i++) {
    if (values[i] < values[i - 1]) {
      fail(HW_INVALID, "%s: %s[%lld] is %lld, less than the one before it", function_, name, number(i),
           number(values[i]));
    }
  }
}

void Checks::edges(const hw_edges *edges) const {
  present(edges, "edges");
  at_least(edges->rows, 0, "edges.rows");
  at_least(edges->columns, 0, "edges.columns");
  if (edges->rows == 0) return;
  present(edges->run_start, "edges.run_start");
  ascending(edges->run_start, edges->rows + 1, "edges.run_start");
  const int64_t first = edges->run_start[0], last = edges->run_start[edges->rows];
  if (first == last) return;
  present(edges->column, "edges.column");
  present(edges->length, "edges.length");
  present(edges->value, "edges.value");
  for (int64_t k = first; k < last; k++) {
    if (edges->length[k] < 0 || edges->column[k] < 0 || edges->length[k] > edges->columns ||
        edges->column[k] > edges->columns - edges->length[k]) {
      fail(HW_INVALID, "%s: run %lld covers columns %lld .. %lld + %lld; the matrix has %lld", function_, number(k),
           number(edges->column[k]), number(edges->column[k]), number(edges->length[k]), number(edges->columns));
    }
    if (edges->value[k] == nullptr && edges->length[k] > 0) {
      fail(HW_INVALID, "%s: edges.value[%lld] is null", function_, number(k));
    }
  }
}

void Checks::coefficients(const double *values, int64_t n) const {
  for (int64_t i = 0; i < n; i++) {
    if (!(values[i] >= 0) || std::isinf(values[i])) {
      fail(HW_INVALID, "%s: coefficient[%lld] is %g; it must be a finite number, 0 or more", function_, number(i), values[i]);
    }
  }
}

}  // namespace hw
