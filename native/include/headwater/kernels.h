/*
 * Headwater kernels: the native inner loops of circuit tracing behind one C header.
 *
 * Conventions, for every function:
 *  - The return value is a status. On anything but HW_OK the calling thread's hw_last_error() says what was wrong.
 *  - Arrays come as views that know their sizes. Every call checks that they fit each other, and on the CPU that no
 *    index in them leads out of one; what lies on a device is the caller's to check (who made the arrays on the host),
 *    and the view says for what sizes he did.
 *  - All pointers are borrowed for the duration of the call (CUDA: until the stream has passed the call). Nothing is
 *    kept, nothing is returned owned.
 *  - Views that a call takes hold memory of exec->device unless marked [host]: host memory for the CPU, device memory
 *    for CUDA. The structs themselves are host memory always.
 *  - Matrices are dense, row-major, float32 unless said otherwise.
 *  - Results do not depend on the number of threads. They may differ in the last bits between instruction sets and
 *    devices.
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
#define HW_INVALID 1     /* an argument is out of its range */
#define HW_UNSUPPORTED 2 /* this build or machine cannot do it (CUDA asked of a CPU build, say) */
#define HW_OUT_OF_MEMORY 3
#define HW_DEVICE_ERROR 4 /* the device runtime reported an error */
#define HW_INTERNAL 5     /* an exception that should not be: a fault of this library */

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

/* ---- views ---- */

/* A matrix: element (r, c) is data[r * columns + c]. data may be NULL if there are no elements. */
typedef struct hw_matrix {
  float *data;
  int64_t rows, columns;
} hw_matrix;

/* A vector. Where one may be left out, data NULL and count 0 leave it out. */
typedef struct hw_vector {
  float *data;
  int64_t count;
} hw_vector;

/* Numbers of rows of a matrix: each is 0 .. limit-1. */
typedef struct hw_rows {
  const int64_t *index;
  int64_t count, limit;
} hw_rows;

/*
 * A ragged batch. A sweep carries one gradient row per (target, position <= the target's position). Target t owns the
 * rows offset[t] .. offset[t] + position[t] of a matrix whose rows are gradients, offset[t] + q being position q.
 * No target reaches `positions`, or row `rows`; no two targets share a row.
 */
typedef struct hw_ragged {
  const int64_t *offset;
  const int32_t *position;
  int64_t targets, positions, rows;
} hw_ragged;

/* Sources in order of position: those of position q are the numbers start[q] .. start[q+1]-1, q < positions; start never
 * descends, and start[positions] is `sources` or less. start has positions + 1 numbers. */
typedef struct hw_segments {
  const int64_t *start;
  int64_t positions, sources;
} hw_segments;

/* Where each target's run of results begins among `count` floats: target t's first is data[base[t]]. No run reaches
 * data[reach], and no two runs overlap. */
typedef struct hw_runs {
  float *data;
  int64_t count;
  const int64_t *base;
  int64_t targets, reach;
} hw_runs;

/* Attention probabilities [heads, positions, positions], query by key. */
typedef struct hw_pattern {
  const float *data;
  int64_t heads, positions;
} hw_pattern;

/* How a weight matrix of any element type lies in memory: (r, c) is element r * row_stride + c * column_stride of
 * `elements`. */
typedef struct hw_layout {
  int64_t elements, row_stride, column_stride;
  int32_t dtype; /* HW_F32, ... */
} hw_layout;

/* Room for `capacity` active entries, and how many there are. */
typedef struct hw_active {
  int32_t *row, *column;
  float *value;
  int64_t capacity;
  int64_t count; /* out [host] */
} hw_active;

/* A matrix of bfloat16 numbers with rows at a distance of `stride` elements. */
typedef struct hw_bf16_matrix {
  uint16_t *data;
  int64_t rows, columns, stride;
} hw_bf16_matrix;

/* ---- the library ---- */

/* Version of this interface: a number that the build makes from this header's declarations (native/abi.cmake). */
HW_API int64_t hw_abi_version(void);
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
 * Threshold activation and compaction of one layer's pre-activations: x = pre[r, c] + bias[c].
 *   threshold left out: ReLU, active where x > 0. Otherwise JumpReLU, active where x > threshold[c] and x != 0.
 * A not-a-number is not active. Rows below first_row are skipped (zero positions). Active entries are written in
 * (row, column) order.
 * out->count is the number of active entries; when it exceeds the capacity nothing past it was written and the call is to
 * be repeated with room. The call returns when its outputs are complete.
 */
HW_API int32_t hw_encode_threshold(const hw_exec *exec, const hw_matrix *pre, const hw_vector *bias,
                                   const hw_vector *threshold, int64_t first_row, hw_active *out);

/*
 * TopK activation: the k largest x of each row, negative ones included; exact zeros take their place among the k and are
 * not reported, not-a-numbers take none. Among equal values the lower column wins. Output order and the other arguments
 * as above.
 */
HW_API int32_t hw_encode_topk(const hw_exec *exec, const hw_matrix *pre, const hw_vector *bias, int64_t k,
                              int64_t first_row, hw_active *out);

/* ---- weight rows ---- */

/*
 * Gathers rows of a weight matrix to float32: out[i, j] = scale[i] * gain[j] * source[rows.index[i], j]. scale or gain may
 * be left out (ones). On the CPU, source may be a file mapping.
 */
HW_API int32_t hw_gather_rows(const hw_exec *exec, const void *source, const hw_layout *layout, const hw_rows *rows,
                              const hw_vector *scale, const hw_vector *gain, const hw_matrix *out);

/*
 * Asks the system to read n ranges of a mapped file before they are needed, and does not wait for it. Range i has the given
 * number of bytes from start + offset[i] on, of the mapping's `size`; offsets that ascend make for fewer requests. Does
 * nothing if a sample of them is in memory already. Advice only: on memory that is no mapping of a file it does nothing.
 */
HW_API int32_t hw_will_need(const void *start, int64_t size, const int64_t *offset, int64_t n, int64_t bytes);

/*
 * Guards a mapping of a file against the file's becoming shorter, or its disk's failing, while it is read: in place of the
 * signal (SIGBUS) that would end the process, what is missing reads as zeros from there to the mapping's end, and is counted.
 * Signals that are not about a guarded mapping go where they would have gone. A mapping is guarded until hw_unguard(start),
 * which comes before it is unmapped.
 */
HW_API int32_t hw_guard(const void *start, int64_t size);
HW_API int32_t hw_unguard(const void *start);

/* How often zeros were put into the guarded mapping that begins at `start`; NULL means all there were, since the beginning. */
HW_API int64_t hw_torn(const void *start);

/* ---- products (host memory, CPU) ---- */

/*
 * out = a * b, plus out if `add` is not 0. b is [a.columns, out.columns], or its transpose if `transposed` is not 0. The error is that of
 * sums of 256 products that are added up. All [host].
 */
HW_API int32_t hw_product(const hw_matrix *a, const hw_matrix *b, int32_t transposed, int32_t add,
                          const hw_matrix *out);

/*
 * Whether hw_product is to be preferred to MKL's: 1 where the kernels are those for AVX-512 and the processor is AMD's, for which MKL
 * takes AVX2's.
 */
HW_API int32_t hw_prefers_product(void);

/*
 * x as the sum of three bfloat16 matrices of its shape, each the nearest to what the ones before it leave:
 *   x[i, j] == high[i, j] + middle[i, j] + low[i, j]
 * exactly, but for numbers under 2^-110, whose lowest bits are under bfloat16's range. No finite number becomes infinite; an
 * infinity or a not-a-number is its own high part, the others are 0. All [host].
 */
HW_API int32_t hw_split_bf16(const hw_matrix *x, const hw_bf16_matrix *high, const hw_bf16_matrix *middle,
                             const hw_bf16_matrix *low);

/*
 * out = round(a) * b, plus out if `add` is not 0: a rounded to bfloat16, sums in float32. On the processor's bfloat16 units of AVX-512
 * where it has them; elsewhere it computes the same with more instructions than a float32 product. All [host].
 */
HW_API int32_t hw_bf16_product(const hw_matrix *a, const hw_bf16_matrix *b, int32_t add, const hw_matrix *out);

/* ---- training (host memory, CPU) ---- */

/*
 * The active entries of these calls are `count` ones in order of rows, as hw_encode_threshold and hw_encode_topk write them, each
 * in a row and a column that the matrices have; capacity is not looked at. All [host].
 */

/* out[r] = sum over the active entries of row r of value * b[column], plus out[r] if `add` is not 0. */
HW_API int32_t hw_sparse_product(const hw_active *a, const hw_matrix *b, int32_t add, const hw_matrix *out);

/* value[i] = dot(x[row[i]], y[column[i]]) for each active entry; x and y have one width. The entries' own values are not read. */
HW_API int32_t hw_sparse_dots(const hw_active *at, const hw_matrix *x, const hw_matrix *y, const hw_vector *value);

/* out[c] = sum over the active entries of column c, in their order, of value * x[row], plus out[c] if `add` is not 0. */
HW_API int32_t hw_sparse_sums(const hw_active *a, const hw_matrix *x, int32_t add, const hw_matrix *out);

/* *sum = sum of x[i]^2, in float64. */
HW_API int32_t hw_square_sum(const hw_vector *x, double *sum);

/*
 * One step of Adam (Kingma and Ba, 2015), in the order of its section 2's end, with g = scale * gradient:
 *   mean = beta1 * mean + (1 - beta1) * g;  square = beta2 * square + (1 - beta2) * g^2
 *   parameter -= rate * mean / (sqrt(square) + epsilon)
 * where rate and epsilon hold the corrections for the step's number. All vectors have one length.
 */
HW_API int32_t hw_adam(const hw_vector *parameter, const hw_vector *gradient, const hw_vector *mean,
                       const hw_vector *square, double scale, double rate, double beta1, double beta2, double epsilon);

/* ---- adjoint sweep ---- */

/*
 * Transposed attention mixing with frozen probabilities, summed over the heads that share a key/value head.
 *   o [rows, heads*head_dim], v [rows, kv_heads*head_dim]: gradients of a ragged batch
 *   pattern[h][q][p] is what query q takes from key p, already divided by frozen norm scales; entries p > q are never read.
 *   v[t, p][g*head_dim + j] = sum over heads h of group g, over q = p .. position[t], of pattern[h][q][p] * o[t, q][h*head_dim + j]
 * heads must be a multiple of kv_heads.
 */
HW_API int32_t hw_pattern_adjoint(const hw_exec *exec, const hw_matrix *o, const hw_pattern *pattern, int64_t kv_heads,
                                  const hw_ragged *ragged, const hw_matrix *v);

/*
 * The same for targets that have a gradient at their own position only: o [targets, heads*head_dim], one row a target:
 *   v[t, p][g*head_dim + j] = sum over h of pattern[h][position[t]][p] * o[t][h*head_dim + j]
 */
HW_API int32_t hw_pattern_adjoint_single(const hw_exec *exec, const hw_matrix *o, const hw_pattern *pattern,
                                         int64_t kv_heads, const hw_ragged *ragged, const hw_matrix *v);

/*
 * Edges of one layer: for every target t, position q <= position[t] and source s of that position
 *   out[base[t] + s - start[0]] (+)= dot(g[offset[t] + q], source[s])
 *   g [rows, width], source [sources, width]. accumulate 0 stores, 1 adds. Target t's run has start[position[t]+1] -
 *   start[0] values; sources of a later position than position[t] are not touched.
 */
HW_API int32_t hw_edge_contract(const hw_exec *exec, const hw_matrix *g, const hw_ragged *ragged,
                                const hw_matrix *source, const hw_segments *segments, const hw_runs *out,
                                int32_t accumulate);

/*
 * g[rows.index[i]] += x[i]; the numbers ascend, none comes twice.
 */
HW_API int32_t hw_add_rows(const hw_exec *exec, const hw_matrix *g, const hw_rows *rows, const hw_matrix *x);

/*
 * g[offset[t] + q] += scale[q] * x[offset[t] + q] for q <= position[t]; scale [positions or more], x of g's shape.
 */
HW_API int32_t hw_add_scaled_rows(const hw_exec *exec, const hw_matrix *g, const hw_matrix *x, const hw_ragged *ragged,
                                  const hw_vector *scale);

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
  const float *const *value; /* [runs], each with the run's length of floats */
  int64_t runs;
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
HW_API int32_t hw_edge_cut(const hw_edges *edges, const double *coefficient, const uint8_t *keep, double share,
                           double *cut);

/*
 * The edges whose score, as above, is at least cut (over 0): those of row r are the numbers row_start[r] .. row_start[r+1]-1
 * by ascending column. row_start [rows+1] is always written; column and value [capacity] only if all edges have room,
 * that is if row_start[rows] <= capacity.
 */
HW_API int32_t hw_edges_above(const hw_edges *edges, const double *coefficient, const uint8_t *keep, double cut,
                              int64_t *row_start, int32_t *column, float *value, int64_t capacity);

/*
 * The kernels by where they run: the library's tables, declarations and forwards are made from these lists, so that none
 * can be left out or take another's place.
 */
#define HW_DEVICE_KERNELS(X) \
  X(encode_threshold)        \
  X(encode_topk)             \
  X(gather_rows)             \
  X(pattern_adjoint)         \
  X(pattern_adjoint_single)  \
  X(edge_contract)           \
  X(add_rows)                \
  X(add_scaled_rows)

#define HW_HOST_KERNELS(X) \
  X(product)               \
  X(split_bf16)            \
  X(bf16_product)          \
  X(sparse_product)        \
  X(sparse_dots)           \
  X(sparse_sums)           \
  X(square_sum)            \
  X(adam)                  \
  X(row_sums)              \
  X(influence)             \
  X(edge_cut)              \
  X(edges_above)

#ifdef __cplusplus
}
#endif
#endif
