/*
 * What of libtorch's C interface only a CUDA build has (libtorch_cuda): torch/csrc/inductor/aoti_torch/c/shim.h.
 *
 * Generated with jextract at openjdk/jextract f9866df on JDK 25:
 *   jextract --output bindings/src/generated/java --target-package dev.headwater.bindings.torch \
 *            --header-class-name TorchCuda --library torch_cuda bindings/src/main/c/torch_cuda.h \
 *            --include-function aoti_torch_get_current_cuda_stream
 */
#include <stdint.h>

/* The stream that the calling thread's operators run on. */
int32_t aoti_torch_get_current_cuda_stream(int32_t device_index, void **ret_stream); /* borrowed */
