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

/// What no call works with at the moment, by device.
struct Idle {
  std::mutex lock;
  std::map<Device*, std::vector<std::unique_ptr<Lane>>> lanes;
  std::map<Device*, std::vector<DeviceMemory>> memory;
  std::map<Device*, std::unique_ptr<Tables>> tables;
};

Idle& idle() {
  // Never destroyed: at the end of the process the driver may be gone before it.
  static auto* all = new Idle;
  return *all;
}

/// Frees what is idle on a device. @returns whether there was anything
bool make_room(Device& device) {
  std::vector<std::unique_ptr<Lane>> lanes;
  std::vector<DeviceMemory> memory;
  const std::lock_guard<std::mutex> guard(idle().lock);
  lanes.swap(idle().lanes[&device]);
  memory.swap(idle().memory[&device]);
  return !lanes.empty() || !memory.empty();
}

/// Calls `make`, and once more after making room where there is none.
template <typename Make>
auto with_idle_freed(Device& device, const Make& make) {
  try {
    return make();
  } catch (const DriverError& error) {
    if (!error.out_of_memory() || !make_room(device)) throw;
  }
  return make();
}

}  // namespace

SpareMemory::SpareMemory(Device& device, std::size_t bytes) : device_(device) {
  {
    const std::lock_guard<std::mutex> guard(idle().lock);
    std::vector<DeviceMemory>& spare = idle().memory[&device];
    const auto found = std::find_if(spare.begin(), spare.end(), [&](const auto& one) { return one.bytes() >= bytes; });
    if (found != spare.end()) {
      memory_ = std::move(*found);
      spare.erase(found);
      return;
    }
    // The largest that is idle is too small: it makes way for one that will do for more tensors.
    if (!spare.empty()) spare.pop_back();
  }
  memory_ = with_idle_freed(device, [&] { return DeviceMemory(device, bytes); });
}

SpareMemory::~SpareMemory() {
  const std::lock_guard<std::mutex> guard(idle().lock);
  idle().memory[&device_].push_back(std::move(memory_));
}

const Tables& tables_of(Worker& worker) {
  const std::lock_guard<std::mutex> guard(idle().lock);
  std::unique_ptr<Tables>& tables = idle().tables[&worker.device()];
  if (tables == nullptr) tables = std::make_unique<Tables>(worker);
  return *tables;
}

Lanes::Lanes(Device& device, const LaneSize& size, std::size_t most) : device_(device) {
  most = std::max<std::size_t>(most, 1);
  {
    const std::lock_guard<std::mutex> guard(idle().lock);
    std::vector<std::unique_ptr<Lane>> left;
    for (std::unique_ptr<Lane>& lane : idle().lanes[&device]) {
      const bool wanted = lane->fits(size) && idle_.size() < most;
      (wanted ? idle_ : left).push_back(std::move(lane));
    }
    idle().lanes[&device] = std::move(left);
  }
  try {
    while (idle_.size() < most) {
      idle_.push_back(with_idle_freed(device, [&] { return std::make_unique<Lane>(device, size); }));
    }
  } catch (const DriverError& error) {
    if (idle_.empty() || !error.out_of_memory()) throw;
  }
  count_ = idle_.size();
}

Lanes::~Lanes() {
  const std::lock_guard<std::mutex> guard(idle().lock);
  std::vector<std::unique_ptr<Lane>>& kept = idle().lanes[&device_];
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
