#include "cuda/lanes.h"

#include <algorithm>
#include <map>

namespace nibble::cuda {

Lane::Lane(Device& device, const LaneSize& of)
    : worker(device),
      size(of),
      host_source(device, of.source),
      host_codes(device, of.codes),
      source(device, of.source),
      codes(device, of.codes),
      device_only(device, of.device_only) {}

bool Lane::fits(const LaneSize& wanted) const {
  return size.source >= wanted.source && size.codes >= wanted.codes && size.device_only >= wanted.device_only;
}

namespace {

/// Lanes that no call works with at the moment, by device.
struct IdleLanes {
  std::mutex lock;
  std::map<Device*, std::vector<std::unique_ptr<Lane>>> by_device;
};

IdleLanes& idle_lanes() {
  // Never destroyed: at the end of the process the driver may be gone before it.
  static auto* idle = new IdleLanes;
  return *idle;
}

}  // namespace

Lanes::Lanes(Device& device, const LaneSize& size, std::size_t most) : device_(device) {
  std::vector<std::unique_ptr<Lane>> others;
  {
    IdleLanes& idle = idle_lanes();
    const std::lock_guard<std::mutex> guard(idle.lock);
    std::vector<std::unique_ptr<Lane>>& found = idle.by_device[&device];
    for (std::unique_ptr<Lane>& lane : found) {
      const bool wanted = lane->fits(size) && idle_.size() < most;
      (wanted ? idle_ : others).push_back(std::move(lane));
    }
    found.clear();
  }
  // What does not fit makes room.
  others.clear();
  try {
    while (idle_.size() < std::max<std::size_t>(most, 1)) idle_.push_back(std::make_unique<Lane>(device, size));
  } catch (const DriverError& error) {
    if (idle_.empty() || !error.out_of_memory()) throw;
  }
  count_ = idle_.size();
}

Lanes::~Lanes() {
  IdleLanes& idle = idle_lanes();
  const std::lock_guard<std::mutex> guard(idle.lock);
  std::vector<std::unique_ptr<Lane>>& kept = idle.by_device[&device_];
  for (std::unique_ptr<Lane>& lane : idle_) kept.push_back(std::move(lane));
}

std::unique_ptr<Lane> Lanes::take() {
  const std::lock_guard<std::mutex> guard(lock_);
  std::unique_ptr<Lane> lane = std::move(idle_.back());
  idle_.pop_back();
  return lane;
}

void Lanes::give_back(std::unique_ptr<Lane> lane) {
  const std::lock_guard<std::mutex> guard(lock_);
  idle_.push_back(std::move(lane));
}

}  // namespace nibble::cuda
