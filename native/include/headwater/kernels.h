/*
 * Headwater kernels: the native inner loops of circuit tracing behind one C header.
 *
 * Conventions, for every function:
 *  - The return value is a status. On anything but HW_OK the calling thread's hw_last_error() says what was wrong.
 *  - All pointers are borrowed for the duration of the call (CUDA: until the stream has passed the call). Nothing is
 *    kept, nothing is returned owned.
 *  - Pointers marked [device] are memory of exec->device: host memory for the CPU, device memory for CUDA. Pointers
 *    marked [host] are host memory always.
 *  - Matrices are dense, row-major, float32 unless said otherwise.
 *  - Results do not depend on the number of threads. They may differ in the last bits between instruction sets and
 *    devices.
 *  - Index arrays (positions, offsets, segments, indices) are checked where the host can read them, on the CPU; on a
 *    device they are the caller's to check.
 *
 * Ragged batches. A sweep carries one gradient row per (target, position <= the target's position). Target t owns rows
 * row_offset[t] .. row_offset[t] + position[t] of a matrix whose rows are gradients, row_offset[t] + q being position q.
 */
#ifndef HEADWATER_KERNELS_H
#define HEADWATER_KERNELS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HW_API __attribute__((visibility("default")))

/* Status codes. */
#define HW_OK 0
#define HW_INVALID 1       /* an argument is out of its range */
#define HW_UNSUPPORTED 2   /* this build or machine cannot do it (CUDA asked of a CPU build, say) */
#define HW_OUT_OF_MEMORY 3
#define HW_DEVICE_ERROR 4  /* the device runtime reported an error */

/* Element types of weight files. */
#define HW_F32 0
#define HW_BF16 1
#define HW_F16 2
#define HW_F64 3

/* Where to run: device -1 is the CPU, 0.. a CUDA ordinal; stream is a cudaStream_t, NULL for the default one. */
typedef struct hw_exec {
  int32_t device;
  void *stream;
} hw_exec;

/* ---- the library ---- */

/* Version of this interface: 1. */
HW_API int32_t hw_abi_version(void);
/* Text of the calling thread's last error, "" if none. Borrowed, valid until the thread's next call. */
HW_API const char *hw_last_error(void);
/* Instruction set that the CPU kernels chose: "avx512", "avx2" or "baseline". Static.
 * HEADWATER_ISA in the environment, read once, can only lower the choice. */
HW_API const char *hw_isa(void);
/* The processor's units for products of bfloat16 matrices with float32 sums, as far as the system lets programs use them:
 * "amx", "avx512_bf16" or "none". Static. */
HW_API const char *hw_bf16_units(void);
/* 1 if CUDA kernels are compiled in, else 0. */
HW_API int32_t hw_has_cuda(void);
/* Threads that the CPU kernels use, 1 or more. */
HW_API int32_t hw_set_threads(int32_t threads);
HW_API int32_t hw_get_threads(void);

/* ---- transcoder encode ---- */

/*
 * Threshold activation and compaction of one layer's pre-activations.
 *   pre [rows, cols] [device], row stride `stride` elements; pre-activation of (r, c) is x = pre[r, c] + bias[c].
 *   threshold == NULL: ReLU, active where x > 0. Otherwise JumpReLU, active where x > threshold[c] and x != 0.
 * A not-a-number is not active. Rows below first_row are skipped (zero positions). Active entries are written in
 * (row, col) order.
 * *count [host] is the number of active entries; when it exceeds `capacity` nothing past capacity was written and the
 * call is to be repeated with room. bias may be NULL (zero). The call returns when its outputs are complete.
 */
HW_API int32_t hw_encode_threshold(const hw_exec *exec, const float *pre, int64_t rows, int64_t cols, int64_t stride,
                                   const float *bias, const float *threshold, int64_t first_row,
                                   int32_t *out_row, int32_t *out_col, float *out_value, int64_t capacity,
                                   int64_t *count);

/*
 * TopK activation: the k largest x of each row, negative ones included; exact zeros take their place among the k and are
 * not reported, not-a-numbers take none. Among equal values the lower column wins. Output order and the other arguments
 * as above.
 */
HW_API int32_t hw_encode_topk(const hw_exec *exec, const float *pre, int64_t rows, int64_t cols, int64_t stride,
                              const float *bias, int64_t k, int64_t first_row,
                              int32_t *out_row, int32_t *out_col, float *out_value, int64_t capacity, int64_t *count);

/* ---- weight rows ---- */

/*
 * Gathers n rows of a weight matrix to float32: out[i, j] = scale[i] * gain[j] * source[index[i]*row_stride + j*col_stride],
 * j < width. Strides in elements (col_stride 1 for row-readable files, the row length for transposed ones).
 *   source, scale, gain, out [device]; index [device]. scale or gain may be NULL (ones). out has row stride out_stride.
 * On the CPU, source may be a file mapping.
 */
HW_API int32_t hw_gather_rows(const hw_exec *exec, const void *source, int32_t source_dtype, int64_t row_stride,
                              int64_t col_stride, int64_t width, const int64_t *index, int64_t n, const float *scale,
                              const float *gain, float *out, int64_t out_stride);

/*
 * Asks the system to read n ranges of a mapped file before they are needed, and does not wait for it. Range i has the given
 * number of bytes from start + offset[i] on; offsets that ascend make for fewer requests. Does nothing if a sample of them
 * is in memory already. Advice only: on memory that is no mapping of a file it does nothing.
 */
HW_API int32_t hw_will_need(const void *start, const int64_t *offset, int64_t n, int64_t bytes);

/* ---- float32 products on bfloat16 units (host memory, CPU) ---- */

/*
 * x [rows, cols] as the sum of three bfloat16 matrices, each the nearest to what the ones before it leave:
 *   x[i, j] == high[i*stride + j] + middle[i*stride + j] + low[i*stride + j]
 * exactly, but for numbers under 2^-110, whose lowest bits are under bfloat16's range. No finite number becomes infinite; an
 * infinity or a not-a-number is its own high part, the others are 0. x is contiguous; stride, in elements, is cols or more.
 * All [host].
 */
HW_API int32_t hw_split_bf16(const float *x, int64_t rows, int64_t cols, uint16_t *high, uint16_t *middle, uint16_t *low,
                             int64_t stride);

/* ---- adjoint sweep ---- */

/*
 * Transposed attention mixing with frozen probabilities, summed over the heads that share a key/value head.
 *   o [rows, heads*head_dim], v [rows, kv_heads*head_dim], ragged (see above) [device]
 *   pattern [heads, P, P] [device]: pattern[h][q][p] is what query q takes from key p, already divided by frozen norm
 *   scales; entries p > q are never read.
 *   v[t, p][g*head_dim + j] = sum over heads h of group g, over q = p .. position[t], of pattern[h][q][p] * o[t, q][h*head_dim + j]
 * heads must be a multiple of kv_heads. row_offset, position [device].
 */
HW_API int32_t hw_pattern_adjoint(const hw_exec *exec, const float *o, const float *pattern, int64_t P, int64_t heads,
                                  int64_t kv_heads, int64_t head_dim, int64_t targets, const int64_t *row_offset,
                                  const int32_t *position, float *v);

/*
 * The same for targets that have a gradient at their own position only: o [targets, heads*head_dim], one row a target:
 *   v[t, p][g*head_dim + j] = sum over h of pattern[h][position[t]][p] * o[t][h*head_dim + j]
 */
HW_API int32_t hw_pattern_adjoint_single(const hw_exec *exec, const float *o, const float *pattern, int64_t P,
                                         int64_t heads, int64_t kv_heads, int64_t head_dim, int64_t targets,
                                         const int64_t *row_offset, const int32_t *position, float *v);

/*
 * Edges of one layer: for every target t, position q <= position[t] and source s in segment[q] .. segment[q+1]-1
 *   out[out_base[t] + s - segment[0]] (+)= dot(g[row_offset[t] + q], source[s])
 *   g [rows, width], source [segment[P], width] [device]; segment [P+1], row_offset, position, out_base [device];
 *   out [device]. accumulate 0 stores, 1 adds. Sources of a later position than position[t] are not touched.
 */
HW_API int32_t hw_edge_contract(const hw_exec *exec, const float *g, int64_t width, int64_t targets,
                                const int64_t *row_offset, const int32_t *position, const float *source, int64_t P,
                                const int64_t *segment, float *out, const int64_t *out_base, int32_t accumulate);

/*
 * g[row[i]] += x[i] for i < n; rows distinct. g [*, width], x [n, width], row [n], all [device].
 */
HW_API int32_t hw_add_rows(const hw_exec *exec, float *g, int64_t width, int64_t n, const int64_t *row, const float *x);

/*
 * g[row_offset[t] + q] += scale[q] * x[row_offset[t] + q] for q <= position[t]; scale [P], g and x [rows, width], all [device].
 */
HW_API int32_t hw_add_scaled_rows(const hw_exec *exec, float *g, const float *x, int64_t width, int64_t targets,
                                  const int64_t *row_offset, const int32_t *position, const float *scale);

/* ---- graph mathematics (host memory, CPU) ---- */

/*
 * An edge matrix by runs: row r has runs run_start[r] .. run_start[r+1]-1; run k covers columns column[k] ..
 * column[k]+length[k]-1 with the values from value[k] on, so that rows may lie in several buffers. Runs of a row do not
 * overlap. All [host].
 */
typedef struct hw_edges {
  int64_t rows;
  int64_t columns;
  const int64_t *run_start;  /* [rows+1] */
  const int64_t *column;     /* [runs] */
  const int64_t *length;     /* [runs] */
  const float *const *value; /* [runs] */
} hw_edges;

/* sum[r] = sum over the kept columns of |row r|. keep [columns] bytes, NULL keeps all. */
HW_API int32_t hw_row_sums(const hw_edges *edges, const uint8_t *keep, double *sum);

/*
 * Influence by one back-substitution pass (the graph is acyclic).
 *   order [n]: row numbers so that every row comes before the rows of the nodes it draws on, none twice; node [rows]: the
 *   column that row r's own node has; weight [columns]: the targets' weights.
 *   row_scale [rows], in and out: what normalises row r; 0 drops it; a negative one of a row in order is not known yet and
 *   becomes 1 / max(sum over the kept columns of |row r|, floor).
 *   For r in order: c = (weight[node[r]] + influence[node[r]]) * row_scale[r]; influence[s] += c * |edge[r, s]| for kept s.
 *   influence [columns] is overwritten if passed is NULL. Else it and passed [rows], the c of each row, are what an earlier
 *   call left, 0 for rows that are new since: then only what has changed is passed on.
 */
HW_API int32_t hw_influence(const hw_edges *edges, const int64_t *order, int64_t n, const int64_t *node,
                            const double *weight, const uint8_t *keep, double floor, double *row_scale, double *passed,
                            double *influence);

/*
 * The cut for a share: among the scores coefficient[r] * |edge[r, s]| (kept columns; rows with coefficient 0 count as
 * zeros), sorted descending, the first at which the cumulative sum reaches share * total; never a zero score. All scores
 * zero, or share <= 0 with none: *cut is infinity. share >= 1: the smallest positive score. Coefficients are 0 or more;
 * an edge that is not finite, in a row that counts, is HW_INVALID.
 */
HW_API int32_t hw_edge_cut(const hw_edges *edges, const double *coefficient, const uint8_t *keep, double share, double *cut);

/*
 * The edges whose score, as above, is at least cut (over 0): those of row r are the numbers row_start[r] .. row_start[r+1]-1
 * by ascending column. row_start [rows+1] is always written; column and value [capacity] only if all edges have room,
 * that is if row_start[rows] <= capacity.
 */
HW_API int32_t hw_edges_above(const hw_edges *edges, const double *coefficient, const uint8_t *keep, double cut,
                              int64_t *row_start, int32_t *column, float *value, int64_t capacity);

/*
 * Edges as a graph file's JSON: for each of them ,{"source":"...","target":"...","weight":...} with the names of the nodes,
 * which must need no escapes: that of node i is names[name_start[i]] .. names[name_start[i+1]-1], name_start [nodes+1].
 * Weights must be finite; they get the fewest digits that tell them from other floats. text needs room for 64 bytes and
 * twice the longest name a link; length is what all take.
 */
HW_API int32_t hw_link_text(const char *names, const int64_t *name_start, int64_t nodes, int64_t n, const int32_t *source,
                            const int32_t *target, const float *weight, char *text, int64_t capacity, int64_t *length);

#ifdef __cplusplus
}
#endif
#endif
