#pragma once

// The tokens of one answer, from the model's thread to a JavaScript function.

#include <napi.h>

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "model_host.h"

namespace nibble::addon {

/// Tokens on their way to JavaScript. Whatever has come together by the time JavaScript listens is one batch.
class TokenStream {
 public:
  TokenStream(ModelHost* host, const Napi::Function& listener) : host_(host), listener_(Napi::Persistent(listener)) {}

  /// From the model's thread. `self` is this stream; it keeps it alive until the batch is delivered.
  void add(const Token& token, const std::shared_ptr<TokenStream>& self) {
    const std::lock_guard lock(mutex_);
    waiting_.push_back({token.id,
                        token.logprob,
                        token.position,
                        token.elapsed_ms,
                        {token.alternatives.begin(), token.alternatives.end()}});
    if (std::exchange(is_posted_, true)) return;
    host_->post([self](Napi::Env env) { self->deliver(env); });
  }

  /// On JavaScript's thread.
  void deliver(Napi::Env env) {
    std::vector<Event> batch;
    {
      const std::lock_guard lock(mutex_);
      batch.swap(waiting_);
      is_posted_ = false;
    }
    if (batch.empty()) return;
    const Napi::HandleScope scope(env);
    Napi::Array events = Napi::Array::New(env, batch.size());
    for (std::size_t i = 0; i < batch.size(); ++i) events.Set(static_cast<std::uint32_t>(i), to_object(env, batch[i]));
    listener_.Call({events});
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

  ModelHost* host_;
  Napi::FunctionReference listener_;
  std::mutex mutex_;
  std::vector<Event> waiting_;
  bool is_posted_ = false;
};

}  // namespace nibble::addon
