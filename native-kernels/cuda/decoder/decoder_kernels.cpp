#include "cuda/decoder/decoder_kernels.h"

#include "cuda/decoder/decoder_image.h"

namespace nibble::cuda {
namespace {

/// What a block may ask for without a word: 48 KiB, less what kernels have of their own.
constexpr unsigned kPlainSharedBytes = 40 * 1024;

/// Programmatic launches came with Hopper; kernels compiled for less do not wait for the one before them.
constexpr int kFirstTextWithOverlap = 90;

bool has_decoder_functions(const DriverFunctions& call) {
#define NIBBLE_CUDA_LOOK(member, symbol, arguments) \
  if (call.member == nullptr) return false;
  NIBBLE_CUDA_DECODER_FUNCTIONS(NIBBLE_CUDA_LOOK)
#undef NIBBLE_CUDA_LOOK
  return true;
}

}  // namespace

DecoderKernels::DecoderKernels(Device& device) : device_(device) {
  require_kernels(decoder_image());
  const DriverFunctions& call = device.call();
  if (!has_decoder_functions(call)) {
    throw Error("runtime-unavailable", "the NVIDIA driver is too old for chat on " + device.title(),
                "Install a newer NVIDIA driver (for CUDA 11.4 or later), or choose --device cpu.");
  }
  device.use();
  device.check(call.module_load(&module_, decoder_image()), "cuModuleLoadData");
  int text = 0;
  device.check(call.function_property(&text, kFunctionTextVersion, function("choose_token", 0)), "cuFuncGetAttribute");
  can_overlap_ = text >= kFirstTextWithOverlap && call.launch_with != nullptr;
}

DecoderKernels::~DecoderKernels() {
  if (module_ != nullptr && device_.is_current()) (void)device_.call().module_unload(module_);
}

FunctionHandle DecoderKernels::function(const std::string& name, unsigned shared_bytes) {
  Function& found = functions_[name];
  if (found.handle == nullptr) {
    device_.check(device_.call().module_function(&found.handle, module_, name.c_str()), name.c_str());
    found.shared_bytes = kPlainSharedBytes;
  }
  if (shared_bytes > found.shared_bytes) {
    if (shared_bytes > device_.shared_memory()) {
      throw Error("unsupported-model",
                  "CUDA kernels cannot run this model on " + device_.title() + ": its layers are too wide for it",
                  "Choose the CPU (--device cpu).");
    }
    device_.check(
        device_.call().function_attribute(found.handle, kFunctionSharedMemory, static_cast<int>(shared_bytes)),
        "cuFuncSetAttribute");
    found.shared_bytes = shared_bytes;
  }
  return found.handle;
}

void DecoderKernels::launch_raw(StreamHandle stream, const std::string& name, const Grid& grid, void* job) {
  const FunctionHandle handle = function(name, grid.shared_bytes);
  void* arguments[] = {job};
  if (!overlap_) {
    device_.check(device_.call().launch(handle, grid.x, grid.y, grid.z, grid.threads, 1, 1, grid.shared_bytes, stream,
                                        arguments, nullptr),
                  name.c_str());
    return;
  }
  LaunchAttribute attribute{kLaunchProgrammatic, 0, 1, {}};
  const LaunchConfig config{{grid.x, grid.y, grid.z}, {grid.threads, 1, 1}, grid.shared_bytes, stream, &attribute, 1};
  device_.check(device_.call().launch_with(&config, handle, arguments, nullptr), name.c_str());
}

}  // namespace nibble::cuda
