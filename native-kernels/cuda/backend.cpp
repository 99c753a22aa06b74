#include "cuda/backend.h"

#include <algorithm>
#include <map>
#include <mutex>

namespace nibble::cuda {
namespace {

/// Calls that work on each device at the moment.
struct Turns {
  std::mutex lock;
  std::map<int, int> by_device;
};

Turns& turns() {
  static Turns all;
  return all;
}

}  // namespace

Backend::Turn::Turn(const std::vector<int>& ordinals) {
  Turns& all = turns();
  const std::lock_guard<std::mutex> guard(all.lock);
  ordinal_ = *std::min_element(ordinals.begin(), ordinals.end(),
                               [&](int a, int b) { return all.by_device[a] < all.by_device[b]; });
  ++all.by_device[ordinal_];
}

Backend::Turn::~Turn() {
  Turns& all = turns();
  const std::lock_guard<std::mutex> guard(all.lock);
  --all.by_device[ordinal_];
}

bool Backend::is_of_device(const Error& error) {
  return error.code() == "kernel-failed" || error.code() == "out-of-memory" || error.code() == "runtime-unavailable";
}

void Backend::note_failure(int ordinal, const Error& error) {
  if (!fallback_.empty()) fallback_ += "; ";
  fallback_ += "device " + std::to_string(ordinal) + " was not used: " + error.what();
  if (!error.remedy().empty()) fallback_ += ". " + error.remedy();
}

}  // namespace nibble::cuda
