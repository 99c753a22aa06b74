#include "create_session.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "error.h"
#include "runtime/wide_path.h"

namespace nibble {
namespace {

// Where the runtime looks for the weights of a graph that it gets as bytes (onnxruntime_session_options_config_keys.h).
constexpr const char* kWeightsFolder = "session.model_external_initializers_file_folder_path";

std::vector<char> read_graph(const std::string& path) {
  std::ifstream file(std::filesystem::path(native_path(path)), std::ios::binary);
  std::vector<char> bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file.is_open() || bytes.empty()) throw Error("invalid-input", path + " cannot be read");
  return bytes;
}

}  // namespace

ort::Handle<ort::Session> create_session(const ort::Library& library, const OpenOptions& options,
                                         ort::SessionOptions* session_options) {
  const ort::Api& api = library.api();
  if (options.weights_folder.empty()) {
    return ort::made<ort::Session>([&](auto** out) {
      api.create_session(library.env(), native_path(options.graph_path).c_str(), session_options, out);
    });
  }
  // The runtime maps weights only from the folder of the graph's own file: a graph that lies elsewhere has none.
  const std::vector<char> graph = read_graph(options.graph_path);
  api.add_config_entry(session_options, kWeightsFolder, options.weights_folder.c_str());
  return ort::made<ort::Session>([&](auto** out) {
    api.create_session_from_array(library.env(), graph.data(), graph.size(), session_options, out);
  });
}

}  // namespace nibble
