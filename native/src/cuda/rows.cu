/* Rows of weights: gathered from a matrix of any element type, widened, scaled; rows added to rows. */
#include "cuda/device.h"
#include "floats.h"

namespace hw::gpu {
namespace {

constexpr int kThreads = 256;

/* A block per row. */
template <class T>
__global__ void gather(const T *source, hw_layout layout, const int64_t *index, const float *scale, const float *gain,
                       hw_matrix out) {
  const int64_t i = blockIdx.x, width = out.columns;
  const T *from = source + index[i] * layout.row_stride;
  const float row_scale = scale == nullptr ? 1.0f : scale[i];
  for (int64_t j = threadIdx.x; j < width; j += blockDim.x) {
    out.data[i * width + j] = row_scale * (gain == nullptr ? 1.0f : gain[j]) * widen(from[j * layout.column_stride]);
  }
}

__global__ void add(float *g, int64_t width, const int64_t *row, const float *x) {
  const int64_t i = blockIdx.x;
  float *to = g + row[i] * width;
  for (int64_t j = threadIdx.x; j < width; j += blockDim.x) to[j] += x[i * width + j];
}

/* A column of blocks per target; they take its positions in turn. */
__global__ void add_scaled(float *g, const float *x, int64_t width, hw_ragged ragged, const float *scale) {
  const int64_t t = blockIdx.x;
  for (int64_t q = blockIdx.y; q <= ragged.position[t]; q += gridDim.y) {
    const int64_t row = (ragged.offset[t] + q) * width;
    for (int64_t j = threadIdx.x; j < width; j += blockDim.x) g[row + j] += scale[q] * x[row + j];
  }
}

}  // namespace

int32_t gather_rows(const hw_exec *exec, const void *source, const hw_layout *layout, const hw_rows *rows,
                    const hw_vector *scale, const hw_vector *gain, const hw_matrix *out) {
  const OnDevice on_device(exec);
  const dim3 grid = grid_of(rows->count);
  const cudaStream_t stream = stream_of(exec);
  switch (layout->dtype) {
    case HW_F32:
      HW_LAUNCH(gather<float>, grid, kThreads, stream, static_cast<const float *>(source), *layout, rows->index,
                scale->data, gain->data, *out);
      break;
    case HW_BF16:
      HW_LAUNCH(gather<Bfloat16>, grid, kThreads, stream, static_cast<const Bfloat16 *>(source), *layout, rows->index,
                scale->data, gain->data, *out);
      break;
    case HW_F16:
      HW_LAUNCH(gather<Float16>, grid, kThreads, stream, static_cast<const Float16 *>(source), *layout, rows->index,
                scale->data, gain->data, *out);
      break;
    default:
      HW_LAUNCH(gather<double>, grid, kThreads, stream, static_cast<const double *>(source), *layout, rows->index,
                scale->data, gain->data, *out);
      break;
  }
  check(cudaGetLastError(), "gathering rows");
  return HW_OK;
}

int32_t add_rows(const hw_exec *exec, const hw_matrix *g, const hw_rows *rows, const hw_matrix *x) {
  const OnDevice on_device(exec);
  HW_LAUNCH(add, grid_of(rows->count), kThreads, stream_of(exec), g->data, g->columns, rows->index, x->data);
  check(cudaGetLastError(), "adding rows");
  return HW_OK;
}

int32_t add_scaled_rows(const hw_exec *exec, const hw_matrix *g, const hw_matrix *x, const hw_ragged *ragged,
                        const hw_vector *scale) {
  const OnDevice on_device(exec);
  dim3 grid = grid_of(ragged->targets);
  grid.y = 32;
  HW_LAUNCH(add_scaled, grid, kThreads, stream_of(exec), g->data, x->data, g->columns, *ragged, scale->data);
  check(cudaGetLastError(), "adding scaled rows");
  return HW_OK;
}

}  // namespace hw::gpu
