#pragma once

// Where the time of a session's runs goes, node by node. There is a Profile only when one was asked for: without it an
// operator costs one test of a pointer more. Written by the thread that runs the graph alone.

#include <array>
#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace nibble {

class Profile {
 public:
  using Clock = std::chrono::steady_clock;

  /// Prompts are many tokens per run, answers one: their times have nothing in common.
  enum class Phase { prefill, decode };
  static constexpr std::size_t kPhases = 2;

  struct Sum {
    std::size_t calls = 0;
    double ms = 0;
    double bytes = 0;  // of weights and cache, each counted once per call
  };
  struct Node {
    const char* op;  // the operator's name, of the table of ours
    std::string name;
    std::array<Sum, kPhases> sums;
  };
  struct Total {
    std::size_t runs = 0;
    std::size_t tokens = 0;
    double run_ms = 0;       // of the graph's runs, everything inside them included
    double sampling_ms = 0;  // from logits to a token, its delivery included
  };

  static double milliseconds(Clock::duration duration) {
    return std::chrono::duration<double, std::milli>(duration).count();
  }

  std::size_t add_node(const char* op, std::string name) {
    nodes_.push_back({op, std::move(name), {}});
    return nodes_.size() - 1;
  }

  void set_phase(Phase phase) { phase_ = static_cast<std::size_t>(phase); }

  void add_call(std::size_t node, Clock::duration duration, std::size_t bytes) {
    Sum& sum = nodes_[node].sums[phase_];
    ++sum.calls;
    sum.ms += milliseconds(duration);
    sum.bytes += static_cast<double>(bytes);
  }
  void add_run(Clock::duration duration, std::size_t tokens) {
    Total& total = totals_[phase_];
    ++total.runs;
    total.tokens += tokens;
    total.run_ms += milliseconds(duration);
  }
  void add_sampling(Clock::duration duration) { totals_[phase_].sampling_ms += milliseconds(duration); }

  const std::vector<Node>& nodes() const { return nodes_; }
  const std::array<Total, kPhases>& totals() const { return totals_; }

 private:
  std::size_t phase_ = 0;
  std::vector<Node> nodes_;
  std::array<Total, kPhases> totals_;
};

}  // namespace nibble
