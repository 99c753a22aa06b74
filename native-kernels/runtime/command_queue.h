#pragma once

// A thread that runs commands one after the other.

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace nibble {

class CommandQueue {
 public:
  CommandQueue() : thread_([this] { work(); }) {}
  ~CommandQueue() { finish(); }
  CommandQueue(const CommandQueue&) = delete;
  CommandQueue& operator=(const CommandQueue&) = delete;

  /// Commands run in the order of the calls; they must not throw.
  void push(std::function<void()> command) {
    {
      const std::lock_guard lock(mutex_);
      commands_.push_back(std::move(command));
    }
    wake_.notify_one();
  }

  /// Waits until every command has run and the thread has ended. Not to be called from a command.
  void finish() {
    {
      const std::lock_guard lock(mutex_);
      finishing_ = true;
    }
    wake_.notify_one();
    if (thread_.joinable()) thread_.join();
  }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, [this] { return finishing_ || !commands_.empty(); });
      if (commands_.empty()) return;
      const std::function<void()> command = std::move(commands_.front());
      commands_.pop_front();
      lock.unlock();
      command();
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> commands_;
  bool finishing_ = false;
  std::thread thread_;  // last: it uses the others
};

}  // namespace nibble
