/* The table of this instruction set's kernels. */
#include "cpu/cpu.h"

#define HW_TEXT_OF(x) #x
#define HW_TEXT(x) HW_TEXT_OF(x)

namespace hw::HW_ISA {

const CpuKernels kernels = {
    HW_TEXT(HW_ISA),
    {HW_DEVICE_KERNELS(HW_ADDRESS)},
    {HW_HOST_KERNELS(HW_ADDRESS)},
};

}  // namespace hw::HW_ISA
