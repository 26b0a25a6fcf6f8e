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
__global__ void mix(const float *o, const float *pattern, Heads x, hw_ragged ragged, float *v) {
  __shared__ float patterns[kDepth][kTile], gradients[kDepth][kTile];
  const int64_t key_tiles = (x.P + kTile - 1) / kTile;
  const int64_t t = blockIdx.x % ragged.targets;
  const int64_t p0 = blockIdx.x / ragged.targets % key_tiles * kTile;
  const int64_t g = blockIdx.x / ragged.targets / key_tiles;
  const int64_t j0 = static_cast<int64_t>(blockIdx.y) * kTile;
  const int64_t last = ragged.position[t];
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
            q <= last && j < x.head_dim ? o[((ragged.offset[t] + q) * x.heads + h) * x.head_dim + j] : 0.0f;
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
        v[((ragged.offset[t] + p) * x.kv_heads + g) * x.head_dim + c] = sums[i][j];
      }
    }
  }
}

/* A column of blocks per target; they take its keys in turn. */
__global__ void mix_single(const float *o, const float *pattern, Heads x, hw_ragged ragged, float *v) {
  const int64_t t = blockIdx.x, q = ragged.position[t], width = x.kv_heads * x.head_dim, group = x.heads / x.kv_heads;
  for (int64_t p = blockIdx.y; p <= q; p += gridDim.y) {
    for (int64_t c = threadIdx.x; c < width; c += blockDim.x) {
      const int64_t g = c / x.head_dim, j = c % x.head_dim;
      float sum = 0;
      for (int64_t h = g * group; h < (g + 1) * group; h++) {
        sum += pattern[(h * x.P + q) * x.P + p] * o[(t * x.heads + h) * x.head_dim + j];
      }
      v[(ragged.offset[t] + p) * width + c] = sum;
    }
  }
}

Heads heads_of(const hw_matrix &o, const hw_pattern &pattern, int64_t kv_heads) {
  return {pattern.positions, pattern.heads, kv_heads, o.columns / pattern.heads};
}

}  // namespace

int32_t pattern_adjoint(const hw_exec *exec, const hw_matrix *o, const hw_pattern *pattern, int64_t kv_heads,
                        const hw_ragged *ragged, const hw_matrix *v) {
  const OnDevice on_device(exec);
  const Heads heads = heads_of(*o, *pattern, kv_heads);
  dim3 grid = grid_of(ragged->targets * blocks_for(heads.P, kTile) * kv_heads);
  grid.y = static_cast<unsigned>(blocks_for(heads.head_dim, kTile));
  HW_LAUNCH(mix, grid, kSide * kSide, stream_of(exec), o->data, pattern->data, heads, *ragged, v->data);
  check(cudaGetLastError(), "mixing by transposed patterns");
  return HW_OK;
}

int32_t pattern_adjoint_single(const hw_exec *exec, const hw_matrix *o, const hw_pattern *pattern, int64_t kv_heads,
                               const hw_ragged *ragged, const hw_matrix *v) {
  const OnDevice on_device(exec);
  const Heads heads = heads_of(*o, *pattern, kv_heads);
  dim3 grid = grid_of(ragged->targets);
  grid.y = 32;
  HW_LAUNCH(mix_single, grid, 256, stream_of(exec), o->data, pattern->data, heads, *ragged, v->data);
  check(cudaGetLastError(), "mixing by transposed patterns");
  return HW_OK;
}

}  // namespace hw::gpu
