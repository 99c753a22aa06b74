#pragma once

#include <cstddef>

#include "linear.h"

namespace nibble::addon {

/// Threads for kernels that are called from JavaScript (tests and benchmarks; a model brings its own): the pool of this
/// many, made on first use. JavaScript calls from one thread per environment.
Parallel shared_pool(std::size_t threads);

}  // namespace nibble::addon
