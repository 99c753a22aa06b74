// Processor features, read once. An x86 vector set counts only when the operating system also saves its registers
// (xgetbv): a kernel that runs without that silently loses the upper halves of its registers at a context switch.

#include "cpu.h"

#include <algorithm>
#include <string_view>

#include "error.h"

#if defined(NIBBLE_X86)
#if defined(_MSC_VER)
#include <intrin.h>
#else
#include <cpuid.h>
#endif
#elif defined(NIBBLE_NEON) && defined(__linux__)
#include <sys/auxv.h>
#elif defined(NIBBLE_NEON) && defined(__APPLE__)
#include <sys/sysctl.h>
#elif defined(NIBBLE_NEON) && defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#endif

namespace nibble {
namespace {

#if defined(NIBBLE_X86)

struct Registers {
  std::uint32_t a = 0, b = 0, c = 0, d = 0;
};

Registers cpuid(std::uint32_t leaf, std::uint32_t subleaf) {
  Registers r;
#if defined(_MSC_VER)
  int out[4];
  __cpuid(out, 0);
  if (static_cast<std::uint32_t>(out[0]) < leaf) return r;
  __cpuidex(out, static_cast<int>(leaf), static_cast<int>(subleaf));
  r = {static_cast<std::uint32_t>(out[0]), static_cast<std::uint32_t>(out[1]), static_cast<std::uint32_t>(out[2]),
       static_cast<std::uint32_t>(out[3])};
#else
  __get_cpuid_count(leaf, subleaf, &r.a, &r.b, &r.c, &r.d);
#endif
  return r;
}

std::uint64_t enabled_register_state() {
#if defined(_MSC_VER)
  return _xgetbv(0);
#else
  std::uint32_t low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return static_cast<std::uint64_t>(high) << 32 | low;
#endif
}

#endif

struct Processor {
  std::vector<std::string> features;

  Processor();
  bool has(std::string_view name) const { return std::find(features.begin(), features.end(), name) != features.end(); }
};

#if defined(NIBBLE_X86)

Processor::Processor() {
  const Registers basic = cpuid(1, 0);
  const Registers extended = cpuid(7, 0);
  const Registers extended1 = cpuid(7, 1);
  const bool saves_by_xsave = (basic.c >> 27 & 1) != 0;
  const std::uint64_t state = saves_by_xsave ? enabled_register_state() : 0;
  const bool ymm = (state & 0x06) == 0x06;  // SSE and AVX state
  const bool zmm = (state & 0xe6) == 0xe6;  // and mask registers, upper halves, registers 16 to 31
  const auto add = [this](const char* name, std::uint32_t word, int bit, bool usable) {
    if (usable && (word >> bit & 1) != 0) features.emplace_back(name);
  };
  add("sse4.2", basic.c, 20, true);
  add("avx", basic.c, 28, ymm);
  add("f16c", basic.c, 29, ymm);
  add("fma", basic.c, 12, ymm);
  add("bmi1", extended.b, 3, true);
  add("bmi2", extended.b, 8, true);
  add("avx2", extended.b, 5, ymm);
#if defined(NIBBLE_AVX_VNNI_BY_AVX512)
  add("avxvnni", extended.c, 11, zmm);
#else
  add("avxvnni", extended1.a, 4, ymm);
#endif
  add("avx512f", extended.b, 16, zmm);
  add("avx512dq", extended.b, 17, zmm);
  add("avx512cd", extended.b, 28, zmm);
  add("avx512bw", extended.b, 30, zmm);
  add("avx512vl", extended.b, 31, zmm);
  add("avx512vbmi", extended.c, 1, zmm);
  add("avx512vnni", extended.c, 11, zmm);
  add("avx512bf16", extended1.a, 5, zmm);
  add("avx512fp16", extended.d, 23, zmm);
}

#elif defined(NIBBLE_NEON)

Processor::Processor() {
  features.emplace_back("neon");  // part of every 64-bit ARM
#if defined(__linux__)
  const unsigned long capabilities = getauxval(AT_HWCAP);
  const unsigned long capabilities2 = getauxval(AT_HWCAP2);
  if ((capabilities >> 10 & 1) != 0) features.emplace_back("fp16");
  if ((capabilities >> 20 & 1) != 0) features.emplace_back("dotprod");
  if ((capabilities2 >> 13 & 1) != 0) features.emplace_back("i8mm");
  if ((capabilities2 >> 14 & 1) != 0) features.emplace_back("bf16");
#elif defined(__APPLE__)
  const auto add = [this](const char* name, const char* key) {
    int value = 0;
    std::size_t size = sizeof(value);
    if (sysctlbyname(key, &value, &size, nullptr, 0) == 0 && value != 0) features.emplace_back(name);
  };
  add("fp16", "hw.optional.arm.FEAT_FP16");
  add("dotprod", "hw.optional.arm.FEAT_DotProd");
  add("i8mm", "hw.optional.arm.FEAT_I8MM");
  add("bf16", "hw.optional.arm.FEAT_BF16");
#elif defined(_WIN32)
  // PF_ARM_V82_DP_ and PF_ARM_V82_I8MM_INSTRUCTIONS_AVAILABLE; older SDKs have no names for them, and older systems
  // answer no.
  if (IsProcessorFeaturePresent(43) != 0) features.emplace_back("dotprod");
  if (IsProcessorFeaturePresent(66) != 0) features.emplace_back("i8mm");
#endif
}

#else

Processor::Processor() = default;

#endif

const Processor& processor() {
  static const Processor instance;
  return instance;
}

/// An instruction set, and all that this program knows of it besides its kernels.
struct Row {
  Isa isa;
  const char* name;
  bool built_in;
  Isa parent;
  std::string_view features;  // beside the parent's, separated by spaces
};

enum class Arch { any, x86, arm };
#if defined(NIBBLE_X86)
constexpr Arch kArch = Arch::x86;
#elif defined(NIBBLE_NEON)
constexpr Arch kArch = Arch::arm;
#else
constexpr Arch kArch = Arch::any;
#endif

constexpr Row kIsas[] = {
#define ISA(id, name, arch, parent, features, flags, msvc_flags) \
  {Isa::id, name, Arch::arch == Arch::any || Arch::arch == kArch, Isa::parent, features},
#include "isas.def"
#undef ISA
};

const Row& row_of(Isa isa) {
  for (const Row& row : kIsas) {
    if (row.isa == isa) return row;
  }
  throw Error("internal", "an instruction set is not in the list");
}

}  // namespace

const std::vector<Isa>& all_isas() {
  static const std::vector<Isa> isas = [] {
    std::vector<Isa> all;
    for (const Row& row : kIsas) all.push_back(row.isa);
    return all;
  }();
  return isas;
}

Isa best_isa() {
  Isa best = Isa::reference;
  for (Isa isa : all_isas()) {
    if (isa_available(isa)) best = isa;
  }
  return best;
}

bool isa_available(Isa isa) {
  const Row& row = row_of(isa);
  for (std::string_view rest = row.features; !rest.empty();) {
    const std::size_t length = std::min(rest.find(' '), rest.size());
    if (!processor().has(rest.substr(0, length))) return false;
    rest.remove_prefix(std::min(length + 1, rest.size()));
  }
  return row.parent == isa || isa_available(row.parent);
}

bool isa_is_built_in(Isa isa) { return row_of(isa).built_in; }

Isa isa_parent(Isa isa) { return row_of(isa).parent; }

const char* isa_name(Isa isa) { return row_of(isa).name; }

Isa isa_from_name(const std::string& name) {
  for (Isa isa : all_isas()) {
    if (name != isa_name(isa)) continue;
    if (!isa_available(isa)) throw Error("invalid-input", "isa: this processor has no " + name);
    return isa;
  }
  throw Error("invalid-input", "isa: '" + name + "' is not an instruction set");
}

std::vector<std::string> cpu_features() { return processor().features; }

}  // namespace nibble
