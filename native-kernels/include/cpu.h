#pragma once

// What the processor can do, found once at load, and the choice made from it.

#include <string>
#include <vector>

#include "linear.h"

namespace nibble {

/// The best instruction set of this processor that this build has kernels for.
Isa best_isa();

/// True when `isa` can run here (always true for Isa::reference).
bool isa_available(Isa isa);

/// Whether this build has kernels of `isa`: those of its own kind of processor.
bool isa_is_built_in(Isa isa);

/// Every instruction set, in ascending order, whether or not this processor has it.
const std::vector<Isa>& all_isas();

/// The set whose instructions `isa` has as well: what is written for that one runs here too. The last ancestor of every
/// set is the reference, whose parent is itself.
Isa isa_parent(Isa isa);

/// As in isas.def, e.g. 'avx512-vnni'.
const char* isa_name(Isa isa);

/// @throws Error("invalid-input") when `name` is no instruction set, or one this processor lacks
Isa isa_from_name(const std::string& name);

/// Feature flags as the processor reports them ('avx2', 'fma', 'avx512f', 'avx512vnni', 'neon', …), for `nibble
/// doctor`.
std::vector<std::string> cpu_features();

}  // namespace nibble
