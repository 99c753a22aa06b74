#pragma once

// The tokens of one answer, from the model's thread to a JavaScript function. Holds nothing of JavaScript's.

#include <napi.h>

#include <mutex>
#include <utility>
#include <vector>

#include "runtime/model.h"

namespace nibble::addon {

/// Tokens on their way to JavaScript. Whatever has come together by the time JavaScript listens is one batch.
class TokenStream {
 public:
  /// From the model's thread. @returns whether deliver() has to be called: it was not asked for yet
  bool add(const Token& token) {
    const std::lock_guard lock(mutex_);
    waiting_.push_back({token.id,
                        token.logprob,
                        token.position,
                        token.elapsed_ms,
                        {token.alternatives.begin(), token.alternatives.end()}});
    return !std::exchange(is_asked_for_, true);
  }

  /// On JavaScript's thread.
  void deliver(Napi::Env env, const Napi::Function& listener) {
    std::vector<Event> batch;
    {
      const std::lock_guard lock(mutex_);
      batch.swap(waiting_);
      is_asked_for_ = false;
    }
    if (batch.empty()) return;
    const Napi::HandleScope scope(env);
    Napi::Array events = Napi::Array::New(env, batch.size());
    for (std::size_t i = 0; i < batch.size(); ++i) events.Set(static_cast<std::uint32_t>(i), to_object(env, batch[i]));
    listener.Call({events});
  }

 private:
  struct Event {
    std::int32_t id;
    float logprob;
    std::size_t position;
    double elapsed_ms;
    std::vector<Alternative> alternatives;
  };

  static Napi::Object to_object(Napi::Env env, const Event& event) {
    Napi::Array alternatives = Napi::Array::New(env, event.alternatives.size());
    for (std::size_t i = 0; i < event.alternatives.size(); ++i) {
      Napi::Object alternative = Napi::Object::New(env);
      alternative.Set("id", event.alternatives[i].id);
      alternative.Set("logprob", static_cast<double>(event.alternatives[i].logprob));
      alternatives.Set(static_cast<std::uint32_t>(i), alternative);
    }
    Napi::Object object = Napi::Object::New(env);
    object.Set("id", event.id);
    object.Set("position", static_cast<double>(event.position));
    object.Set("logprob", static_cast<double>(event.logprob));
    object.Set("elapsedMs", event.elapsed_ms);
    object.Set("alternatives", alternatives);
    return object;
  }

  std::mutex mutex_;
  std::vector<Event> waiting_;
  bool is_asked_for_ = false;
};

}  // namespace nibble::addon
