#include "recurrent_states.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "error.h"

namespace nibble {
namespace {

// Every state begins on a cache line.
constexpr std::size_t kMultiple = 16;

// Far beyond any model: 64 GiB.
constexpr std::size_t kMostElements = std::size_t{1} << 34;

// Copies are kept up to this size together and this number, but two of them always: where the last prompt began, to
// which another prompt in its place goes back, and where it ended, to which another answer does. Small models have room
// for the chunks of a long prompt, of large ones two copies are a small part of their weights.
constexpr std::size_t kCopyBytes = std::size_t{128} << 20;
constexpr std::size_t kMostCopies = 16;
constexpr std::size_t kLeastCopies = 2;

}  // namespace

std::size_t RecurrentStates::add(std::size_t elements) {
  if (elements > kMostElements || size_ > kMostElements) {
    throw Error("malformed-file", "the graph asks for an impossible state of " + std::to_string(elements) + " numbers");
  }
  offsets_.push_back(size_);
  size_ += (elements + kMultiple - 1) / kMultiple * kMultiple;
  return offsets_.size() - 1;
}

RecurrentStates::Elements RecurrentStates::allocate() const {
  try {
    return Elements(static_cast<float*>(::operator new(size_ * sizeof(float), kAlignment)));
  } catch (const std::bad_alloc&) {
    throw Error("out-of-memory",
                "there is no memory for " + std::to_string(size_ * sizeof(float) >> 20) + " MiB of recurrent states");
  }
}

void RecurrentStates::begin(std::size_t position) {
  if (offsets_.empty()) return;
  if (position != position_) {
    throw Error("internal",
                "the states are at position " + std::to_string(position_) + ", not at " + std::to_string(position));
  }
  if (!next_) next_ = allocate();
  if (now_) return;
  now_ = allocate();
  std::memset(now_.get(), 0, size_ * sizeof(float));
}

void RecurrentStates::commit(std::size_t end) {
  if (offsets_.empty()) return;
  std::swap(now_, next_);
  position_ = end;
}

void RecurrentStates::keep(bool turn) {
  if (offsets_.empty() || position_ == 0) return;
  const std::size_t limit = std::clamp(kCopyBytes / (size_ * sizeof(float)), kLeastCopies, kMostCopies);
  if (!copies_.empty() && copies_.back().position == position_) {
    copies_.back().turn |= turn;
    return;
  }
  // It would be the next one to go.
  if (!turn && limit == kLeastCopies) return;
  Elements elements;
  while (copies_.size() >= limit) drop_one();
  try {
    elements = allocate();
  } catch (const Error&) {
    // Without it more has to be computed again; nothing else is lost.
    return;
  }
  std::memcpy(elements.get(), now_.get(), size_ * sizeof(float));
  copies_.push_back({position_, turn, std::move(elements)});
}

void RecurrentStates::drop_one() {
  // Inside of prompts: the one whose neighbours are nearest, so that what stays is spread evenly.
  const auto gap = [&](std::size_t i) {
    const std::size_t before = i == 0 ? 0 : copies_[i - 1].position;
    const std::size_t behind = i + 1 < copies_.size() ? copies_[i + 1].position : position_;
    return behind - before;
  };
  std::size_t chosen = copies_.size();
  for (std::size_t i = 0; i < copies_.size(); ++i) {
    if (!copies_[i].turn && (chosen == copies_.size() || gap(i) < gap(chosen))) chosen = i;
  }
  // Of turns the oldest.
  if (chosen == copies_.size()) chosen = 0;
  copies_.erase(copies_.begin() + static_cast<std::ptrdiff_t>(chosen));
}

std::size_t RecurrentStates::cut(std::size_t position) {
  if (offsets_.empty()) return position;
  while (!copies_.empty() && copies_.back().position > position) copies_.pop_back();
  if (position_ <= position) return position_;
  if (copies_.empty()) {
    now_.reset();
    position_ = 0;
  } else {
    std::memcpy(now_.get(), copies_.back().elements.get(), size_ * sizeof(float));
    position_ = copies_.back().position;
  }
  return position_;
}

std::size_t RecurrentStates::bytes() const {
  const std::size_t held = copies_.size() + (now_ ? 1 : 0) + (next_ ? 1 : 0);
  return held * size_ * sizeof(float);
}

}  // namespace nibble
