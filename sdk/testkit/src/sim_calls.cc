#include "sim_calls.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace l2p::testkit {

SimCalls::SimCalls(SimMessenger& messenger)
    : messenger_(messenger), simulation_(messenger.simulation_) {}

void SimCalls::Conclude(Simulation& simulation, Waiting& waiting, uint64_t call,
                        absl::StatusOr<Bytes> result) {
  const auto found = waiting.pending.find(call);
  if (found == waiting.pending.end()) return;
  waiting.ready.push_back(std::make_unique<Answer>(Answer{
      call, std::move(result), simulation.Now() - found->second.sent, found->second.dialled}));
  waiting.pending.erase(found);
  if (waiting.event != nullptr) waiting.event->Set();
}

uint64_t SimCalls::Send(const PeerInfo& to, std::string_view protocol, Bytes request,
                        size_t max_answer, Time deadline) {
  const uint64_t call = next_++;
  const std::optional<size_t> node = messenger_.Find(to);
  const SimMessengers& all = messenger_.all_;
  const bool dials =
      node && !messenger_.links_.contains(*node) && !all.warm_.contains(messenger_.node_);
  if (node && all.observer_ != nullptr) {
    all.observer_->Requested(messenger_.node_, *node, request, dials);
  }
  waiting_->pending[call] = {simulation_.Now(), deadline, dials};
  auto done = [&simulation = simulation_, weak = std::weak_ptr<Waiting>(waiting_),
               call](absl::StatusOr<Bytes> result) {
    if (const auto waiting = weak.lock()) Conclude(simulation, *waiting, call, std::move(result));
  };
  if (!node) {
    done(absl::UnavailableError(absl::StrCat(to.id.ToString(), ": no known address")));
    return call;
  }
  auto made = std::make_shared<SimMessenger::Request>(SimMessenger::Request{
      std::string(protocol), std::move(request), max_answer, std::move(done)});
  messenger_.Connect(*node, to.id,
                     [messenger = &messenger_, node = *node, made = std::move(made),
                      weak = std::weak_ptr<Waiting>(waiting_)](absl::Status connected) {
                       if (weak.expired()) return;
                       if (!connected.ok()) return made->done(std::move(connected));
                       messenger->Send(node, made);
                     });
  return call;
}

std::optional<Calls::Answer> SimCalls::Next(Time deadline) {
  for (;;) {
    if (!waiting_->ready.empty()) {
      const std::unique_ptr<Answer> answer = std::move(waiting_->ready.front());
      waiting_->ready.pop_front();
      return std::move(*answer);
    }
    if (waiting_->pending.empty()) return std::nullopt;
    const auto first = std::min_element(
        waiting_->pending.begin(), waiting_->pending.end(),
        [](const auto& a, const auto& b) { return a.second.deadline < b.second.deadline; });
    if (first->second.deadline <= simulation_.Now()) {
      Conclude(simulation_, *waiting_, first->first,
               absl::DeadlineExceededError("no answer in time"));
      continue;
    }
    if (deadline <= simulation_.Now()) return std::nullopt;
    if (waiting_->event == nullptr) waiting_->event = simulation_.NewEvent();
    waiting_->event->Reset();
    waiting_->event->Wait(std::min(deadline, first->second.deadline));
  }
}

size_t SimCalls::on_the_way() const { return waiting_->pending.size() + waiting_->ready.size(); }

}  // namespace l2p::testkit
