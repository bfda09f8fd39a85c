#include "l2p/testkit/sim_messenger.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sim_calls.h"

namespace l2p::testkit {
namespace {

constexpr uint16_t kPort = 4001;

}  // namespace

// What ends with its Registration: no further calls, and the running ones are waited for.
struct SimMessenger::Service {
  size_t max_request;
  Handler handler;
  size_t running = 0;
  bool ended = false;
  std::unique_ptr<Event> idle;
};

struct SimMessenger::Watcher {
  PeerWatcher watcher;
  std::deque<News> queue;
  bool running = false;
  bool ended = false;
  std::unique_ptr<Event> idle;
};

class SimMessenger::Ending : public Registration {
 public:
  explicit Ending(std::function<void()> end) : end_(std::move(end)) {}
  ~Ending() override { end_(); }

 private:
  const std::function<void()> end_;
};

SimMessengers::SimMessengers(SimNetwork& network) : SimMessengers(network, Options()) {}

SimMessengers::SimMessengers(SimNetwork& network, Options options)
    : network_(network), options_(options) {}

std::unique_ptr<SimMessenger> SimMessengers::New(size_t node, Runtime& runtime, PeerId self) {
  if (by_node_.size() <= node) by_node_.resize(node + 1);
  std::unique_ptr<SimMessenger> made(new SimMessenger(*this, node, runtime, std::move(self)));
  by_node_[node] = made.get();
  return made;
}

void SimMessengers::SetImpostor(size_t node, Impostor impostor) {
  if (impostor) {
    impostors_[node] = std::move(impostor);
  } else {
    impostors_.erase(node);
  }
}

void SimMessengers::SetWarm(size_t node, bool warm) {
  if (warm) {
    warm_.insert(node);
  } else {
    warm_.erase(node);
  }
}

SimMessenger::SimMessenger(SimMessengers& all, size_t node, Runtime& runtime, PeerId self)
    : all_(all),
      network_(all.network_),
      simulation_(all.network_.simulation()),
      node_(node),
      runtime_(runtime),
      self_(std::make_shared<PeerInfo>(
          PeerInfo{std::move(self), {*Multiaddr::FromTcp(all.network_.ip(node), kPort)}})),
      protocols_(std::make_shared<std::vector<std::string>>()) {}

SimMessenger::~SimMessenger() {
  alive_.reset();
  if (all_.by_node_[node_] == this) all_.by_node_[node_] = nullptr;
  for (const auto& [node, link] : links_) {
    SimMessenger* const other = At(node);
    // One that has lost its power says nothing: the others find out by themselves.
    if (other == nullptr || !network_.Reaches(node_, node)) continue;
    other->After(network_.Latency(node_, node), [other, mine = node_] { other->Drop(mine); });
  }
}

SimMessenger* SimMessenger::At(size_t node) const {
  return node < all_.by_node_.size() ? all_.by_node_[node] : nullptr;
}

void SimMessenger::After(Duration delay, std::function<void()> step) {
  simulation_.At(simulation_.Now() + delay,
                 [alive = std::weak_ptr<bool>(alive_), step = std::move(step)] {
                   if (!alive.expired()) step();
                 });
}

// By address, as a dial would; a connected peer needs none.
std::optional<size_t> SimMessenger::Find(const PeerInfo& to) const {
  std::optional<size_t> found;
  for (const Multiaddr& address : to.addresses) {
    found = network_.NodeAt(address);
    if (found && links_.contains(*found)) return found;
  }
  if (found) return found;
  for (const auto& [node, link] : links_) {
    const SimMessenger* const other = At(node);
    if (other != nullptr && other->self_->id == to.id) return node;
  }
  return std::nullopt;
}

void SimMessenger::Connect(size_t node, const PeerId& expected,
                           std::function<void(absl::Status)> then) {
  if (all_.warm_.contains(node_)) return then(absl::OkStatus());
  if (const auto link = links_.find(node); link != links_.end()) {
    link->second.used = simulation_.Now();
    return then(absl::OkStatus());
  }
  const auto [dial, first] = dials_.try_emplace(node);
  dial->second.waiting.push_back(std::move(then));
  if (!first) return;
  dial->second.expected = expected;
  network_.CountDial(node_);
  After(network_.Latency(node_, node), [this, node] { Knock(node); });
}

void SimMessenger::Knock(size_t node) {
  const Duration one_way = network_.Latency(node_, node);
  if (!network_.Reaches(node_, node)) {
    return After(all_.options_.dial_timeout - one_way,
                 [this, node] { ConcludeDial(node, absl::UnavailableError("dial: no answer")); });
  }
  absl::Status result;
  const SimMessenger* const other = At(node);
  if (other == nullptr || network_.fate(node) == SimNetwork::Fate::kRefusing) {
    result = absl::UnavailableError("dial: connection refused");
  } else if (other->self_->id != dials_[node].expected) {
    result = absl::DataLossError("dial: another peer answered");
  }
  After((result.ok() ? 5 : 1) * one_way, [this, node, result] { ConcludeDial(node, result); });
}

void SimMessenger::ConcludeDial(size_t node, const absl::Status& result) {
  const auto found = dials_.find(node);
  if (found == dials_.end()) return;
  const Dial dial = std::move(found->second);
  dials_.erase(found);
  absl::Status outcome = result;
  if (outcome.ok() && At(node) == nullptr) outcome = absl::UnavailableError("dial: reset");
  const SimMessengers::Costs& costs = all_.options_.costs;
  if (outcome.ok()) {
    Establish(node);
    At(node)->Establish(node_);
    network_.CountBytes(node_, node, costs.dial);
    network_.CountBytes(node, node_, costs.accept);
    if (all_.observer_ != nullptr) all_.observer_->Connected(node_, node);
  } else {
    network_.CountBytes(node_, node, costs.no_dial);
    network_.CountFailedDial(node_);
  }
  for (const auto& then : dial.waiting) then(outcome);
}

void SimMessenger::Establish(size_t node) {
  links_.try_emplace(node, Link{simulation_.Now()});
  After(2 * network_.Latency(node_, node), [this, node] { Identify(node); });
  if (std::exchange(sweeping_, true)) return;
  After(all_.options_.idle / 2, [this] { Sweep(); });
}

void SimMessenger::Identify(size_t node) {
  const auto link = links_.find(node);
  SimMessenger* const other = At(node);
  if (link == links_.end() || other == nullptr) return;
  link->second.identified = true;
  if (watchers_.empty()) return;
  NotifyAll([peer = other->self_, protocols = other->protocols_](const PeerWatcher& watcher) {
    if (watcher.up) watcher.up(*peer, *protocols);
  });
}

// Our side of the connection ends.
void SimMessenger::Drop(size_t node) {
  const auto link = links_.find(node);
  if (link == links_.end()) return;
  const bool was_up = link->second.identified;
  links_.erase(link);
  const SimMessenger* const other = At(node);
  if (!was_up || other == nullptr) return;
  NotifyAll([peer = other->self_](const PeerWatcher& watcher) {
    if (watcher.down) watcher.down(peer->id);
  });
}

void SimMessenger::Sweep() {
  std::vector<uint32_t> idle;
  const Time before = simulation_.Now() - all_.options_.idle;
  for (const auto& [node, link] : links_) {
    if (link.used <= before || !network_.Reaches(node_, node)) idle.push_back(node);
  }
  std::sort(idle.begin(), idle.end());
  for (const uint32_t node : idle) {
    Drop(node);
    if (SimMessenger* const other = At(node); other != nullptr && network_.Reaches(node_, node)) {
      other->After(network_.Latency(node_, node), [other, mine = node_] { other->Drop(mine); });
    }
  }
  sweeping_ = !links_.empty();
  if (sweeping_) After(all_.options_.idle / 2, [this] { Sweep(); });
}

void SimMessenger::Send(size_t node, const std::shared_ptr<Request>& request) {
  if (const auto link = links_.find(node); link != links_.end()) {
    link->second.used = simulation_.Now();
  }
  const size_t bytes = request->message.size() + all_.options_.costs.request;
  const Time arrives = network_.Transmit(node_, node, bytes);
  simulation_.At(arrives, [all = &all_, from = node_, node, request] {
    const SimMessenger* const sender = from < all->by_node_.size() ? all->by_node_[from] : nullptr;
    SimMessenger* const receiver = all->by_node_[node];
    if (!all->network_.Reaches(from, node)) return;
    if (receiver != nullptr && all->network_.fate(node) == SimNetwork::Fate::kUp) {
      return receiver->Receive(from, request);
    }
    // The process died: the host answers with a reset.
    if (sender == nullptr) return;
    auto* const mutable_sender = all->by_node_[from];
    mutable_sender->After(all->network_.Latency(from, node), [mutable_sender, node, request] {
      mutable_sender->Drop(node);
      if (request->done) request->done(absl::UnavailableError("stream: reset by the other side"));
    });
  });
}

void SimMessenger::Receive(size_t from, const std::shared_ptr<Request>& request) {
  const auto link = links_.find(from);
  const SimMessenger* const sender = At(from);
  if (sender == nullptr || (link == links_.end() && !all_.warm_.contains(from))) {
    return Answer(from, request, absl::UnavailableError("stream: refused by the other side"));
  }
  if (link != links_.end()) link->second.used = simulation_.Now();
  if (const auto impostor = all_.impostors_.find(node_); impostor != all_.impostors_.end()) {
    std::optional<Bytes> answer = impostor->second(sender->self_->id, request->message);
    if (answer) Answer(from, request, *std::move(answer));
    return;
  }
  const auto found = services_.find(request->protocol);
  if (found == services_.end() || request->message.size() > found->second->max_request) {
    return Answer(from, request, absl::UnavailableError("stream: refused by the other side"));
  }
  Serve(found->second, from, request);
}

void SimMessenger::Serve(const std::shared_ptr<Service>& service, size_t from,
                         const std::shared_ptr<Request>& request) {
  ++service->running;
  auto serve = [this, service, from, request, sender = At(from)->self_] {
    if (!service->ended) {
      absl::StatusOr<std::optional<Bytes>> answer =
          service->handler({sender->id, sender->addresses[0]}, request->message);
      if (!answer.ok() || !*answer) {
        Answer(from, request, absl::UnavailableError("stream: ended without an answer"));
      } else {
        Answer(from, request, std::move(**answer));
      }
    }
    if (--service->running == 0 && service->idle != nullptr) service->idle->Set();
  };
  if (runtime_.tasks().Start("serve", std::move(serve)).ok()) return;
  --service->running;
  Answer(from, request, absl::UnavailableError("stream: reset by the other side"));
}

void SimMessenger::Answer(size_t to, const std::shared_ptr<Request>& request,
                          absl::StatusOr<Bytes> answer) {
  if (!request->done) return;
  if (answer.ok() && answer->size() > request->max_answer) {
    answer = absl::ResourceExhaustedError("answer: larger than asked for");
  }
  const size_t bytes = (answer.ok() ? answer->size() : 0) + all_.options_.costs.answer;
  const Time arrives = network_.Transmit(node_, to, bytes);
  simulation_.At(arrives, [all = &all_, from = node_, to, request, answer = std::move(answer)] {
    if (!all->network_.Reaches(from, to)) return;
    if (all->observer_ != nullptr && answer.ok()) {
      all->observer_->Answered(to, from, request->message, *answer);
    }
    request->done(answer);
  });
}

std::unique_ptr<Calls> SimMessenger::NewCalls() { return std::make_unique<SimCalls>(*this); }

absl::Status SimMessenger::Tell(const PeerInfo& to, std::string_view protocol,
                                std::span<const Bytes> messages, Time deadline) {
  const std::optional<size_t> node = Find(to);
  if (!node) return absl::UnavailableError(absl::StrCat(to.id.ToString(), ": no known address"));
  struct Waiting {
    std::optional<absl::Status> result;
    std::unique_ptr<Event> event;
  };
  const auto waiting = std::make_shared<Waiting>();
  Connect(*node, to.id, [waiting](absl::Status status) {
    waiting->result = std::move(status);
    if (waiting->event != nullptr) waiting->event->Set();
  });
  if (!waiting->result) {
    waiting->event = simulation_.NewEvent();
    if (!waiting->event->Wait(deadline)) return absl::DeadlineExceededError("tell: no connection");
  }
  if (!waiting->result->ok()) return *waiting->result;
  for (const Bytes& message : messages) {
    Send(*node, std::make_shared<Request>(Request{std::string(protocol), message, 0, nullptr}));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Stream>> SimMessenger::Open(const PeerInfo&, std::string_view,
                                                           Time) {
  return absl::UnimplementedError("the simulated messenger carries messages, no streams");
}

absl::StatusOr<std::unique_ptr<Registration>> SimMessenger::ServeStreams(std::string_view,
                                                                         StreamHandler) {
  return absl::UnimplementedError("the simulated messenger carries messages, no streams");
}

absl::StatusOr<std::unique_ptr<Registration>> SimMessenger::Serve(std::string_view protocol,
                                                                  size_t max_request,
                                                                  Handler handler) {
  const auto service = std::make_shared<Service>();
  service->max_request = max_request;
  service->handler = std::move(handler);
  if (!services_.emplace(protocol, service).second) {
    return absl::AlreadyExistsError(absl::StrCat("serve ", av(protocol), ": someone does"));
  }
  ListProtocols();
  TellOfProtocols();
  return std::make_unique<Ending>([this, service, name = std::string(protocol)] {
    services_.erase(name);
    ListProtocols();
    service->ended = true;
    service->idle = simulation_.NewEvent();
    while (service->running > 0) {
      service->idle->Reset();
      service->idle->Wait(absl::InfiniteFuture());
    }
    TellOfProtocols();
  });
}

void SimMessenger::ListProtocols() {
  auto protocols = std::make_shared<std::vector<std::string>>();
  for (const auto& [protocol, service] : services_) protocols->push_back(protocol);
  protocols_ = std::move(protocols);
}

void SimMessenger::TellOfProtocols() {
  std::vector<uint32_t> nodes;
  for (const auto& [node, link] : links_) nodes.push_back(node);
  std::sort(nodes.begin(), nodes.end());
  for (const uint32_t node : nodes) {
    SimMessenger* const other = At(node);
    if (other == nullptr) continue;
    other->After(network_.Latency(node_, node), [other, mine = node_] { other->Identify(mine); });
  }
}

std::vector<PeerId> SimMessenger::Connected() {
  std::vector<PeerId> peers;
  for (const auto& [node, link] : links_) {
    if (link.identified && At(node) != nullptr) peers.push_back(At(node)->self_->id);
  }
  std::sort(peers.begin(), peers.end());
  return peers;
}

void SimMessenger::NotifyAll(const News& news) {
  for (const std::shared_ptr<Watcher>& watcher : watchers_) Notify(watcher, news);
}

// Its task runs later, so nothing is called here.
void SimMessenger::Notify(const std::shared_ptr<Watcher>& watcher, News news) {
  watcher->queue.push_back(std::move(news));
  if (std::exchange(watcher->running, true)) return;
  const auto drain = [watcher] {
    while (!watcher->ended && !watcher->queue.empty()) {
      const News next = std::move(watcher->queue.front());
      watcher->queue.pop_front();
      next(watcher->watcher);
    }
    watcher->running = false;
    if (watcher->idle != nullptr) watcher->idle->Set();
  };
  if (!runtime_.tasks().Start("peers", drain).ok()) watcher->running = false;
}

std::unique_ptr<Registration> SimMessenger::Watch(PeerWatcher watcher) {
  const auto made = std::make_shared<Watcher>();
  made->watcher = std::move(watcher);
  watchers_.push_back(made);
  std::vector<uint32_t> nodes;
  for (const auto& [node, link] : links_) {
    if (link.identified) nodes.push_back(node);
  }
  std::sort(nodes.begin(), nodes.end());
  for (const uint32_t node : nodes) Identify(node);
  return std::make_unique<Ending>([this, made] {
    std::erase(watchers_, made);
    made->ended = true;
    made->idle = simulation_.NewEvent();
    while (made->running) {
      made->idle->Reset();
      made->idle->Wait(absl::InfiniteFuture());
    }
  });
}

}  // namespace l2p::testkit
