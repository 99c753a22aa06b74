#pragma once

// What a thread needs to take a piece of a tensor through a device: buffers on both sides and a stream. While one
// lane's piece is read, that of another is uploaded, of a third quantized, of a fourth written: lanes overlap by being
// several. They are kept between calls, since page-locked memory takes long to allocate.

#include <memory>
#include <mutex>
#include <vector>

#include "cuda/launches.h"

namespace nibble::cuda {

/// Bytes of a lane's buffers. `source` and `codes` exist on the host and on the device.
struct LaneSize {
  std::size_t source;
  std::size_t codes;
  std::size_t device_only;  // unpacked codes, and the scales of pieces that are quantized again
};

struct Lane {
  Worker worker;
  LaneSize size;
  PinnedMemory host_source;
  PinnedMemory host_codes;
  DeviceMemory source;
  DeviceMemory codes;
  DeviceMemory device_only;

  Lane(Device& device, const LaneSize& size);
  bool fits(const LaneSize& wanted) const;
};

/// Device memory that one call works with beside its lanes. It comes from what earlier calls left, and goes back there:
/// freeing memory makes a device wait for all that runs on it.
class SpareMemory {
 public:
  /// @throws DriverError("out-of-memory")
  SpareMemory(Device& device, std::size_t bytes);
  ~SpareMemory();
  SpareMemory(const SpareMemory&) = delete;
  SpareMemory& operator=(const SpareMemory&) = delete;
  const DeviceMemory& memory() const { return memory_; }

 private:
  Device& device_;
  DeviceMemory memory_;
};

/// The tables of a device, brought there once.
const Tables& tables_of(Worker& worker);

/// The lanes that one call works with. They come from those that earlier calls left on the device, and go back there.
class Lanes {
 public:
  /// As many lanes of this size as memory allows, at most `most`.
  /// @throws DriverError("out-of-memory") when there is no room for one
  Lanes(Device& device, const LaneSize& size, std::size_t most);
  ~Lanes();
  Lanes(const Lanes&) = delete;
  Lanes& operator=(const Lanes&) = delete;

  /// Threads that may hold a lane at a time.
  std::size_t count() const { return count_; }
  std::unique_ptr<Lane> take();
  void give_back(std::unique_ptr<Lane> lane);

 private:
  Device& device_;
  std::size_t count_ = 0;
  std::mutex lock_;
  std::vector<std::unique_ptr<Lane>> idle_;
};

/// A lane for the time of a task.
class LaneLease {
 public:
  explicit LaneLease(Lanes& lanes) : lanes_(lanes), lane_(lanes.take()) {}
  ~LaneLease() { lanes_.give_back(std::move(lane_)); }
  LaneLease(const LaneLease&) = delete;
  LaneLease& operator=(const LaneLease&) = delete;
  Lane* operator->() const { return lane_.get(); }
  Lane& operator*() const { return *lane_; }

 private:
  Lanes& lanes_;
  std::unique_ptr<Lane> lane_;
};

}  // namespace nibble::cuda
