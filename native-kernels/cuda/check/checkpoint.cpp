// A checkpoint of an 8 B model's size from file to artifact, through the pipeline that the app uses, beside reading the
// one file and writing the other with as many threads.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <functional>
#include <thread>
#include <vector>

#include "cpu.h"
#include "cuda/backend.h"
#include "cuda/check/check.h"
#include "cuda/check/data.h"
#include "cuda/quantize_cuda.h"
#include "quantize_file.h"

namespace nibble::check {
namespace {

constexpr std::size_t kPiece = std::size_t{4} << 20;

/// Random bytes that the file is made of, over and over: more than a piece of the pipeline, at other places each time.
constexpr std::size_t kPool = std::size_t{256} << 20;

struct Tensor {
  std::string name;
  std::size_t rows, columns;
  bool quantized;
  std::uint64_t source = 0;                         // place in the checkpoint
  std::uint64_t codes = 0, absmax = 0, nested = 0;  // places in the artifact; `codes` of what is kept
  std::size_t numel() const { return rows * columns; }
};

/// The matrices of a Llama of 8 B parameters, or of a part of its layers.
std::vector<Tensor> tensors_of(unsigned layers) {
  constexpr std::size_t kHidden = 4096, kKeys = 1024, kInner = 14'336, kVocabulary = 128'256;
  std::vector<Tensor> tensors = {{"model.embed_tokens.weight", kVocabulary, kHidden, false}};
  for (unsigned i = 0; i < layers; ++i) {
    const std::string layer = "model.layers." + std::to_string(i) + ".";
    const auto add = [&](const char* name, std::size_t rows, std::size_t columns) {
      tensors.push_back({layer + name + ".weight", rows, columns, true});
    };
    add("self_attn.q_proj", kHidden, kHidden);
    add("self_attn.k_proj", kKeys, kHidden);
    add("self_attn.v_proj", kKeys, kHidden);
    add("self_attn.o_proj", kHidden, kHidden);
    add("mlp.gate_proj", kInner, kHidden);
    add("mlp.up_proj", kInner, kHidden);
    add("mlp.down_proj", kHidden, kInner);
  }
  tensors.push_back({"lm_head.weight", kVocabulary, kHidden, false});
  return tensors;
}

/// Gives every part its place, behind room for a header. @returns bytes of both files
std::pair<std::uint64_t, std::uint64_t> lay_out(std::vector<Tensor>& tensors) {
  std::uint64_t source = kTreePiece;
  std::uint64_t artifact = kTreePiece;
  for (Tensor& tensor : tensors) {
    tensor.source = source;
    source += tensor.numel() * 2;
    tensor.codes = artifact;
    if (!tensor.quantized) {
      artifact += tensor.numel() * 2;
      continue;
    }
    const std::size_t blocks = tensor.numel() / 64;
    tensor.absmax = tensor.codes + tensor.numel() / 2;
    tensor.nested = tensor.absmax + blocks;
    artifact = tensor.nested + (blocks + 255) / 256 * 4;
  }
  return {source, artifact};
}

Control all_threads() {
  Control control;
  control.threads = std::max(std::thread::hardware_concurrency(), 1u);
  control.isa = best_isa();
  return control;
}

void create(const std::string& path, std::uint64_t bytes) {
  const int file = open(path.c_str(), O_CREAT | O_TRUNC | O_RDWR, 0644);
  if (file < 0 || ftruncate(file, static_cast<off_t>(bytes)) != 0) throw Error("disk-full", "cannot make " + path);
  close(file);
}

/// Makes the bytes of a file last; with `forgets`, the system then reads them from the disk.
void settle(const std::string& path, bool forgets) {
  const int file = open(path.c_str(), O_RDONLY);
  if (file < 0 || fsync(file) != 0) throw Error("disk-full", "cannot sync " + path);
  if (forgets) (void)posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
  close(file);
}

/// Calls task(offset, count) for all pieces of a file, on all threads.
void for_each_part(std::uint64_t bytes, const std::function<void(std::uint64_t, std::size_t)>& task) {
  for_each_task((bytes + kPiece - 1) / kPiece, all_threads(), {0, 1},
                [&](std::size_t i) { task(i * kPiece, std::min<std::uint64_t>(kPiece, bytes - i * kPiece)); });
}

void fill_file(const std::string& path, std::uint64_t bytes, const std::vector<std::uint8_t>& pool) {
  create(path, bytes);
  const PositionedFile file(path, PositionedFile::Access::write);
  for_each_part(bytes, [&](std::uint64_t offset, std::size_t count) {
    const std::size_t from = random_bits(7, offset) % ((pool.size() - kPiece) / 4096) * 4096;
    file.write(offset, pool.data() + from, count);
  });
}

void read_file(const std::string& path, std::uint64_t bytes) {
  const PositionedFile file(path, PositionedFile::Access::read);
  for_each_part(bytes, [&](std::uint64_t offset, std::size_t count) {
    thread_local std::vector<std::uint8_t> buffer(kPiece);
    file.read(offset, buffer.data(), count);
  });
}

/// The whole way, two tensors at a time on each device, as app/quantize does it.
void quantize_file(const std::string& from, const std::string& to, const std::vector<Tensor>& tensors,
                   const std::vector<int>& devices) {
  const PositionedFile source(from, PositionedFile::Access::read);
  const PositionedFile target(to, PositionedFile::Access::write);
  const Control control = all_threads();
  Control lanes = control;
  lanes.threads = 2 * std::max<std::size_t>(devices.size(), 1);
  for_each_task(tensors.size(), lanes, {0, 1}, [&](std::size_t i) {
    const Tensor& tensor = tensors[i];
    if (!tensor.quantized) {
      copy_hashed(source, tensor.source, tensor.numel() * 2, target, tensor.codes, control);
      return;
    }
    const FileSource weights{source, tensor.source, WeightType::bf16, tensor.numel()};
    const FourBitFileTarget places{target, true, tensor.codes, tensor.absmax, tensor.nested};
    const FourBitSpec spec{FourBitType::nf4, 64};
    cuda::Backend backend(devices);
    backend.run(
        [&](cuda::Device& device) {
          return quantize_4bit_file(
              weights, spec, places, control,
              [&](const WeightReader& read, const CodeWriter& codes, const FourBitTarget& scales) {
                return cuda::quantize_4bit(device, {read, WeightType::bf16, tensor.numel()}, spec, codes, scales,
                                           control);
              });
        },
        [&] { return quantize_4bit_file(weights, spec, places, control); });
    if (!backend.fallback().empty()) throw Error("kernel-failed", backend.fallback());
  });
}

}  // namespace

void time_checkpoint(const std::string& directory, std::uint64_t seed, unsigned layers) {
  std::filesystem::create_directories(directory);
  const std::string from = directory + "/checkpoint.bin";
  const std::string to = directory + "/artifact.bin";
  std::vector<Tensor> tensors = tensors_of(layers);
  const auto [source_bytes, artifact_bytes] = lay_out(tensors);
  {
    const auto pool = make_weights(Kind::gaussian, WeightType::bf16, kPool / 2, seed);
    fill_file(from, source_bytes, pool);
    std::printf("\na checkpoint of %.2f GB becomes an artifact of %.2f GB (nf4-dq, embeddings and head kept)\n",
                static_cast<double>(source_bytes) / 1e9, static_cast<double>(artifact_bytes) / 1e9);
    std::printf("%-44s %9s %9s\n", "with all processor threads", "s", "GB/s");
    const auto report = [](const char* what, std::uint64_t bytes, double seconds) {
      std::printf("%-44s %9.2f %9.2f\n", what, seconds, static_cast<double>(bytes) / 1e9 / seconds);
      std::fflush(stdout);
      return seconds;
    };
    std::vector<int> devices;
    for (const cuda::DeviceInfo& device : cuda::probe().devices) devices.push_back(device.ordinal);
    // Nothing but the pipeline is to be timed: the device is opened, its code loaded, before.
    for (const int device : devices) cuda::Device::open(device);
    for (const bool forgets : {true, false}) {
      settle(from, forgets);
      const double reads = report(forgets ? "read the checkpoint, from the disk" : "read it, from memory", source_bytes,
                                  seconds_of([&] { read_file(from, source_bytes); }));
      std::filesystem::remove(to);
      const double writes = report("write the artifact's bytes, and sync", artifact_bytes, seconds_of([&] {
                                     fill_file(to, artifact_bytes, pool);
                                     settle(to, false);
                                   }));
      for (const bool on_device : {true, false}) {
        std::filesystem::remove(to);
        create(to, artifact_bytes);
        settle(from, forgets);
        const double seconds = seconds_of([&] {
          quantize_file(from, to, tensors, on_device ? devices : std::vector<int>{});
          settle(to, false);
        });
        report(on_device ? "from file to artifact, on the device" : "from file to artifact, on the processor",
               source_bytes, seconds);
        std::printf("%-44s %9.2f\n", "  of the slower of reading and writing", seconds / std::max(reads, writes));
      }
    }
  }
  std::filesystem::remove_all(directory);
}

}  // namespace nibble::check
