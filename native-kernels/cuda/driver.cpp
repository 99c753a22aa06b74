#include "cuda/driver.h"

#include <cstdlib>

#include "cuda/kernel_image.h"

#if defined(_WIN32)
#define NOMINMAX
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace nibble::cuda {
namespace {

#if defined(_WIN32)
constexpr const char* kDriverName = "nvcuda.dll";

void* open_library(const char* name, std::string& why) {
  HMODULE library = LoadLibraryExA(name, nullptr, LOAD_LIBRARY_SEARCH_DEFAULT_DIRS);
  if (library == nullptr) why = "error " + std::to_string(GetLastError());
  return library;
}

void* find_symbol(void* library, const char* name) {
  return reinterpret_cast<void*>(GetProcAddress(static_cast<HMODULE>(library), name));
}
#else
constexpr const char* kDriverName = "libcuda.so.1";

void* open_library(const char* name, std::string& why) {
  void* library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) why = dlerror();
  return library;
}

void* find_symbol(void* library, const char* name) { return dlsym(library, name); }
#endif

template <typename Function>
bool bind(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(find_symbol(library, name));
  return function != nullptr;
}

}  // namespace

void Driver::open() {
  // Another driver than the system's, for containers that keep it elsewhere.
  const char* named = std::getenv("NIBBLE_CUDA_DRIVER");
  const std::string name = named == nullptr ? kDriverName : named;
  std::string why;
  // Never closed: the driver keeps threads of its own.
  void* library = open_library(name.c_str(), why);
  if (library == nullptr) {
    // Loaders that name the library are not repeated.
    if (!why.starts_with(name)) why = name + ": " + why;
    throw Error("runtime-unavailable", "no NVIDIA driver is installed (" + why + ")",
                "Install NVIDIA's driver to use a graphics card; the processor works without it.");
  }
#define NIBBLE_CUDA_BIND(member, symbol, arguments)                                                       \
  if (!bind(library, #symbol, functions_.member)) {                                                       \
    throw Error("runtime-unavailable", "the NVIDIA driver (" + name + ") is too old: it has no " #symbol, \
                "Install a newer NVIDIA driver.");                                                        \
  }
  NIBBLE_CUDA_FUNCTIONS(NIBBLE_CUDA_BIND)
#undef NIBBLE_CUDA_BIND
#define NIBBLE_CUDA_TRY(member, symbol, arguments) (void)bind(library, #symbol, functions_.member);
  NIBBLE_CUDA_DECODER_FUNCTIONS(NIBBLE_CUDA_TRY)
  NIBBLE_CUDA_OPTIONAL_FUNCTIONS(NIBBLE_CUDA_TRY)
#undef NIBBLE_CUDA_TRY
  const Result result = functions_.init(0);
  if (result == kNoDevice) {
    throw Error("runtime-unavailable", "the NVIDIA driver is installed, but finds no device",
                "Check that the graphics card is seated, powered, and visible to this process (CUDA_VISIBLE_DEVICES).");
  }
  if (result != kSuccess) {
    try {
      check(result, "cuInit", "the driver");
    } catch (const DriverError& error) {
      throw Error("runtime-unavailable", std::string("the NVIDIA driver does not start: ") + error.what(),
                  "Restart the computer; if it stays so, install the driver again.");
    }
  }
}

const Driver& Driver::get() {
  // A failed attempt is made again at the next call: the driver may have been installed meanwhile.
  static const Driver driver = [] {
    Driver opened;
    opened.open();
    return opened;
  }();
  return driver;
}

void Driver::check(Result result, const char* name, const std::string& device) const {
  if (result == kSuccess) return;
  const char* id = nullptr;
  const char* text = nullptr;
  if (functions_.error_name(result, &id) != kSuccess || id == nullptr) id = "unknown error";
  if (functions_.error_text(result, &text) != kSuccess || text == nullptr) text = "no description";
  const std::string message =
      std::string(name) + " failed on " + device + ": " + id + " (" + std::to_string(result) + "), " + text;
  if (result == kOutOfMemory) {
    throw DriverError("out-of-memory", message, "Close what uses the graphics card, or choose --device cpu.", result);
  }
  if (result == kNoBinaryForGpu || result == kUnsupportedPtx) {
    throw DriverError("runtime-unavailable", message,
                      "This card is too old (before Turing), or the driver too old for it: update the driver, or "
                      "choose --device cpu.",
                      result);
  }
  throw DriverError("kernel-failed", message,
                    "Choose --device cpu, or run the same command again; if it stays so, update the driver.", result);
}

std::string Driver::version() const {
  int version = 0;
  if (functions_.driver_version(&version) != kSuccess) return "unknown";
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

Probe probe() {
  Probe found{kernel_image() != nullptr, "", "", {}};
  try {
    const Driver& driver = Driver::get();
    found.driver = driver.version();
    const DriverFunctions& call = driver.call();
    int count = 0;
    driver.check(call.device_count(&count), "cuDeviceGetCount", "the driver");
    for (int ordinal = 0; ordinal < count; ++ordinal) {
      const std::string which = "device " + std::to_string(ordinal);
      DeviceInfo info{ordinal, "", 0, 0, 0};
      DeviceHandle device = 0;
      driver.check(call.device_get(&device, ordinal), "cuDeviceGet", which);
      char name[256] = {};
      driver.check(call.device_name(name, sizeof(name), device), "cuDeviceGetName", which);
      info.name = name;
      std::size_t bytes = 0;
      driver.check(call.device_memory(&bytes, device), "cuDeviceTotalMem", which);
      info.memory_bytes = bytes;
      driver.check(call.device_attribute(&info.major, kAttributeMajor, device), "cuDeviceGetAttribute", which);
      driver.check(call.device_attribute(&info.minor, kAttributeMinor, device), "cuDeviceGetAttribute", which);
      found.devices.push_back(info);
    }
    if (found.devices.empty()) {
      found.reason = "the NVIDIA driver is installed, but finds no device";
    } else if (!found.has_kernels) {
      found.reason = "this build has no CUDA kernels: no CUDA compiler (nvcc) was found when it was made";
    }
  } catch (const Error& error) {
    found.reason = error.what();
  }
  return found;
}

}  // namespace nibble::cuda
