#include "cuda/check/check.h"

namespace nibble::check {

void time_checkpoint(const std::string&, std::uint64_t, unsigned) {}

}  // namespace nibble::check
