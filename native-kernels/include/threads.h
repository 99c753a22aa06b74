#pragma once

// Work of a long kernel call: split over threads, cancellable, with progress.

#include <atomic>
#include <cstddef>
#include <functional>

#include "linear.h"

namespace nibble {

/// How a long call is run. None of it changes a result.
struct Control {
  std::size_t threads = 1;
  Isa isa = Isa::reference;
  const std::atomic<bool>* cancelled = nullptr;  // may be null; set from any thread
  std::function<void(double)> progress;          // may be empty; called with a fraction in 0..1, from any thread
};

/// The part of the whole call's progress that one loop covers.
struct ProgressSpan {
  double from;
  double to;
};

/// What a task throws that ends early because the call is cancelled.
struct GivenUp {};

/// Calls task(i) for every i in [0, tasks), in ascending order of start, on up to control.threads threads, and returns
/// when all have ended. When tasks throw, the exception of the lowest i is thrown again, whatever the number of
/// threads.
/// @throws Error("aborted") when cancelled; tasks that have begun are finished first, or throw GivenUp
void for_each_task(std::size_t tasks, const Control& control, ProgressSpan span,
                   const std::function<void(std::size_t)>& task);

/// For a thread that sleeps most of the time and whose work is short, such as handing bytes to a disk: asks the system
/// to run it as soon as it wakes, before threads that compute. Beside as many of those as there are cores, it would
/// wait for the end of one's turn, and the disk with it. Where a system knows no such thing, nothing changes.
void run_promptly();

}  // namespace nibble
