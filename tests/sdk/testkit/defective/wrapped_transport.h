#ifndef L2P_TESTS_SDK_TESTKIT_DEFECTIVE_WRAPPED_TRANSPORT_H_
#define L2P_TESTS_SDK_TESTKIT_DEFECTIVE_WRAPPED_TRANSPORT_H_

#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "l2p/mutex.h"
#include "l2p/transport.h"

namespace l2p {

// A Stream of another transport, for others to break it in one point.
class WrappedStream : public Stream {
 public:
  explicit WrappedStream(std::unique_ptr<Stream> inner) : inner_(std::move(inner)) {}

  absl::StatusOr<size_t> Read(MutableByteView into, Time deadline) override {
    return inner_->Read(into, deadline);
  }
  absl::Status Write(std::span<const Bytes> parts, Time deadline) override {
    return inner_->Write(parts, deadline);
  }
  void CloseWrite() override { inner_->CloseWrite(); }
  void Reset() override { inner_->Reset(); }
  void WhenReadable(std::function<void()> ready) override { inner_->WhenReadable(ready); }
  void WhenWritable(std::function<void()> ready) override { inner_->WhenWritable(ready); }

 protected:
  const std::unique_ptr<Stream> inner_;
};

using StreamWrapper = std::unique_ptr<Stream> (*)(std::unique_ptr<Stream>);

class WrappedConnection : public Connection {
 public:
  WrappedConnection(std::shared_ptr<Connection> inner, StreamWrapper wrap)
      : inner_(std::move(inner)), wrap_(wrap) {}

  const PeerId& peer() const override { return inner_->peer(); }
  const Multiaddr& remote() const override { return inner_->remote(); }
  const Multiaddr& local() const override { return inner_->local(); }
  bool outbound() const override { return inner_->outbound(); }
  absl::StatusOr<std::unique_ptr<Stream>> Open(std::string_view protocol) override {
    L2P_ASSIGN_OR_RETURN(std::unique_ptr<Stream> stream, inner_->Open(protocol));
    return wrap_(std::move(stream));
  }
  void Close() override { inner_->Close(); }
  size_t streams() const override { return inner_->streams(); }

 private:
  const std::shared_ptr<Connection> inner_;
  const StreamWrapper wrap_;
};

// Another transport, whose streams go through `wrap`.
class WrappedTransport : public Transport, private Inbound {
 public:
  WrappedTransport(std::unique_ptr<Transport> inner, StreamWrapper wrap)
      : inner_(std::move(inner)), wrap_(wrap) {}

  absl::Status Start(Inbound& inbound) override {
    kernel_ = &inbound;
    return inner_->Start(*this);
  }
  absl::StatusOr<std::vector<Multiaddr>> Listen(const Multiaddr& address) override {
    return inner_->Listen(address);
  }
  bool CanDial(const Multiaddr& address) const override { return inner_->CanDial(address); }
  absl::StatusOr<std::shared_ptr<Connection>> Dial(const Multiaddr& address,
                                                   const std::optional<PeerId>& expected,
                                                   Time deadline) override {
    L2P_ASSIGN_OR_RETURN(const std::shared_ptr<Connection> connection,
                         inner_->Dial(address, expected, deadline));
    return Wrapped(connection);
  }
  void StopListening() override { inner_->StopListening(); }
  void Stop() override { inner_->Stop(); }

 private:
  bool Accepts(std::string_view protocol) override { return kernel_->Accepts(protocol); }
  bool OnConnection(std::shared_ptr<Connection> connection) override {
    return kernel_->OnConnection(Wrapped(connection));
  }
  void OnStream(const std::shared_ptr<Connection>& connection, std::string_view protocol,
                std::unique_ptr<Stream> stream) override {
    kernel_->OnStream(Wrapped(connection), protocol, wrap_(std::move(stream)));
  }
  void OnClosed(const std::shared_ptr<Connection>& connection, absl::Status why) override {
    kernel_->OnClosed(Wrapped(connection), std::move(why));
  }

  // The same one each time; kept for good, so that no later connection is taken for an ended one.
  std::shared_ptr<Connection> Wrapped(const std::shared_ptr<Connection>& connection) {
    MutexLock lock(mutex_);
    std::shared_ptr<Connection>& wrapped = wrapped_[connection.get()];
    if (wrapped == nullptr) wrapped = std::make_shared<WrappedConnection>(connection, wrap_);
    return wrapped;
  }

  const std::unique_ptr<Transport> inner_;
  const StreamWrapper wrap_;
  Inbound* kernel_ = nullptr;
  Mutex mutex_{"WrappedTransport"};
  std::map<const Connection*, std::shared_ptr<Connection>> wrapped_ L2P_GUARDED_BY(mutex_);
};

template <typename Wrapper>
std::unique_ptr<Stream> WrapStream(std::unique_ptr<Stream> stream) {
  return std::make_unique<Wrapper>(std::move(stream));
}

}  // namespace l2p

#endif  // L2P_TESTS_SDK_TESTKIT_DEFECTIVE_WRAPPED_TRANSPORT_H_
