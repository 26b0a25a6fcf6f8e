/*
 * The public functions: check the arguments, hand them to the kernels of the device, turn failures into statuses.
 * Index arrays are checked only where the host can read them.
 */
#include <cmath>

#include "guarded.h"

namespace hw {
namespace {

bool on_host(const hw_exec *exec) { return exec->device < 0; }

const DeviceKernels &kernels(const Checks &check, const hw_exec *exec) {
  check.present(exec, "exec");
  if (on_host(exec)) {
    check.at_least(exec->device, -1, "exec.device");
    return cpu().device;
  }
  if (cuda() == nullptr) {
    fail(HW_UNSUPPORTED, "%s: device %d asked of a build without CUDA kernels", check.function(), exec->device);
  }
  return *cuda();
}

void check_encode(const Checks &check, const hw_matrix *pre, int64_t first_row, hw_active *out) {
  check.matrix(pre, "pre");
  if (pre->rows > INT32_MAX || pre->columns > INT32_MAX) {
    fail(HW_INVALID, "%s: pre's rows or columns are over 2^31 - 1", check.function());
  }
  check.at_least(first_row, 0, "first_row");
  check.active(out);
}

/* A batch's gradients are rows of `matrix`. */
void check_batch(const Checks &check, const hw_ragged *ragged, const hw_matrix *matrix, const char *name) {
  check.fits(ragged->rows, "ragged.rows", matrix->rows, name);
}

void check_adjoint(const Checks &check, const hw_exec *exec, const hw_matrix *o, const hw_pattern *pattern,
                   int64_t kv_heads, const hw_ragged *ragged, const hw_matrix *v) {
  check.matrix(o, "o");
  check.matrix(v, "v");
  check.pattern(pattern);
  check.ragged(ragged, on_host(exec));
  check.at_least(kv_heads, 1, "kv_heads");
  if (pattern->heads % kv_heads != 0) {
    fail(HW_INVALID, "%s: %lld heads can't share %lld key/value heads evenly", check.function(),
         static_cast<long long>(pattern->heads), static_cast<long long>(kv_heads));
  }
  check.at_least(o->columns, 1, "o.columns");
  check.equal(o->columns % pattern->heads, 0, "the rest of o.columns by the heads", "columns of whole heads");
  check.equal(v->columns, o->columns / pattern->heads * kv_heads, "v.columns", "the key/value heads' columns");
  check.fits(ragged->positions, "ragged.positions", pattern->positions, "pattern.positions");
  check_batch(check, ragged, v, "v.rows");
}

}  // namespace
}  // namespace hw

using hw::Checks;
using hw::guarded;
using hw::on_host;

extern "C" {

int32_t hw_encode_threshold(const hw_exec *exec, const hw_matrix *pre, const hw_vector *bias,
                            const hw_vector *threshold, int64_t first_row, hw_active *out) {
  return guarded("hw_encode_threshold", [&](const Checks &check) {
    const hw::DeviceKernels &kernels = hw::kernels(check, exec);
    hw::check_encode(check, pre, first_row, out);
    bias = check.optional(bias, "bias", pre->columns);
    threshold = check.optional(threshold, "threshold", pre->columns);
    return kernels.encode_threshold(exec, pre, bias, threshold, first_row, out);
  });
}

int32_t hw_encode_topk(const hw_exec *exec, const hw_matrix *pre, const hw_vector *bias, int64_t k, int64_t first_row,
                       hw_active *out) {
  return guarded("hw_encode_topk", [&](const Checks &check) {
    const hw::DeviceKernels &kernels = hw::kernels(check, exec);
    hw::check_encode(check, pre, first_row, out);
    bias = check.optional(bias, "bias", pre->columns);
    check.at_least(k, 0, "k");
    return kernels.encode_topk(exec, pre, bias, k, first_row, out);
  });
}

int32_t hw_gather_rows(const hw_exec *exec, const void *source, const hw_layout *layout, const hw_rows *rows,
                       const hw_vector *scale, const hw_vector *gain, const hw_matrix *out) {
  return guarded("hw_gather_rows", [&](const Checks &check) {
    const hw::DeviceKernels &kernels = hw::kernels(check, exec);
    check.rows(rows, on_host(exec));
    check.matrix(out, "out");
    check.equal(out->rows, rows->count, "out.rows", "the number of rows");
    check.layout(source, layout, rows->limit, out->columns);
    scale = check.optional(scale, "scale", rows->count);
    gain = check.optional(gain, "gain", out->columns);
    if (out->rows == 0 || out->columns == 0) return HW_OK;
    return kernels.gather_rows(exec, source, layout, rows, scale, gain, out);
  });
}

int32_t hw_will_need(const void *start, int64_t size, const int64_t *offset, int64_t n, int64_t bytes) {
  return guarded("hw_will_need", [&](const Checks &check) {
    check.at_least(size, 0, "size");
    check.at_least(n, 0, "n");
    check.at_least(bytes, 0, "bytes");
    if (n == 0 || bytes == 0) return HW_OK;
    check.present(start, "start");
    check.present(offset, "offset");
    check.fits(bytes, "bytes", size, "size");
    check.within(offset, n, size - bytes + 1, "offset");
    return hw::will_need(start, size, offset, n, bytes);
  });
}

int32_t hw_guard(const void *start, int64_t size) {
  return guarded("hw_guard", [&](const Checks &check) {
    check.present(start, "start");
    check.at_least(size, 1, "size");
    return hw::guard(start, size);
  });
}

int32_t hw_unguard(const void *start) {
  return guarded("hw_unguard", [&](const Checks &check) {
    check.present(start, "start");
    return hw::unguard(start);
  });
}

int64_t hw_torn(const void *start) { return hw::torn(start); }

int32_t hw_split_bf16(const hw_matrix *x, const hw_bf16_matrix *high, const hw_bf16_matrix *middle,
                      const hw_bf16_matrix *low) {
  return guarded("hw_split_bf16", [&](const Checks &check) {
    check.matrix(x, "x");
    check.matrix(high, "high");
    check.matrix(middle, "middle");
    check.matrix(low, "low");
    for (const hw_bf16_matrix *part : {high, middle, low}) {
      check.equal(part->rows, x->rows, "a part's rows", "as in x");
      check.equal(part->columns, x->columns, "a part's columns", "as in x");
    }
    return hw::cpu().host.split_bf16(x, high, middle, low);
  });
}

int32_t hw_product(const hw_matrix *a, const hw_matrix *b, int32_t transposed, int32_t add, const hw_matrix *out) {
  return guarded("hw_product", [&](const Checks &check) {
    check.matrix(a, "a");
    check.matrix(b, "b");
    check.matrix(out, "out");
    check.equal(transposed != 0 ? b->columns : b->rows, a->columns, "b's side", "a's columns");
    check.equal(out->rows, a->rows, "out.rows", "as in a");
    check.equal(out->columns, transposed != 0 ? b->rows : b->columns, "out.columns", "b's other side");
    if (out->rows == 0 || out->columns == 0) return HW_OK;
    return hw::cpu().host.product(a, b, transposed, add, out);
  });
}

int32_t hw_bf16_product(const hw_matrix *a, const hw_bf16_matrix *b, int32_t add, const hw_matrix *out) {
  return guarded("hw_bf16_product", [&](const Checks &check) {
    check.matrix(a, "a");
    check.matrix(b, "b");
    check.matrix(out, "out");
    check.equal(b->rows, a->columns, "b.rows", "a's columns");
    check.equal(out->rows, a->rows, "out.rows", "as in a");
    check.equal(out->columns, b->columns, "out.columns", "as in b");
    if (out->rows == 0 || out->columns == 0) return HW_OK;
    return hw::cpu().host.bf16_product(a, b, add, out);
  });
}

int32_t hw_sparse_product(const hw_active *a, const hw_matrix *b, int32_t add, const hw_matrix *out) {
  return guarded("hw_sparse_product", [&](const Checks &check) {
    check.matrix(b, "b");
    check.matrix(out, "out");
    check.entries(a, out->rows, b->rows, true);
    check.equal(out->columns, b->columns, "out.columns", "as in b");
    if (out->rows == 0 || out->columns == 0) return HW_OK;
    return hw::cpu().host.sparse_product(a, b, add, out);
  });
}

int32_t hw_sparse_dots(const hw_active *at, const hw_matrix *x, const hw_matrix *y, const hw_vector *value) {
  return guarded("hw_sparse_dots", [&](const Checks &check) {
    check.matrix(x, "x");
    check.matrix(y, "y");
    check.entries(at, x->rows, y->rows, false);
    check.equal(y->columns, x->columns, "y.columns", "as in x");
    check.vector(value, "value", at->count);
    if (at->count == 0) return HW_OK;
    return hw::cpu().host.sparse_dots(at, x, y, value);
  });
}

int32_t hw_sparse_sums(const hw_active *a, const hw_matrix *x, int32_t add, const hw_matrix *out) {
  return guarded("hw_sparse_sums", [&](const Checks &check) {
    check.matrix(x, "x");
    check.matrix(out, "out");
    check.entries(a, x->rows, out->rows, true);
    check.equal(out->columns, x->columns, "out.columns", "as in x");
    if (out->rows == 0 || out->columns == 0) return HW_OK;
    return hw::cpu().host.sparse_sums(a, x, add, out);
  });
}

int32_t hw_square_sum(const hw_vector *x, double *sum) {
  return guarded("hw_square_sum", [&](const Checks &check) {
    check.vector(x, "x", 0);
    check.present(sum, "sum");
    return hw::cpu().host.square_sum(x, sum);
  });
}

int32_t hw_adam(const hw_vector *parameter, const hw_vector *gradient, const hw_vector *mean, const hw_vector *square,
                double scale, double rate, double beta1, double beta2, double epsilon) {
  return guarded("hw_adam", [&](const Checks &check) {
    check.vector(parameter, "parameter", 0);
    check.vector(gradient, "gradient", parameter->count);
    check.vector(mean, "mean", parameter->count);
    check.vector(square, "square", parameter->count);
    if (!(epsilon > 0)) hw::fail(HW_INVALID, "hw_adam: epsilon is %g; it must be over 0", epsilon);
    return hw::cpu().host.adam(parameter, gradient, mean, square, scale, rate, beta1, beta2, epsilon);
  });
}

int32_t hw_pattern_adjoint(const hw_exec *exec, const hw_matrix *o, const hw_pattern *pattern, int64_t kv_heads,
                           const hw_ragged *ragged, const hw_matrix *v) {
  return guarded("hw_pattern_adjoint", [&](const Checks &check) {
    const hw::DeviceKernels &kernels = hw::kernels(check, exec);
    hw::check_adjoint(check, exec, o, pattern, kv_heads, ragged, v);
    hw::check_batch(check, ragged, o, "o.rows");
    if (ragged->targets == 0) return HW_OK;
    return kernels.pattern_adjoint(exec, o, pattern, kv_heads, ragged, v);
  });
}

int32_t hw_pattern_adjoint_single(const hw_exec *exec, const hw_matrix *o, const hw_pattern *pattern, int64_t kv_heads,
                                  const hw_ragged *ragged, const hw_matrix *v) {
  return guarded("hw_pattern_adjoint_single", [&](const Checks &check) {
    const hw::DeviceKernels &kernels = hw::kernels(check, exec);
    hw::check_adjoint(check, exec, o, pattern, kv_heads, ragged, v);
    check.equal(o->rows, ragged->targets, "o.rows", "a row for each target");
    if (ragged->targets == 0) return HW_OK;
    return kernels.pattern_adjoint_single(exec, o, pattern, kv_heads, ragged, v);
  });
}

int32_t hw_edge_contract(const hw_exec *exec, const hw_matrix *g, const hw_ragged *ragged, const hw_matrix *source,
                         const hw_segments *segments, const hw_runs *out, int32_t accumulate) {
  return guarded("hw_edge_contract", [&](const Checks &check) {
    const hw::DeviceKernels &kernels = hw::kernels(check, exec);
    check.matrix(g, "g");
    check.matrix(source, "source");
    check.at_least(g->columns, 1, "g.columns");
    check.equal(source->columns, g->columns, "source.columns", "the width of g");
    check.ragged(ragged, on_host(exec));
    hw::check_batch(check, ragged, g, "g.rows");
    check.segments(segments, on_host(exec));
    check.fits(segments->sources, "segments.sources", source->rows, "source.rows");
    check.fits(ragged->positions, "ragged.positions", segments->positions, "segments.positions");
    check.runs(out, ragged, segments, on_host(exec));
    if (ragged->targets == 0 || segments->sources == 0) return HW_OK;
    return kernels.edge_contract(exec, g, ragged, source, segments, out, accumulate);
  });
}

int32_t hw_add_rows(const hw_exec *exec, const hw_matrix *g, const hw_rows *rows, const hw_matrix *x) {
  return guarded("hw_add_rows", [&](const Checks &check) {
    const hw::DeviceKernels &kernels = hw::kernels(check, exec);
    check.matrix(g, "g");
    check.matrix(x, "x");
    check.rows(rows, on_host(exec));
    if (on_host(exec)) check.distinct(rows->index, rows->count, "rows.index");
    check.fits(rows->limit, "rows.limit", g->rows, "g.rows");
    check.equal(x->rows, rows->count, "x.rows", "the number of rows");
    check.equal(x->columns, g->columns, "x.columns", "the width of g");
    if (x->rows == 0 || x->columns == 0) return HW_OK;
    return kernels.add_rows(exec, g, rows, x);
  });
}

int32_t hw_add_scaled_rows(const hw_exec *exec, const hw_matrix *g, const hw_matrix *x, const hw_ragged *ragged,
                           const hw_vector *scale) {
  return guarded("hw_add_scaled_rows", [&](const Checks &check) {
    const hw::DeviceKernels &kernels = hw::kernels(check, exec);
    check.matrix(g, "g");
    check.matrix(x, "x");
    check.ragged(ragged, on_host(exec));
    hw::check_batch(check, ragged, g, "g.rows");
    hw::check_batch(check, ragged, x, "x.rows");
    check.equal(x->columns, g->columns, "x.columns", "the width of g");
    check.vector(scale, "scale", ragged->positions);
    if (ragged->targets == 0 || g->columns == 0) return HW_OK;
    return kernels.add_scaled_rows(exec, g, x, ragged, scale);
  });
}

int32_t hw_row_sums(const hw_edges *edges, const uint8_t *keep, double *sum) {
  return guarded("hw_row_sums", [&](const Checks &check) {
    check.edges(edges);
    check.present(sum, "sum", edges->rows > 0);
    return hw::cpu().host.row_sums(edges, keep, sum);
  });
}

int32_t hw_influence(const hw_edges *edges, const int64_t *order, int64_t n, const int64_t *node, const double *weight,
                     const uint8_t *keep, double floor, double *row_scale, double *passed, double *influence) {
  return guarded("hw_influence", [&](const Checks &check) {
    check.edges(edges);
    check.at_least(n, 0, "n");
    check.present(influence, "influence", edges->columns > 0);
    if (!(floor > 0)) hw::fail(HW_INVALID, "hw_influence: floor is %g; it must be over 0", floor);
    if (n > 0) {
      check.present(order, "order");
      check.present(node, "node");
      check.present(row_scale, "row_scale");
      check.present(weight, "weight");
      check.within(order, n, edges->rows, "order");
      for (int64_t i = 0; i < n; i++) check.within(node + order[i], 1, edges->columns, "the node of a row in order");
    }
    return hw::cpu().host.influence(edges, order, n, node, weight, keep, floor, row_scale, passed, influence);
  });
}

int32_t hw_edge_cut(const hw_edges *edges, const double *coefficient, const uint8_t *keep, double share, double *cut) {
  return guarded("hw_edge_cut", [&](const Checks &check) {
    check.edges(edges);
    check.present(coefficient, "coefficient", edges->rows > 0);
    check.present(cut, "cut");
    if (std::isnan(share)) hw::fail(HW_INVALID, "hw_edge_cut: share is not a number");
    check.coefficients(coefficient, edges->rows);
    return hw::cpu().host.edge_cut(edges, coefficient, keep, share, cut);
  });
}

int32_t hw_edges_above(const hw_edges *edges, const double *coefficient, const uint8_t *keep, double cut,
                       int64_t *row_start, int32_t *column, float *value, int64_t capacity) {
  return guarded("hw_edges_above", [&](const Checks &check) {
    check.edges(edges);
    if (edges->columns > INT32_MAX) hw::fail(HW_INVALID, "hw_edges_above: edges.columns is over 2^31 - 1");
    check.present(coefficient, "coefficient", edges->rows > 0);
    check.coefficients(coefficient, edges->rows);
    if (!(cut > 0)) hw::fail(HW_INVALID, "hw_edges_above: cut is %g; it must be over 0", cut);
    check.present(row_start, "row_start");
    check.at_least(capacity, 0, "capacity");
    check.present(column, "column", capacity > 0);
    check.present(value, "value", capacity > 0);
    return hw::cpu().host.edges_above(edges, coefficient, keep, cut, row_start, column, value, capacity);
  });
}
}
