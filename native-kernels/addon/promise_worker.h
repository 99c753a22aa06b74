#pragma once

// Runs a long call off JavaScript's thread and settles a promise with its outcome.

#include <napi.h>

#include <atomic>
#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "addon/thread_bound.h"
#include "error.h"
#include "quantize.h"
#include "threads.h"

namespace nibble::addon {

/// A JavaScript error with the `code` of ours, and `index` where a weight is at fault.
inline Napi::Error to_javascript(Napi::Env env, const std::exception& cause) {
  Napi::Error error = Napi::Error::New(env, cause.what());
  std::string code = "internal";
  if (const auto* ours = dynamic_cast<const Error*>(&cause)) {
    code = ours->code();
    if (!ours->remedy().empty()) error.Set("remedy", Napi::String::New(env, ours->remedy()));
    if (!ours->reason().name.empty()) {
      error.Set("reason", Napi::String::New(env, ours->reason().name));
      Napi::Object facts = Napi::Object::New(env);
      for (const auto& [name, value] : ours->reason().facts) facts.Set(name, value);
      error.Set("facts", facts);
    }
  }
  if (dynamic_cast<const std::bad_alloc*>(&cause) != nullptr) code = "out-of-memory";
  error.Set("code", Napi::String::New(env, code));
  if (const auto* weights = dynamic_cast<const InvalidWeights*>(&cause)) {
    error.Set("index", Napi::Number::New(env, static_cast<double>(weights->index())));
  }
  return error;
}

/// Calls a JavaScript function with a fraction from any thread: seldom, and never more than one call waiting.
class ProgressReporter {
 public:
  ProgressReporter(Napi::Env env, const Napi::Function& callback)
      : function_(Napi::ThreadSafeFunction::New(env, callback, "nibble progress", 0, 1)) {}
  ProgressReporter(const ProgressReporter&) = delete;
  ProgressReporter& operator=(const ProgressReporter&) = delete;
  ~ProgressReporter() { function_.Release(); }

  void report(double fraction) {
    constexpr double kSmallestStep = 1.0 / 256;
    // A report wakes JavaScript's thread, which takes a core from the kernels; nobody reads more than this many.
    constexpr std::chrono::milliseconds kShortestWait{25};
    const std::lock_guard<std::mutex> guard(lock_);
    // Threads may finish their tasks out of order; the fraction only grows.
    if (fraction < reported_ + kSmallestStep) return;
    const auto now = std::chrono::steady_clock::now();
    if (now < next_ || waiting_->exchange(true)) return;
    next_ = now + kShortestWait;
    reported_ = fraction;
    const auto call = [waiting = waiting_, fraction](Napi::Env env, Napi::Function callback) {
      waiting->store(false);
      callback.Call({Napi::Number::New(env, fraction)});
    };
    if (function_.NonBlockingCall(call) != napi_ok) waiting_->store(false);
  }

 private:
  Napi::ThreadSafeFunction function_;
  std::mutex lock_;
  double reported_ = 0;
  std::chrono::steady_clock::time_point next_{};
  std::shared_ptr<std::atomic<bool>> waiting_ = std::make_shared<std::atomic<bool>>(false);
};

/// One call. `compute` runs on a thread of the pool and must not touch JavaScript; `result` runs on JavaScript's thread
/// after it. What `compute` throws rejects the promise. The worker deletes itself.
class PromiseWorker : public Napi::AsyncWorker {
 public:
  using Compute = std::function<void()>;
  using Result = std::function<Napi::Value(Napi::Env, const PromiseWorker&)>;

  /// @param keep objects whose memory `compute` reads or writes: they stay alive until the promise is settled, and
  ///   `result` finds them by their index through `kept`
  static Napi::Promise start(Napi::Env env, const std::vector<Napi::Object>& keep, Compute compute, Result result) {
    auto* worker = new PromiseWorker(env, keep, std::move(compute), std::move(result));
    const Napi::Promise promise = worker->deferred_.Promise();
    worker->Queue();
    return promise;
  }

  Napi::Object kept(std::size_t index) const { return kept_[index]->Value(); }

 protected:
  void Execute() override {
    try {
      compute_();
    } catch (...) {
      failure_ = std::current_exception();
    }
  }

  void OnOK() override {
    const Napi::HandleScope scope(Env());
    try {
      if (failure_ != nullptr) std::rethrow_exception(failure_);
      deferred_.Resolve(result_(Env(), *this));
    } catch (const Napi::Error& error) {
      // There may be no memory for the result.
      deferred_.Reject(error.Value());
    } catch (const std::exception& cause) {
      deferred_.Reject(to_javascript(Env(), cause).Value());
    }
  }

 private:
  PromiseWorker(Napi::Env env, const std::vector<Napi::Object>& keep, Compute compute, Result result)
      : Napi::AsyncWorker(env, "nibble kernel"),
        deferred_(Napi::Promise::Deferred::New(env)),
        compute_(std::move(compute)),
        result_(std::move(result)) {
    for (const Napi::Object& object : keep) kept_.emplace_back(Napi::Persistent(object));
  }

  Napi::Promise::Deferred deferred_;
  Compute compute_;
  Result result_;
  std::vector<ThreadBound<Napi::ObjectReference>> kept_;
  std::exception_ptr failure_;
};

}  // namespace nibble::addon
