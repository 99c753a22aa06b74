#pragma once

#include "error.h"

namespace nibble {

/// Weights that are damaged, or never were finite, show in the logits.
inline Error logits_not_finite() {
  return Error("invalid-weights", "The model answers with numbers that are none (NaN or infinite)",
               "Its weights are damaged or were never finite: verify the model, or quantize it again.",
               {"logits-not-finite", {}});
}

}  // namespace nibble
