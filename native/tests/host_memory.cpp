/* Tests on the CPU, and on the emulated device, whose memory is the host's. */
#include "test.h"

bool test::prepare_memory() { return true; }

void test::finish() {}
