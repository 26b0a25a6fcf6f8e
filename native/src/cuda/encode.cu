/*
 * Sparse encode, a block per row: choose (TopK), count, add the counts up, write. Columns are taken in order, a block's
 * width at a time, so the output's order is fixed.
 */
#include "cuda/device.h"
#include "floats.h"

namespace hw::gpu {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;

struct Input {
  const float *pre;
  int64_t cols;
  const float *bias;
  const float *threshold;
  int64_t first_row;

  __device__ float at(int64_t r, int64_t c) const {
    const float x = pre[r * cols + c];
    return bias == nullptr ? x : x + bias[c];
  }
};

/* What of a row is chosen: every rank above `least`, and the first `ties` columns whose rank is `least`. */
struct Choice {
  uint32_t least;
  int64_t ties;
};

/* How many threads before this one have `flag`; *total is how many of the block have it. Every thread takes part. */
__device__ int place(bool flag, int *total) {
  __shared__ int warps[kWarps];
  const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
  const unsigned ballot = __ballot_sync(0xffffffffu, flag);
  if (lane == 0) warps[warp] = __popc(ballot);
  __syncthreads();
  int before = __popc(ballot & ((1u << lane) - 1u));
  *total = 0;
  for (int w = 0; w < kWarps; w++) {
    if (w < warp) before += warps[w];
    *total += warps[w];
  }
  __syncthreads();
  return before;
}

/* Finds the k-th largest rank of a row by its digits, the highest first. */
__global__ void choose(Input in, int64_t k, Choice *choice) {
  __shared__ int histogram[kThreads], above[kThreads];
  __shared__ uint32_t chosen;
  __shared__ int left;
  const int id = static_cast<int>(threadIdx.x);
  const int64_t r = in.first_row + blockIdx.x;
  uint32_t known = 0, mask = 0;
  if (id == 0) left = static_cast<int>(k);
  for (int shift = 24; shift >= 0; shift -= 8) {
    histogram[id] = 0;
    __syncthreads();
    for (int64_t c = id; c < in.cols; c += kThreads) {
      const uint32_t u = rank(in.at(r, c));
      if ((u & mask) == known) atomicAdd(&histogram[u >> shift & 255u], 1);
    }
    __syncthreads();
    above[id] = histogram[id]; /* becomes how many have this digit or a higher one */
    __syncthreads();
    for (int d = 1; d < kThreads; d *= 2) {
      const int more = id + d < kThreads ? above[id + d] : 0;
      __syncthreads();
      above[id] += more;
      __syncthreads();
    }
    const int wanted = left;
    __syncthreads();
    if (above[id] >= wanted && above[id] - histogram[id] < wanted) {
      chosen = static_cast<uint32_t>(id);
      left = wanted - (above[id] - histogram[id]);
    }
    __syncthreads();
    known |= chosen << shift;
    mask |= 255u << shift;
  }
  if (id == 0) choice[blockIdx.x] = Choice{known, left};
}

/*
 * Visits a row's columns in order, kThreads at a time, all threads together: visit(c, x, active). `choice` is null for
 * threshold activations.
 */
template <class Visit>
__device__ void visit_row(const Input &in, int64_t r, const Choice *choice, Visit visit) {
  int64_t ties = choice == nullptr ? 0 : choice->ties;
  for (int64_t c0 = 0; c0 < in.cols; c0 += kThreads) {
    const int64_t c = c0 + threadIdx.x;
    const bool inside = c < in.cols;
    const float x = inside ? in.at(r, c) : 0.0f;
    bool active;
    if (choice == nullptr) {
      active = inside && (in.threshold == nullptr ? x > 0 : x > in.threshold[c] && x != 0);
    } else {
      const uint32_t u = rank(x);
      const bool tie = inside && u == choice->least;
      int tied;
      const int before = place(tie, &tied);
      active = inside && u != 0 && x != 0 && (u > choice->least || (tie && before < ties));
      ties -= tied;
    }
    visit(c, x, active);
  }
}

__global__ void count_active(Input in, const Choice *choice, int64_t *start) {
  __shared__ int sum;
  if (threadIdx.x == 0) sum = 0;
  __syncthreads();
  int own = 0;
  visit_row(in, in.first_row + blockIdx.x, choice == nullptr ? nullptr : choice + blockIdx.x,
            [&](int64_t, float, bool active) { own += active; });
  atomicAdd(&sum, own);
  __syncthreads();
  if (threadIdx.x == 0) start[blockIdx.x] = sum;
}

/* Replaces the rows' counts by where each row begins; start[rows] is the sum. One block. */
__global__ void add_up(int64_t *start, int64_t rows) {
  __shared__ int64_t sums[kThreads];
  const int id = static_cast<int>(threadIdx.x);
  const int64_t each = (rows + kThreads - 1) / kThreads;
  const int64_t begin = id * each < rows ? id * each : rows, end = begin + each < rows ? begin + each : rows;
  int64_t sum = 0;
  for (int64_t r = begin; r < end; r++) sum += start[r];
  sums[id] = sum;
  __syncthreads();
  int64_t at = 0;
  for (int i = 0; i < id; i++) at += sums[i];
  for (int64_t r = begin; r < end; r++) {
    const int64_t count = start[r];
    start[r] = at;
    at += count;
  }
  if (id == kThreads - 1) start[rows] = at;
}

__global__ void write_active(Input in, const Choice *choice, const int64_t *start, hw_active out) {
  const int64_t r = in.first_row + blockIdx.x;
  int64_t at = start[blockIdx.x];
  visit_row(in, r, choice == nullptr ? nullptr : choice + blockIdx.x, [&](int64_t c, float x, bool active) {
    int total;
    const int64_t to = at + place(active, &total);
    if (active && to < out.capacity) {
      out.row[to] = static_cast<int32_t>(r);
      out.column[to] = static_cast<int32_t>(c);
      out.value[to] = x;
    }
    at += total;
  });
}

int32_t encode(const hw_exec *exec, const Input &in, int64_t all_rows, const int64_t *k, hw_active *out) {
  out->count = 0;
  const int64_t rows = all_rows - in.first_row;
  if (rows <= 0 || in.cols == 0 || (k != nullptr && *k == 0)) return HW_OK;
  const OnDevice on_device(exec);
  const cudaStream_t stream = stream_of(exec);
  const dim3 grid = grid_of(rows);
  const DeviceBuffer<int64_t> start(rows + 1, stream);
  const DeviceBuffer<Choice> choices(k == nullptr ? 1 : rows, stream);
  const Choice *choice = k == nullptr ? nullptr : choices.data();
  if (k != nullptr) {
    HW_LAUNCH(choose, grid, kThreads, stream, in, *k < in.cols ? *k : in.cols, choices.data());
  }
  HW_LAUNCH(count_active, grid, kThreads, stream, in, choice, start.data());
  HW_LAUNCH(add_up, dim3(1), kThreads, stream, start.data(), rows);
  HW_LAUNCH(write_active, grid, kThreads, stream, in, choice, start.data(), *out);
  check(cudaGetLastError(), "encoding");
  check(cudaMemcpyAsync(&out->count, start.data() + rows, sizeof out->count, cudaMemcpyDeviceToHost, stream),
        "encoding");
  check(cudaStreamSynchronize(stream), "encoding");
  return HW_OK;
}

}  // namespace

int32_t encode_threshold(const hw_exec *exec, const hw_matrix *pre, const hw_vector *bias, const hw_vector *threshold,
                         int64_t first_row, hw_active *out) {
  return encode(exec, Input{pre->data, pre->columns, bias->data, threshold->data, first_row}, pre->rows, nullptr, out);
}

int32_t encode_topk(const hw_exec *exec, const hw_matrix *pre, const hw_vector *bias, int64_t k, int64_t first_row,
                    hw_active *out) {
  return encode(exec, Input{pre->data, pre->columns, bias->data, nullptr, first_row}, pre->rows, &k, out);
}

}  // namespace hw::gpu
