#include "positioned_file.h"

#include <algorithm>
#include <array>

#include "error.h"

#if defined(_WIN32)
#define NOMINMAX
#include <windows.h>
#else
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/syscall.h>
#endif

#include <cerrno>
#include <system_error>
#endif

namespace nibble {
namespace {

/// One call of the system: large enough to run at the disk's speed, below every system's limit.
constexpr std::size_t kMostAtOnce = std::size_t{1} << 30;

}  // namespace

void PositionedFile::fail_short() const { throw Error("malformed-file", path_ + " became shorter while it was read"); }

#if defined(_WIN32)

namespace {

[[noreturn]] void fail(const std::string& path, DWORD code) {
  const std::string text = path + ": system error " + std::to_string(code);
  switch (code) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
      throw Error("not-found", text);
    case ERROR_ACCESS_DENIED:
    case ERROR_SHARING_VIOLATION:
    case ERROR_WRITE_PROTECT:
      throw Error("permission-denied", text);
    case ERROR_DISK_FULL:
    case ERROR_HANDLE_DISK_FULL:
      throw Error("disk-full", text);
    default:
      throw Error("internal", text);
  }
}

std::wstring wide(const std::string& path) {
  const int length = MultiByteToWideChar(CP_UTF8, 0, path.data(), static_cast<int>(path.size()), nullptr, 0);
  std::wstring text(static_cast<std::size_t>(length), L'\0');
  MultiByteToWideChar(CP_UTF8, 0, path.data(), static_cast<int>(path.size()), text.data(), length);
  return text;
}

OVERLAPPED at(std::uint64_t position) {
  OVERLAPPED place{};
  place.Offset = static_cast<DWORD>(position);
  place.OffsetHigh = static_cast<DWORD>(position >> 32);
  return place;
}

}  // namespace

PositionedFile::PositionedFile(const std::string& path, Access access) : path_(path) {
  const DWORD wanted = access == Access::read ? GENERIC_READ : GENERIC_READ | GENERIC_WRITE;
  handle_ = CreateFileW(wide(path).c_str(), wanted, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr,
                        OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr);
  if (handle_ == INVALID_HANDLE_VALUE) fail(path_, GetLastError());
  if (GetFileType(handle_) != FILE_TYPE_DISK) {
    CloseHandle(handle_);
    throw Error("invalid-input", path + " is not a regular file");
  }
}

PositionedFile::~PositionedFile() { CloseHandle(handle_); }

void PositionedFile::read(std::uint64_t position, void* to, std::size_t count) const {
  for (std::size_t done = 0; done < count;) {
    OVERLAPPED place = at(position + done);
    DWORD got = 0;
    const auto wanted = static_cast<DWORD>(std::min(kMostAtOnce, count - done));
    if (!ReadFile(handle_, static_cast<char*>(to) + done, wanted, &got, &place)) {
      if (GetLastError() == ERROR_HANDLE_EOF) fail_short();
      fail(path_, GetLastError());
    }
    if (got == 0) fail_short();
    done += got;
  }
}

void PositionedFile::write(std::uint64_t position, const void* from, std::size_t count) const {
  for (std::size_t done = 0; done < count;) {
    OVERLAPPED place = at(position + done);
    DWORD put = 0;
    const auto wanted = static_cast<DWORD>(std::min(kMostAtOnce, count - done));
    if (!WriteFile(handle_, static_cast<const char*>(from) + done, wanted, &put, &place)) fail(path_, GetLastError());
    done += put;
  }
}

std::uint64_t PositionedFile::size() const {
  LARGE_INTEGER size;
  if (!GetFileSizeEx(handle_, &size)) fail(path_, GetLastError());
  return static_cast<std::uint64_t>(size.QuadPart);
}

bool PositionedFile::is_in_memory(std::uint64_t, std::uint64_t) const { return false; }

void* PositionedFile::map(std::uint64_t, std::size_t) const { return nullptr; }

#else

namespace {

[[noreturn]] void fail(const std::string& path, int code) {
  const std::string text = path + ": " + std::generic_category().message(code);
  switch (code) {
    case ENOENT:
      throw Error("not-found", text);
    case EACCES:
    case EPERM:
    case EROFS:
      throw Error("permission-denied", text);
    case ENOSPC:
    case EDQUOT:
      throw Error("disk-full", text);
    default:
      throw Error("internal", text);
  }
}

/// Linux lets one thread write to a file at a time, and the others burn their cores while they wait. Waiting here they
/// sleep. Files that share a lock by chance only wait more often.
std::mutex& turn_of(ino_t file) {
  static std::array<std::mutex, 16> turns;
  return turns[static_cast<std::size_t>(file) % turns.size()];
}

}  // namespace

PositionedFile::PositionedFile(const std::string& path, Access access) : path_(path) {
  // Without O_NONBLOCK opening a pipe would wait for ever; for files it changes nothing.
  descriptor_ = open(path.c_str(), (access == Access::read ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK);
  if (descriptor_ < 0) fail(path_, errno);
  struct stat status;
  if (fstat(descriptor_, &status) != 0 || !S_ISREG(status.st_mode)) {
    close(descriptor_);
    throw Error("invalid-input", path + " is not a regular file");
  }
  turn_ = &turn_of(status.st_ino);
}

PositionedFile::~PositionedFile() { close(descriptor_); }

void PositionedFile::read(std::uint64_t position, void* to, std::size_t count) const {
  for (std::size_t done = 0; done < count;) {
    const std::size_t wanted = std::min(kMostAtOnce, count - done);
    const ssize_t got = pread(descriptor_, static_cast<char*>(to) + done, wanted, static_cast<off_t>(position + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(path_, errno);
    if (got == 0) fail_short();
    done += static_cast<std::size_t>(got);
  }
}

void PositionedFile::write(std::uint64_t position, const void* from, std::size_t count) const {
  for (std::size_t done = 0; done < count;) {
    const std::size_t wanted = std::min(kMostAtOnce, count - done);
    const auto* start = static_cast<const char*>(from) + done;
    const std::lock_guard<std::mutex> guard(*turn_);
    const ssize_t put = pwrite(descriptor_, start, wanted, static_cast<off_t>(position + done));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) fail(path_, errno);
    done += static_cast<std::size_t>(put);
  }
}

std::uint64_t PositionedFile::size() const {
  struct stat status;
  if (fstat(descriptor_, &status) != 0) fail(path_, errno);
  return static_cast<std::uint64_t>(status.st_size);
}

bool PositionedFile::is_in_memory(std::uint64_t position, std::uint64_t count) const {
#if defined(__linux__)
  // cachestat(2), since Linux 6.5: newer than many C libraries, and of this number on every processor.
  constexpr long kCachestat = 451;
  const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  const std::uint64_t range[2] = {position, count};
  std::uint64_t pages[5] = {};  // in memory, dirty, being written, evicted, evicted recently
  if (syscall(kCachestat, descriptor_, range, pages, 0) != 0) return false;
  return pages[0] == (position + count + page - 1) / page - position / page;
#else
  (void)position, (void)count;
  return false;
#endif
}

void* PositionedFile::map(std::uint64_t position, std::size_t count) const {
  void* pages = mmap(nullptr, count, PROT_READ, MAP_SHARED, descriptor_, static_cast<off_t>(position));
  return pages == MAP_FAILED ? nullptr : pages;
}

#endif

}  // namespace nibble
