/* The table of this instruction set's kernels. */
#include "cpu/cpu.h"

#define HW_TEXT_OF(x) #x
#define HW_TEXT(x) HW_TEXT_OF(x)

namespace hw::HW_ISA {

const CpuKernels kernels = {
    HW_TEXT(HW_ISA),
    {encode_threshold, encode_topk, gather_rows, pattern_adjoint, pattern_adjoint_single, edge_contract, add_rows,
     add_scaled_rows},
    {row_sums, influence, edge_cut, edges_above},
    split_bf16,
};

}  // namespace hw::HW_ISA
