#include "l2p/mutex.h"

#include <cstdio>
#include <cstdlib>

namespace l2p {

#ifndef NDEBUG
namespace {

constexpr int kMaxHeld = 16;

struct Held {
  const void* mutex;
  const char* name;
};

// Per thread suffices under fibers too: a task that holds a Mutex never parks.
thread_local Held held[kMaxHeld];
thread_local int held_count = 0;

[[noreturn]] void Die(const char* problem, const char* name, const char* where) {
  std::fprintf(stderr, "l2p: %s: mutex \"%s\" %s\n", where, name, problem);
  std::abort();
}

void CheckMayLock(const void* mutex, const char* name) {
  if (held_count == kMaxHeld) Die("would be the 17th held by one thread", name, "Mutex::Lock");
  for (int i = 0; i < held_count; ++i) {
    if (held[i].mutex == mutex) Die("is already held by this thread", name, "Mutex::Lock");
  }
}

void NoteLocked(const void* mutex, const char* name) { held[held_count++] = {mutex, name}; }

void NoteUnlocked(const void* mutex, const char* name) {
  int i = held_count - 1;
  while (i >= 0 && held[i].mutex != mutex) --i;
  if (i < 0) Die("is not held by this thread", name, "Mutex::Unlock");
  for (--held_count; i < held_count; ++i) held[i] = held[i + 1];
}

}  // namespace
#else
namespace {

void CheckMayLock(const void*, const char*) {}
void NoteLocked(const void*, const char*) {}
void NoteUnlocked(const void*, const char*) {}

}  // namespace
#endif

void Mutex::Lock() {
  CheckMayLock(this, name_);
  mutex_.lock();
  NoteLocked(this, name_);
}

void Mutex::Unlock() {
  NoteUnlocked(this, name_);
  mutex_.unlock();
}

void AssertNoMutexHeld([[maybe_unused]] const char* where) {
#ifndef NDEBUG
  if (held_count > 0) Die("is held across a wait", held[held_count - 1].name, where);
#endif
}

}  // namespace l2p
