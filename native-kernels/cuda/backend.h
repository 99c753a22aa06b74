#pragma once

// Where a tensor is quantized: on one of the devices that a call may use, or on the processor when none of them can.

#include <string>
#include <utility>
#include <vector>

#include "cuda/device.h"

namespace nibble::cuda {

/// The devices of one call. None: the processor.
class Backend {
 public:
  explicit Backend(std::vector<int> ordinals = {}) : ordinals_(std::move(ordinals)) {}

  /// Calls `on_device(Device&)` for the device that the fewest calls are working on; when it fails there, the next; and
  /// when no device is left, `on_processor()`. Calls on several tensors share the devices in this way.
  /// @throws what they throw, but what only tells that a device cannot do it
  template <typename OnDevice, typename OnProcessor>
  auto run(const OnDevice& on_device, const OnProcessor& on_processor) -> decltype(on_processor()) {
    std::vector<int> left = ordinals_;
    while (!left.empty()) {
      const Turn turn(left);
      try {
        return on_device(Device::open(turn.ordinal()));
      } catch (const Error& error) {
        if (!is_of_device(error)) throw;
        note_failure(turn.ordinal(), error);
        std::erase(left, turn.ordinal());
      }
    }
    return on_processor();
  }

  /// Why a device could not be used, in words for people; empty when nothing was wrong.
  const std::string& fallback() const { return fallback_; }

 private:
  /// Counts a call among those that work on a device.
  class Turn {
   public:
    explicit Turn(const std::vector<int>& ordinals);
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    int ordinal() const { return ordinal_; }

   private:
    int ordinal_;
  };

  static bool is_of_device(const Error& error);
  void note_failure(int ordinal, const Error& error);

  std::vector<int> ordinals_;
  std::string fallback_;
};

}  // namespace nibble::cuda
