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

void Checks::equal(int64_t value, int64_t expected, const char *name, const char *what) const {
  if (value != expected) {
    fail(HW_INVALID, "%s: %s is %lld; it must be %lld, %s", function_, name, number(value), number(expected), what);
  }
}

void Checks::fits(int64_t inner, const char *name, int64_t outer, const char *of) const {
  if (inner > outer) {
    fail(HW_INVALID, "%s: %s is %lld, more than %s, which is %lld", function_, name, number(inner), of, number(outer));
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

void Checks::matrix(const hw_matrix *matrix, const char *name) const {
  present(matrix, name);
  if (matrix->rows < 0 || matrix->columns < 0) {
    fail(HW_INVALID, "%s: %s has %lld rows of %lld columns", function_, name, number(matrix->rows),
         number(matrix->columns));
  }
  addressable({matrix->rows, matrix->columns}, name);
  present(matrix->data, name, matrix->rows > 0 && matrix->columns > 0);
}

void Checks::matrix(const hw_bf16_matrix *matrix, const char *name) const {
  present(matrix, name);
  if (matrix->rows < 0 || matrix->columns < 0 || matrix->stride < matrix->columns) {
    fail(HW_INVALID, "%s: %s has %lld rows of %lld columns at a stride of %lld", function_, name, number(matrix->rows),
         number(matrix->columns), number(matrix->stride));
  }
  addressable({matrix->rows, matrix->stride}, name);
  present(matrix->data, name, matrix->rows > 0 && matrix->columns > 0);
}

void Checks::vector(const hw_vector *vector, const char *name, int64_t count) const {
  present(vector, name);
  if (vector->count < count) {
    fail(HW_INVALID, "%s: %s has %lld numbers where %lld are needed", function_, name, number(vector->count),
         number(count));
  }
  present(vector->data, name, count > 0);
}

const hw_vector *Checks::optional(const hw_vector *vector, const char *name, int64_t count) const {
  static const hw_vector nothing = {nullptr, 0};
  if (vector == nullptr || (vector->data == nullptr && vector->count == 0)) return &nothing;
  this->vector(vector, name, count);
  return vector;
}

void Checks::rows(const hw_rows *rows, bool host) const {
  present(rows, "rows");
  at_least(rows->count, 0, "rows.count");
  at_least(rows->limit, 0, "rows.limit");
  present(rows->index, "rows.index", rows->count > 0);
  if (host) within(rows->index, rows->count, rows->limit, "rows.index");
}

void Checks::ragged(const hw_ragged *ragged, bool host) const {
  present(ragged, "ragged");
  const int64_t targets = ragged->targets;
  at_least(targets, 0, "ragged.targets");
  at_least(ragged->positions, 0, "ragged.positions");
  at_least(ragged->rows, 0, "ragged.rows");
  present(ragged->offset, "ragged.offset", targets > 0);
  present(ragged->position, "ragged.position", targets > 0);
  if (!host) return;
  within(ragged->position, targets, ragged->positions, "ragged.position");
  within(ragged->offset, targets, ragged->rows, "ragged.offset");
  for (int64_t t = 0; t < targets; t++) {
    if (ragged->position[t] >= ragged->rows - ragged->offset[t]) {
      fail(HW_INVALID, "%s: target %lld reaches row %lld + %d of %lld", function_, number(t), number(ragged->offset[t]),
           ragged->position[t], number(ragged->rows));
    }
  }
}

void Checks::segments(const hw_segments *segments, bool host) const {
  present(segments, "segments");
  at_least(segments->positions, 0, "segments.positions");
  at_least(segments->sources, 0, "segments.sources");
  present(segments->start, "segments.start");
  if (!host) return;
  ascending(segments->start, segments->positions + 1, "segments.start");
  fits(segments->start[segments->positions], "the last of segments.start", segments->sources, "segments.sources");
}

void Checks::runs(const hw_runs *runs, const hw_ragged *ragged, const hw_segments *segments, bool host) const {
  present(runs, "out");
  at_least(runs->count, 0, "out.count");
  at_least(runs->reach, 0, "out.reach");
  equal(runs->targets, ragged->targets, "out.targets", "as in ragged");
  fits(runs->reach, "out.reach", runs->count, "out.count");
  present(runs->base, "out.base", runs->targets > 0);
  present(runs->data, "out", runs->reach > 0);
  if (!host) return;
  const int64_t *start = segments->start;
  for (int64_t t = 0; t < runs->targets; t++) {
    const int64_t length = start[ragged->position[t] + 1] - start[0];
    if (runs->base[t] < 0 || length > runs->reach || runs->base[t] > runs->reach - length) {
      fail(HW_INVALID, "%s: target %lld's run is out[%lld .. %lld + %lld), past the %lld that may be reached",
           function_, number(t), number(runs->base[t]), number(runs->base[t]), number(length), number(runs->reach));
    }
  }
}

void Checks::pattern(const hw_pattern *pattern) const {
  present(pattern, "pattern");
  at_least(pattern->heads, 1, "pattern.heads");
  at_least(pattern->positions, 0, "pattern.positions");
  addressable({pattern->heads, pattern->positions, pattern->positions}, "pattern");
  present(pattern->data, "pattern", pattern->positions > 0);
}

void Checks::layout(const void *source, const hw_layout *layout, int64_t rows, int64_t columns) const {
  present(layout, "layout");
  if (layout->dtype < HW_F32 || layout->dtype > HW_F64) {
    fail(HW_INVALID, "%s: layout.dtype is %d; it must be HW_F32, HW_BF16, HW_F16 or HW_F64", function_, layout->dtype);
  }
  at_least(layout->elements, 0, "layout.elements");
  at_least(layout->row_stride, 0, "layout.row_stride");
  at_least(layout->column_stride, 0, "layout.column_stride");
  if (rows == 0 || columns == 0) return;
  addressable({rows, layout->row_stride}, "source");
  addressable({columns, layout->column_stride}, "source");
  const int64_t last = (rows - 1) * layout->row_stride + (columns - 1) * layout->column_stride;
  fits(last + 1, "the source's extent in elements", layout->elements, "layout.elements");
  present(source, "source");
}

void Checks::active(const hw_active *active) const {
  present(active, "out");
  at_least(active->capacity, 0, "out.capacity");
  present(active->row, "out.row", active->capacity > 0);
  present(active->column, "out.column", active->capacity > 0);
  present(active->value, "out.value", active->capacity > 0);
}

void Checks::entries(const hw_active *active, int64_t rows, int64_t columns, bool values) const {
  present(active, "entries");
  at_least(active->count, 0, "the number of entries");
  present(active->row, "the entries' rows", active->count > 0);
  present(active->column, "the entries' columns", active->count > 0);
  present(active->value, "the entries' values", values && active->count > 0);
  within(active->row, active->count, rows, "row");
  within(active->column, active->count, columns, "column");
  for (int64_t i = 1; i < active->count; i++) {
    if (active->row[i] < active->row[i - 1]) {
      fail(HW_INVALID, "%s: row[%lld] is %d, less than the one before it", function_, number(i), active->row[i]);
    }
  }
}

void Checks::edges(const hw_edges *edges) const {
  present(edges, "edges");
  at_least(edges->rows, 0, "edges.rows");
  at_least(edges->columns, 0, "edges.columns");
  at_least(edges->runs, 0, "edges.runs");
  if (edges->rows == 0) return;
  present(edges->run_start, "edges.run_start");
  ascending(edges->run_start, edges->rows + 1, "edges.run_start");
  const int64_t first = edges->run_start[0], last = edges->run_start[edges->rows];
  fits(last, "the last of edges.run_start", edges->runs, "edges.runs");
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
  within(values, n, INT64_MAX / 16, name);
  for (int64_t i = 1; i < n; i++) {
    if (values[i] < values[i - 1]) {
      fail(HW_INVALID, "%s: %s[%lld] is %lld, less than the one before it", function_, name, number(i),
           number(values[i]));
    }
  }
}

void Checks::distinct(const int64_t *values, int64_t n, const char *name) const {
  for (int64_t i = 1; i < n; i++) {
    if (values[i] <= values[i - 1]) {
      fail(HW_INVALID, "%s: %s[%lld] is %lld, not more than the one before it", function_, name, number(i),
           number(values[i]));
    }
  }
}

void Checks::coefficients(const double *values, int64_t n) const {
  for (int64_t i = 0; i < n; i++) {
    if (!(values[i] >= 0) || std::isinf(values[i])) {
      fail(HW_INVALID, "%s: coefficient[%lld] is %g; it must be a finite number, 0 or more", function_, number(i),
           values[i]);
    }
  }
}

}  // namespace hw
