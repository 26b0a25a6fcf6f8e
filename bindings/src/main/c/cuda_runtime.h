/*
 * The CUDA runtime, as its own header declares it; the functions taken are listed in cuda_runtime.includes.
 *
 * Generated with jextract at openjdk/jextract f9866df on JDK 25 against CUDA 13.0:
 *   jextract --output bindings/src/generated/java --target-package dev.headwater.bindings.cuda \
 *            --header-class-name CudaRuntime -I $CUDA_HOME/include bindings/src/main/c/cuda_runtime.h \
 *            @bindings/src/main/c/cuda_runtime.includes
 */
#include <cuda_runtime_api.h>
