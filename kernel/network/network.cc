#include "kernel/network/network.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace l2p {
namespace {

constexpr size_t kPingBytes = 32;

absl::Status ReadPing(Stream& stream, MutableByteView into, Time deadline) {
  while (!into.empty()) {
    L2P_ASSIGN_OR_RETURN(const size_t read, stream.Read(into, deadline));
    if (read == 0) return absl::UnavailableError("the stream ended");
    into = into.subspan(read);
  }
  return absl::OkStatus();
}

}  // namespace

Network::Network(Runtime& runtime, const Identity& identity, const Crypto& crypto, Options options)
    : runtime_(runtime),
      identity_(identity),
      options_(std::move(options)),
      book_(runtime),
      watchers_(runtime),
      ending_(runtime),
      protocols_(runtime, ending_, [this] { identify_.Changed(); }),
      connections_(
          runtime, identity.peer(), book_, watchers_, options_.max_inbound,
          {.accepts = [this](std::string_view protocol) { return protocols_.Accepts(protocol); },
           .stream =
               [this](const std::shared_ptr<Connection>& connection, std::string_view protocol,
                      std::unique_ptr<Stream> stream) {
                 protocols_.OnStream(connection, protocol, std::move(stream));
               },
           .connected =
               [this](const std::shared_ptr<Connection>& connection) {
                 identify_.Ask(connection);
               }}),
      identify_(runtime, identity, crypto, book_, connections_, protocols_, ending_,
                [this] { return Self().addresses; }) {}

Network::~Network() { Stop(); }

absl::Status Network::Start() {
  L2P_RETURN_IF_ERROR(book_.Load());
  L2P_RETURN_IF_ERROR(identify_.Start());
  ServedProtocols::Handlers echo;
  echo.framing = FrameReader::Framing::kFixed;
  echo.max_request = kPingBytes;
  echo.request = [](const Caller&, ByteView ping) { return Bytes::Copy(ping); };
  L2P_ASSIGN_OR_RETURN(ping_, protocols_.Add(kPingProtocol, std::move(echo)));
  sweep_timer_ = runtime_.tasks().Every("sweep the network", kSweepPeriod, [this] { Sweep(); });
  save_timer_ = runtime_.tasks().Every("save the peer book", kSavePeriod, [this] {
    const absl::Status saved = book_.Save();
    if (!saved.ok()) runtime_.Log(Severity::kWarning, "kernel", std::string(saved.message()));
  });
  return absl::OkStatus();
}

void Network::Sweep() {
  connections_.Sweep();
  protocols_.Sweep();
  identify_.Sweep();
  ending_.Sweep();
  watchers_.Deliver();
}

void Network::Stop() {
  {
    MutexLock lock(mutex_);
    if (std::exchange(stopped_, true)) return;
  }
  sweep_timer_.reset();
  save_timer_.reset();
  Drain();
  connections_.Stop();
  ping_.reset();
  identify_.Stop();
  protocols_.Stop();
  ending_.Clear();
  watchers_.Join();
  const absl::Status saved = book_.Save();
  if (!saved.ok()) runtime_.Log(Severity::kError, "kernel", std::string(saved.message()));
}

absl::Status Network::AddTransport(std::shared_ptr<Transport> transport) {
  return connections_.AddTransport(std::move(transport));
}

void Network::RemoveTransport(const std::shared_ptr<Transport>& transport) {
  {
    MutexLock lock(mutex_);
    listening_.erase(transport.get());
  }
  connections_.RemoveTransport(transport);
  identify_.Changed();
}

absl::StatusOr<std::vector<Multiaddr>> Network::Listen(const Multiaddr& address) {
  absl::Status status = absl::InvalidArgumentError("no transport can listen there");
  for (const auto& transport : connections_.transports()) {
    absl::StatusOr<std::vector<Multiaddr>> bound = transport->Listen(address);
    if (!bound.ok()) {
      status = bound.status();
      continue;
    }
    {
      MutexLock lock(mutex_);
      std::vector<Multiaddr>& all = listening_[transport.get()];
      all.insert(all.end(), bound->begin(), bound->end());
    }
    identify_.Changed();
    return bound;
  }
  return WithContext(status, absl::StrCat("listen on ", address.ToString()));
}

std::unique_ptr<Messenger> Network::NewMessenger() {
  return std::make_unique<NodeMessenger>(runtime_, connections_, book_, protocols_, ending_,
                                         [this] { return Self(); });
}

absl::StatusOr<PeerId> Network::Connect(const Multiaddr& address, Time deadline) {
  if (const std::optional<PeerId> peer = address.peer()) {
    L2P_RETURN_IF_ERROR(Connect(PeerInfo{*peer, {address.WithoutPeer()}}, deadline));
    return *peer;
  }
  L2P_ASSIGN_OR_RETURN(const auto connection, connections_.ConnectAnyone(address, deadline));
  return connection->peer();
}

absl::Status Network::Connect(const PeerInfo& peer, Time deadline) {
  return connections_.Connect(peer, deadline).status();
}

absl::StatusOr<Duration> Network::Ping(const PeerInfo& to, Time deadline) {
  L2P_ASSIGN_OR_RETURN(const auto connection, connections_.Connect(to, deadline));
  L2P_ASSIGN_OR_RETURN(std::unique_ptr<Stream> stream, connection->Open(kPingProtocol));
  uint8_t sent[kPingBytes];
  uint8_t echoed[kPingBytes];
  runtime_.Random(sent);
  const Time start = runtime_.Now();
  const Bytes message = Bytes::Copy(ByteView(sent));
  absl::Status status = stream->Write({&message, 1}, deadline);
  if (status.ok()) status = ReadPing(*stream, echoed, deadline);
  if (status.ok() && !Equal(sent, echoed)) status = absl::DataLossError("the echo differs");
  if (!status.ok()) return WithContext(status, absl::StrCat("ping ", to.id.ToString()));
  const Duration took = runtime_.Now() - start;
  ending_.Add(std::move(stream));
  book_.AddRtt(to.id, took);
  return took;
}

PeerInfo Network::Self() {
  PeerInfo self{identity_.peer(), options_.announce};
  if (!self.addresses.empty()) return self;
  MutexLock lock(mutex_);
  for (const auto& [_, addresses] : listening_) {
    self.addresses.insert(self.addresses.end(), addresses.begin(), addresses.end());
  }
  std::sort(self.addresses.begin(), self.addresses.end());
  return self;
}

std::vector<Network::PeerStatus> Network::Peers() {
  std::vector<PeerStatus> peers;
  for (const Connections::Standing& standing : connections_.All()) {
    const Connection& connection = *standing.connection;
    PeerBook::Identified said = book_.Find(connection.peer()).value_or(PeerBook::Identified());
    peers.push_back({.id = connection.peer(),
                     .remote = connection.remote(),
                     .outbound = connection.outbound(),
                     .identified = standing.identified,
                     .since = standing.since,
                     .streams = connection.streams(),
                     .addresses = std::move(said.addresses),
                     .protocols = std::move(said.protocols),
                     .agent = std::move(said.agent),
                     .rtt = book_.Rtt(connection.peer(), 0.5)});
  }
  return peers;
}

}  // namespace l2p
