#include "tcp_node.h"

#include <gtest/gtest.h>

#include "tcp_settings.h"

namespace l2p::tcp {

RealWorld::RealWorld() : runtime_(*RealRuntime::Open({.data_dir = folder_.path()})) {}

RealWorld::~RealWorld() = default;

TestMetric& TestMetrics::Named(std::string_view name) {
  MutexLock lock(mutex_);
  return metrics_[std::string(name)];
}

TcpHost::TcpHost(RealRuntime& runtime, uint8_t seed)
    : runtime_(runtime), memory_(runtime, size_t{256} << 20) {
  const std::string key = *crypto_.NewPrivateKey(AsBytes(std::string(32, static_cast<char>(seed))));
  identity_ = *crypto_.OpenIdentity(AsBytes(key));
}

TcpNode::TcpNode(RealWorld& world, uint8_t seed, const std::map<std::string, std::string>& settings)
    : world_(world),
      host_(world.runtime(), seed),
      changed_(world.runtime().NewEvent()),
      tasks_(world.runtime().tasks(), world.runtime().NewEvent()) {
  const Settings made = *Settings::Make(kTcpSettings, settings);
  transport_ = std::make_unique<TcpTransport>(host_, made);
  EXPECT_TRUE(transport_->Start(*this).ok());
  const auto addresses = transport_->Listen(*Multiaddr::FromString("/ip4/127.0.0.1/tcp/0"));
  EXPECT_TRUE(addresses.ok()) << addresses.status();
  address_ = addresses->front();
}

TcpNode::~TcpNode() {
  transport_->Stop();
  tasks_.Join();
}

void TcpNode::Serve(const std::string& protocol, Handler handler) {
  MutexLock lock(mutex_);
  handlers_[protocol] = std::move(handler);
}

void TcpNode::ServeEcho(const std::string& protocol) {
  Serve(protocol, [this](std::unique_ptr<Stream> stream) {
    while (true) {
      Buffer buffer = Buffer::Unbudgeted(64 * 1024);
      const auto count = stream->Read(buffer.span(), world_.Soon());
      if (!count.ok()) return;
      if (*count == 0) break;
      buffer.Truncate(*count);
      const Bytes bytes = std::move(buffer).Freeze();
      if (!stream->Write({&bytes, 1}, world_.Soon()).ok()) return;
    }
    stream->CloseWrite();
  });
}

absl::StatusOr<std::shared_ptr<Connection>> TcpNode::Dial(TcpNode& other) {
  return transport_->Dial(other.address(), other.peer(), world_.Soon());
}

bool TcpNode::AwaitConnections(size_t count) {
  return Await(mutex_, *changed_, world_.Soon(),
               [&]() L2P_REQUIRES(mutex_) { return connections_.size() >= count; });
}

bool TcpNode::AwaitClosed(size_t count) {
  return Await(mutex_, *changed_, world_.Soon(),
               [&]() L2P_REQUIRES(mutex_) { return endings_.size() >= count; });
}

std::vector<std::shared_ptr<Connection>> TcpNode::connections() {
  MutexLock lock(mutex_);
  return connections_;
}

std::vector<absl::Status> TcpNode::endings() {
  MutexLock lock(mutex_);
  return endings_;
}

bool TcpNode::Accepts(std::string_view protocol) {
  MutexLock lock(mutex_);
  return handlers_.find(protocol) != handlers_.end();
}

bool TcpNode::OnConnection(std::shared_ptr<Connection> connection) {
  if (refusing_) return false;
  MutexLock lock(mutex_);
  connections_.push_back(std::move(connection));
  changed_->Set();
  return true;
}

void TcpNode::OnStream(const std::shared_ptr<Connection>&, std::string_view protocol,
                       std::unique_ptr<Stream> stream) {
  Handler handler;
  {
    MutexLock lock(mutex_);
    handler = handlers_.find(protocol)->second;
  }
  // std::function must be copyable, a unique_ptr is not.
  auto holder = std::make_shared<std::unique_ptr<Stream>>(std::move(stream));
  EXPECT_TRUE(tasks_.Start("serve", [handler, holder] { handler(std::move(*holder)); }).ok());
}

void TcpNode::OnClosed(const std::shared_ptr<Connection>& connection, absl::Status why) {
  MutexLock lock(mutex_);
  std::erase(connections_, connection);
  endings_.push_back(std::move(why));
  changed_->Set();
}

absl::StatusOr<std::string> ReadAll(Stream& stream, Time deadline) {
  std::string all;
  std::vector<uint8_t> buffer(64 * 1024);
  while (true) {
    L2P_ASSIGN_OR_RETURN(const size_t count, stream.Read(buffer, deadline));
    if (count == 0) return all;
    all += AsText(ByteView(buffer).first(count));
  }
}

absl::Status WriteText(Stream& stream, std::string_view text, Time deadline) {
  const Bytes bytes = Bytes::Copy(text);
  return stream.Write({&bytes, 1}, deadline);
}

}  // namespace l2p::tcp
