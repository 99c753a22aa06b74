#include "weight_files.h"

#include <string_view>
#include <system_error>

#include "error.h"

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#define NOMINMAX
#include <windows.h>

#include "wide_path.h"
#else
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>
#include <vector>
#endif

namespace nibble {
namespace {

constexpr std::string_view kSuffix = ".safetensors";

/// Of the same format, under a name that other programs do not look for (app/checkpoint/runtime-weights.ts).
constexpr std::string_view kRuntimeFile = "nibble-runtime.tensors";

bool is_bare_name(std::string_view name) {
  if (name == kRuntimeFile) return true;
  return name.size() > kSuffix.size() && name.substr(name.size() - kSuffix.size()) == kSuffix &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos;
}

[[noreturn]] void fail(const std::string& path, int code) {
  const char* kind = "malformed-file";
#ifdef _WIN32
  if (code == ERROR_FILE_NOT_FOUND || code == ERROR_PATH_NOT_FOUND) kind = "not-found";
  if (code == ERROR_ACCESS_DENIED) kind = "permission-denied";
#else
  if (code == ENOENT) kind = "not-found";
  if (code == EACCES || code == EPERM) kind = "permission-denied";
#endif
  throw Error(kind, path + " cannot be mapped: " + std::system_category().message(code));
}

}  // namespace

#ifdef _WIN32

std::shared_ptr<const WeightFile> WeightFile::open(const std::string& path) {
  const HANDLE file = CreateFileW(wide_path(path).c_str(), GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE, nullptr,
                                  OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr);
  if (file == INVALID_HANDLE_VALUE) fail(path, static_cast<int>(GetLastError()));
  LARGE_INTEGER size{};
  HANDLE mapping = nullptr;
  void* pages = nullptr;
  if (GetFileSizeEx(file, &size)) mapping = CreateFileMappingW(file, nullptr, PAGE_READONLY, 0, 0, nullptr);
  if (mapping != nullptr) pages = MapViewOfFile(mapping, FILE_MAP_READ, 0, 0, 0);
  const DWORD code = GetLastError();
  // The view keeps both open.
  if (mapping != nullptr) CloseHandle(mapping);
  CloseHandle(file);
  if (pages == nullptr) fail(path, static_cast<int>(code));
  return std::shared_ptr<const WeightFile>(new WeightFile(pages, static_cast<std::size_t>(size.QuadPart), -1));
}

WeightFile::~WeightFile() { UnmapViewOfFile(pages_); }

bool WeightFile::is_whole() const { return true; }

#else

namespace {

/// What tells whether a file is still the same.
struct Identity {
  dev_t device;
  ino_t number;
  off_t size;
  timespec modified;

  bool operator==(const Identity& other) const {
    return device == other.device && number == other.number && size == other.size &&
           modified.tv_sec == other.modified.tv_sec && modified.tv_nsec == other.modified.tv_nsec;
  }
};

struct Mapping {
  Identity identity;
  std::weak_ptr<const WeightFile> file;
};

std::mutex mappings_lock;
std::vector<Mapping> mappings;

Identity identity_of(const struct stat& status) {
#ifdef __APPLE__
  return {status.st_dev, status.st_ino, status.st_size, status.st_mtimespec};
#else
  return {status.st_dev, status.st_ino, status.st_size, status.st_mtim};
#endif
}

/// @param pages MAP_FAILED where that failed
/// @returns 0, or why there is no mapping
int map_file(int file, struct stat* status, void** pages) {
  if (fstat(file, status) != 0) return errno;
  if (!S_ISREG(status->st_mode)) return EINVAL;
  *pages = mmap(nullptr, static_cast<std::size_t>(status->st_size), PROT_READ, MAP_SHARED, file, 0);
  return *pages == MAP_FAILED ? errno : 0;
}

}  // namespace

std::shared_ptr<const WeightFile> WeightFile::open(const std::string& path) {
  // Without waiting: opening a pipe would wait for somebody who writes.
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) fail(path, errno);
  struct stat status {};
  void* pages = nullptr;
  const int code = map_file(file, &status, &pages);
  if (code != 0) {
    close(file);
    fail(path, code);
  }
  const auto length = static_cast<std::size_t>(status.st_size);
  const Identity identity = identity_of(status);
  const std::lock_guard lock(mappings_lock);
  std::erase_if(mappings, [](const Mapping& each) { return each.file.expired(); });
  for (const Mapping& each : mappings) {
    if (!(each.identity == identity)) continue;
    const std::shared_ptr<const WeightFile> known = each.file.lock();
    // One that has lost pages keeps its zeros even when the file is whole again.
    if (known == nullptr || !known->is_whole()) continue;
    munmap(pages, length);
    close(file);
    return known;
  }
  std::shared_ptr<const WeightFile> result(new WeightFile(pages, length, file));
  mappings.push_back({identity, result});
  return result;
}

WeightFile::~WeightFile() {
  guard_.reset();
  munmap(pages_, length_);
  close(file_);
}

bool WeightFile::is_whole() const {
  struct stat status {};
  return !guard_->has_lost() && fstat(file_, &status) == 0 && static_cast<std::size_t>(status.st_size) >= length_;
}

#endif

WeightFiles::WeightFiles(const std::string& graph_path, const std::string& folder) {
  if (!folder.empty()) {
    folder_ = folder + "/";
    return;
  }
#ifdef _WIN32
  const std::size_t separator = graph_path.find_last_of("/\\");
#else
  const std::size_t separator = graph_path.rfind('/');
#endif
  if (separator != std::string::npos) folder_ = graph_path.substr(0, separator + 1);
}

std::span<const std::uint8_t> WeightFiles::bytes(const std::string& name) {
  if (!is_bare_name(name)) throw Error("malformed-file", "the graph names a weights file that is not one beside it");
  auto known = files_.find(name);
  if (known == files_.end()) known = files_.emplace(name, WeightFile::open(folder_ + name)).first;
  return known->second->bytes();
}

void WeightFiles::require_whole() const {
  for (const auto& [name, file] : files_) {
    if (file->is_whole()) continue;
    throw Error("malformed-file",
                "The weights in " + name + " can no longer be read: the file was cut or its disk is gone",
                "Check the disk and the file, then load the model again.", {"weights-unreadable", {{"file", name}}});
  }
}

}  // namespace nibble
