#include "l2p/testkit/simulation.h"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstring>

#include "scheduler.h"
#include "split_mix.h"

namespace l2p::testkit {
namespace {

constexpr size_t kMaxLogLines = 100'000;
constexpr char kSeverityLetters[] = "DIWE";

}  // namespace

Simulation::Simulation(uint64_t seed, Options options)
    : options_(options),
      scheduler_(
          std::make_unique<Scheduler>(options.start, options.stack_bytes, options.longest_run)) {
  SplitMix seeds(seed);
  for (uint64_t& word : random_) word = seeds.Next();
}

Simulation::~Simulation() = default;

std::vector<std::string> Simulation::Run(std::function<void()> main) {
  bool returned = false;
  scheduler_->Start("main", scheduler_->CurrentFate(), [&] {
    main();
    returned = true;
  });
  scheduler_->Drive([&returned] { return returned; }, absl::InfiniteFuture());
  return RunningTasks();
}

void Simulation::RunFor(Duration duration) {
  if (scheduler_->current() != nullptr) return Sleep(duration);
  scheduler_->Drive([] { return false; }, Now() + duration);
}

void Simulation::Sleep(Duration duration) { SimEvent(*scheduler_).Wait(Now() + duration); }

void Simulation::Start(const char* name, std::function<void()> work) {
  scheduler_->Start(name, scheduler_->CurrentFate(), std::move(work));
}

void Simulation::At(Time when, std::function<void()> callback) {
  scheduler_->At(when, std::move(callback));
}

std::unique_ptr<Event> Simulation::NewEvent() { return std::make_unique<SimEvent>(*scheduler_); }

Time Simulation::Now() const { return scheduler_->now(); }

uint64_t Simulation::Random() {
  auto& s = random_;
  const uint64_t result = std::rotl(s[1] * 5, 7) * 9;
  const uint64_t shifted = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= shifted;
  s[3] = std::rotl(s[3], 45);
  return result;
}

void Simulation::Random(MutableByteView out) {
  while (!out.empty()) {
    const uint64_t word = Random();
    const size_t bytes = std::min(out.size(), sizeof word);
    std::memcpy(out.data(), &word, bytes);
    out = out.subspan(bytes);
  }
}

void Simulation::Trace(std::string_view text) { scheduler_->Mix(text); }
uint64_t Simulation::trace_hash() const { return scheduler_->hash(); }
std::vector<std::string> Simulation::RunningTasks() const { return scheduler_->RunningTasks(); }
uint64_t Simulation::switches() const { return scheduler_->switches(); }

void Simulation::Log(std::string_view node, Severity severity, std::string_view source,
                     std::string_view text) {
  for (std::string_view part : {node, source, text}) Trace(part);
  if (options_.echo_log) {
    std::fprintf(stderr, "%c %s %s %.*s: %.*s\n", kSeverityLetters[static_cast<int>(severity)],
                 absl::FormatTime("%H:%M:%E6S", Now(), absl::UTCTimeZone()).c_str(),
                 std::string(node).c_str(), static_cast<int>(source.size()), source.data(),
                 static_cast<int>(text.size()), text.data());
  }
  if (log_.size() == kMaxLogLines) log_.pop_front();
  log_.push_back({Now(), std::string(node), severity, std::string(source), std::string(text)});
}

void Simulation::KeepForEver(void* object) { testkit::KeepForEver(object); }

}  // namespace l2p::testkit
