#include "ort_library.h"

#include <cstdlib>
#include <mutex>
#include <string_view>
#include <utility>

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#define NOMINMAX
#include <windows.h>

#include "runtime/wide_path.h"
#else
#include <dlfcn.h>
#endif

namespace nibble::ort {
namespace {

constexpr int kOldestMinorVersion = 24;

// Only failures that end the process are worth a line on stderr; everything else comes back as a status.
constexpr int kLogFatalOnly = 4;

[[noreturn]] void unavailable(const std::string& why) {
  throw Error("runtime-unavailable", "ONNX Runtime is not available: " + why);
}

#ifdef _WIN32
void* find_entry(const std::string& path) {
  // The altered search path lets the library find the DLLs that lie beside it.
  HMODULE library = LoadLibraryExW(wide_path(path).c_str(), nullptr, LOAD_WITH_ALTERED_SEARCH_PATH);
  if (library == nullptr) unavailable(path + " could not be loaded (error " + std::to_string(GetLastError()) + ")");
  return reinterpret_cast<void*>(GetProcAddress(library, "OrtGetApiBase"));
}
#else
void* find_entry(const std::string& path) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) unavailable(dlerror());
  return dlsym(library, "OrtGetApiBase");
}
#endif

/// @throws when `version` is not 1.24 or later of major version 1, whose table layout is known
void check_version(const std::string& version) {
  char* end = nullptr;
  const long major = std::strtol(version.c_str(), &end, 10);
  const long minor = *end == '.' ? std::strtol(end + 1, nullptr, 10) : 0;
  if (major != 1 || minor < kOldestMinorVersion) {
    unavailable("version " + version + " was found, 1." + std::to_string(kOldestMinorVersion) + " or later is needed");
  }
}

/// Asks the table for what is known beforehand. A version says nothing of a library that was built otherwise; a table
/// in another order would be noticed only by what it breaks. Statuses first: all else answers with one.
/// @throws when an answer is not the one that the layout promises
void check_layout(const Api& api) {
  const auto require = [](bool holds, const char* what) {
    if (!holds) unavailable(std::string("its table of functions is not laid out as its version says (") + what + ")");
  };
  constexpr const char* kText = "layout";
  Status* status = api.create_status(kCodeInvalidGraph, kText);
  require(status != nullptr && api.error_code(status) == kCodeInvalidGraph, "codes of errors");
  require(std::string_view(api.error_message(status)) == kText, "texts of errors");
  api.release(status);

  float data[6] = {};
  const std::int64_t shape[] = {2, 3};
  MemoryInfo* memory = nullptr;
  api.create_cpu_memory_info(&memory);
  require(memory != nullptr, "memory");
  Value* value = nullptr;
  api.create_tensor(memory, data, sizeof data, shape, 2, kFloat, &value);
  require(value != nullptr && api.tensor_data(value) == data, "tensors");
  int type = 0;
  const std::int64_t* dims = nullptr;
  std::size_t rank = 0;
  api.tensor_type_and_shape(value, &type, &dims, &rank);
  require(type == kFloat && rank == 2 && dims[0] == shape[0] && dims[1] == shape[1], "shapes");
  api.release(value);
  api.release(memory);
}

std::mutex opening;
Library* opened = nullptr;

}  // namespace

Library::Library(const Api& api, std::string version) : api_(api), version_(std::move(version)) {
  api_.create_env(kLogFatalOnly, "nibble", &env_);
  api_.disable_telemetry(env_);
}

Library& Library::open(const std::string& path) {
  const std::lock_guard lock(opening);
  if (opened != nullptr) return *opened;
  void* entry = find_entry(path);
  if (entry == nullptr) unavailable(path + " is not ONNX Runtime");
  const ApiBase* base = reinterpret_cast<const ApiBase* (*)()>(entry)();
  if (base == nullptr) unavailable(path + " has no API");
  const std::string version = base->get_version();
  check_version(version);
  const void* const* table = base->get_api(kApiVersion);
  if (table == nullptr) unavailable("version " + version + " has no API version " + std::to_string(kApiVersion));
  check_layout(Api(table));
  opened = new Library(Api(table), version);
  return *opened;
}

Library& Library::get() {
  const std::lock_guard lock(opening);
  if (opened == nullptr) unavailable("it was not opened");
  return *opened;
}

std::vector<std::string> Library::providers() const {
  char** names = nullptr;
  int count = 0;
  api_.available_providers(&names, &count);
  std::vector<std::string> result(names, names + count);
  api_.release_available_providers(names, count);
  return result;
}

}  // namespace nibble::ort
