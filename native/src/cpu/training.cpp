/*
 * What training transcoders takes beside dense products: products with few active entries of a matrix in the place of the matrix, and
 * the step of the optimiser.
 *
 * Sparse kernels work on some columns of the dense sides at a time: the slices of all rows that entries name stay in the second cache,
 * and sums of a slice in registers.
 */
#include <omp.h>

#include "cpu/cpu.h"

namespace hw::HW_ISA {
namespace {

#if defined(__AVX512F__)
constexpr int kSlice = 12; /* vectors of a slice */
#else
constexpr int kSlice = 8;
#endif
constexpr int64_t kFewRows = 1024; /* whose wide slices have room in the second cache */
constexpr int64_t kSquares = 4096; /* numbers whose squares are one sum */

/* Where entries of row `row` begin. */
HW_INLINE int64_t first_of(const hw_active *a, int64_t row) {
  int64_t low = 0, high = a->count;
  while (low < high) {
    const int64_t middle = (low + high) / 2;
    if (a->row[middle] < row) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/* A thread's share of `n` things: from first to before last. */
struct Share {
  int64_t first, last;
};
HW_INLINE Share share_of(int64_t n) {
  const int64_t threads = omp_get_num_threads(), each = ceil_div(n, threads), first = omp_get_thread_num() * each;
  return {min(first, n), min(first + each, n)};
}

/* Calls body<vectors>(first column) for slices of whole vectors, `wide` ones or narrow ones, then rest(first column, columns) for what is no whole vector. */
template <class Body, class Rest>
HW_INLINE void by_slices(int64_t columns, bool wide, Body body, Rest rest) {
  int64_t j = 0;
  if (wide) {
    for (; columns - j >= kSlice * kLanes; j += kSlice * kLanes) body.template operator()<kSlice>(j);
  }
  for (; columns - j >= 4 * kLanes; j += 4 * kLanes) body.template operator()<4>(j);
  for (; columns - j >= kLanes; j += kLanes) body.template operator()<1>(j);
  if (j < columns) rest(j, columns - j);
}

/* to (+)= sum of value[e] * rows[e] for e = first .. last-1, of N vectors */
template <int N, class Value, class Row>
HW_INLINE void weighted(int64_t first, int64_t last, Value value, Row row, bool add, float *to) {
  Vec sums[N];
#pragma GCC unroll 12
  for (int j = 0; j < N; j++) sums[j] = add ? load(to + j * kLanes) : Vec{};
  for (int64_t e = first; e < last; e++) {
    const Vec factor = broadcast(value(e));
    const float *from = row(e);
#pragma GCC unroll 12
    for (int j = 0; j < N; j++) sums[j] += factor * load(from + j * kLanes);
  }
#pragma GCC unroll 12
  for (int j = 0; j < N; j++) store(to + j * kLanes, sums[j]);
}

template <class Value, class Row>
HW_INLINE void weighted_rest(int64_t first, int64_t last, Value value, Row row, bool add, int64_t n, float *to) {
  float sums[kLanes];
  for (int64_t j = 0; j < n; j++) sums[j] = add ? to[j] : 0.0f;
  for (int64_t e = first; e < last; e++) {
    const float factor = value(e);
    const float *from = row(e);
    for (int64_t j = 0; j < n; j++) sums[j] += factor * from[j];
  }
  for (int64_t j = 0; j < n; j++) to[j] = sums[j];
}

template <int D>
struct Away {
  constexpr int operator()(int lane) const { return lane ^ D; }
};

/* The sum of a vector's lanes, halves first. */
HW_INLINE float total(Vec v) {
  if constexpr (kLanes > 8) v += shuffle(v, v, Away<8>{});
  if constexpr (kLanes > 4) v += shuffle(v, v, Away<4>{});
  v += shuffle(v, v, Away<2>{});
  v += shuffle(v, v, Away<1>{});
  return v[0];
}

/* Where the row begins that an entry takes, from column j on. Not a lambda: clang refuses one within a parallel region of another. */
struct SourceRow {
  const float *data;
  const int32_t *row;
  int64_t width, j;
  HW_INLINE const float *operator()(int64_t e) const { return data + row[e] * width + j; }
};

}  // namespace

int32_t sparse_product(const hw_active *a, const hw_matrix *b, int32_t add, const hw_matrix *out) {
  const int64_t width = b->columns;
#pragma omp parallel num_threads(hw::threads())
  {
    const Share rows = share_of(out->rows);
    const int64_t begin = first_of(a, rows.first);
    const auto value = [&](int64_t e) { return a->value[e]; };
    const auto each_row = [&](int64_t j, auto sum) {
      int64_t e = begin;
      for (int64_t r = rows.first; r < rows.last; r++) {
        int64_t end = e;
        while (end < a->count && a->row[end] == r) end++;
        sum(e, end, [&, j](int64_t i) { return b->data + a->column[i] * width + j; }, out->data + r * width + j);
        e = end;
      }
    };
    by_slices(
        width, b->rows <= kFewRows,
        [&]<int N>(int64_t j) {
          each_row(j, [&](int64_t first, int64_t last, auto row, float *to) {
            weighted<N>(first, last, value, row, add != 0, to);
          });
        },
        [&](int64_t j, int64_t n) {
          each_row(j, [&](int64_t first, int64_t last, auto row, float *to) {
            weighted_rest(first, last, value, row, add != 0, n, to);
          });
        });
  }
  return HW_OK;
}

int32_t sparse_dots(const hw_active *at, const hw_matrix *x, const hw_matrix *y, const hw_vector *value) {
  const int64_t width = x->columns;
#pragma omp parallel num_threads(hw::threads())
  {
    const Share rows = share_of(x->rows);
    const int64_t begin = first_of(at, rows.first), end = first_of(at, rows.last);
    for (int64_t e = begin; e < end; e++) value->data[e] = 0;
    by_slices(
        width, y->rows <= kFewRows,
        [&]<int N>(int64_t j) {
          int64_t e = begin;
          while (e < end) {
            const int32_t r = at->row[e];
            Vec left[N];
#pragma GCC unroll 12
            for (int i = 0; i < N; i++) left[i] = load(x->data + r * width + j + i * kLanes);
            while (e < end && at->row[e] == r) {
              /* Four entries at a time, so that sums need not wait for each other; the last ones are taken twice. */
              int64_t n = 1;
              while (n < 4 && e + n < end && at->row[e + n] == r) n++;
              const float *right[4];
              for (int k = 0; k < 4; k++) right[k] = y->data + at->column[e + min(k, n - 1)] * width + j;
              Vec sums[4] = {};
#pragma GCC unroll 12
              for (int i = 0; i < N; i++) {
#pragma GCC unroll 4
                for (int k = 0; k < 4; k++) sums[k] += left[i] * load(right[k] + i * kLanes);
              }
              for (int64_t k = 0; k < n; k++) value->data[e + k] += total(sums[k]);
              e += n;
            }
          }
        },
        [&](int64_t j, int64_t n) {
          for (int64_t e = begin; e < end; e++) {
            const float *left = x->data + at->row[e] * width + j, *right = y->data + at->column[e] * width + j;
            float sum = 0;
            for (int64_t i = 0; i < n; i++) sum += left[i] * right[i];
            value->data[e] += sum;
          }
        });
  }
  return HW_OK;
}

int32_t sparse_sums(const hw_active *a, const hw_matrix *x, int32_t add, const hw_matrix *out) {
  const int64_t width = x->columns, columns = out->rows;
  if (width == 1) {
    for (int64_t c = 0; add == 0 && c < columns; c++) out->data[c] = 0;
    for (int64_t e = 0; e < a->count; e++) out->data[a->column[e]] += a->value[e] * x->data[a->row[e]];
    return HW_OK;
  }
  /* Entries in order of columns; those of a column stay in their order. */
  const Buffer<int64_t> start(columns + 1), next(columns);
  const Buffer<int32_t> row(a->count);
  const Buffer<float> factor(a->count);
  for (int64_t c = 0; c <= columns; c++) start[c] = 0;
  for (int64_t e = 0; e < a->count; e++) start[a->column[e] + 1]++;
  for (int64_t c = 0; c < columns; c++) {
    start[c + 1] += start[c];
    next[c] = start[c];
  }
  for (int64_t e = 0; e < a->count; e++) {
    const int64_t to = next[a->column[e]]++;
    row[to] = a->row[e];
    factor[to] = a->value[e];
  }
  const auto value = [&](int64_t e) { return factor[e]; };
  by_slices(
      width, x->rows <= kFewRows,
      [&]<int N>(int64_t j) {
        const SourceRow from{x->data, row.data(), width, j};
#pragma omp parallel for schedule(dynamic, 16) num_threads(hw::threads())
        for (int64_t c = 0; c < columns; c++) {
          weighted<N>(start[c], start[c + 1], value, from, add != 0, out->data + c * width + j);
        }
      },
      [&](int64_t j, int64_t n) {
        const SourceRow from{x->data, row.data(), width, j};
#pragma omp parallel for schedule(dynamic, 16) num_threads(hw::threads())
        for (int64_t c = 0; c < columns; c++) {
          weighted_rest(start[c], start[c + 1], value, from, add != 0, n, out->data + c * width + j);
        }
      });
  return HW_OK;
}

int32_t square_sum(const hw_vector *x, double *sum) {
  const int64_t blocks = ceil_div(x->count, kSquares);
  const Buffer<double> part(blocks);
#pragma omp parallel for schedule(static) num_threads(hw::threads())
  for (int64_t b = 0; b < blocks; b++) {
    const int64_t last = min(x->count, (b + 1) * kSquares);
    double lanes[8] = {};
    int64_t i = b * kSquares;
    for (; i + 8 <= last; i += 8) {
      for (int k = 0; k < 8; k++) lanes[k] += double{x->data[i + k]} * x->data[i + k];
    }
    for (; i < last; i++) lanes[0] += double{x->data[i]} * x->data[i];
    part[b] = 0;
    for (double lane : lanes) part[b] += lane;
  }
  *sum = 0;
  for (int64_t b = 0; b < blocks; b++) *sum += part[b];
  return HW_OK;
}

int32_t adam(const hw_vector *parameter, const hw_vector *gradient, const hw_vector *mean, const hw_vector *square,
             double scale, double rate, double beta1, double beta2, double epsilon) {
  float *__restrict p = parameter->data;
  float *__restrict m = mean->data;
  float *__restrict v = square->data;
  const float *__restrict g = gradient->data;
  const float s = static_cast<float>(scale), step = static_cast<float>(rate), e = static_cast<float>(epsilon);
  const float b1 = static_cast<float>(beta1), b2 = static_cast<float>(beta2);
  const float c1 = static_cast<float>(1 - beta1), c2 = static_cast<float>(1 - beta2);
#pragma omp parallel num_threads(hw::threads())
  {
    const Share share = share_of(parameter->count);
    for (int64_t i = share.first; i < share.last; i++) {
      const float x = s * g[i];
      m[i] = b1 * m[i] + c1 * x;
      v[i] = b2 * v[i] + c2 * x * x;
      p[i] -= step * m[i] / (__builtin_sqrtf(v[i]) + e);
    }
  }
  return HW_OK;
}

}  // namespace hw::HW_ISA
