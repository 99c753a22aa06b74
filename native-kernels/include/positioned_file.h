#pragma once

// A file that several threads read or write at positions at the same time, none moving another's.

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>

namespace nibble {

class PositionedFile {
 public:
  enum class Access { read, write };

  /// Opens a file that exists.
  /// @param path UTF-8
  /// @throws Error("not-found"), Error("permission-denied"), Error("invalid-input") for what is no regular file
  PositionedFile(const std::string& path, Access access);
  PositionedFile(const PositionedFile&) = delete;
  PositionedFile& operator=(const PositionedFile&) = delete;
  ~PositionedFile();

  /// Reads exactly `count` bytes.
  /// @throws Error("malformed-file") when the file ends before them
  void read(std::uint64_t position, void* to, std::size_t count) const;

  /// Writes exactly `count` bytes. What a failed call has written may be written again.
  /// @throws Error("disk-full")
  void write(std::uint64_t position, const void* from, std::size_t count) const;

  /// Bytes of the file now.
  std::uint64_t size() const;

  /// Whether all of a part of the file is in memory; false where the system does not say.
  bool is_in_memory(std::uint64_t position, std::uint64_t count) const;

  /// Maps a part of the file for reading; the caller unmaps it.
  /// @param position a multiple of the system's page size
  /// @returns null where that is not possible, on this system or with this file
  void* map(std::uint64_t position, std::size_t count) const;

  /// @throws Error("malformed-file"), always: the file ended before bytes that were to be read
  [[noreturn]] void fail_short() const;

 private:
  std::string path_;
#if defined(_WIN32)
  void* handle_;
#else
  int descriptor_;
  std::mutex* turn_;  // whose turn it is to write
#endif
};

}  // namespace nibble
