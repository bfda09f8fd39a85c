#ifndef L2P_TESTS_PLUGINS_TRANSPORT_TCP_TCP_NODE_H_
#define L2P_TESTS_PLUGINS_TRANSPORT_TCP_TCP_NODE_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "boringssl_crypto.h"
#include "kernel/runtime/real_runtime.h"
#include "l2p/host.h"
#include "l2p/transport.h"
#include "tcp_transport.h"
#include "tests/temp_folder.h"

namespace l2p::tcp {

// Real threads and sockets, and a folder that goes away with them.
class RealWorld {
 public:
  RealWorld();
  ~RealWorld();
  RealRuntime& runtime() { return *runtime_; }

  // A deadline that only a broken program passes.
  Time Soon() { return runtime_->Now() + absl::Seconds(20); }

 private:
  const TempFolder folder_;
  std::unique_ptr<RealRuntime> runtime_;
};

class TestMetric : public Metric {
 public:
  void Add(int64_t amount) override { value_ += amount; }
  void Set(int64_t value) override { value_ = value; }
  int64_t value() const { return value_; }

 private:
  std::atomic<int64_t> value_ = 0;
};

class TestMetrics : public Metrics {
 public:
  Metric& Counter(std::string_view name, std::string_view) override { return Named(name); }
  Metric& Gauge(std::string_view name, std::string_view) override { return Named(name); }
  TestMetric& Named(std::string_view name);

 private:
  Mutex mutex_{"TestMetrics"};
  std::map<std::string, TestMetric, std::less<>> metrics_ L2P_GUARDED_BY(mutex_);
};

// A Host with the key that `seed` makes.
class TcpHost : public Host {
 public:
  TcpHost(RealRuntime& runtime, uint8_t seed);

  Time Now() override { return runtime_.Now(); }
  std::unique_ptr<Event> NewEvent() override { return runtime_.NewEvent(); }
  Tasks& tasks() override { return runtime_.tasks(); }
  void Random(MutableByteView out) override { runtime_.Random(out); }
  void Log(Severity, std::string_view) override {}
  Memory& memory() override { return memory_; }
  absl::StatusOr<Folder*> folder() override { return absl::UnimplementedError("no folder"); }
  absl::StatusOr<State*> state() override { return absl::UnimplementedError("no state"); }
  TestMetrics& metrics() override { return metrics_; }
  const Identity& identity() override { return *identity_; }
  const Crypto& crypto() override { return crypto_; }
  void* Query(std::string_view) override { return nullptr; }

 private:
  RealRuntime& runtime_;
  BoringsslCrypto crypto_;
  std::unique_ptr<Identity> identity_;
  Memory memory_;
  TestMetrics metrics_;
};

// A transport with its host, and a kernel's side that serves protocols and remembers what it heard.
class TcpNode : public Inbound {
 public:
  using Handler = std::function<void(std::unique_ptr<Stream>)>;  // Runs as a task.

  TcpNode(RealWorld& world, uint8_t seed, const std::map<std::string, std::string>& settings = {});
  ~TcpNode() override;

  void Serve(const std::string& protocol, Handler handler);
  void ServeEcho(const std::string& protocol);
  void RefuseConnections() { refusing_ = true; }

  TcpTransport& transport() { return *transport_; }
  TcpHost& host() { return host_; }
  const PeerId& peer() { return host_.identity().peer(); }
  const Multiaddr& address() const { return address_; }

  absl::StatusOr<std::shared_ptr<Connection>> Dial(TcpNode& other);

  // Waits until `count` connections were reported, or have ended.
  bool AwaitConnections(size_t count);
  bool AwaitClosed(size_t count);
  std::vector<std::shared_ptr<Connection>> connections();
  std::vector<absl::Status> endings();

  bool Accepts(std::string_view protocol) override;
  bool OnConnection(std::shared_ptr<Connection> connection) override;
  void OnStream(const std::shared_ptr<Connection>& connection, std::string_view protocol,
                std::unique_ptr<Stream> stream) override;
  void OnClosed(const std::shared_ptr<Connection>& connection, absl::Status why) override;

 private:
  RealWorld& world_;
  TcpHost host_;
  std::unique_ptr<TcpTransport> transport_;
  Multiaddr address_;
  std::atomic<bool> refusing_ = false;
  std::unique_ptr<Event> changed_;
  Mutex mutex_{"TcpNode"};
  std::map<std::string, Handler, std::less<>> handlers_ L2P_GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<Connection>> connections_ L2P_GUARDED_BY(mutex_);
  std::vector<absl::Status> endings_ L2P_GUARDED_BY(mutex_);
  TaskGroup tasks_;
};

// Reads until the other side ends, or `deadline`.
absl::StatusOr<std::string> ReadAll(Stream& stream, Time deadline);

// Writes a copy of `text`.
absl::Status WriteText(Stream& stream, std::string_view text, Time deadline);

}  // namespace l2p::tcp

#endif  // L2P_TESTS_PLUGINS_TRANSPORT_TCP_TCP_NODE_H_
