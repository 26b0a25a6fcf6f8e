#include "headwater/kernels.h"

extern "C" int32_t hw_abi_version(void) { return 1; }
