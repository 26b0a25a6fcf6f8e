/*
 * The part of libtorch's stable C interface (torch/csrc/inductor/aoti_torch/c/shim.h and torch/csrc/stable/c/shim.h,
 * libtorch 2.13; what older ones lack is said where it stands) that Headwater uses, in plain C so that jextract can read it. Names and signatures are libtorch's.
 *
 * Every function that returns int32_t and takes a handle reports 0 for success; otherwise
 * torch_exception_get_what_without_backtrace has the text. "owned": the caller must free it; "borrowed": it belongs to
 * its tensor.
 *
 * Generated with jextract at openjdk/jextract f9866df on JDK 25:
 *   jextract --output bindings/src/generated/java --target-package dev.headwater.bindings.torch \
 *            --header-class-name TorchShim --library torch_cpu bindings/src/main/c/torch_shim.h @bindings/src/main/c/torch_shim.includes
 */
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>

typedef struct AtenTensorOpaque *AtenTensorHandle;
typedef struct StableListOpaque *StableListHandle;
typedef struct StringOpaque *StringHandle;
typedef uint64_t StableIValue;

/* Library. The ABI version is packed: major, minor, patch from the highest byte down. */
uint64_t aoti_torch_abi_version(void);
const char *torch_exception_get_what_without_backtrace(void); /* borrowed */
void aoti_torch_grad_mode_set_enabled(bool enabled);
int32_t torch_get_num_threads(uint32_t *out_num_threads);

/* Codes of devices and element types. */
int32_t aoti_torch_device_type_cpu(void);
int32_t aoti_torch_device_type_cuda(void);
int32_t aoti_torch_dtype_float64(void);
int32_t aoti_torch_dtype_float32(void);
int32_t aoti_torch_dtype_float16(void);
int32_t aoti_torch_dtype_bfloat16(void);
int32_t aoti_torch_dtype_int64(void);
int32_t aoti_torch_dtype_int32(void);
int32_t aoti_torch_dtype_int16(void);
int32_t aoti_torch_dtype_int8(void);
int32_t aoti_torch_dtype_uint8(void);
int32_t aoti_torch_dtype_bool(void);

/* Tensors. Handles returned through ret are owned. */
int32_t aoti_torch_empty_strided(int64_t ndim, const int64_t *sizes, const int64_t *strides, int32_t dtype,
                                 int32_t device_type, int32_t device_index, AtenTensorHandle *ret);
/* The tensor's storage calls deleter(data, deleter_context) when nothing refers to it any more. */
int32_t torch_from_blob(void *data, int64_t ndim, const int64_t *sizes, const int64_t *strides, int64_t storage_offset,
                        int32_t dtype, int32_t device_type, int32_t device_index, AtenTensorHandle *ret, int32_t layout,
                        const uint8_t *opaque_metadata, int64_t opaque_metadata_size,
                        void (*deleter)(void *data, void *context), void *deleter_context);
/* The same before libtorch 2.11: nothing is called when the storage ends. */
int32_t aoti_torch_create_tensor_from_blob_v2(void *data, int64_t ndim, const int64_t *sizes, const int64_t *strides,
                                              int64_t storage_offset, int32_t dtype, int32_t device_type, int32_t device_index,
                                              AtenTensorHandle *ret, int32_t layout, const uint8_t *opaque_metadata,
                                              int64_t opaque_metadata_size);
int32_t aoti_torch_layout_strided(void);
int32_t aoti_torch_new_tensor_handle(AtenTensorHandle orig, AtenTensorHandle *ret);
int32_t aoti_torch_delete_tensor_object(AtenTensorHandle tensor);
int32_t aoti_torch_get_data_ptr(AtenTensorHandle tensor, void **ret); /* borrowed */
int32_t aoti_torch_get_dim(AtenTensorHandle tensor, int64_t *ret);
int32_t aoti_torch_get_sizes(AtenTensorHandle tensor, int64_t **ret); /* borrowed */
int32_t aoti_torch_get_dtype(AtenTensorHandle tensor, int32_t *ret);
int32_t aoti_torch_get_device_type(AtenTensorHandle tensor, int32_t *ret);
int32_t aoti_torch_get_device_index(AtenTensorHandle tensor, int32_t *ret);
int32_t aoti_torch_is_contiguous(AtenTensorHandle tensor, bool *ret);
int32_t aoti_torch_copy_(AtenTensorHandle self, AtenTensorHandle src, int32_t non_blocking);
int32_t aoti_torch_addmm_out(AtenTensorHandle out, AtenTensorHandle self, AtenTensorHandle mat1, AtenTensorHandle mat2,
                             float beta, float alpha);
/* self - alpha * other, on any device. */
int32_t aoti_torch_aten_subtract_Tensor(AtenTensorHandle self, AtenTensorHandle other, double alpha, AtenTensorHandle *ret0);

int32_t aoti_torch_scalar_to_tensor_float64(double value, AtenTensorHandle *ret); /* 0-dim, CPU */

/* Any ATen operator. The call takes ownership of tensor handles, lists, strings and optional cells on the stack, and
 * leaves the owned results at the stack's beginning. */
int32_t torch_call_dispatcher(const char *op_name, const char *overload_name, StableIValue *stack,
                              uint64_t extension_build_version);
int32_t torch_new_list_reserve_size(size_t size, StableListHandle *ret); /* owned */
int32_t torch_list_push_back(StableListHandle list, StableIValue element);
int32_t torch_delete_list(StableListHandle list);
int32_t torch_new_string_handle(const char *data, size_t length, StringHandle *ret); /* owned */
int32_t torch_delete_string(StringHandle string);
int32_t torch_new_stable_ivalue(StableIValue **ret); /* owned */
int32_t torch_delete_stable_ivalue(StableIValue *value);
/* Before libtorch 2.13, which makes and frees such a cell by new and delete: these, from the C++ library that it brings. */
void *_Znwm(size_t size);
void _ZdlPv(void *memory);
