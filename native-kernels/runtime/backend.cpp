#include "backend.h"

#include "runtime/ort/standard_session.h"
#include "session.h"

namespace nibble {

std::unique_ptr<Backend> open_backend(const OpenOptions& options) {
  if (options.device == Device::cpu) return std::make_unique<Session>(options);
  return std::make_unique<StandardSession>(options);
}

}  // namespace nibble
