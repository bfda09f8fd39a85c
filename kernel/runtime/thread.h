#ifndef L2P_KERNEL_RUNTIME_THREAD_H_
#define L2P_KERNEL_RUNTIME_THREAD_H_

#include <pthread.h>

#include <functional>

#include "l2p/status.h"

namespace l2p {

// Starts a joinable thread with a small stack and all signals blocked, so that only main's sigwait
// sees them. `name` (a literal) shows in top and debuggers, cut to 15 characters.
absl::StatusOr<pthread_t> StartThread(const char* name, std::function<void()> run);

// Names the calling thread.
void NameThread(const char* name);

}  // namespace l2p

#endif  // L2P_KERNEL_RUNTIME_THREAD_H_
