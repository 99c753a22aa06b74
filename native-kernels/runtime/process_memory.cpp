#include "process_memory.h"

#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#define NOMINMAX
#define PSAPI_VERSION 2
#include <windows.h>
// psapi.h needs windows.h before it.
#include <psapi.h>
#elif defined(__APPLE__)
#include <mach/mach.h>
#else
#include <fstream>
#include <string>
#endif

namespace nibble {

#if defined(_WIN32)

ProcessMemory process_memory() {
  PROCESS_MEMORY_COUNTERS_EX counters{};
  if (!K32GetProcessMemoryInfo(GetCurrentProcess(), reinterpret_cast<PROCESS_MEMORY_COUNTERS*>(&counters),
                               sizeof(counters))) {
    return {0, std::nullopt};
  }
  return {counters.WorkingSetSize, counters.PrivateUsage};
}

#elif defined(__APPLE__)

ProcessMemory process_memory() {
  task_vm_info_data_t info{};
  mach_msg_type_number_t count = TASK_VM_INFO_COUNT;
  if (task_info(mach_task_self(), TASK_VM_INFO, reinterpret_cast<task_info_t>(&info), &count) != KERN_SUCCESS) {
    return {0, std::nullopt};
  }
  return {info.resident_size, info.phys_footprint};
}

#else

ProcessMemory process_memory() {
  ProcessMemory result{0, std::nullopt};
  std::ifstream file("/proc/self/smaps_rollup");
  std::string key;
  while (file >> key) {
    // Lines are 'Key:  number kB'; the first one is an address range and is skipped like everything else.
    if (key != "Rss:" && key != "Anonymous:") continue;
    std::uint64_t kilobytes = 0;
    file >> kilobytes;
    if (key == "Rss:") {
      result.resident_bytes = kilobytes * 1024;
    } else {
      result.private_bytes = kilobytes * 1024;
    }
  }
  return result;
}

#endif

}  // namespace nibble
