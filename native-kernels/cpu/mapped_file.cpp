#include "mapped_file.h"

#include "error.h"

#if defined(__linux__)
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <mutex>
#endif

namespace nibble {

#if defined(__linux__)

namespace {

/// A mapping that is in use. The handler of signals may not wait for locks: hence atomics, in a table of fixed size.
struct Slot {
  std::atomic<bool> taken{false};
  std::atomic<std::uintptr_t> start{0};
  std::atomic<std::uintptr_t> end{0};  // 0: no page is mapped
  std::atomic<bool> lost{false};       // a page could not be read
};
static_assert(std::atomic<std::uintptr_t>::is_always_lock_free);

/// More than tensors are ever under way at once; without a free slot a file is read, not mapped.
constexpr std::size_t kSlots = 64;

std::array<Slot, kSlots> slots;
struct sigaction previous;
std::uintptr_t page_size;

/// Puts a page of zeros where a page of a file could not be had, so that the thread goes on; MappedFile::require_whole
/// reports it. What is not ours goes to whoever handled the signal before.
void handle_bus_error(int number, siginfo_t* info, void* context) {
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  for (Slot& slot : slots) {
    if (address < slot.start.load() || address >= slot.end.load()) continue;
    void* page = reinterpret_cast<void*>(address / page_size * page_size);
    if (mmap(page, page_size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED) break;
    slot.lost = true;
    return;
  }
  if ((previous.sa_flags & SA_SIGINFO) != 0) {
    previous.sa_sigaction(number, info, context);
  } else if (previous.sa_handler == SIG_DFL || previous.sa_handler == SIG_IGN) {
    // The instruction faults again when it goes on, and that ends the process as it would have without us.
    signal(number, SIG_DFL);
    if (info->si_code <= 0) raise(number);  // sent by a process, not by a fault
  } else {
    previous.sa_handler(number);
  }
}

/// @returns whether such faults are caught from now on
bool catch_bus_errors() {
  static const bool caught = [] {
    page_size = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
    struct sigaction action {};
    action.sa_sigaction = handle_bus_error;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    // The previous handler is known before ours can be called.
    return sigaction(SIGBUS, nullptr, &previous) == 0 && sigaction(SIGBUS, &action, nullptr) == 0;
  }();
  return caught;
}

/// @returns kSlots when all are taken
std::size_t take_slot() {
  for (std::size_t i = 0; i < kSlots; ++i) {
    if (!slots[i].taken.exchange(true)) return i;
  }
  return kSlots;
}

}  // namespace

bool is_resident(const void* byte) {
  const auto size = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  void* page = reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(byte) / size * size);
  unsigned char answer = 0;
  return mincore(page, size, &answer) == 0 && (answer & 1) != 0;
}

MappedFile::MappedFile(const PositionedFile& file, std::uint64_t offset, std::uint64_t length)
    : file_(file), end_(offset + length), slot_(kSlots) {
  // Of a file that is too short, the rest of the last page would read as zeros, without any signal.
  if (length == 0 || file.size() < end_ || !catch_bus_errors()) return;
  slot_ = take_slot();
  if (slot_ == kSlots) return;
  const std::size_t before = static_cast<std::size_t>(offset % page_size);
  const std::size_t bytes = before + static_cast<std::size_t>(length);
  void* pages = file.map(offset - before, bytes);
  if (pages == nullptr) {
    slots[slot_].taken = false;
    slot_ = kSlots;
    return;
  }
  pages_ = static_cast<std::uint8_t*>(pages);
  length_ = bytes;
  first_ = pages_ + before;
  all_resident_ = file.is_in_memory(offset, length);
  Slot& slot = slots[slot_];
  slot.lost = false;
  slot.start = reinterpret_cast<std::uintptr_t>(pages_);
  slot.end = reinterpret_cast<std::uintptr_t>(pages_) + length_;
}

MappedFile::~MappedFile() {
  if (pages_ == nullptr) return;
  slots[slot_].end = 0;
  munmap(pages_, length_);
  slots[slot_].taken = false;
}

const std::uint8_t* MappedFile::resident(std::uint64_t start, std::size_t count) const {
  if (pages_ == nullptr) return nullptr;
  // Both ends stand for what is between: files come into memory in order. Were a page missing, reading it would only
  // take longer than reading it on purpose, which makes the system read ahead.
  const std::uint8_t* const first = first_ + start;
  give_back_behind(first);
  if (all_resident_) return first;
  return is_resident(first) && is_resident(first + count - 1) ? first : nullptr;
}

void MappedFile::give_back_behind(const std::uint8_t* byte) const {
  // As much as the system maps at once where it can.
  constexpr std::size_t kWindow = std::size_t{1} << 21;
  // What a thread is still working on only has to be mapped again.
  constexpr std::size_t kKept = 2 * kWindow;
  std::size_t from = given_back_.load(std::memory_order_relaxed);
  if (static_cast<std::size_t>(byte - pages_) < from + kWindow + kKept) return;
  if (given_back_.compare_exchange_strong(from, from + kWindow)) madvise(pages_ + from, kWindow, MADV_DONTNEED);
}

void MappedFile::require_whole() const {
  if (pages_ != nullptr && (slots[slot_].lost || file_.size() < end_)) file_.fail_short();
}

#else

bool is_resident(const void*) { return false; }

MappedFile::MappedFile(const PositionedFile& file, std::uint64_t offset, std::uint64_t length)
    : file_(file), end_(offset + length), slot_(0) {}

MappedFile::~MappedFile() = default;

const std::uint8_t* MappedFile::resident(std::uint64_t, std::size_t) const { return nullptr; }

void MappedFile::give_back_behind(const std::uint8_t*) const {}

void MappedFile::require_whole() const {}

#endif

}  // namespace nibble
