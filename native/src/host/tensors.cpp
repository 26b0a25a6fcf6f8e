/* DLPack, out of handles and into them. */
#include "machine.h"

/* As dmlc/dlpack.h has them in version 1.0; the layout is DLPack's promise. */
extern "C" {
struct DLPackVersion {
  uint32_t major, minor;
};
struct DLDevice {
  int32_t device_type;
  int32_t device_id;
};
struct DLDataType {
  uint8_t code;
  uint8_t bits;
  uint16_t lanes;
};
struct DLTensor {
  void *data;
  DLDevice device;
  int32_t ndim;
  DLDataType dtype;
  int64_t *shape;
  int64_t *strides;
  uint64_t byte_offset;
};
struct DLManagedTensorVersioned {
  DLPackVersion version;
  void *manager_ctx;
  void (*deleter)(DLManagedTensorVersioned *self);
  uint64_t flags;
  DLTensor dl_tensor;
};
}

namespace hw_host {
namespace {

constexpr uint32_t kMajor = 1;
constexpr int32_t kCpu = 1;
constexpr int32_t kCudaHost = 3;
constexpr uint64_t kReadOnly = 1;
constexpr uint8_t kInt = 0;
constexpr uint8_t kUnsigned = 1;
constexpr uint8_t kFloat = 2;
constexpr uint64_t kMostBytes = INT32_MAX;

struct Exported {
  DLManagedTensorVersioned tensor = {};
  hw_array array = {};
  int64_t strides[4] = {};
  jobject owner = nullptr;
};

DLDataType type_of(int32_t type) {
  switch (type) {
    case HW_U8: return {kUnsigned, 8, 1};
    case HW_I32: return {kInt, 32, 1};
    case HW_I64: return {kInt, 64, 1};
    case HW_F32: return {kFloat, 32, 1};
    default: return {kFloat, 64, 1};
  }
}

void give_back(DLManagedTensorVersioned *tensor) {
  auto exported = static_cast<Exported *>(tensor->manager_ctx);
  if (is_ours()) { /* in a forked child there is nothing left to give it to */
    guarded([&] {
      Call call;
      jobject owner = exported->owner;
      call.nothing({"HostCalls", "release", "(Ljava/lang/Object;)V"}, owner);
      call.env->DeleteGlobalRef(owner);
    });
  }
  delete exported;
}

void JNICALL free_imported(JNIEnv *, jclass, jlong managed) {
  auto tensor = reinterpret_cast<DLManagedTensorVersioned *>(managed);
  if (tensor->deleter != nullptr) tensor->deleter(tensor);
}

void refuse(const std::string &why) { throw Failure{HW_ERROR_USAGE, "the tensor can't be taken over: " + why}; }

/* Elements of a dense float32 tensor in the processor's memory. */
uint64_t checked(const DLManagedTensorVersioned &managed) {
  if (managed.version.major != kMajor)
    refuse("it is of DLPack " + std::to_string(managed.version.major) + ".x, not 1.x");
  const DLTensor &tensor = managed.dl_tensor;
  if (tensor.device.device_type != kCpu && tensor.device.device_type != kCudaHost)
    refuse("it is not in the processor's memory");
  if (tensor.dtype.code != kFloat || tensor.dtype.bits != 32 || tensor.dtype.lanes != 1) refuse("it is not float32");
  if (tensor.ndim < 1 || tensor.ndim > 2 || tensor.shape == nullptr) refuse("it has not 1 or 2 dimensions");
  uint64_t count = 1;
  for (int32_t i = tensor.ndim - 1; i >= 0; i--) {
    if (tensor.shape[i] < 1 || static_cast<uint64_t>(tensor.shape[i]) > kMostBytes)
      refuse("a dimension is empty or too long");
    if (tensor.strides != nullptr && tensor.shape[i] > 1 && tensor.strides[i] != static_cast<int64_t>(count)) {
      refuse("its rows do not follow each other; make it contiguous");
    }
    count *= static_cast<uint64_t>(tensor.shape[i]);
  }
  if (count > kMostBytes / sizeof(float)) refuse("it has more than 2 GiB");
  if (tensor.data == nullptr) refuse("its data is NULL");
  return count;
}

}  // namespace

void register_tensors(JNIEnv *env, jclass edits) {
  const JNINativeMethod method = {const_cast<char *>("free"), const_cast<char *>("(J)V"),
                                  reinterpret_cast<void *>(free_imported)};
  if (env->RegisterNatives(edits, &method, 1) != JNI_OK) {
    env->ExceptionClear();
    throw Failure{HW_ERROR_JAVA, "the jars do not fit libheadwater.so; take both from one build or release"};
  }
}

}  // namespace hw_host

using namespace hw_host;

extern "C" int32_t hw_export_tensor(hw_handle handle, int32_t what, int32_t index,
                                    struct DLManagedTensorVersioned **tensor) {
  return guarded([&] {
    require(tensor, "tensor");
    Call call;
    auto exported = new Exported;
    try {
      jobject owner =
          call.object({"HostCalls", "export", "(JIILjava/nio/ByteBuffer;)Ljava/lang/Object;"},
                      static_cast<jlong>(handle), what, index, call.buffer(&exported->array, sizeof exported->array));
      exported->owner = call.env->NewGlobalRef(owner);
    } catch (...) {
      delete exported;
      throw;
    }
    hw_array &array = exported->array;
    int64_t stride = 1;
    for (int32_t i = array.rank - 1; i >= 0; i--) {
      exported->strides[i] = stride;
      stride *= array.shape[i];
    }
    exported->tensor.version = {kMajor, 0};
    exported->tensor.manager_ctx = exported;
    exported->tensor.deleter = give_back;
    exported->tensor.flags = kReadOnly;
    exported->tensor.dl_tensor = {
        const_cast<void *>(array.data), {kCpu, 0}, array.rank, type_of(array.type), array.shape, exported->strides, 0};
    *tensor = &exported->tensor;
  });
}

extern "C" int32_t hw_import_tensor(struct DLManagedTensorVersioned *tensor, hw_tensor *out) {
  return guarded([&] {
    require(tensor, "tensor");
    require(out, "out");
    const uint64_t count = checked(*tensor);
    const DLTensor &given = tensor->dl_tensor;
    void *data = static_cast<char *>(given.data) + given.byte_offset;
    Call call;
    jlong shape[2] = {given.shape[0], given.ndim == 2 ? given.shape[1] : 1};
    jlongArray sizes = call.env->NewLongArray(given.ndim);
    if (sizes == nullptr) call.check();
    call.env->SetLongArrayRegion(sizes, 0, given.ndim, shape);
    *out = static_cast<hw_tensor>(call.number({"HostEdits", "importTensor", "(Ljava/nio/ByteBuffer;J[JJ)J"},
                                              call.buffer(data, count * sizeof(float)),
                                              static_cast<jlong>(reinterpret_cast<uintptr_t>(data)), sizes,
                                              static_cast<jlong>(reinterpret_cast<uintptr_t>(tensor))));
  });
}
