/*
 * Edge contraction. Where positions have many sources: for each position a matrix product in tiles of targets by sources. Where
 * they have few (errors and tokens have one), a tile would be empty but for a column: a dot product for each gradient row.
 */
#include "cuda/device.h"

namespace hw::gpu {
namespace {

constexpr int kSide = 16;    /* threads: kSide x kSide, each kRows / kSide targets by 4 sources */
constexpr int kSources = 64; /* of a tile */
constexpr int kDepth = 16;   /* of the width, in shared memory at a time */
constexpr int kShares = 4;   /* blocks that share a position's tiles of sources */
constexpr int kFew = 4;      /* sources of a position, in the mean, up to which dot products are better */
constexpr int kWarps = 8;    /* of a block that makes dot products, each with a row at a time */

/* A row of kShares blocks per position and tile of kRows targets. */
template <int kRows>
__global__ void contract(const float *g, int64_t width, hw_ragged ragged, const float *source, const int64_t *segment,
                         hw_runs out, int32_t accumulate) {
  constexpr int kEachRow = kRows / kSide, kEachSource = kSources / kSide;
  __shared__ float gradients[kDepth][kRows + 1], sources[kDepth][kSources + 1];
  __shared__ int reached;
  const int id = static_cast<int>(threadIdx.x), row = id / kSide, column = id % kSide;
  const int64_t tiles = (ragged.targets + kRows - 1) / kRows;
  const int64_t q = blockIdx.x / tiles, t0 = blockIdx.x % tiles * kRows;
  if (id == 0) reached = 0;
  __syncthreads();
  if (id < kRows && t0 + id < ragged.targets && ragged.position[t0 + id] >= q) reached = 1;
  __syncthreads();
  if (reached == 0) return;
  for (int64_t s0 = segment[q] + static_cast<int64_t>(blockIdx.y) * kSources; s0 < segment[q + 1];
       s0 += gridDim.y * kSources) {
    float sums[kEachRow][kEachSource] = {};
    for (int64_t k0 = 0; k0 < width; k0 += kDepth) {
      const int d = id % kDepth;
      const bool inside = k0 + d < width;
      for (int i = id / kDepth; i < kRows; i += kSide * kSide / kDepth) {
        const int64_t t = t0 + i;
        const bool live = inside && t < ragged.targets && ragged.position[t] >= q;
        gradients[d][i] = live ? g[(ragged.offset[t] + q) * width + k0 + d] : 0.0f;
      }
      for (int i = id / kDepth; i < kSources; i += kSide * kSide / kDepth) {
        sources[d][i] = inside && s0 + i < segment[q + 1] ? source[(s0 + i) * width + k0 + d] : 0.0f;
      }
      __syncthreads();
      for (int k = 0; k < kDepth; k++) {
        for (int i = 0; i < kEachRow; i++) {
          for (int j = 0; j < kEachSource; j++) {
            sums[i][j] += gradients[k][row + i * kSide] * sources[k][column + j * kSide];
          }
        }
      }
      __syncthreads();
    }
    for (int i = 0; i < kEachRow; i++) {
      const int64_t t = t0 + row + i * kSide;
      if (t >= ragged.targets || ragged.position[t] < q) continue;
      for (int j = 0; j < kEachSource; j++) {
        const int64_t s = s0 + column + j * kSide;
        if (s >= segment[q + 1]) continue;
        float *to = out.data + out.base[t] + (s - segment[0]);
        *to = accumulate ? *to + sums[i][j] : sums[i][j];
      }
    }
  }
}

/*
 * A column of blocks per target, whose warps take its rows in turn. A row and the sources of its position are read once: memory
 * is the limit, and the sources stay in the cache for the other targets.
 */
__global__ void contract_few(const float *g, int64_t width, hw_ragged ragged, const float *source,
                             const int64_t *segment, hw_runs out, int32_t accumulate) {
  const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
  const int64_t t = blockIdx.x;
  for (int64_t q = static_cast<int64_t>(blockIdx.y) * kWarps + warp; q <= ragged.position[t];
       q += static_cast<int64_t>(gridDim.y) * kWarps) {
    const float *row = g + (ragged.offset[t] + q) * width;
    for (int64_t s0 = segment[q]; s0 < segment[q + 1]; s0 += kFew) {
      const int n = segment[q + 1] - s0 < kFew ? static_cast<int>(segment[q + 1] - s0) : kFew;
      float sums[kFew] = {};
      for (int64_t k = lane; k < width; k += 32) {
        for (int j = 0; j < kFew; j++) {
          if (j < n) sums[j] += row[k] * source[(s0 + j) * width + k];
        }
      }
      for (int j = 0; j < kFew; j++) {
        for (int d = 16; d > 0; d /= 2) sums[j] += __shfl_down_sync(0xffffffffu, sums[j], d);
        if (lane == 0 && j < n) {
          float *to = out.data + out.base[t] + (s0 + j - segment[0]);
          *to = accumulate ? *to + sums[j] : sums[j];
        }
      }
    }
  }
}

}  // namespace

int32_t edge_contract(const hw_exec *exec, const hw_matrix *g, const hw_ragged *ragged, const hw_matrix *source,
                      const hw_segments *segments, const hw_runs *out, int32_t accumulate) {
  const OnDevice on_device(exec);
  const bool few = segments->sources <= kFew * segments->positions;
  const int64_t rows = ragged->targets <= 16 ? 16 : 64;
  dim3 grid = grid_of(few ? ragged->targets : segments->positions * blocks_for(ragged->targets, rows));
  grid.y = kShares;
  if (few) {
    HW_LAUNCH(contract_few, grid, kWarps * 32, stream_of(exec), g->data, g->columns, *ragged, source->data,
              segments->start, *out, accumulate);
  } else if (rows == 16) {
    HW_LAUNCH(contract<16>, grid, kSide * kSide, stream_of(exec), g->data, g->columns, *ragged, source->data,
              segments->start, *out, accumulate);
  } else {
    HW_LAUNCH(contract<64>, grid, kSide * kSide, stream_of(exec), g->data, g->columns, *ragged, source->data,
              segments->start, *out, accumulate);
  }
  check(cudaGetLastError(), "contracting edges");
  return HW_OK;
}

}  // namespace hw::gpu
