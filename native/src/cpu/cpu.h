/* The CPU kernels, with the public functions' signatures; all arguments are checked. They fail by hw::Failure. */
#ifndef HEADWATER_SRC_CPU_CPU_H
#define HEADWATER_SRC_CPU_CPU_H

#include "cpu/simd.h"

namespace hw::HW_ISA {

HW_DEVICE_KERNELS(HW_DECLARE)
HW_HOST_KERNELS(HW_DECLARE)

}  // namespace hw::HW_ISA

#endif
