/*
 * The public functions: check the arguments, hand them to the kernels of the device, turn failures into statuses.
 * Index arrays are checked only where the host can read them.
 */
#include <cmath>
#include <new>

#include "checks.h"

namespace hw {
namespace {

template <class Body>
int32_t guarded(Body body) {
  try {
    return body();
  } catch (const Failure &failure) {
    return failure.status;
  } catch (const std::bad_alloc &) {
    try {
      fail(HW_OUT_OF_MEMORY, "out of memory");
    } catch (const Failure &failure) {
      return failure.status;
    }
  }
}

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

void check_encode(const Checks &check, const float *pre, int64_t rows, int64_t cols, int64_t stride, int64_t first_row,
                  const int32_t *out_row, const int32_t *out_col, const float *out_value, int64_t capacity,
                  const int64_t *count) {
  check.at_least(rows, 0, "rows");
  check.at_least(cols, 0, "cols");
  if (rows > INT32_MAX || cols > INT32_MAX) fail(HW_INVALID, "%s: rows or cols is over 2^31 - 1", check.function());
  check.at_least(stride, cols, "stride");
  check.addressable({rows, stride}, "pre");
  check.present(pre, "pre", rows > 0 && cols > 0);
  check.at_least(first_row, 0, "first_row");
  check.at_least(capacity, 0, "capacity");
  check.present(out_row, "out_row", capacity > 0);
  check.present(out_col, "out_col", capacity > 0);
  check.present(out_value, "out_value", capacity > 0);
  check.present(count, "count");
}

void check_ragged(const Checks &check, const hw_exec *exec, int64_t targets, const int64_t *row_offset,
                  const int32_t *position, int64_t P) {
  check.at_least(targets, 0, "targets");
  check.at_least(P, 0, "P");
  check.present(row_offset, "row_offset", targets > 0);
  check.present(position, "position", targets > 0);
  if (on_host(exec)) check.targets(targets, row_offset, position, P);
}

void check_heads(const Checks &check, const float *o, const float *pattern, int64_t P, int64_t heads, int64_t kv_heads,
                 int64_t head_dim, int64_t targets, const float *v) {
  check.at_least(heads, 1, "heads");
  check.at_least(kv_heads, 1, "kv_heads");
  check.at_least(head_dim, 1, "head_dim");
  if (heads % kv_heads != 0) {
    fail(HW_INVALID, "%s: %lld heads can't share %lld key/value heads evenly", check.function(),
         static_cast<long long>(heads), static_cast<long long>(kv_heads));
  }
  check.addressable({heads, P, P}, "pattern");
  check.addressable({targets, P, heads, head_dim}, "o");
  check.present(o, "o", targets > 0);
  check.present(pattern, "pattern", targets > 0);
  check.present(v, "v", targets > 0);
}

}  // namespace
}  // namespace hw

using hw::Checks;
using hw::guarded;

extern "C" {

int32_t hw_encode_threshold(const hw_exec *exec, const float *pre, int64_t rows, int64_t cols, int64_t stride,
                            const float *bias, const float *threshold, int64_t first_row, int32_t *out_row,
                            int32_t *out_col, float *out_value, int64_t capacity, int64_t *count) {
  return guarded([&] {
    Checks check("hw_encode_threshold");
    const hw::DeviceKernels &kernels = hw::kernels(check, exec);
    hw::check_encode(check, pre, rows, cols, stride, first_row, out_row, out_col, out_value, capacity, count);
    return kernels.encode_threshold(exec, pre, rows, cols, stride, bias, threshold, first_row, out_row, out_col,
                                    out_value, capacity, count);
  });
}

int32_t hw_encode_topk(const hw_exec *exec, const float *pre, int64_t rows, int64_t cols, int64_t stride,
                       const float *bias, int64_t k, int64_t first_row, int32_t *out_row, int32_t *out_col,
                       float *out_value, int64_t capacity, int64_t *count) {
  return guarded([&] {
    Checks check("hw_encode_topk");
    const hw::DeviceKernels &kernels = hw::kernels(check, exec);
    hw::check_encode(check, pre, rows, cols, stride, first_row, out_row, out_col, out_value, capacity, count);
    check.at_least(k, 0, "k");
    return kernels.encode_topk(exec, pre, rows, cols, stride, bias, k, first_row, out_row, out_col, out_value,
                               capacity, count);
  });
}

int32_t hw_gather_rows(const hw_exec *exec, const void *source, int32_t source_dtype, int64_t row_stride,
                       int64_t col_stride, int64_t width, const int64_t *index, int64_t n, const float *scale,
                       const float *gain, float *out, int64_t out_stride) {
  return guarded([&] {
    Checks check("hw_gather_rows");
    const hw::DeviceKernels &kernels = hw::kernels(check, exec);
    if (source_dtype < HW_F32 || source_dtype > HW_F64) {
      hw::fail(HW_INVALID, "hw_gather_rows: source_dtype is %d; it must be HW_F32, HW_BF16, HW_F16 or HW_F64",
               source_dtype);
    }
    check.at_least(row_stride, 0, "row_stride");
    check.at_least(col_stride, 0, "col_stride");
    check.at_least(width, 0, "width");
    check.at_least(n, 0, "n");
    check.at_least(out_stride, width, "out_stride");
    check.addressable({n, out_stride}, "out");
    check.addressable({width, col_stride}, "source");
    if (n == 0 || width == 0) return HW_OK;
    check.present(source, "source");
    check.present(index, "index");
    check.present(out, "out");
    if (hw::on_host(exec)) {
      for (int64_t i = 0; i < n; i++) {
        check.at_least(index[i], 0, "an index");
        check.addressable({index[i], row_stride}, "source");
      }
    }
    return kernels.gather_rows(exec, source, source_dtype, row_stride, col_stride, width, index, n, scale, gain, out,
                               out_stride);
  });
}

int32_t hw_will_need(const void *start, const int64_t *offset, int64_t n, int64_t bytes) {
  return guarded([&] {
    Checks check("hw_will_need");
    check.at_least(n, 0, "n");
    check.at_least(bytes, 0, "bytes");
    if (n == 0 || bytes == 0) return HW_OK;
    check.present(start, "start");
    check.present(offset, "offset");
    for (int64_t i = 0; i < n; i++) check.at_least(offset[i], 0, "an offset");
    return hw::will_need(start, offset, n, bytes);
  });
}

int32_t hw_split_bf16(const float *x, int64_t rows, int64_t cols, uint16_t *high, uint16_t *middle, uint16_t *low,
                      int64_t stride) {
  return guarded([&] {
    Checks check("hw_split_bf16");
    check.at_least(rows, 0, "rows");
    check.at_least(cols, 0, "cols");
    check.at_least(stride, cols, "stride");
    check.addressable({rows, stride}, "a part");
    const bool some = rows > 0 && cols > 0;
    check.present(x, "x", some);
    check.present(high, "high", some);
    check.present(middle, "middle", some);
    check.present(low, "low", some);
    return hw::cpu().split_bf16(x, rows, cols, high, middle, low, stride);
  });
}

int32_t hw_pattern_adjoint(const hw_exec *exec, const float *o, const float *pattern, int64_t P, int64_t heads,
                           int64_t kv_heads, int64_t head_dim, int64_t targets, const int64_t *row_offset,
                           const int32_t *position, float *v) {
  return guarded([&] {
    Checks check("hw_pattern_adjoint");
    const hw::DeviceKernels &kernels = hw::kernels(check, exec);
    hw::check_ragged(check, exec, targets, row_offset, position, P);
    hw::check_heads(check, o, pattern, P, heads, kv_heads, head_dim, targets, v);
    if (targets == 0) return HW_OK;
    return kernels.pattern_adjoint(exec, o, pattern, P, heads, kv_heads, head_dim, targets, row_offset, position, v);
  });
}

int32_t hw_pattern_adjoint_single(const hw_exec *exec, const float *o, const float *pattern, int64_t P, int64_t heads,
                                  int64_t kv_heads, int64_t head_dim, int64_t targets, const int64_t *row_offset,
                                  const int32_t *position, float *v) {
  return guarded([&] {
    Checks check("hw_pattern_adjoint_single");
    const hw::DeviceKernels &kernels = hw::kernels(check, exec);
    hw::check_ragged(check, exec, targets, row_offset, position, P);
    hw::check_heads(check, o, pattern, P, heads, kv_heads, head_dim, targets, v);
    if (targets == 0) return HW_OK;
    return kernels.pattern_adjoint_single(exec, o, pattern, P, heads, kv_heads, head_dim, targets, row_offset,
                                          position, v);
  });
}

int32_t hw_edge_contract(const hw_exec *exec, const float *g, int64_t width, int64_t targets,
                         const int64_t *row_offset, const int32_t *position, const float *source, int64_t P,
                         const int64_t *segment, float *out, const int64_t *out_base, int32_t accumulate) {
  return guarded([&] {
    Checks check("hw_edge_contract");
    const hw::DeviceKernels &kernels = hw::kernels(check, exec);
    check.at_least(width, 1, "width");
    hw::check_ragged(check, exec, targets, row_offset, position, P);
    check.addressable({targets, P, width}, "g");
    if (targets == 0) return HW_OK;
    check.present(segment, "segment");
    check.present(g, "g");
    check.present(out_base, "out_base");
    bool some = true;
    if (hw::on_host(exec)) {
      check.ascending(segment, P + 1, "segment");
      check.addressable({segment[P], width}, "source");
      check.not_negative(out_base, targets, "out_base");
      some = segment[P] > segment[0];
      if (!some) return HW_OK;
    }
    check.present(source, "source");
    check.present(out, "out");
    return kernels.edge_contract(exec, g, width, targets, row_offset, position, source, P, segment, out, out_base,
                                 accumulate);
  });
}

int32_t hw_add_rows(const hw_exec *exec, float *g, int64_t width, int64_t n, const int64_t *row, const float *x) {
  return guarded([&] {
    Checks check("hw_add_rows");
    const hw::DeviceKernels &kernels = hw::kernels(check, exec);
    check.at_least(width, 1, "width");
    check.at_least(n, 0, "n");
    check.addressable({n, width}, "x");
    if (n == 0) return HW_OK;
    check.present(g, "g");
    check.present(row, "row");
    check.present(x, "x");
    if (hw::on_host(exec)) check.within(row, n, INT64_MAX / 16 / width, "row");
    return kernels.add_rows(exec, g, width, n, row, x);
  });
}

int32_t hw_add_scaled_rows(const hw_exec *exec, float *g, const float *x, int64_t width, int64_t targets,
                           const int64_t *row_offset, const int32_t *position, const float *scale) {
  return guarded([&] {
    Checks check("hw_add_scaled_rows");
    const hw::DeviceKernels &kernels = hw::kernels(check, exec);
    check.at_least(width, 1, "width");
    hw::check_ragged(check, exec, targets, row_offset, position, INT32_MAX);
    if (targets == 0) return HW_OK;
    check.present(g, "g");
    check.present(x, "x");
    check.present(scale, "scale");
    return kernels.add_scaled_rows(exec, g, x, width, targets, row_offset, position, scale);
  });
}

int32_t hw_row_sums(const hw_edges *edges, const uint8_t *keep, double *sum) {
  return guarded([&] {
    Checks check("hw_row_sums");
    check.edges(edges);
    check.present(sum, "sum", edges->rows > 0);
    return hw::cpu().graph.row_sums(edges, keep, sum);
  });
}

int32_t hw_influence(const hw_edges *edges, const int64_t *order, int64_t n, const int64_t *node,
                     const double *weight, const uint8_t *keep, double floor, double *row_scale, double *passed,
                     double *influence) {
  return guarded([&] {
    Checks check("hw_influence");
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
    return hw::cpu().graph.influence(edges, order, n, node, weight, keep, floor, row_scale, passed, influence);
  });
}

int32_t hw_edge_cut(const hw_edges *edges, const double *coefficient, const uint8_t *keep, double share, double *cut) {
  return guarded([&] {
    Checks check("hw_edge_cut");
    check.edges(edges);
    check.present(coefficient, "coefficient", edges->rows > 0);
    check.present(cut, "cut");
    if (std::isnan(share)) hw::fail(HW_INVALID, "hw_edge_cut: share is not a number");
    check.coefficients(coefficient, edges->rows);
    return hw::cpu().graph.edge_cut(edges, coefficient, keep, share, cut);
  });
}

int32_t hw_edges_above(const hw_edges *edges, const double *coefficient, const uint8_t *keep, double cut,
                       int64_t *row_start, int32_t *column, float *value, int64_t capacity) {
  return guarded([&] {
    Checks check("hw_edges_above");
    check.edges(edges);
    if (edges->columns > INT32_MAX) hw::fail(HW_INVALID, "hw_edges_above: edges.columns is over 2^31 - 1");
    check.present(coefficient, "coefficient", edges->rows > 0);
    check.coefficients(coefficient, edges->rows);
    if (!(cut > 0)) hw::fail(HW_INVALID, "hw_edges_above: cut is %g; it must be over 0", cut);
    check.present(row_start, "row_start");
    check.at_least(capacity, 0, "capacity");
    check.present(column, "column", capacity > 0);
    check.present(value, "value", capacity > 0);
    return hw::cpu().graph.edges_above(edges, coefficient, keep, cut, row_start, column, value, capacity);
  });
}

int32_t hw_link_text(const char *names, const int64_t *name_start, int64_t nodes, int64_t n, const int32_t *source,
                     const int32_t *target, const float *weight, char *text, int64_t capacity, int64_t *length) {
  return guarded([&] {
    Checks check("hw_link_text");
    check.at_least(nodes, 0, "nodes");
    check.present(name_start, "name_start");
    check.ascending(name_start, nodes + 1, "name_start");
    check.present(names, "names", name_start[nodes] > name_start[0]);
    check.at_least(n, 0, "n");
    check.at_least(capacity, 0, "capacity");
    check.present(length, "length");
    if (n > 0) {
      check.present(source, "source");
      check.present(target, "target");
      check.present(weight, "weight");
      check.present(text, "text");
      check.within(source, n, nodes, "source");
      check.within(target, n, nodes, "target");
      for (int64_t i = 0; i < n; i++) {
        if (!std::isfinite(weight[i])) {
          hw::fail(HW_INVALID, "hw_link_text: weight[%lld] is not finite", static_cast<long long>(i));
        }
      }
      if (n > capacity / hw::link_room(name_start, nodes)) {
        hw::fail(HW_INVALID, "hw_link_text: capacity is %lld, too little for %lld links", static_cast<long long>(capacity),
                 static_cast<long long>(n));
      }
    }
    return hw::link_text(names, name_start, nodes, n, source, target, weight, text, capacity, length);
  });
}

}
