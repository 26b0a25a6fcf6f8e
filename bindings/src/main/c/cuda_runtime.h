/*
 * The part of the CUDA runtime that Headwater uses, in plain C. Names and signatures are NVIDIA's, the same from CUDA 11 on.
 * Looked up in libtorch_cuda and the libraries that it brings, whatever the runtime's own file is called.
 *
 * Generated with jextract at openjdk/jextract f9866df on JDK 25:
 *   jextract --output bindings/src/generated/java --target-package dev.headwater.bindings.cuda \
 *            --header-class-name CudaRuntime --library torch_cuda bindings/src/main/c/cuda_runtime.h \
 *            @bindings/src/main/c/cuda_runtime.includes
 */
#include <stddef.h>

/* cudaDeviceAttr */
#define HEADWATER_COMPUTE_CAPABILITY_MAJOR 75
#define HEADWATER_COMPUTE_CAPABILITY_MINOR 76

/* Every function returns a cudaError_t, 0 for success. */
int cudaGetDeviceCount(int *count);
int cudaGetDevice(int *device);
int cudaSetDevice(int device);
int cudaDeviceGetAttribute(int *value, int attribute, int device);
/* prop is a cudaDeviceProp, which grows from version to version (about 1 KB); it begins with the name, char[256]. */
int cudaGetDeviceProperties(void *prop, int device);
int cudaRuntimeGetVersion(int *version);
int cudaMemGetInfo(size_t *free, size_t *total);
const char *cudaGetErrorString(int error);
