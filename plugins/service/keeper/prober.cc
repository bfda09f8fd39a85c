#include "prober.h"

#include <algorithm>

namespace l2p::keeper {
namespace {

constexpr Duration kDay = absl::Hours(24);

}  // namespace

Prober::Prober(const Keeping& keeping)
    : keeping_(keeping),
      probes_(keeping.host.metrics().Counter("probes_total", "Peers this node probed.")),
      bytes_(keeping.host.metrics().Counter("probe_bytes_total",
                                            "Bytes of probes and of their answers.")) {}

Duration Prober::Interval() const {
  const size_t peers = keeping_.roster.peers();
  // Half of the probes are made by the other side.
  const Duration spread =
      kDay / static_cast<double>(keeping_.options.probes_per_day) * static_cast<double>(peers);
  return std::max(keeping_.options.interval, spread);
}

std::vector<PeerId> Prober::Due() {
  const Time now = keeping_.host.Now();
  const Duration interval = Interval();
  std::vector<PeerId> due;
  const std::vector<Roster::Peer> peers = keeping_.roster.Peers();
  MutexLock lock(mutex_);
  for (const Roster::Peer& peer : peers) {
    const auto [probed, is_new] = probed_.try_emplace(peer.id, absl::InfinitePast());
    const Time last = std::max(probed->second, peer.heard_at);
    const bool is_asker = keeping_.self() < peer.id || !peer.within_reach();
    const Duration patience = is_asker ? interval : interval + interval / 2;
    if (!hurried_.contains(peer.id) && now - last < patience) continue;
    probed->second = now;
    due.push_back(peer.id);
  }
  hurried_.clear();
  std::erase_if(probed_, [&](const auto& entry) { return now - entry.second > 4 * interval; });
  return due;
}

void Prober::Hurry(const PeerId& peer) {
  MutexLock lock(mutex_);
  hurried_.insert(peer);
}

void Prober::Step() {
  const std::vector<PeerId> due = Due();
  for (size_t begin = 0; begin < due.size() && !keeping_.stopped(); begin += kAtOnce) {
    const size_t end = std::min(due.size(), begin + kAtOnce);
    Talk({due.begin() + static_cast<ptrdiff_t>(begin), due.begin() + static_cast<ptrdiff_t>(end)});
  }
}

void Prober::Talk(std::vector<PeerId> peers) {
  const std::unique_ptr<Calls> calls = keeping_.node.messenger().NewCalls();
  std::map<uint64_t, Conversation> talks;
  const auto send = [&](Conversation talk) {
    KeeperRequest request;
    request.ranges = talk.next;
    const Bytes message = Bytes::Of(Encode(request));
    bytes_.Add(static_cast<int64_t>(message.size()));
    const Time deadline = keeping_.host.Now() + kLimit;
    const uint64_t call = calls->Send({talk.peer, {}}, kProtocol, message, kMaxMessage, deadline);
    talks[call] = std::move(talk);
  };
  for (PeerId& peer : peers) {
    probes_.Add(1);
    Range root;
    root.digest = keeping_.roster.DigestOf(peer, "");
    send({std::move(peer), {std::move(root)}, 0});
  }
  while (!talks.empty()) {
    const std::optional<Calls::Answer> answer = keeping_.Next(*calls, keeping_.host.Now() + kLimit);
    if (!answer) return;
    Conversation talk = std::move(talks.at(answer->call));
    talks.erase(answer->call);
    const Time now = keeping_.host.Now();
    if (!answer->result.ok()) {
      keeping_.roster.Missed(talk.peer, now);
      continue;
    }
    keeping_.roster.Heard(talk.peer, now);
    bytes_.Add(static_cast<int64_t>(answer->result->size()));
    const absl::StatusOr<KeeperAnswer> heard = ParseAnswer(*answer->result);
    if (!heard.ok()) continue;
    talk.next = Reply(talk.peer, talk.next, heard->ranges);
    if (!talk.next.empty() && ++talk.rounds < kMaxRounds && !keeping_.stopped()) {
      send(std::move(talk));
    }
  }
}

std::vector<Range> Prober::Reply(const PeerId& peer, const std::vector<Range>& asked,
                                 const std::vector<Range>& answers) {
  std::vector<Range> next;
  for (size_t i = 0; i < std::min(asked.size(), answers.size()); ++i) {
    const Range& answer = answers[i];
    if (answer.path != asked[i].path) return {};
    if (asked[i].is_list) {
      // The last word: it knew our list when it made its own.
      keeping_.roster.Learn(peer, answer.shares);
      if (answer.is_list) keeping_.roster.Conclude(peer, answer.path, answer.shares);
    } else if (answer.is_list) {
      keeping_.roster.Learn(peer, answer.shares);
      Range list{answer.path, {}, {}, true, keeping_.roster.List(peer, answer.path)};
      next.push_back(std::move(list));
    } else if (answer.digests && answer.path.size() < Range::kMaxPath) {
      for (size_t part = 0; part < kFanOut; ++part) {
        Range range;
        range.path = answer.path + static_cast<char>(part);
        range.digest = keeping_.roster.DigestOf(peer, range.path);
        if (*range.digest != (*answer.digests)[part]) next.push_back(std::move(range));
      }
    }
  }
  // What is too much now comes to light with the next probe.
  if (next.size() > Range::kMaxRanges) next.resize(Range::kMaxRanges);
  return next;
}

std::vector<Range> Prober::Answer(const PeerId& peer, const std::vector<Range>& asked) {
  if (!asked.empty()) keeping_.roster.Heard(peer, keeping_.host.Now());
  std::vector<Range> answers;
  for (const Range& range : asked) {
    if (range.is_list) {
      keeping_.roster.Learn(peer, range.shares);
      keeping_.roster.Conclude(peer, range.path, range.shares);
      answers.push_back({range.path, {}, {}, true, keeping_.roster.List(peer, range.path)});
      continue;
    }
    const Digest own = keeping_.roster.DigestOf(peer, range.path);
    if (range.digest && *range.digest == own) {
      answers.push_back({range.path, own, {}, false, {}});
    } else {
      answers.push_back(keeping_.roster.Describe(peer, range.path));
    }
  }
  return answers;
}

}  // namespace l2p::keeper
