/* The adjoint sweep's own steps: transposed attention mixing, and additions to ragged rows. */
#include <omp.h>

#include "cpu/cpu.h"

namespace hw::HW_ISA {
namespace {

/* One head's share of a register tile: kRows patterns a query, the gradient of each query. */
struct Operands {
  const float *pattern; /* [query][kRows], from the tile's first query */
  int64_t pattern_head; /* elements to the next head's */
  const float *o;       /* [query][o_stride] */
  int64_t o_head;
  int64_t o_stride;
  int64_t heads;
  int64_t queries; /* of which, if `diagonal`, query i is taken by rows 0 .. i alone for i < M */
  bool diagonal;
};

/* v[i][0 .. columns) (+)= sum over heads and queries of pattern[query][i] * o[query]. */
template <int M, int N>
__attribute__((noinline)) void mix(const Operands &x, float *v, int64_t v_stride, int64_t columns, bool add) {
  Vec sums[M][N] = {};
  for (int64_t h = 0; h < x.heads; h++) {
    const float *pattern = x.pattern + h * x.pattern_head;
    const float *o = x.o + h * x.o_head;
    int64_t q = 0;
    if (x.diagonal) {
#pragma GCC unroll 6
      for (int d = 0; d < M; d++) {
#pragma GCC unroll 6
        for (int i = 0; i <= d; i++) {
          const Vec a = broadcast(pattern[d * kRows + i]);
#pragma GCC unroll 4
          for (int j = 0; j < N; j++) sums[i][j] += a * load(o + d * x.o_stride + j * kLanes);
        }
      }
      q = M;
      pattern += M * kRows;
      o += M * x.o_stride;
    }
    for (; q < x.queries; q++) {
      Vec row[N];
#pragma GCC unroll 4
      for (int j = 0; j < N; j++) row[j] = load(o + j * kLanes);
#pragma GCC unroll 6
      for (int i = 0; i < M; i++) {
        const Vec a = broadcast(pattern[i]);
#pragma GCC unroll 4
        for (int j = 0; j < N; j++) sums[i][j] += a * row[j];
      }
      pattern += kRows;
      o += x.o_stride;
    }
  }
  deliver(sums, columns, add, [&](int i) { return v + i * v_stride; });
}

/* How the work is cut: blocks of keys and of queries whose patterns and gradients stay in the second-level cache. */
struct Blocks {
  int64_t group;   /* heads of a key/value head */
  int64_t padded;  /* head_dim in whole vectors */
  int64_t queries; /* of a block */
  int64_t keys;    /* of a block */
  int64_t span;    /* key/value heads done together, so that rows are read whole where they fit */

  Blocks(int64_t P, int64_t heads, int64_t kv_heads, int64_t head_dim, int64_t tasks_wanted)
      : group(heads / kv_heads), padded(round_up(head_dim, kLanes)) {
    constexpr int64_t kFloats = 96 << 10; /* of patterns, and of gradients: half a second-level cache at most */
    constexpr int64_t kDepth = 192;       /* sums that a tile adds up before it is written */
    const int64_t whole = round_up(P, kRows);
    queries = min(whole, max(4 * kRows, kDepth / group / kRows * kRows));
    keys = min(whole, max(8 * kRows, kFloats / (group * queries) / kRows * kRows));
    const int64_t fitting = kFloats / (group * queries * max(keys, padded));
    const int64_t spans = ceil_div(kv_heads, max(1, min(fitting, kv_heads / max(1, tasks_wanted))));
    span = ceil_div(kv_heads, spans);
  }

  int64_t pattern_floats() const { return round_up(span * group * keys * queries, 16); }
  int64_t gradient_floats() const { return round_up(span * group * queries * padded, 16); }
};

struct Mixing {
  const float *o, *pattern;
  int64_t P, heads, kv_heads, head_dim;
  const int64_t *row_offset;
  const int32_t *position;
  float *v;
  Blocks blocks;

  /* Patterns of heads from h0 at queries q0 .. q1-1, keys p0 .. p1-1 as [head][tile of keys][query][kRows]; causal
   * entries only. */
  void pack_pattern(int64_t h0, int64_t h1, int64_t q0, int64_t q1, int64_t p0, int64_t p1, float *packed) const {
    for (int64_t h = h0; h < h1; h++, packed += blocks.keys * blocks.queries) {
      for (int64_t q = q0; q < q1; q++) {
        const float *row = pattern + (h * P + q) * P;
        const int64_t end = min(p1, q + 1);
        for (int64_t p = p0; p < end; p += kRows) {
          float *tile = packed + (p - p0) * blocks.queries + (q - q0) * kRows;
          if (end - p >= kRows) {
            __builtin_memcpy(tile, row + p, kRows * sizeof(float));
          } else {
            for (int64_t i = 0; i < end - p; i++) tile[i] = row[p + i];
          }
        }
      }
    }
  }

  /* Gradients of target t for heads from h0 at queries q0 .. q1-1 as [head][query][padded]. */
  void pack_gradient(int64_t t, int64_t h0, int64_t h1, int64_t q0, int64_t q1, float *packed) const {
    for (int64_t q = q0; q < q1; q++) {
      const float *from = o + ((row_offset[t] + q) * heads + h0) * head_dim;
      float *to = packed + (q - q0) * blocks.padded;
      for (int64_t h = h0; h < h1; h++, from += head_dim, to += blocks.queries * blocks.padded) {
        int64_t j = 0;
        for (; j + kLanes <= head_dim; j += kLanes) store(to + j, load(from + j));
        if (j < head_dim) store(to + j, load_part(from + j, head_dim - j));
      }
    }
  }

  /* Adds queries q0 .. q1-1 to target t's keys from p0 up to p1-1 at most, for one key/value head. */
  void mix_block(int64_t t, int64_t g, int64_t q0, int64_t q1, int64_t p0, int64_t p1, const float *packed_pattern,
                 const float *packed_gradient) const {
    const int64_t vectors = blocks.padded / kLanes, tiles = ceil_div(vectors, kVectors);
    const int64_t v_stride = kv_heads * head_dim;
    for (int64_t p = p0; p < min(p1, q1); p += kRows) {
      const int64_t rows = min(kRows, position[t] + 1 - p);
      const bool diagonal = p >= q0;
      const int64_t first = diagonal ? p : q0;
      float *to = v + (row_offset[t] + p) * v_stride + g * head_dim;
      for (int64_t tile = 0, begin = 0; tile < tiles; tile++) {
        const int64_t end = (tile + 1) * vectors / tiles;
        const Operands operands = {packed_pattern + (p - p0) * blocks.queries + (first - q0) * kRows,
                                   blocks.keys * blocks.queries,
                                   packed_gradient + (first - q0) * blocks.padded + begin * kLanes,
                                   blocks.queries * blocks.padded,
                                   blocks.padded,
                                   blocks.group,
                                   q1 - first,
                                   diagonal};
        with_tile(rows, end - begin, [&]<int M, int N>() {
          mix<M, N>(operands, to + begin * kLanes, v_stride, head_dim - begin * kLanes, !diagonal);
        });
        begin = end;
      }
    }
  }

  /* All of v for targets t0 .. t1-1, key/value heads g0 .. g1-1 and the block of keys from p0. */
  void mix_targets(int64_t t0, int64_t t1, int64_t g0, int64_t g1, int64_t p0, float *packed_pattern,
                   float *packed_gradient) const {
    const int64_t p1 = min(P, p0 + blocks.keys), h0 = g0 * blocks.group, h1 = g1 * blocks.group;
    int64_t end = 0; /* of the targets' queries */
    for (int64_t t = t0; t < t1; t++) end = max(end, position[t] + 1);
    for (int64_t q0 = p0; q0 < end; q0 += blocks.queries) {
      pack_pattern(h0, h1, q0, min(end, q0 + blocks.queries), p0, p1, packed_pattern);
      for (int64_t t = t0; t < t1; t++) {
        const int64_t q1 = min(position[t] + 1, q0 + blocks.queries);
        if (q1 <= q0) continue;
        pack_gradient(t, h0, h1, q0, q1, packed_gradient);
        for (int64_t g = g0; g < g1; g++) {
          const int64_t before = (g - g0) * blocks.group * blocks.queries;
          mix_block(t, g, q0, q1, p0, p1, packed_pattern + before * blocks.keys,
                    packed_gradient + before * blocks.padded);
        }
      }
    }
  }
};

}  // namespace

int32_t pattern_adjoint(const hw_exec *, const hw_matrix *o, const hw_pattern *pattern, int64_t kv_heads,
                        const hw_ragged *ragged, const hw_matrix *v) {
  const int64_t P = pattern->positions, heads = pattern->heads, head_dim = o->columns / heads;
  const int64_t targets = ragged->targets;
  const int32_t *position = ragged->position;
  const int team = hw::threads();
  const int64_t tasks = team == 1 ? 1 : 4 * team; /* enough to share evenly; results do not depend on it */
  const Mixing mixing = {
      o->data,  pattern->data,  P,        heads,   kv_heads,
      head_dim, ragged->offset, position, v->data, Blocks(P, heads, kv_heads, head_dim, tasks / targets)};
  const Blocks &blocks = mixing.blocks;
  const int64_t key_blocks = ceil_div(P, blocks.keys), spans = ceil_div(kv_heads, blocks.span);
  const int64_t batch = min(32, max(1, targets * key_blocks * spans / tasks)), batches = ceil_div(targets, batch);
  const int64_t pattern_floats = blocks.pattern_floats(), floats = pattern_floats + blocks.gradient_floats();
  Buffer<float> packed(team * floats);
#pragma omp parallel num_threads(team)
  {
    float *own = packed.data() + omp_get_thread_num() * floats;
#pragma omp for collapse(3) schedule(dynamic)
    for (int64_t block = 0; block < key_blocks; block++) {
      for (int64_t b = 0; b < batches; b++) {
        for (int64_t s = 0; s < spans; s++) {
          mixing.mix_targets(b * batch, min(targets, (b + 1) * batch), s * blocks.span,
                             min(kv_heads, (s + 1) * blocks.span), block * blocks.keys, own, own + pattern_floats);
        }
      }
    }
  }
  return HW_OK;
}

int32_t pattern_adjoint_single(const hw_exec *, const hw_matrix *o, const hw_pattern *pattern, int64_t kv_heads,
                               const hw_ragged *ragged, const hw_matrix *v) {
  const int64_t P = pattern->positions, heads = pattern->heads, head_dim = o->columns / heads;
  constexpr int64_t kKeys = 64;
  const int64_t group = heads / kv_heads;
  const int64_t key_blocks = ceil_div(P, kKeys);
#pragma omp parallel for collapse(2) schedule(dynamic) num_threads(hw::threads())
  for (int64_t t = 0; t < ragged->targets; t++) {
    for (int64_t block = 0; block < key_blocks; block++) {
      const int64_t q = ragged->position[t];
      for (int64_t p = block * kKeys; p < min(q + 1, (block + 1) * kKeys); p++) {
        float *__restrict to = v->data + (ragged->offset[t] + p) * kv_heads * head_dim;
        for (int64_t h = 0; h < heads; h++) {
          const float *__restrict from = o->data + (t * heads + h) * head_dim;
          const float a = pattern->data[(h * P + q) * P + p];
          float *__restrict part = to + h / group * head_dim;
          if (h % group == 0) {
            for (int64_t j = 0; j < head_dim; j++) part[j] = a * from[j];
          } else {
            for (int64_t j = 0; j < head_dim; j++) part[j] += a * from[j];
          }
        }
      }
    }
  }
  return HW_OK;
}

int32_t add_rows(const hw_exec *, const hw_matrix *g, const hw_rows *rows, const hw_matrix *x) {
  const int64_t width = g->columns;
#pragma omp parallel for schedule(static) num_threads(hw::threads())
  for (int64_t i = 0; i < rows->count; i++) {
    float *__restrict to = g->data + rows->index[i] * width;
    const float *__restrict from = x->data + i * width;
    for (int64_t j = 0; j < width; j++) to[j] += from[j];
  }
  return HW_OK;
}

int32_t add_scaled_rows(const hw_exec *, const hw_matrix *g, const hw_matrix *x, const hw_ragged *ragged,
                        const hw_vector *scale) {
  constexpr int64_t kBlock = 64;
  const int64_t width = g->columns, targets = ragged->targets;
  const int32_t *position = ragged->position;
  int64_t longest = 0;
  for (int64_t t = 0; t < targets; t++) longest = max(longest, position[t] + 1);
  const int64_t blocks = ceil_div(longest, kBlock);
#pragma omp parallel for collapse(2) schedule(dynamic) num_threads(hw::threads())
  for (int64_t t = 0; t < targets; t++) {
    for (int64_t block = 0; block < blocks; block++) {
      for (int64_t q = block * kBlock; q < min(position[t] + 1, (block + 1) * kBlock); q++) {
        float *__restrict to = g->data + (ragged->offset[t] + q) * width;
        const float *__restrict from = x->data + (ragged->offset[t] + q) * width;
        const float factor = scale->data[q];
        for (int64_t j = 0; j < width; j++) to[j] += factor * from[j];
      }
    }
  }
  return HW_OK;
}

}  // namespace hw::HW_ISA
