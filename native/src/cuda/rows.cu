/* Rows of weights: gathered from a matrix of any element type, widened, scaled; rows added to rows. */
#include "cuda/device.h"
#include "floats.h"

namespace hw::gpu {
namespace {

constexpr int kThreads = 256;

/* A block per row. */
template <class T>
__global__ void gather(const T *source, int64_t row_stride, int64_t col_stride, int64_t width, const int64_t *index,
                       const float *scale, const float *gain, float *out, int64_t out_stride) {
  const int64_t i = blockIdx.x;
  const T *from = source + index[i] * row_stride;
  const float row_scale = scale == nullptr ? 1.0f : scale[i];
  for (int64_t j = threadIdx.x; j < width; j += blockDim.x) {
    out[i * out_stride + j] = row_scale * (gain == nullptr ? 1.0f : gain[j]) * widen(from[j * col_stride]);
  }
}

__global__ void add(float *g, int64_t width, const int64_t *row, const float *x) {
  const int64_t i = blockIdx.x;
  float *to = g + row[i] * width;
  for (int64_t j = threadIdx.x; j < width; j += blockDim.x) to[j] += x[i * width + j];
}

/* A column of blocks per target; they take its positions in turn. */
__global__ void add_scaled(float *g, const float *x, int64_t width, const int64_t *row_offset, const int32_t *position,
                           const float *scale) {
  const int64_t t = blockIdx.x;
  for (int64_t q = blockIdx.y; q <= position[t]; q += gridDim.y) {
    const int64_t row = (row_offset[t] + q) * width;
    for (int64_t j = threadIdx.x; j < width; j += blockDim.x) g[row + j] += scale[q] * x[row + j];
  }
}

}  // namespace

int32_t gather_rows(const hw_exec *exec, const void *source, int32_t source_dtype, int64_t row_stride,
                    int64_t col_stride, int64_t width, const int64_t *index, int64_t n, const float *scale,
                    const float *gain, float *out, int64_t out_stride) {
  const OnDevice on_device(exec);
  const dim3 grid = grid_of(n);
  const cudaStream_t stream = stream_of(exec);
  switch (source_dtype) {
    case HW_F32:
      HW_LAUNCH(gather<float>, grid, kThreads, stream, static_cast<const float *>(source), row_stride, col_stride,
                width, index, scale, gain, out, out_stride);
      break;
    case HW_BF16:
      HW_LAUNCH(gather<Bfloat16>, grid, kThreads, stream, static_cast<const Bfloat16 *>(source), row_stride,
                col_stride, width, index, scale, gain, out, out_stride);
      break;
    case HW_F16:
      HW_LAUNCH(gather<Float16>, grid, kThreads, stream, static_cast<const Float16 *>(source), row_stride, col_stride,
                width, index, scale, gain, out, out_stride);
      break;
    default:
      HW_LAUNCH(gather<double>, grid, kThreads, stream, static_cast<const double *>(source), row_stride, col_stride,
                width, index, scale, gain, out, out_stride);
      break;
  }
  check(cudaGetLastError(), "gathering rows");
  return HW_OK;
}

int32_t add_rows(const hw_exec *exec, float *g, int64_t width, int64_t n, const int64_t *row, const float *x) {
  const OnDevice on_device(exec);
  HW_LAUNCH(add, grid_of(n), kThreads, stream_of(exec), g, width, row, x);
  check(cudaGetLastError(), "adding rows");
  return HW_OK;
}

int32_t add_scaled_rows(const hw_exec *exec, float *g, const float *x, int64_t width, int64_t targets,
                        const int64_t *row_offset, const int32_t *position, const float *scale) {
  const OnDevice on_device(exec);
  dim3 grid = grid_of(targets);
  grid.y = 32;
  HW_LAUNCH(add_scaled, grid, kThreads, stream_of(exec), g, x, width, row_offset, position, scale);
  check(cudaGetLastError(), "adding scaled rows");
  return HW_OK;
}

}  // namespace hw::gpu
