#pragma once

// A model as JavaScript holds it: its thread, its queue of commands, and the way back to JavaScript's thread.

#include <napi.h>

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>

#include "runtime/command_queue.h"
#include "runtime/model.h"

namespace nibble::addon {

/// Runs functions on JavaScript's thread. Keeps the process alive only between hold() and let_go().
class JavaScriptThread {
 public:
  using Function = std::function<void(Napi::Env)>;

  explicit JavaScriptThread(Napi::Env env);
  ~JavaScriptThread() { stop(); }
  JavaScriptThread(const JavaScriptThread&) = delete;
  JavaScriptThread& operator=(const JavaScriptThread&) = delete;

  /// From any thread. Does nothing when JavaScript is being shut down.
  void post(Function function);

  void hold(Napi::Env env);
  void let_go(Napi::Env env);

  /// No post() may run now or later. On JavaScript's thread.
  void stop();

 private:
  static void run(Napi::Env env, Napi::Function, std::nullptr_t*, Function* function);
  using Queue = Napi::TypedThreadSafeFunction<std::nullptr_t, Function, run>;

  Queue queue_;
  std::atomic<bool> closed_{false};
  int holders_ = 0;
};

/// Owned by a JavaScript object, its handle. Used on JavaScript's thread only, but for what commands do to the model.
class ModelHost {
 public:
  /// A new host behind a type-tagged handle; it is freed with the handle.
  static Napi::External<ModelHost> create(Napi::Env env);
  /// @throws Error("invalid-input") when `value` is not such a handle
  static ModelHost& of(const Napi::Value& value);

  ~ModelHost();
  ModelHost(const ModelHost&) = delete;
  ModelHost& operator=(const ModelHost&) = delete;

  /// Makes the outcome of a command on JavaScript's thread.
  using Settle = std::function<Napi::Value(Napi::Env)>;
  /// A command: runs on the model's thread. Its first argument is empty until open_model succeeded.
  using Work = std::function<Settle(std::unique_ptr<Model>& model, const CancelFlag& cancelled)>;
  /// What must happen on JavaScript's thread before the promise is settled, either way; may be empty.
  using Finally = std::function<void(Napi::Env)>;

  /// Queues a command. While it waits or runs, `handle` (of this host) stays alive.
  /// @returns an object with the members `promise` and `cancel`, a function without arguments
  /// @throws Error("invalid-input") when the model is closed
  Napi::Object submit(const Napi::Value& handle, Work work, Finally before_settling = nullptr);

  /// The model, for what any thread may call. @throws Error("invalid-input") when it is not open
  Model& model() const;
  void set_ready(Model* model) { ready_ = model; }

  bool busy() const { return !commands_.empty(); }

  /// Cancels all commands, then frees the model. @returns a promise of that
  Napi::Value close(const Napi::Value& handle);

  void post(JavaScriptThread::Function function) { javascript_.post(std::move(function)); }

 private:
  struct Command {
    std::shared_ptr<CancelFlag> cancelled;
    Napi::Promise::Deferred deferred;
    Napi::ObjectReference handle;
    Finally before_settling;
  };

  explicit ModelHost(Napi::Env env);

  /// Ends the model's thread. Called when JavaScript is shut down, before the way back to it is gone, or with this
  /// host.
  static void shut_down(void* self);

  void settle(Napi::Env env, std::uint64_t id, const Settle& settle, const std::exception_ptr& failure);
  void cancel(CancelFlag& flag);
  void cancel_all();

  napi_env env_;
  JavaScriptThread javascript_;
  std::map<std::uint64_t, Command> commands_;
  std::uint64_t next_id_ = 0;
  bool closing_ = false;
  Model* ready_ = nullptr;
  // For functions that JavaScript may call after this host is gone.
  std::shared_ptr<ModelHost*> self_ = std::make_shared<ModelHost*>(this);
  std::unique_ptr<Model> model_;  // the queue's thread's
  CommandQueue queue_;            // last: it is stopped before the model goes
};

}  // namespace nibble::addon
