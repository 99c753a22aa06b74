#pragma once

// A model as JavaScript holds it: its thread, its queue of commands, and the way back to JavaScript's thread.

#include <napi.h>

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>

#include "addon/thread_bound.h"
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

  /// What a command is made of. Its functions cross threads and are destroyed on whichever drops them last, so they
  /// hold nothing of JavaScript's: objects that a command needs are `kept`, and come back to it on JavaScript's thread.
  /// Makes the outcome of a command on JavaScript's thread; `kept` is the handle where nothing else was kept.
  using Settle = std::function<Napi::Value(Napi::Env, const Napi::Object& kept)>;
  /// From the model's thread: has the command's Deliver called soon.
  using Notify = std::function<void()>;
  /// A command: runs on the model's thread. Its first argument is empty until open_model succeeded.
  using Work = std::function<Settle(std::unique_ptr<Model>& model, const CancelFlag& cancelled, const Notify& notify)>;
  /// Hands out what a command has made so far, on JavaScript's thread: after each Notify, and once before the promise
  /// is settled, either way.
  using Deliver = std::function<void(Napi::Env, const Napi::Object& kept)>;

  /// Queues a command. While it waits or runs, `handle` (of this host) and `kept` stay alive.
  /// @returns an object with the members `promise` and `cancel`, a function without arguments
  /// @throws Error("invalid-input") when the model is closed
  Napi::Object submit(const Napi::Value& handle, const Napi::Object& kept, Work work, Deliver deliver = nullptr);
  /// The same, for a command that keeps nothing but the handle.
  Napi::Object submit(const Napi::Value& handle, Work work);

  /// The model, for what any thread may call. @throws Error("invalid-input") when it is not open
  Model& model() const;
  void set_ready(Model* model) { ready_ = model; }

  bool busy() const { return !commands_.empty(); }

  /// Cancels all commands, then frees the model. @returns a promise of that
  Napi::Value close(const Napi::Value& handle);

 private:
  /// JavaScript's side of a command: on its thread only.
  struct Command {
    std::shared_ptr<CancelFlag> cancelled;
    Napi::Promise::Deferred deferred;
    ThreadBound<Napi::ObjectReference> handle;
    ThreadBound<Napi::ObjectReference> kept;
    Deliver deliver;
  };

  explicit ModelHost(Napi::Env env);

  /// Ends the model's thread. Called when JavaScript is shut down, before the way back to it is gone, or with this
  /// host.
  static void shut_down(void* self);

  void deliver(Napi::Env env, std::uint64_t id);
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
