#pragma once

// What the operators of one session share. The host outlives the session, and runs one graph at a time.

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "error.h"
#include "kv_cache.h"
#include "linear.h"
#include "profile.h"
#include "reading_order.h"
#include "recurrent_states.h"
#include "thread_pool.h"
#include "weight_files.h"

namespace nibble {

struct SessionState {
  SessionState(Mode mode_, Isa isa_, std::size_t threads_, CacheType cache_type, std::size_t context_length,
               WeightFiles files)
      : mode(mode_), isa(isa_), weight_files(std::move(files)), threads(threads_), cache(cache_type, context_length) {}

  const Mode mode;
  const Isa isa;
  WeightFiles weight_files;  // before the threads, which fetch ahead in them
  ThreadPool threads;
  ReadingOrder reading_order;
  KvCache cache;
  RecurrentStates states;

  /// How many token ids the embedding knows; set when the graph is loaded.
  std::size_t embedding_rows = 0;

  /// Positions that the context will hold when the tokens given at once, of which a run sees one chunk, are in it.
  std::size_t sequence_end = 0;

  /// Null unless one was asked for.
  std::unique_ptr<Profile> profile;

  // Rotated queries and keys of the attention operator that runs; grown to the largest chunk, then reused.
  std::vector<float> query_scratch;
  std::vector<float> key_scratch;
  std::vector<float> value_scratch;  // normalized values
  std::vector<float> attention_scratch;

  /// ONNX Runtime carries only a number and a text through a failed run; the first failure is kept here whole.
  void record(const Error& error) {
    const std::lock_guard lock(failure_mutex);
    if (!failure) failure = error;
  }
  std::optional<Error> take_failure() {
    const std::lock_guard lock(failure_mutex);
    std::optional<Error> result = std::move(failure);
    failure.reset();
    return result;
  }

 private:
  std::mutex failure_mutex;
  std::optional<Error> failure;
};

}  // namespace nibble
