// Compares every kernel of every instruction set that this processor has with the reference, without Node. Tests run it
// under an emulator, and it is what sanitizers are pointed at:
//
//   kernel_check [--list] [--seed N] [--isa NAME]
//
// --list prints the names of the instruction sets and ends. The reference is compared with itself, and the pool of
// threads is checked, only when they are named (reference, threads). Exit status 1 when anything differs.

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>

#include "check/checks.h"
#include "cpu.h"
#include "error.h"

namespace nibble::check {
namespace {

/// Messages printed for one set: enough to see a pattern.
constexpr std::size_t kMostMessages = 20;

/// Runs checks and prints what came of them. @returns whether none failed
template <class Checks>
bool run(const char* name, const Checks& checks) {
  Report report;
  try {
    checks(report);
  } catch (const Error& error) {
    report.holds(std::string("no error: ") + error.what(), false);
  }
  std::printf("%s: %zu comparisons, %zu failures, worst %.3f of the bound\n", name, report.comparisons(),
              report.failures(), report.worst());
  return report.failures() == 0;
}

}  // namespace

void Report::fail(const std::string& message) {
  if (++failures_ <= kMostMessages) std::printf("  %s\n", message.c_str());
}

void Report::near(const std::string& what, double actual, double wanted, double bound) {
  ++comparisons_;
  const double difference = std::fabs(actual - wanted);
  if (difference == 0) return;
  // Not `>`: NaN must not pass.
  if (!(difference <= bound)) {
    fail(what + ": " + std::to_string(actual) + " instead of " + std::to_string(wanted) + ", " +
         std::to_string(difference / bound) + " of the bound");
    return;
  }
  if (difference / bound > worst_) worst_ = difference / bound;
}

void Report::equal(const std::string& what, const void* actual, const void* wanted, std::size_t bytes) {
  ++comparisons_;
  if (bytes > 0 && std::memcmp(actual, wanted, bytes) != 0) fail(what + ": other bits");
}

void Report::holds(const std::string& what, bool condition) {
  ++comparisons_;
  if (!condition) fail(what);
}

/// As many as make drivers split what they split for many threads.
constexpr std::size_t kPretendedThreads = 16;

const Parallel kBackwards{nullptr,
                          [](void*, std::size_t tasks, void (*task)(void* user, std::size_t index), void* user) {
                            while (tasks > 0) task(user, --tasks);
                          },
                          kPretendedThreads};

}  // namespace nibble::check

int main(int argc, char** argv) {
  using namespace nibble;
  bool list = false;
  const char* only = nullptr;
  std::uint64_t seed = std::random_device{}();
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--list") == 0) {
      list = true;
    } else if (std::strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
      seed = std::strtoull(argv[++i], nullptr, 10);
    } else if (std::strcmp(argv[i], "--isa") == 0 && i + 1 < argc) {
      only = argv[++i];
    } else {
      std::fprintf(stderr, "usage: kernel_check [--list] [--seed N] [--isa NAME]\n");
      return 2;
    }
  }
  bool any = only == nullptr;
  bool good = true;
  if (!list) std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  for (const Isa isa : all_isas()) {
    if (!isa_available(isa)) continue;
    if (only != nullptr ? std::strcmp(only, isa_name(isa)) != 0 : isa == Isa::reference && !list) continue;
    any = true;
    if (list) {
      std::printf("%s\n", isa_name(isa));
      continue;
    }
    good = check::run(isa_name(isa),
                      [&](check::Report& report) {
                        check::check_table(isa, seed, report);
                        check::check_linear(isa, seed, report);
                        check::check_vectors(isa, seed, report);
                        check::check_scores(isa, seed, report);
                      }) &&
           good;
  }
  if (only != nullptr && std::strcmp(only, "threads") == 0) {
    any = true;
    good = check::run("threads", [&](check::Report& report) { check::check_threads(seed, report); });
  }
  if (!any) std::fprintf(stderr, "kernel_check: this processor has no such instruction set\n");
  return any && good ? 0 : 1;
}
