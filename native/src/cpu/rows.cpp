/* Rows of weights: gathered from a matrix of any element type, widened, scaled. */
#include "cpu/cpu.h"
#include "floats.h"

namespace hw::HW_ISA {
namespace {

struct Request {
  int64_t row_stride, col_stride, width;
  const int64_t *index;
  int64_t n;
  const float *scale, *gain;
  float *out;
};

template <class T>
void gather_contiguous(const T *source, const Request &request) {
#pragma omp parallel for schedule(dynamic, 4) num_threads(hw::threads())
  for (int64_t i = 0; i < request.n; i++) {
    const T *__restrict from = source + request.index[i] * request.row_stride;
    float *__restrict to = request.out + i * request.width;
    const float *gain = request.gain;
    const float scale = request.scale == nullptr ? 1.0f : request.scale[i];
    if (gain != nullptr) {
      for (int64_t j = 0; j < request.width; j++) to[j] = scale * gain[j] * widen(from[j]);
    } else {
      for (int64_t j = 0; j < request.width; j++) to[j] = scale * widen(from[j]);
    }
  }
}

/* Columns of the source are far apart: a few columns for all rows before the next, so that the same pages serve all. */
template <class T>
void gather_strided(const T *source, const Request &request) {
  constexpr int64_t kColumns = 16;
#pragma omp parallel for schedule(dynamic) num_threads(hw::threads())
  for (int64_t j0 = 0; j0 < request.width; j0 += kColumns) {
    const int64_t j1 = min(request.width, j0 + kColumns);
    for (int64_t i = 0; i < request.n; i++) {
      const T *from = source + request.index[i] * request.row_stride;
      float *to = request.out + i * request.width;
      const float scale = request.scale == nullptr ? 1.0f : request.scale[i];
      for (int64_t j = j0; j < j1; j++) {
        const float gain = request.gain == nullptr ? 1.0f : request.gain[j];
        to[j] = scale * gain * widen(from[j * request.col_stride]);
      }
    }
  }
}

template <class T>
void gather(const void *source, const Request &request) {
  if (request.col_stride == 1) {
    gather_contiguous(static_cast<const T *>(source), request);
  } else {
    gather_strided(static_cast<const T *>(source), request);
  }
}

}  // namespace

int32_t gather_rows(const hw_exec *, const void *source, const hw_layout *layout, const hw_rows *rows,
                    const hw_vector *scale, const hw_vector *gain, const hw_matrix *out) {
  const Request request = {layout->row_stride, layout->column_stride, out->columns, rows->index,
                           rows->count,        scale->data,           gain->data,   out->data};
  switch (layout->dtype) {
    case HW_F32: gather<float>(source, request); break;
    case HW_BF16: gather<Bfloat16>(source, request); break;
    case HW_F16: gather<Float16>(source, request); break;
    default: gather<double>(source, request); break;
  }
  return HW_OK;
}

}  // namespace hw::HW_ISA
