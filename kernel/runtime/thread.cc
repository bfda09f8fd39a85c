#include "kernel/runtime/thread.h"

#include <csignal>
#include <cstring>
#include <memory>
#include <string>

namespace l2p {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr size_t kStackBytes = 4 << 20;  // Instrumented frames are several times larger.
#else
constexpr size_t kStackBytes = 512 << 10;
#endif

struct Launch {
  const char* name;
  std::function<void()> run;
};

void* Run(void* argument) {
  const std::unique_ptr<Launch> launch(static_cast<Launch*>(argument));
  NameThread(launch->name);
  launch->run();
  return nullptr;
}

}  // namespace

absl::StatusOr<pthread_t> StartThread(const char* name, std::function<void()> run) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  auto launch = std::make_unique<Launch>(Launch{name, std::move(run)});
  pthread_t thread;
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int error = pthread_create(&thread, &attributes, Run, launch.get());
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  if (error != 0) return ErrnoStatus(error, "start a thread");
  launch.release();
  return thread;
}

void NameThread(const char* name) {
  pthread_setname_np(pthread_self(), std::string(name, strnlen(name, 15)).c_str());
}

}  // namespace l2p
