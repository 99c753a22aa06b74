#include "addon/shared_pool.h"

#include <map>
#include <memory>

#include "thread_pool.h"

namespace nibble::addon {

Parallel shared_pool(std::size_t threads) {
  thread_local std::map<std::size_t, std::unique_ptr<ThreadPool>> pools;
  std::unique_ptr<ThreadPool>& pool = pools[threads];
  if (pool == nullptr) pool = std::make_unique<ThreadPool>(threads);
  return pool->parallel();
}

}  // namespace nibble::addon
