#pragma once

// The binary interface of ONNX Runtime, as far as it is used: opaque types, constants, the table of functions and the
// layout of a custom operator. The table only ever grows at its end, so a slot number holds for every later version.
// `Api` names each slot once, with its full signature, and turns a failed status into nibble::Error.

#include <cstddef>
#include <cstdint>
#include <string>

#include "error.h"

namespace nibble::ort {

struct Status;
struct Env;
struct Session;
struct SessionOptions;
struct RunOptions;
struct Value;
struct MemoryInfo;
struct Allocator;
struct IoBinding;
struct TypeInfo;
struct TensorInfo;
struct CustomOpDomain;
struct KernelInfo;
struct KernelContext;
struct CustomOp;

/// The version asked of GetApi. Libraries older than 1.24 do not know it and answer null.
inline constexpr std::uint32_t kApiVersion = 24;

/// ONNX element types.
inline constexpr int kAnyType = 0;
inline constexpr int kFloat = 1;
inline constexpr int kUint8 = 2;
inline constexpr int kInt8 = 3;
inline constexpr int kInt32 = 6;
inline constexpr int kInt64 = 7;
inline constexpr int kFloat16 = 10;
inline constexpr int kBfloat16 = 16;

/// OrtErrorCode, as far as they are told apart here.
inline constexpr int kCodeFail = 1;
inline constexpr int kCodeInvalidArgument = 2;
inline constexpr int kCodeNoSuchFile = 3;
inline constexpr int kCodeInvalidProtobuf = 7;
inline constexpr int kCodeNotImplemented = 9;
inline constexpr int kCodeInvalidGraph = 10;

#ifdef _WIN32
using PathChar = wchar_t;
#else
using PathChar = char;
#endif

struct ApiBase {
  const void* const* (*get_api)(std::uint32_t version);
  const char* (*get_version)();
};

/// What a custom operator fills in (OrtCustomOp). Filled once per operator and session; see custom_operator.cpp.
struct CustomOp {
  std::uint32_t version;
  void* create_kernel;  // null: the V2 functions below are used
  const char* (*name)(const CustomOp*);
  const char* (*provider)(const CustomOp*);
  int (*input_type)(const CustomOp*, std::size_t);
  std::size_t (*input_count)(const CustomOp*);
  int (*output_type)(const CustomOp*, std::size_t);
  std::size_t (*output_count)(const CustomOp*);
  void* compute;  // null, as create_kernel
  void (*destroy)(void* kernel);
  int (*input_characteristic)(const CustomOp*, std::size_t);  // 0 required, 1 optional
  int (*output_characteristic)(const CustomOp*, std::size_t);
  int (*input_memory_type)(const CustomOp*, std::size_t);  // 0 default
  // The four are called whether or not an operator is variadic.
  int (*variadic_input_minimum)(const CustomOp*);
  int (*variadic_input_homogeneous)(const CustomOp*);
  int (*variadic_output_minimum)(const CustomOp*);
  int (*variadic_output_homogeneous)(const CustomOp*);
  Status* (*create_kernel_v2)(const CustomOp*, const void* api, const KernelInfo*, void** kernel);
  Status* (*compute_v2)(void* kernel, KernelContext*);
  void* infer_output_shape;
  int (*start_version)(const CustomOp*);
  int (*end_version)(const CustomOp*);
  void* may_inplace[2];
  void* alias_map[2];
};
static_assert(sizeof(void*) != 8 || sizeof(CustomOp) == 208);
static_assert(sizeof(void*) != 8 || offsetof(CustomOp, create_kernel_v2) == 136);

class Api {
 public:
  explicit Api(const void* const* table) : table_(table) {}

  // Environment and providers.
  Status* create_status(int code, const char* message) const {
    return slot<0, Status*(int, const char*)>()(code, message);
  }
  int error_code(const Status* status) const { return slot<1, int(const Status*)>()(status); }
  const char* error_message(const Status* status) const { return slot<2, const char*(const Status*)>()(status); }
  void create_env(int level, const char* id, Env** out) const {
    check(slot<3, Status*(int, const char*, Env**)>()(level, id, out));
  }
  void disable_telemetry(const Env* env) const { check(slot<6, Status*(const Env*)>()(env)); }
  void available_providers(char*** names, int* count) const {
    check(slot<125, Status*(char***, int*)>()(names, count));
  }
  void release_available_providers(char** names, int count) const {
    check(slot<126, Status*(char**, int)>()(names, count));
  }

  // Session options.
  void create_session_options(SessionOptions** out) const { check(slot<10, Status*(SessionOptions**)>()(out)); }
  void set_optimization_level(SessionOptions* options, int level) const {
    check(slot<23, Status*(SessionOptions*, int)>()(options, level));
  }
  void set_intra_threads(SessionOptions* options, int threads) const {
    check(slot<24, Status*(SessionOptions*, int)>()(options, threads));
  }
  void disable_memory_pattern(SessionOptions* options) const { check(slot<17, Status*(SessionOptions*)>()(options)); }
  void disable_cpu_arena(SessionOptions* options) const { check(slot<19, Status*(SessionOptions*)>()(options)); }
  void create_domain(const char* name, CustomOpDomain** out) const {
    check(slot<26, Status*(const char*, CustomOpDomain**)>()(name, out));
  }
  void domain_add(CustomOpDomain* domain, const CustomOp* op) const {
    check(slot<27, Status*(CustomOpDomain*, const CustomOp*)>()(domain, op));
  }
  void add_domain(SessionOptions* options, CustomOpDomain* domain) const {
    check(slot<28, Status*(SessionOptions*, CustomOpDomain*)>()(options, domain));
  }

  void add_config_entry(SessionOptions* options, const char* key, const char* value) const {
    check(slot<130, Status*(SessionOptions*, const char*, const char*)>()(options, key, value));
  }

  /// Adds a provider that the library itself contains, by its short name.
  void append_provider(SessionOptions* options, const char* name, const char* const* keys, const char* const* values,
                       std::size_t count) const {
    check(slot<216, Status*(SessionOptions*, const char*, const char* const*, const char* const*, std::size_t)>()(
        options, name, keys, values, count));
  }

  // Sessions.
  void create_session(Env* env, const PathChar* path, const SessionOptions* options, Session** out) const {
    check(slot<7, Status*(Env*, const PathChar*, const SessionOptions*, Session**)>()(env, path, options, out));
  }
  void create_session_from_array(Env* env, const void* graph, std::size_t bytes, const SessionOptions* options,
                                 Session** out) const {
    check(slot<8, Status*(Env*, const void*, std::size_t, const SessionOptions*, Session**)>()(env, graph, bytes,
                                                                                               options, out));
  }
  void run(Session* session, const RunOptions* options, const char* const* input_names, const Value* const* inputs,
           std::size_t input_count, const char* const* output_names, std::size_t output_count, Value** outputs) const {
    check(slot<9, Status*(Session*, const RunOptions*, const char* const*, const Value* const*, std::size_t,
                          const char* const*, std::size_t, Value**)>()(
        session, options, input_names, inputs, input_count, output_names, output_count, outputs));
  }
  std::size_t input_count(const Session* session) const {
    std::size_t count = 0;
    check(slot<30, Status*(const Session*, std::size_t*)>()(session, &count));
    return count;
  }
  std::size_t output_count(const Session* session) const {
    std::size_t count = 0;
    check(slot<31, Status*(const Session*, std::size_t*)>()(session, &count));
    return count;
  }
  void input_type_info(const Session* session, std::size_t index, TypeInfo** out) const {
    check(slot<33, Status*(const Session*, std::size_t, TypeInfo**)>()(session, index, out));
  }
  void output_type_info(const Session* session, std::size_t index, TypeInfo** out) const {
    check(slot<34, Status*(const Session*, std::size_t, TypeInfo**)>()(session, index, out));
  }
  void create_io_binding(Session* session, IoBinding** out) const {
    check(slot<134, Status*(Session*, IoBinding**)>()(session, out));
  }
  /// The value is kept alive by the binding.
  void bind_input(IoBinding* binding, const char* name, const Value* value) const {
    check(slot<136, Status*(IoBinding*, const char*, const Value*)>()(binding, name, value));
  }
  void bind_output(IoBinding* binding, const char* name, const Value* value) const {
    check(slot<137, Status*(IoBinding*, const char*, const Value*)>()(binding, name, value));
  }
  void run_with_binding(Session* session, const RunOptions* options, const IoBinding* binding) const {
    check(slot<133, Status*(Session*, const RunOptions*, const IoBinding*)>()(session, options, binding));
  }
  void create_run_options(RunOptions** out) const { check(slot<39, Status*(RunOptions**)>()(out)); }
  void set_terminate(RunOptions* options) const { check(slot<46, Status*(RunOptions*)>()(options)); }
  void unset_terminate(RunOptions* options) const { check(slot<47, Status*(RunOptions*)>()(options)); }

  // Values.
  void create_tensor(const MemoryInfo* memory, void* data, std::size_t bytes, const std::int64_t* shape,
                     std::size_t rank, int type, Value** out) const {
    check(slot<49, Status*(const MemoryInfo*, void*, std::size_t, const std::int64_t*, std::size_t, int, Value**)>()(
        memory, data, bytes, shape, rank, type, out));
  }
  /// In memory of the allocator's device; not set to anything.
  void allocate_tensor(Allocator* allocator, const std::int64_t* shape, std::size_t rank, int type, Value** out) const {
    check(slot<48, Status*(Allocator*, const std::int64_t*, std::size_t, int, Value**)>()(allocator, shape, rank, type,
                                                                                          out));
  }
  void* tensor_data(const Value* value) const {
    void* data = nullptr;
    check(slot<51, Status*(const Value*, void**)>()(value, &data));
    return data;
  }
  /// The shape stays the value's own: no allocation.
  void tensor_type_and_shape(const Value* value, int* type, const std::int64_t** dims, std::size_t* rank) const {
    check(slot<414, Status*(const Value*, int*, const std::int64_t**, std::size_t*)>()(value, type, dims, rank));
  }
  void tensor_info(const TypeInfo* info, const TensorInfo** out) const {
    check(slot<55, Status*(const TypeInfo*, const TensorInfo**)>()(info, out));
  }
  int element_type(const TensorInfo* info) const {
    int type = 0;
    check(slot<60, Status*(const TensorInfo*, int*)>()(info, &type));
    return type;
  }
  std::size_t dimension_count(const TensorInfo* info) const {
    std::size_t count = 0;
    check(slot<61, Status*(const TensorInfo*, std::size_t*)>()(info, &count));
    return count;
  }
  void dimensions(const TensorInfo* info, std::int64_t* out, std::size_t count) const {
    check(slot<62, Status*(const TensorInfo*, std::int64_t*, std::size_t)>()(info, out, count));
  }
  /// Memory of the host's own allocation (allocator type 0: device, memory type 0: default).
  void create_cpu_memory_info(MemoryInfo** out) const { check(slot<69, Status*(int, int, MemoryInfo**)>()(0, 0, out)); }

  /// Memory of a device's provider (allocator type 0: device, number 0, memory type 0: default).
  void create_memory_info(const char* name, MemoryInfo** out) const {
    check(slot<68, Status*(const char*, int, int, int, MemoryInfo**)>()(name, 0, 0, 0, out));
  }
  void create_allocator(const Session* session, const MemoryInfo* memory, Allocator** out) const {
    check(slot<131, Status*(const Session*, const MemoryInfo*, Allocator**)>()(session, memory, out));
  }

  // Kernels.
  bool attribute_float(const KernelInfo* info, const char* name, float* out) const {
    return succeeded(slot<85, Status*(const KernelInfo*, const char*, float*)>()(info, name, out));
  }
  bool attribute_int(const KernelInfo* info, const char* name, std::int64_t* out) const {
    return succeeded(slot<86, Status*(const KernelInfo*, const char*, std::int64_t*)>()(info, name, out));
  }
  /// @returns the bytes that the text needs, its end included, or 0 where there is no such text; written to `out`,
  /// which has room for `size`, unless that is null
  std::size_t attribute_text(const KernelInfo* info, const char* name, char* out, std::size_t size) const {
    using Read = Status*(const KernelInfo*, const char*, char*, std::size_t*);
    return succeeded(slot<87, Read>()(info, name, out, &size)) ? size : 0;
  }
  /// @returns the bytes that the name needs, its end included; written to `out` unless that is null
  std::size_t node_name(const KernelInfo* info, char* out, std::size_t size) const {
    check(slot<244, Status*(const KernelInfo*, char*, std::size_t*)>()(info, out, &size));
    return size;
  }
  void constant_input(const KernelInfo* info, std::size_t index, int* is_constant, const Value** out) const {
    check(slot<249, Status*(const KernelInfo*, std::size_t, int*, const Value**)>()(info, index, is_constant, out));
  }
  std::size_t context_input_count(const KernelContext* context) const {
    std::size_t count = 0;
    check(slot<88, Status*(const KernelContext*, std::size_t*)>()(context, &count));
    return count;
  }
  const Value* context_input(const KernelContext* context, std::size_t index) const {
    const Value* value = nullptr;
    check(slot<90, Status*(const KernelContext*, std::size_t, const Value**)>()(context, index, &value));
    return value;
  }
  Value* context_output(KernelContext* context, std::size_t index, const std::int64_t* dims, std::size_t rank) const {
    Value* value = nullptr;
    check(slot<91, Status*(KernelContext*, std::size_t, const std::int64_t*, std::size_t, Value**)>()(
        context, index, dims, rank, &value));
    return value;
  }

  // Releases: never fail.
  void release(Status* p) const { slot<93, void(Status*)>()(p); }
  void release(MemoryInfo* p) const { slot<94, void(MemoryInfo*)>()(p); }
  void release(Session* p) const { slot<95, void(Session*)>()(p); }
  void release(Value* p) const { slot<96, void(Value*)>()(p); }
  void release(Allocator* p) const { slot<132, void(Allocator*)>()(p); }
  void release(IoBinding* p) const { slot<135, void(IoBinding*)>()(p); }
  void release(RunOptions* p) const { slot<97, void(RunOptions*)>()(p); }
  void release(TypeInfo* p) const { slot<98, void(TypeInfo*)>()(p); }
  void release(SessionOptions* p) const { slot<100, void(SessionOptions*)>()(p); }
  void release(CustomOpDomain* p) const { slot<101, void(CustomOpDomain*)>()(p); }

 private:
  template <std::size_t kSlot, typename Signature>
  Signature* slot() const {
    return reinterpret_cast<Signature*>(const_cast<void*>(table_[kSlot]));
  }

  bool succeeded(Status* status) const {
    if (status == nullptr) return true;
    release(status);
    return false;
  }

  void check(Status* status) const {
    if (status != nullptr) fail(status);
  }

  [[noreturn]] void fail(Status* status) const {
    const int code = error_code(status);
    const std::string message = error_message(status);
    release(status);
    switch (code) {
      case kCodeNoSuchFile:
        throw Error("invalid-input", message);
      case kCodeFail:
      case kCodeInvalidArgument:
      case kCodeInvalidProtobuf:
      case kCodeInvalidGraph:
      case kCodeNotImplemented:
        throw Error("malformed-file", message);
      default:
        throw Error("internal", message);
    }
  }

  const void* const* table_;
};

}  // namespace nibble::ort
