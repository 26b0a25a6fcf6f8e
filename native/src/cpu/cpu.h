/* The CPU kernels, with the public functions' signatures; all arguments are checked. They fail by hw::Failure. */
#ifndef HEADWATER_SRC_CPU_CPU_H
#define HEADWATER_SRC_CPU_CPU_H

#include "cpu/simd.h"

namespace hw::HW_ISA {

decltype(hw_encode_threshold) encode_threshold;
decltype(hw_encode_topk) encode_topk;
decltype(hw_gather_rows) gather_rows;
decltype(hw_pattern_adjoint) pattern_adjoint;
decltype(hw_pattern_adjoint_single) pattern_adjoint_single;
decltype(hw_edge_contract) edge_contract;
decltype(hw_add_rows) add_rows;
decltype(hw_add_scaled_rows) add_scaled_rows;
decltype(hw_split_bf16) split_bf16;
decltype(hw_row_sums) row_sums;
decltype(hw_influence) influence;
decltype(hw_edge_cut) edge_cut;
decltype(hw_edges_above) edges_above;

}  // namespace hw::HW_ISA

#endif
