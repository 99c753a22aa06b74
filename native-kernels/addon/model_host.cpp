#include "model_host.h"

#include <utility>

#include "error.h"
#include "promise_worker.h"

namespace nibble::addon {
namespace {

// Random, and only ours: an external of another addon cannot be taken for a model.
constexpr napi_type_tag kModelTag{0x8f4c2a91d07e4b36u, 0xb52d93e6174ac08fu};

}  // namespace

JavaScriptThread::JavaScriptThread(Napi::Env env) : queue_(Queue::New(env, "nibble.model", 0, 1)) { queue_.Unref(env); }

void JavaScriptThread::stop() {
  if (!closed_.exchange(true)) queue_.Release();
}

void JavaScriptThread::run(Napi::Env env, Napi::Function, std::nullptr_t*, Function* function) {
  const std::unique_ptr<Function> owned(function);
  // The environment is null when the queue is emptied because JavaScript is being shut down.
  if (static_cast<napi_env>(env) != nullptr) (*owned)(env);
}

void JavaScriptThread::post(Function function) {
  if (closed_.load()) return;
  auto owned = std::make_unique<Function>(std::move(function));
  const napi_status status = queue_.NonBlockingCall(owned.get());
  if (status == napi_ok) {
    static_cast<void>(owned.release());  // the queue owns it now
  } else if (status == napi_closing) {
    closed_.store(true);
  }
}

void JavaScriptThread::hold(Napi::Env env) {
  if (holders_++ == 0) queue_.Ref(env);
}

void JavaScriptThread::let_go(Napi::Env env) {
  if (--holders_ == 0) queue_.Unref(env);
}

Napi::External<ModelHost> ModelHost::create(Napi::Env env) {
  auto handle =
      Napi::External<ModelHost>::New(env, new ModelHost(env), [](Napi::Env, ModelHost* host) { delete host; });
  handle.TypeTag(&kModelTag);
  return handle;
}

ModelHost& ModelHost::of(const Napi::Value& value) {
  if (!value.IsExternal() || !value.As<Napi::External<ModelHost>>().CheckTypeTag(&kModelTag)) {
    throw Error("invalid-input", "this is not the handle of a model");
  }
  return *value.As<Napi::External<ModelHost>>().Data();
}

ModelHost::ModelHost(Napi::Env env) : env_(env), javascript_(env) {
  // Hooks run in reverse order, so this one before that of javascript_, which frees what the model's thread posts to.
  napi_add_env_cleanup_hook(env_, shut_down, this);
}

ModelHost::~ModelHost() {
  *self_ = nullptr;
  napi_remove_env_cleanup_hook(env_, shut_down, this);
  shut_down(this);
}

void ModelHost::shut_down(void* self) {
  ModelHost& host = *static_cast<ModelHost*>(self);
  host.cancel_all();
  host.queue_.finish();
  host.javascript_.stop();
}

Napi::Object ModelHost::submit(const Napi::Value& handle, Work work) {
  return submit(handle, handle.As<Napi::Object>(), std::move(work));
}

Napi::Object ModelHost::submit(const Napi::Value& handle, const Napi::Object& kept, Work work, Deliver deliver) {
  if (closing_) throw Error("invalid-input", "the model is closed");
  const Napi::Env env = handle.Env();
  const std::uint64_t id = next_id_++;
  const auto flag = std::make_shared<CancelFlag>(false);
  const Napi::Promise::Deferred deferred(env);
  const auto keep = [](const Napi::Object& object) { return ThreadBound(Napi::Persistent(object)); };
  commands_.emplace(id, Command{flag, deferred, keep(handle.As<Napi::Object>()), keep(kept), std::move(deliver)});
  javascript_.hold(env);
  queue_.push([this, id, flag, work = std::move(work)] {
    Settle settle;
    std::exception_ptr failure;
    try {
      settle =
          work(model_, *flag, [this, id] { javascript_.post([this, id](Napi::Env js) { this->deliver(js, id); }); });
    } catch (...) {
      failure = std::current_exception();
    }
    // This host lives until then: the command keeps its handle.
    javascript_.post(
        [this, id, settle = std::move(settle), failure](Napi::Env js) { this->settle(js, id, settle, failure); });
  });
  Napi::Object result = Napi::Object::New(env);
  result.Set("promise", deferred.Promise());
  result.Set("cancel", Napi::Function::New(env, [self = self_, flag](const Napi::CallbackInfo&) {
               if (*self != nullptr) (*self)->cancel(*flag);
             }));
  return result;
}

void ModelHost::deliver(Napi::Env env, std::uint64_t id) {
  const Napi::HandleScope scope(env);
  const Command& command = commands_.at(id);  // settled behind this: posts keep their order
  command.deliver(env, command.kept->Value());
}

void ModelHost::settle(Napi::Env env, std::uint64_t id, const Settle& settle, const std::exception_ptr& failure) {
  const auto found = commands_.find(id);
  // Moved out: the handle is let go only when all is done, since that may free this host.
  const Command command = std::move(found->second);
  commands_.erase(found);
  javascript_.let_go(env);
  const Napi::HandleScope scope(env);
  const Napi::Object kept = command.kept->Value();
  try {
    if (command.deliver) command.deliver(env, kept);
    if (failure) std::rethrow_exception(failure);
    command.deferred.Resolve(settle(env, kept));
  } catch (const Napi::Error& error) {
    command.deferred.Reject(error.Value());
  } catch (const std::exception& error) {
    command.deferred.Reject(to_javascript(env, error).Value());
  }
}

Model& ModelHost::model() const {
  if (ready_ == nullptr) throw Error("invalid-input", "the model is closed");
  return *ready_;
}

void ModelHost::cancel(CancelFlag& flag) {
  if (ready_ != nullptr) {
    ready_->cancel(flag);
  } else {
    flag.store(true);
  }
}

void ModelHost::cancel_all() {
  for (const auto& [id, command] : commands_) cancel(*command.cancelled);
}

Napi::Value ModelHost::close(const Napi::Value& handle) {
  cancel_all();
  const Napi::Object submitted =
      submit(handle, [](std::unique_ptr<Model>& model, const CancelFlag&, const Notify&) -> Settle {
        model.reset();
        return [](Napi::Env env, const Napi::Object&) { return env.Undefined(); };
      });
  closing_ = true;
  ready_ = nullptr;
  return submitted.Get("promise");
}

}  // namespace nibble::addon
