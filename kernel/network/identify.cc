#include "kernel/network/identify.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace l2p {
namespace {

constexpr char kProtocolVersion[] = "l2p/1.0.0";
constexpr size_t kMostProtocolBytes = 256;
constexpr size_t kMostApplied = 8;   // At once.
constexpr size_t kMostHeard = 2048;  // Waiting for that.

std::string Printable(std::string text) {
  for (char& c : text) c = c >= ' ' && c <= '~' ? c : '?';
  return text;
}

std::vector<std::string> ProtocolsIn(const pb::Identify& message) {
  std::set<std::string> sorted;
  for (const std::string& protocol : message.protocols()) {
    if (protocol.size() <= kMostProtocolBytes) sorted.insert(protocol);
  }
  return {sorted.begin(), sorted.end()};
}

}  // namespace

struct Identify::Asking {
  Asking(const std::shared_ptr<Connection>& to, std::unique_ptr<Stream> opened, Time now)
      : connection(to),
        stream(std::move(opened)),
        reader(FrameReader::Framing::kSized, kMostMessageBytes),
        since(now) {}

  const std::shared_ptr<Connection> connection;
  const std::unique_ptr<Stream> stream;
  FrameReader reader;
  const Time since;
  pb::Identify answer;  // Merged from all messages.
  int messages = 0;
  uint64_t id = 0;
};

Identify::Identify(Runtime& runtime, const Identity& identity, const Crypto& crypto, PeerBook& book,
                   Connections& connections, ServedProtocols& protocols, EndingStreams& ending,
                   std::function<std::vector<Multiaddr>()> own_addresses)
    : runtime_(runtime),
      identity_(identity),
      crypto_(crypto),
      book_(book),
      connections_(connections),
      protocols_(protocols),
      ending_(ending),
      own_addresses_(std::move(own_addresses)),
      records_(identity, crypto),
      heard_(runtime, "identify", kMostApplied, kMostHeard) {}

absl::Status Identify::Start() {
  ServedProtocols::Handlers answer;
  answer.at_once = [this](const std::shared_ptr<Connection>& connection,
                          std::unique_ptr<Stream> stream) {
    Answer(connection, std::move(stream));
  };
  ServedProtocols::Handlers push;
  push.max_request = kMostMessageBytes;
  push.request = [this](const Caller& from,
                        ByteView request) -> absl::StatusOr<std::optional<Bytes>> {
    pb::Identify message;
    if (!message.ParseFromArray(request.data(), static_cast<int>(request.size()))) {
      return absl::InvalidArgumentError("identify push cannot be read");
    }
    const absl::Status applied = Apply(from, message, /*is_push=*/true);
    if (!applied.ok()) return applied;
    return std::nullopt;
  };
  L2P_ASSIGN_OR_RETURN(auto answering, protocols_.Add(kProtocol, std::move(answer)));
  L2P_ASSIGN_OR_RETURN(auto pushed, protocols_.Add(kPushProtocol, std::move(push)));
  served_.push_back(std::move(answering));
  served_.push_back(std::move(pushed));
  return absl::OkStatus();
}

void Identify::Stop() {
  std::map<uint64_t, std::shared_ptr<Asking>> abandoned;
  std::unique_ptr<Registration> timer;
  {
    MutexLock lock(mutex_);
    stopped_ = true;
    abandoned.swap(asking_);
    timer = std::move(push_timer_);
  }
  timer.reset();
  for (const auto& [_, asking] : abandoned) asking->stream->Reset();
  served_.clear();
  heard_.Join();
}

void Identify::Ask(const std::shared_ptr<Connection>& connection) {
  absl::StatusOr<std::unique_ptr<Stream>> stream = connection->Open(kProtocol);
  if (!stream.ok()) return;
  auto asking = std::make_shared<Asking>(connection, *std::move(stream), runtime_.Now());
  {
    MutexLock lock(mutex_);
    if (stopped_) return;
    asking->id = next_id_++;
    asking_.emplace(asking->id, asking);
  }
  asking->stream->CloseWrite();  // There is nothing to say; this sends the offer of the protocol.
  Read(asking);
}

void Identify::Read(const std::shared_ptr<Asking>& asking) {
  for (;;) {
    const auto progress = asking->reader.Poll(*asking->stream);
    if (!progress.ok()) return Forget(*asking);
    if (*progress == FrameReader::Progress::kEnd) break;
    if (*progress == FrameReader::Progress::kMore) {
      return asking->stream->WhenReadable([this, weak = std::weak_ptr<Asking>(asking)] {
        if (std::shared_ptr<Asking> strong = weak.lock()) Read(strong);
      });
    }
    const Bytes message = asking->reader.Take();
    if (++asking->messages > kMostMessages ||
        !asking->answer.MergeFromString(std::string(message.text()))) {
      asking->stream->Reset();
      return Forget(*asking);
    }
  }
  Forget(*asking);
  heard_.Submit([this, asking] {
    const Connection& connection = *asking->connection;
    const absl::Status applied =
        Apply({connection.peer(), connection.remote()}, asking->answer, /*is_push=*/false);
    bool changed_since = false;
    {
      MutexLock lock(mutex_);
      changed_since = changed_ >= asking->since && !push_due_;
    }
    // It may have asked us before the change, and was not among those that were pushed to.
    if (applied.ok() && changed_since) PushTo(connection.peer());
  });
}

void Identify::Forget(const Asking& asking) {
  MutexLock lock(mutex_);
  asking_.erase(asking.id);
}

void Identify::Sweep() {
  const Time limit = runtime_.Now() - kLimit;
  std::vector<std::shared_ptr<Asking>> late;
  {
    MutexLock lock(mutex_);
    while (!asking_.empty() && asking_.begin()->second->since < limit) {
      late.push_back(std::move(asking_.begin()->second));
      asking_.erase(asking_.begin());
    }
  }
  for (const auto& asking : late) asking->stream->Reset();
  heard_.Retry();
}

absl::StatusOr<std::string> Identify::OwnMessage(const Connection& connection) {
  const Multiaddr& remote = connection.remote();
  pb::Identify message;
  message.set_public_key(std::string(AsText(identity_.public_key())));
  for (const std::string& protocol : protocols_.List()) message.add_protocols(protocol);
  message.set_observed_addr(remote.bytes());
  message.set_protocol_version(kProtocolVersion);
  message.set_agent_version(absl::StrCat("l2p/", kVersion));
  std::vector<Multiaddr> addresses = own_addresses_();
  std::erase_if(addresses, [&](const Multiaddr& a) { return !UsableOver(remote, a); });
  const auto seq = static_cast<uint64_t>(absl::ToUnixMillis(runtime_.Now()));
  for (;;) {
    message.clear_listen_addrs();
    for (const Multiaddr& address : addresses) message.add_listen_addrs(address.bytes());
    L2P_ASSIGN_OR_RETURN(*message.mutable_signed_peer_record(), records_.Own(addresses, seq));
    if (message.ByteSizeLong() <= kMostOwnBytes || addresses.empty()) break;
    addresses.pop_back();
  }
  return message.SerializeAsString();
}

void Identify::Answer(const std::shared_ptr<Connection>& connection,
                      std::unique_ptr<Stream> stream) {
  absl::StatusOr<std::string> message = OwnMessage(*connection);
  if (!message.ok()) return;
  // A new stream has room, so this does not wait.
  if (!stream->Write(Framed(Bytes::Of(*std::move(message))), absl::InfinitePast()).ok()) return;
  ending_.Add(std::move(stream));
}

void Identify::Changed() {
  const Time now = runtime_.Now();
  const bool anyone = !connections_.empty();
  {
    MutexLock lock(mutex_);
    changed_ = now;
    if (stopped_ || push_due_ || !anyone) return;
    push_due_ = true;
  }
  std::unique_ptr<Registration> timer =
      runtime_.tasks().After("push identify", kPushDelay, [this] { PushToAll(); });
  MutexLock lock(mutex_);
  push_timer_.swap(timer);  // The old one has run; it is destroyed after the mutex is free.
}

void Identify::PushToAll() {
  {
    MutexLock lock(mutex_);
    push_due_ = false;
  }
  for (const PeerId& peer : connections_.Identified()) PushTo(peer);
}

void Identify::PushTo(const PeerId& peer) {
  const std::vector<std::string> protocols =
      book_.Find(peer).value_or(PeerBook::Identified()).protocols;
  if (std::find(protocols.begin(), protocols.end(), kPushProtocol) == protocols.end()) return;
  const std::shared_ptr<Connection> connection = connections_.Find(peer);
  if (!connection) return;
  absl::StatusOr<std::unique_ptr<Stream>> stream = connection->Open(kPushProtocol);
  if (stream.ok()) Answer(connection, *std::move(stream));
}

absl::StatusOr<std::vector<Multiaddr>> Identify::AddressesIn(const Caller& from,
                                                             const pb::Identify& message) {
  std::vector<Multiaddr> said;
  if (message.has_signed_peer_record()) {
    L2P_ASSIGN_OR_RETURN(said, records_.Read(AsBytes(message.signed_peer_record()), from.peer));
  } else {
    for (const std::string& binary : message.listen_addrs()) {
      absl::StatusOr<Multiaddr> address = Multiaddr::FromBinary(AsBytes(binary));
      if (address.ok()) said.push_back(*std::move(address));
    }
  }
  std::vector<Multiaddr> usable;
  for (const Multiaddr& address : said) {
    const Multiaddr bare = address.WithoutPeer();
    const bool is_new = std::find(usable.begin(), usable.end(), bare) == usable.end();
    if (is_new && UsableOver(from.address, bare) && usable.size() < PeerBook::kMostAddresses) {
      usable.push_back(bare);
    }
  }
  return usable;
}

absl::Status Identify::Apply(const Caller& from, const pb::Identify& message, bool is_push) {
  absl::Status right = absl::OkStatus();
  if (message.has_public_key()) {
    const absl::StatusOr<PeerId> owner = PeerOf(AsBytes(message.public_key()), crypto_);
    if (!owner.ok() || *owner != from.peer) right = absl::DataLossError("the key is another's");
  }
  absl::StatusOr<std::vector<Multiaddr>> addresses = AddressesIn(from, message);
  if (right.ok()) right = addresses.status();
  if (!right.ok()) {
    right = WithContext(right, absl::StrCat("identify of ", from.peer.ToString()));
    runtime_.Log(Severity::kWarning, "kernel", std::string(right.message()));
    if (auto connection = connections_.Find(from.peer)) connection->Close();
    return right;
  }
  PeerBook::Identified said;
  if (is_push) said = book_.Find(from.peer).value_or(said);
  if (!is_push || !addresses->empty()) said.addresses = *std::move(addresses);
  if (!is_push || message.protocols_size() > 0) said.protocols = ProtocolsIn(message);
  if (message.has_agent_version()) said.agent = Printable(message.agent_version());
  if (message.has_observed_addr()) NoteObserved(from.peer, message.observed_addr());
  book_.SetIdentified(from.peer, said);
  connections_.SetIdentified({{from.peer, said.addresses}, said.protocols});
  return absl::OkStatus();
}

void Identify::NoteObserved(const PeerId& observer, const std::string& multiaddr) {
  const absl::StatusOr<Multiaddr> address = Multiaddr::FromBinary(AsBytes(multiaddr));
  if (!address.ok()) return;
  MutexLock lock(mutex_);
  if (observed_.size() >= kMostObserved && !observed_.contains(*address)) return;
  std::set<PeerId>& observers = observed_[*address];
  if (observers.size() < kMostObserversOfOne) observers.insert(observer);
}

std::map<Multiaddr, size_t> Identify::Observed() {
  MutexLock lock(mutex_);
  std::map<Multiaddr, size_t> counts;
  for (const auto& [address, observers] : observed_) counts[address] = observers.size();
  return counts;
}

}  // namespace l2p
