#pragma once

namespace nibble::addon {

/// Has the system end this process, with all its threads, as soon as the process `parent` is gone: also when JavaScript
/// runs for ever and nothing else of this process is looked at. Call it once, early.
///
/// A thread of its own waits for the end of `parent` (pidfd on Linux, kqueue on macOS, its handle on Windows). Where
/// `parent` is the one that forked this process, Linux is told in addition (PR_SET_PDEATHSIG), which also ends a
/// process that was stopped. That signal comes when the *thread* that forked ends: leave it out where that is not the
/// main one.
///
/// @param parent a process id above 1
/// @param grace_ms how long it may take to end by itself then; Linux is told only where that is 0
void end_with_parent(long parent, unsigned grace_ms, bool forked_by_main_thread);

}  // namespace nibble::addon
