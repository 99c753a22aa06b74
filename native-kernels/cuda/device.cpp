#include "cuda/device.h"

#include <algorithm>
#include <vector>

#include "cuda/kernel_image.h"

namespace nibble::cuda {

void require_kernels(const void* image) {
  if (image != nullptr) return;
  throw Error("runtime-unavailable", "this build has no CUDA kernels: no CUDA compiler was found when it was made",
              "Install NVIDIA's CUDA toolkit and run the set-up again, or choose --device cpu.");
}

Device& Device::open(int ordinal) {
  static std::mutex lock;
  static std::map<int, std::unique_ptr<Device>> devices;
  const std::lock_guard<std::mutex> guard(lock);
  std::unique_ptr<Device>& device = devices[ordinal];
  if (device == nullptr) device.reset(new Device(ordinal));
  device->use();
  return *device;
}

Device::Device(int ordinal) : driver_(Driver::get()), title_("device " + std::to_string(ordinal)) {
  require_kernels(kernel_image());
  DeviceHandle device = 0;
  check(call().device_get(&device, ordinal), "cuDeviceGet");
  char name[256] = {};
  check(call().device_name(name, sizeof(name), device), "cuDeviceGetName");
  title_ += " (" + std::string(name) + ")";
  int multiprocessors = 0;
  check(call().device_attribute(&multiprocessors, kAttributeMultiprocessors, device), "cuDeviceGetAttribute");
  multiprocessors_ = static_cast<unsigned>(std::max(multiprocessors, 1));
  int shared_memory = 0;
  check(call().device_attribute(&shared_memory, kAttributeSharedMemory, device), "cuDeviceGetAttribute");
  shared_memory_ = static_cast<unsigned>(std::max(shared_memory, 0));
  // Threads that wait for the device sleep: the processor has other lanes to read and write for. Refused where
  // something else in the process has set the flags already; then they are as they are.
  (void)call().context_flags(device, kContextBlockingSync);
  check(call().context_retain(&context_, device), "cuDevicePrimaryCtxRetain");
  use();
  check(call().module_load(&module_, kernel_image()), "cuModuleLoadData");
}

FunctionHandle Device::kernel(const std::string& name) {
  const std::lock_guard<std::mutex> guard(lock_);
  FunctionHandle& function = kernels_[name];
  if (function == nullptr) check(call().module_function(&function, module_, name.c_str()), name.c_str());
  return function;
}

void Device::launch_raw(StreamHandle stream, const std::string& name, std::uint64_t grid, unsigned threads,
                        void** arguments) {
  use();
  check(call().launch(kernel(name), static_cast<unsigned>(grid), 1, 1, threads, 1, 1, 0, stream, arguments, nullptr),
        name.c_str());
}

std::uint64_t Device::grid_for(std::uint64_t blocks, unsigned per_multiprocessor) const {
  const std::uint64_t full = std::uint64_t{multiprocessors_} * per_multiprocessor;
  return std::max<std::uint64_t>(std::min(blocks, full), 1);
}

DeviceMemory::DeviceMemory(Device& device, std::size_t bytes) : device_(&device) {
  device.use();
  // The driver refuses to allocate nothing.
  device.check(device.call().memory_allocate(&pointer_, std::max<std::size_t>(bytes, 16)), "cuMemAlloc");
  bytes_ = bytes;
}

DeviceMemory::~DeviceMemory() {
  // A failure here was reported before, by the call that it comes from.
  if (pointer_ != 0 && device_->is_current()) (void)device_->call().memory_free(pointer_);
}

PinnedMemory::PinnedMemory(Device& device, std::size_t bytes) : device_(device), bytes_(bytes) {
  device.use();
  // Visible to every device of the process.
  constexpr unsigned kPortable = 1;
  device.check(device.call().pinned_allocate(&data_, std::max<std::size_t>(bytes, 16), kPortable), "cuMemHostAlloc");
}

PinnedMemory::~PinnedMemory() {
  if (data_ != nullptr && device_.is_current()) (void)device_.call().pinned_free(data_);
}

Stream::Stream(Device& device) : device_(device) {
  device.use();
  device.check(device.call().stream_create(&handle_, kStreamNonBlocking), "cuStreamCreate");
}

Stream::~Stream() {
  if (handle_ != nullptr && device_.is_current()) (void)device_.call().stream_destroy(handle_);
}

void Stream::upload(DevicePointer to, const void* from, std::size_t bytes) {
  if (bytes == 0) return;
  device_.use();
  device_.check(device_.call().upload(to, from, bytes, handle_), "cuMemcpyHtoDAsync");
}

void Stream::download(void* to, DevicePointer from, std::size_t bytes) {
  if (bytes == 0) return;
  device_.use();
  device_.check(device_.call().download(to, from, bytes, handle_), "cuMemcpyDtoHAsync");
}

void Stream::copy(DevicePointer to, DevicePointer from, std::size_t bytes) {
  if (bytes == 0) return;
  device_.use();
  device_.check(device_.call().copy(to, from, bytes, handle_), "cuMemcpyDtoDAsync");
}

void Stream::fill(DevicePointer to, unsigned char value, std::size_t bytes) {
  if (bytes == 0) return;
  device_.use();
  device_.check(device_.call().fill(to, value, bytes, handle_), "cuMemsetD8Async");
}

void Stream::wait() {
  device_.use();
  device_.check(device_.call().stream_wait(handle_), "cuStreamSynchronize");
}

}  // namespace nibble::cuda
