#pragma once

// The states of every recurrent layer of one model, as they are behind the context's last token, and copies of them
// from places that the context may be cut back to: a state cannot be undone token by token as keys and values can.

#include <cstddef>
#include <memory>
#include <new>
#include <vector>

namespace nibble {

class RecurrentStates {
 public:
  /// Declares a state; called while a graph is loaded.
  /// @returns its number
  /// @throws Error("malformed-file") for sizes beyond every model's
  std::size_t add(std::size_t elements);

  /// Begins a run at `position`, where the states have to be.
  /// @throws Error("out-of-memory"), Error("internal")
  void begin(std::size_t position);

  /// A state before the tokens of the run, and where to write it as it is behind them.
  const float* before(std::size_t state) const { return now_.get() + offsets_[state]; }
  float* after(std::size_t state) const { return next_.get() + offsets_[state]; }

  /// The run succeeded: all states were written, up to position `end`. A run that failed changed none.
  void commit(std::size_t end);

  /// Keeps a copy of the states as they are now. Those of `turns`, where prompts begin and end, stay longest.
  void keep(bool turn);

  /// Goes back to the last place up to `position` of which there is a copy, or to the empty context.
  /// @returns that place
  std::size_t cut(std::size_t position);

  /// What all of it takes now.
  std::size_t bytes() const;

 private:
  struct Free {
    void operator()(float* elements) const { ::operator delete(elements, kAlignment); }
  };
  using Elements = std::unique_ptr<float, Free>;
  struct Copy {
    std::size_t position;
    bool turn;
    Elements elements;
  };
  static constexpr std::align_val_t kAlignment{64};

  Elements allocate() const;
  void drop_one();

  std::vector<std::size_t> offsets_;
  std::size_t size_ = 0;
  std::size_t position_ = 0;
  Elements now_;
  Elements next_;
  std::vector<Copy> copies_;  // in ascending order of positions
};

}  // namespace nibble
