#include "buffer_cache.h"

#include <array>
#include <bit>
#include <limits>
#include <mutex>
#include <new>
#include <vector>

namespace nibble {
namespace {

/// Where the system's pages begin: no two pieces share one.
constexpr std::align_val_t kPage{4096};

std::size_t size_class_of(std::size_t bytes) {
  return static_cast<std::size_t>(std::bit_width(bytes > 0 ? bytes - 1 : 0));
}

/// What nobody holds, by size: class c has 2^c bytes. Of each there is never more than was held at one time.
class FreeLists {
 public:
  static FreeLists& shared() {
    // Never destroyed: threads may still work when the process exits.
    static FreeLists* const lists = new FreeLists;
    return *lists;
  }

  std::uint8_t* take(std::size_t size_class) {
    {
      const std::lock_guard<std::mutex> guard(lock_);
      std::vector<std::uint8_t*>& free = free_.at(size_class);
      if (!free.empty()) {
        std::uint8_t* data = free.back();
        free.pop_back();
        return data;
      }
    }
    return static_cast<std::uint8_t*>(::operator new(std::size_t{1} << size_class, kPage));
  }

  void give_back(std::uint8_t* data, std::size_t size_class) {
    const std::lock_guard<std::mutex> guard(lock_);
    free_[size_class].push_back(data);
  }

  void release() {
    const std::lock_guard<std::mutex> guard(lock_);
    for (std::vector<std::uint8_t*>& free : free_) {
      for (std::uint8_t* data : free) ::operator delete(data, kPage);
      free.clear();
    }
  }

 private:
  std::mutex lock_;
  std::array<std::vector<std::uint8_t*>, std::numeric_limits<std::size_t>::digits> free_;
};

}  // namespace

CachedBuffer::CachedBuffer(std::size_t bytes)
    : size_class_(size_class_of(bytes)), data_(FreeLists::shared().take(size_class_)) {}

CachedBuffer::~CachedBuffer() { FreeLists::shared().give_back(data_, size_class_); }

void CachedBuffer::release() { FreeLists::shared().release(); }

}  // namespace nibble
