/* Transposed attention mixing. */
#include "cuda/device.h"

namespace hw::gpu {
namespace {

constexpr int kTile = 64;  /* keys, and columns of a head, of a block */
constexpr int kDepth = 16; /* queries that a block holds in shared memory */
constexpr int kSide = 16;  /* threads: kSide x kSide, each 4 keys by 4 columns */
constexpr int kEach = kTile / kSide;

struct Heads {
  int64_t P, heads, kv_heads, head_dim;
};

/* A block per target, key/value head, tile of keys and tile of columns. */
__global__ void mix(const float *o, const float *pattern, Heads x, int64_t targets, const int64_t *row_offset,
                    const int32_t *position, float *v) {
  __shared__ float patterns[kDepth][kTile], gradients[kDepth][kTile];
  const int64_t key_tiles = (x.P + kTile - 1) / kTile;
  const int64_t t = blockIdx.x % targets;
  const int64_t p0 = blockIdx.x / targets % key_tiles * kTile;
  const int64_t g = blockIdx.x / targets / key_tiles;
  const int64_t j0 = static_cast<int64_t>(blockIdx.y) * kTile;
  const int64_t last = position[t];
  if (p0 > last) return;
  const int id = static_cast<int>(threadIdx.x), row = id / kSide, column = id % kSide;
  const int64_t group = x.heads / x.kv_heads;
  float sums[kEach][kEach] = {};
  for (int64_t h = g * group; h < (g + 1) * group; h++) {
    for (int64_t q0 = p0; q0 <= last; q0 += kDepth) {
      for (int i = id; i < kDepth * kTile; i += kSide * kSide) {
        const int64_t q = q0 + i / kTile, p = p0 + i % kTile, j = j0 + i % kTile;
        patterns[i / kTile][i % kTile] = q <= last && p <= q ? pattern[(h * x.P + q) * x.P + p] : 0.0f;
        gradients[i / kTile][i % kTile] =
            q <= last && j < x.head_dim ? o[((row_offset[t] + q) * x.heads + h) * x.head_dim + j] : 0.0f;
      }
      __syncthreads();
      for (int d = 0; d < kDepth; d++) {
        for (int i = 0; i < kEach; i++) {
          for (int j = 0; j < kEach; j++) {
            sums[i][j] += patterns[d][row + i * kSide] * gradients[d][column + j * kSide];
          }
        }
      }
      __syncthreads();
    }
  }
  for (int i = 0; i < kEach; i++) {
    for (int j = 0; j < kEach; j++) {
      const int64_t p = p0 + row + i * kSide, c = j0 + column + j * kSide;
      if (p <= last && c < x.head_dim) {
        v[((row_offset[t] + p) * x.kv_heads + g) * x.head_dim + c] = sums[i][j];
      }
    }
  }
}

/* A column of blocks per target; they take its keys in turn. */
__global__ void mix_single(const float *o, const float *pattern, Heads x, const int64_t *row_offset,
                           const int32_t *position, float *v) {
  const int64_t t = blockIdx.x, q = position[t], width = x.kv_heads * x.head_dim, group = x.heads / x.kv_heads;
  for (int64_t p = blockIdx.y; p <= q; p += gridDim.y) {
    for (int64_t c = threadIdx.x; c < width; c += blockDim.x) {
      const int64_t g = c / x.head_dim, j = c % x.head_dim;
      float sum = 0;
      for (int64_t h = g * group; h < (g + 1) * group; h++) {
        sum += pattern[(h * x.P + q) * x.P + p] * o[(t * x.heads + h) * x.head_dim + j];
      }
      v[(row_offset[t] + p) * width + c] = sum;
    }
  }
}

}  // namespace

int32_t pattern_adjoint(const hw_exec *exec, const float *o, const float *pattern, int64_t P, int64_t heads,
                        int64_t kv_heads, int64_t head_dim, int64_t targets, const int64_t *row_offset,
                        const int32_t *position, float *v) {
  const OnDevice on_device(exec);
  dim3 grid = grid_of(targets * blocks_for(P, kTile) * kv_heads);
  grid.y = static_cast<unsigned>(blocks_for(head_dim, kTile));
  HW_LAUNCH(mix, grid, kSide * kSide, stream_of(exec), o, pattern, Heads{P, heads, kv_heads, head_dim}, targets,
            row_offset, position, v);
  check(cudaGetLastError(), "mixing by transposed patterns");
  return HW_OK;
}

int32_t pattern_adjoint_single(const hw_exec *exec, const float *o, const float *pattern, int64_t P, int64_t heads,
                               int64_t kv_heads, int64_t head_dim, int64_t targets, const int64_t *row_offset,
                               const int32_t *position, float *v) {
  const OnDevice on_device(exec);
  dim3 grid = grid_of(targets);
  grid.y = 32;
  HW_LAUNCH(mix_single, grid, 256, stream_of(exec), o, pattern, Heads{P, heads, kv_heads, head_dim}, row_offset,
            position, v);
  check(cudaGetLastError(), "mixing by transposed patterns");
  return HW_OK;
}

}  // namespace hw::gpu
