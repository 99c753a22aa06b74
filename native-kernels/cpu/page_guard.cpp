#include "page_guard.h"

#if !defined(_WIN32)
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#endif

namespace nibble {

#if !defined(_WIN32)

namespace {

/// A mapping that is in use. The handler of signals may not wait for locks: hence atomics, in a table of fixed size.
struct Slot {
  std::atomic<bool> taken{false};
  std::atomic<std::uintptr_t> start{0};
  std::atomic<std::uintptr_t> end{0};  // 0: no page is mapped
  std::atomic<bool> lost{false};       // a page could not be read
};
static_assert(std::atomic<std::uintptr_t>::is_always_lock_free);

/// More than a checkpoint's shards and the tensors under way at once.
constexpr std::size_t kSlots = 1024;

std::array<Slot, kSlots> slots;
struct sigaction previous;
std::uintptr_t page_size;

/// Puts a page of zeros where a page of a file could not be had, so that the thread goes on. What is not ours goes to
/// whoever handled the signal before.
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

PageGuard::PageGuard(const void* pages, std::size_t length) : slot_(catch_bus_errors() ? take_slot() : kSlots) {
  if (slot_ == kSlots) return;
  Slot& slot = slots[slot_];
  slot.lost = false;
  slot.start = reinterpret_cast<std::uintptr_t>(pages);
  slot.end = reinterpret_cast<std::uintptr_t>(pages) + length;
}

PageGuard::~PageGuard() {
  if (slot_ == kSlots) return;
  slots[slot_].end = 0;
  slots[slot_].taken = false;
}

bool PageGuard::is_active() const { return slot_ != kSlots; }

bool PageGuard::has_lost() const { return slot_ != kSlots && slots[slot_].lost; }

#else

PageGuard::PageGuard(const void*, std::size_t) : slot_(0) {}

PageGuard::~PageGuard() = default;

bool PageGuard::is_active() const { return false; }

bool PageGuard::has_lost() const { return false; }

#endif

}  // namespace nibble
