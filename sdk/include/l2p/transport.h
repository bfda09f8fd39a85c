#ifndef L2P_TRANSPORT_H_
#define L2P_TRANSPORT_H_

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "l2p/bytes.h"
#include "l2p/event.h"
#include "l2p/multiaddr.h"
#include "l2p/status.h"

namespace l2p {

// A Stream is one ordered, reliable, back-pressured byte pipe inside a Connection, for one
// protocol.
//
// Read and WhenReadable: one task at a time; Write, CloseWrite and WhenWritable: one task at a
// time; Reset: [any thread]. Destroying a Stream whose both directions have not ended resets it.
class L2P_SDK_API Stream {
 public:
  virtual ~Stream();

  // Waits for bytes, then reads at most into.size() of them, at least one; 0 when the other side
  // closed its direction and all was read. DeadlineExceeded when nothing came by `deadline` (a
  // deadline in the past polls); Unavailable when the stream was reset, the connection ended or the
  // protocol was refused. Reading is what gives the other side credit to send more.
  virtual absl::StatusOr<size_t> Read(MutableByteView into, Time deadline) = 0;

  // Sends all `parts` in order. Waits while more than write_limit bytes of this stream are unsent,
  // then takes the parts over without copying and returns. DeadlineExceeded: nothing of this call
  // was taken. Unavailable as for Read.
  virtual absl::Status Write(std::span<const Bytes> parts, Time deadline) = 0;
  static constexpr size_t kWriteLimit = 256 * 1024;

  // Ends our direction after what was written; never waits.
  virtual void CloseWrite() = 0;

  // Ends both directions at once, dropping what is queued. Idempotent.
  virtual void Reset() = 0;

  // Calls `ready` once, as soon as Read would not wait (bytes, end or error), perhaps at once and
  // perhaps on an I/O thread: it must not wait, and may start a task. A call replaces the one
  // before. Nothing is called after Reset or destruction have returned.
  virtual void WhenReadable(std::function<void()> ready) = 0;

  // The same for Write.
  virtual void WhenWritable(std::function<void()> ready) = 0;
};

// A Connection is authenticated: the peer has proven its id. Owned jointly by the transport and the
// kernel. [any thread]
class L2P_SDK_API Connection {
 public:
  virtual ~Connection();

  virtual const PeerId& peer() const = 0;
  virtual const Multiaddr& remote() const = 0;  // Without /p2p.
  virtual const Multiaddr& local() const = 0;
  virtual bool outbound() const = 0;

  // A Stream for `protocol`. Does not wait: the offer travels with the first bytes, and a refusal
  // shows as Unavailable on Read. ResourceExhausted at the cap of open streams.
  virtual absl::StatusOr<std::unique_ptr<Stream>> Open(std::string_view protocol) = 0;

  // Closes in an orderly way; streams end with Unavailable. Idempotent, never waits.
  virtual void Close() = 0;

  // Streams open now, in both directions: a connection without any may be closed when idle.
  virtual size_t streams() const = 0;
};

// Inbound is the kernel's side of a Transport. Calls come from I/O threads, for one connection one
// at a time; they must not wait.
class L2P_SDK_API Inbound {
 public:
  virtual ~Inbound();

  // Whether an inbound stream may speak `protocol`.
  virtual bool Accepts(std::string_view protocol) = 0;

  // A connection stands, dialled by the other side; false refuses it (over a cap, draining).
  // Dialled ones are returned by Dial instead.
  virtual bool OnConnection(std::shared_ptr<Connection> connection) = 0;

  // The other side opened a stream for a protocol that is Accepted. For an inbound connection it
  // comes after OnConnection; for a dialled one it may come before Dial has returned.
  virtual void OnStream(const std::shared_ptr<Connection>& connection, std::string_view protocol,
                        std::unique_ptr<Stream> stream) = 0;

  // `connection` has ended; the last call for it, also for dialled ones.
  virtual void OnClosed(const std::shared_ptr<Connection>& connection, absl::Status why) = 0;
};

// A Transport makes Connections over some kind of address. It knows no protocol above streams.
//
// [any thread] between Start and Stop, which are called once each.
class L2P_SDK_API Transport {
 public:
  static constexpr char kKind[] = "transport";
  virtual ~Transport();

  // `inbound` is lent until Stop returns.
  virtual absl::Status Start(Inbound& inbound) = 0;

  // Listens on `address` (port 0: any) and returns where one can dial it: the address with the real
  // port, one for each interface when it is the unspecified address.
  virtual absl::StatusOr<std::vector<Multiaddr>> Listen(const Multiaddr& address) = 0;

  virtual bool CanDial(const Multiaddr& address) const = 0;

  // Connects and authenticates. Unavailable: nobody there, or the handshake failed; DataLoss: the
  // peer that answered is not `expected`; DeadlineExceeded.
  virtual absl::StatusOr<std::shared_ptr<Connection>> Dial(const Multiaddr& address,
                                                           const std::optional<PeerId>& expected,
                                                           Time deadline) = 0;

  // No further inbound connections; those that stand go on.
  virtual void StopListening() = 0;

  // Closes all connections (Inbound::OnClosed for each) and returns when no call is running.
  virtual void Stop() = 0;
};

}  // namespace l2p

#endif  // L2P_TRANSPORT_H_
