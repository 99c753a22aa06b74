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
#endif

namespace nibble {
namespace {

constexpr std::string_view kSuffix = ".safetensors";

bool is_bare_name(std::string_view name) {
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

WeightFile::WeightFile(const std::string& path) {
  const HANDLE file = CreateFileW(wide_path(path).c_str(), GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE, nullptr,
                                  OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr);
  if (file == INVALID_HANDLE_VALUE) fail(path, static_cast<int>(GetLastError()));
  LARGE_INTEGER size{};
  HANDLE mapping = nullptr;
  if (GetFileSizeEx(file, &size)) mapping = CreateFileMappingW(file, nullptr, PAGE_READONLY, 0, 0, nullptr);
  if (mapping != nullptr) pages_ = MapViewOfFile(mapping, FILE_MAP_READ, 0, 0, 0);
  const DWORD code = GetLastError();
  // The view keeps both open.
  if (mapping != nullptr) CloseHandle(mapping);
  CloseHandle(file);
  if (pages_ == nullptr) fail(path, static_cast<int>(code));
  length_ = static_cast<std::size_t>(size.QuadPart);
}

WeightFile::~WeightFile() { UnmapViewOfFile(pages_); }

#else

WeightFile::WeightFile(const std::string& path) {
  // Without waiting: opening a pipe would wait for somebody who writes.
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) fail(path, errno);
  struct stat status {};
  int code = fstat(file, &status) == 0 ? 0 : errno;
  if (code == 0 && !S_ISREG(status.st_mode)) code = EINVAL;
  if (code == 0) {
    length_ = static_cast<std::size_t>(status.st_size);
    pages_ = mmap(nullptr, length_, PROT_READ, MAP_SHARED, file, 0);
    if (pages_ == MAP_FAILED) code = errno;
  }
  close(file);
  if (code != 0) fail(path, code);
}

WeightFile::~WeightFile() { munmap(pages_, length_); }

#endif

WeightFiles::WeightFiles(const std::string& graph_path) {
#ifdef _WIN32
  const std::size_t separator = graph_path.find_last_of("/\\");
#else
  const std::size_t separator = graph_path.rfind('/');
#endif
  if (separator != std::string::npos) folder_ = graph_path.substr(0, separator + 1);
}

std::span<const std::uint8_t> WeightFiles::bytes(const std::string& name) {
  if (!is_bare_name(name)) throw Error("malformed-file", "the graph names a weights file that is not one beside it");
  std::unique_ptr<const WeightFile>& file = files_[name];
  if (file == nullptr) file = std::make_unique<const WeightFile>(folder_ + name);
  return file->bytes();
}

}  // namespace nibble
