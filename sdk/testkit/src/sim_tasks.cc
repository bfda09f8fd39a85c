#include "sim_tasks.h"

#include "absl/strings/str_cat.h"

namespace l2p::testkit {
namespace {

constexpr Duration kRetryAtCap = absl::Milliseconds(10);

}  // namespace

// What After and Every register. Shared by its Registration and by the run that is going on, since
// a run may destroy the Registration.
class SimTasks::Job : public std::enable_shared_from_this<Job> {
 public:
  Job(SimTasks& tasks, const char* name, Duration period, std::function<void()> work)
      : tasks_(tasks),
        scheduler_(tasks.simulation_.scheduler()),
        name_(name),
        period_(period),
        work_(std::move(work)),
        done_(scheduler_) {
    timer_.fate = &tasks.fate_;
    timer_.fire = [this] { Due(); };
  }

  void Arm(Duration delay) { scheduler_.Arm(timer_, scheduler_.now() + delay); }

  void End() {
    ended_ = true;
    scheduler_.Disarm(timer_);
    const bool from_itself =
        runner_ != 0 && scheduler_.current() != nullptr && scheduler_.current()->id == runner_;
    if (runner_ != 0 && !from_itself && !fate_.killed) done_.Wait(absl::InfiniteFuture());
  }

 private:
  void Due() {
    if (period_ != absl::ZeroDuration()) Arm(period_);
    if (runner_ != 0) return;
    if (fate_.running >= tasks_.most_) {
      if (period_ == absl::ZeroDuration()) Arm(kRetryAtCap);
      return;
    }
    done_.Reset();
    runner_ = scheduler_.Start(name_, fate_, [job = shared_from_this()] { job->Run(); }).id;
  }

  void Run() {
    if (!ended_) work_();
    runner_ = 0;
    done_.Set();
  }

  SimTasks& tasks_;
  Scheduler& scheduler_;
  NodeFate& fate_ = tasks_.fate_;
  const char* const name_;
  const Duration period_;  // Zero: once.
  const std::function<void()> work_;
  Timer timer_;
  SimEvent done_;
  uint64_t runner_ = 0;  // The id of the task that runs it now.
  bool ended_ = false;
};

class SimTasks::JobRegistration : public Registration {
 public:
  explicit JobRegistration(std::shared_ptr<Job> job) : job_(std::move(job)) {}
  ~JobRegistration() override {
    AssertNoMutexHeld("Registration::~Registration");
    job_->End();
  }

 private:
  const std::shared_ptr<Job> job_;
};

absl::Status SimTasks::Start(const char* name, std::function<void()> work) {
  if (fate_.killed) return absl::AbortedError(absl::StrCat("start ", name, ": node killed"));
  if (fate_.running >= most_) {
    return absl::ResourceExhaustedError(
        absl::StrCat("start ", name, ": ", most_, " tasks run already"));
  }
  simulation_.scheduler().Start(name, fate_, std::move(work));
  return absl::OkStatus();
}

std::unique_ptr<Registration> SimTasks::After(const char* name, Duration delay,
                                              std::function<void()> work) {
  auto job = std::make_shared<Job>(*this, name, absl::ZeroDuration(), std::move(work));
  job->Arm(delay);
  return std::make_unique<JobRegistration>(std::move(job));
}

std::unique_ptr<Registration> SimTasks::Every(const char* name, Duration period,
                                              std::function<void()> work) {
  // A period of nothing would stop the clock for ever.
  const Duration step = std::max(period, absl::Nanoseconds(1));
  auto job = std::make_shared<Job>(*this, name, step, std::move(work));
  job->Arm(step);
  return std::make_unique<JobRegistration>(std::move(job));
}

void SimTasks::Parallel(size_t count, const std::function<void(size_t)>& work) {
  if (count == 0) return;
  // From a place of its own each time: no one may depend on the order.
  const size_t first = simulation_.Random() % count;
  for (size_t i = 0; i < count; ++i) work((first + i) % count);
}

}  // namespace l2p::testkit
