#pragma once

// The part of CUDA's driver API that Nibble calls, declared here so that it compiles where no CUDA is installed. The
// names with _v2 are the current ones; each has kept its meaning since CUDA 4 (cuDevicePrimaryCtxSetFlags_v2: 11).

#include <cstddef>

namespace nibble::cuda {

#if defined(_WIN32)
#define NIBBLE_CUDA_CALL __stdcall
#else
#define NIBBLE_CUDA_CALL
#endif

using Result = int;
using DeviceHandle = int;
using DevicePointer = unsigned long long;
using ContextHandle = struct ContextOfDriver*;
using ModuleHandle = struct ModuleOfDriver*;
using FunctionHandle = struct FunctionOfDriver*;
using StreamHandle = struct StreamOfDriver*;
using EventHandle = struct EventOfDriver*;
using GraphHandle = struct GraphOfDriver*;
using GraphExecHandle = struct GraphExecOfDriver*;

constexpr Result kSuccess = 0;
constexpr Result kOutOfMemory = 2;
constexpr Result kNoDevice = 100;
constexpr Result kNoBinaryForGpu = 209;
constexpr Result kUnsupportedPtx = 222;

constexpr Result kNotReady = 600;

constexpr int kAttributeMultiprocessors = 16;
constexpr int kAttributeMajor = 75;
constexpr int kAttributeMinor = 76;
constexpr int kAttributeSharedMemory = 97;  // bytes that a block may ask for

constexpr int kFunctionTextVersion = 5;  // of the text (PTX) that a function was compiled from
constexpr int kFunctionSharedMemory = 8;
constexpr int kCaptureThreadLocal = 1;
constexpr unsigned kLaunchProgrammatic = 6;

/// CUlaunchAttribute: its value is a union of 64 bytes.
struct alignas(8) LaunchAttribute {
  unsigned id;
  unsigned padding;
  int value;
  char rest[60];
};
static_assert(sizeof(LaunchAttribute) == 72);

/// CUlaunchConfig.
struct LaunchConfig {
  unsigned grid[3];
  unsigned block[3];
  unsigned shared_bytes;
  StreamHandle stream;
  LaunchAttribute* attributes;
  unsigned attribute_count;
};

constexpr unsigned kContextBlockingSync = 4;
constexpr unsigned kStreamNonBlocking = 1;
constexpr unsigned kEventDefault = 0;

/// Calls X(member, name of the symbol, arguments) for every function.
#define NIBBLE_CUDA_FUNCTIONS(X)                                                                                     \
  X(init, cuInit, (unsigned flags))                                                                                  \
  X(driver_version, cuDriverGetVersion, (int* version))                                                              \
  X(error_name, cuGetErrorName, (Result error, const char** name))                                                   \
  X(error_text, cuGetErrorString, (Result error, const char** text))                                                 \
  X(device_count, cuDeviceGetCount, (int* count))                                                                    \
  X(device_get, cuDeviceGet, (DeviceHandle * device, int ordinal))                                                   \
  X(device_name, cuDeviceGetName, (char* name, int length, DeviceHandle device))                                     \
  X(device_attribute, cuDeviceGetAttribute, (int* value, int attribute, DeviceHandle device))                        \
  X(device_memory, cuDeviceTotalMem_v2, (std::size_t * bytes, DeviceHandle device))                                  \
  X(context_flags, cuDevicePrimaryCtxSetFlags_v2, (DeviceHandle device, unsigned flags))                             \
  X(context_retain, cuDevicePrimaryCtxRetain, (ContextHandle * context, DeviceHandle device))                        \
  X(context_current, cuCtxSetCurrent, (ContextHandle context))                                                       \
  X(module_load, cuModuleLoadData, (ModuleHandle * module, const void* image))                                       \
  X(module_function, cuModuleGetFunction, (FunctionHandle * function, ModuleHandle module, const char* name))        \
  X(memory_allocate, cuMemAlloc_v2, (DevicePointer * pointer, std::size_t bytes))                                    \
  X(memory_free, cuMemFree_v2, (DevicePointer pointer))                                                              \
  X(pinned_allocate, cuMemHostAlloc, (void** pointer, std::size_t bytes, unsigned flags))                            \
  X(pinned_free, cuMemFreeHost, (void* pointer))                                                                     \
  X(upload, cuMemcpyHtoDAsync_v2, (DevicePointer to, const void* from, std::size_t bytes, StreamHandle stream))      \
  X(download, cuMemcpyDtoHAsync_v2, (void* to, DevicePointer from, std::size_t bytes, StreamHandle stream))          \
  X(copy, cuMemcpyDtoDAsync_v2, (DevicePointer to, DevicePointer from, std::size_t bytes, StreamHandle stream))      \
  X(fill, cuMemsetD8Async, (DevicePointer to, unsigned char value, std::size_t bytes, StreamHandle stream))          \
  X(stream_create, cuStreamCreate, (StreamHandle * stream, unsigned flags))                                          \
  X(stream_destroy, cuStreamDestroy_v2, (StreamHandle stream))                                                       \
  X(stream_wait, cuStreamSynchronize, (StreamHandle stream))                                                         \
  X(event_create, cuEventCreate, (EventHandle * event, unsigned flags))                                              \
  X(event_destroy, cuEventDestroy_v2, (EventHandle event))                                                           \
  X(event_record, cuEventRecord, (EventHandle event, StreamHandle stream))                                           \
  X(event_wait, cuEventSynchronize, (EventHandle event))                                                             \
  X(event_elapsed, cuEventElapsedTime, (float* milliseconds, EventHandle from, EventHandle to))                      \
  X(launch, cuLaunchKernel,                                                                                          \
    (FunctionHandle function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x, unsigned block_y, \
     unsigned block_z, unsigned shared_bytes, StreamHandle stream, void** arguments, void** extra))

/// What only the decoder needs. Null where the driver is older than they are (CUDA 11.4).
#define NIBBLE_CUDA_DECODER_FUNCTIONS(X)                                                                             \
  X(function_attribute, cuFuncSetAttribute, (FunctionHandle function, int attribute, int value))                     \
  X(function_property, cuFuncGetAttribute, (int* value, int attribute, FunctionHandle function))                     \
  X(module_unload, cuModuleUnload, (ModuleHandle module))                                                            \
  X(stream_query, cuStreamQuery, (StreamHandle stream))                                                              \
  X(capture_begin, cuStreamBeginCapture_v2, (StreamHandle stream, int mode))                                         \
  X(capture_end, cuStreamEndCapture, (StreamHandle stream, GraphHandle * graph))                                     \
  X(graph_instantiate, cuGraphInstantiateWithFlags, (GraphExecHandle * exec, GraphHandle graph, unsigned long long)) \
  X(graph_launch, cuGraphLaunch, (GraphExecHandle exec, StreamHandle stream))                                        \
  X(graph_destroy, cuGraphDestroy, (GraphHandle graph))                                                              \
  X(graph_exec_destroy, cuGraphExecDestroy, (GraphExecHandle exec))

/// What the decoder does without where the driver is older (CUDA 11.8).
#define NIBBLE_CUDA_OPTIONAL_FUNCTIONS(X) \
  X(launch_with, cuLaunchKernelEx,        \
    (const LaunchConfig* config, FunctionHandle function, void** arguments, void** extra))

struct DriverFunctions {
#define NIBBLE_CUDA_DECLARE(member, symbol, arguments) Result(NIBBLE_CUDA_CALL* member) arguments = nullptr;
  NIBBLE_CUDA_FUNCTIONS(NIBBLE_CUDA_DECLARE)
  NIBBLE_CUDA_DECODER_FUNCTIONS(NIBBLE_CUDA_DECLARE)
  NIBBLE_CUDA_OPTIONAL_FUNCTIONS(NIBBLE_CUDA_DECLARE)
#undef NIBBLE_CUDA_DECLARE
};

}  // namespace nibble::cuda
