#include "kernel/network/messenger.h"

#include "absl/strings/str_cat.h"
#include "kernel/network/calls.h"
#include "kernel/network/framing.h"

namespace l2p {

std::unique_ptr<Calls> NodeMessenger::NewCalls() {
  return std::make_unique<NetworkCalls>(runtime_, connections_, book_);
}

absl::Status NodeMessenger::Tell(const PeerInfo& to, std::string_view protocol,
                                 std::span<const Bytes> messages, Time deadline) {
  L2P_ASSIGN_OR_RETURN(std::unique_ptr<Stream> stream, Open(to, protocol, deadline));
  std::string framed;
  for (const Bytes& message : messages) AppendFramed(message.text(), framed);
  const Bytes whole = Bytes::Of(std::move(framed));
  L2P_RETURN_IF_ERROR(stream->Write({&whole, 1}, deadline));
  ending_.Add(std::move(stream), messages.size() > 1 ? EndingStreams::Carried::kSeveral
                                                     : EndingStreams::Carried::kOne);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Stream>> NodeMessenger::Open(const PeerInfo& to,
                                                            std::string_view protocol,
                                                            Time deadline) {
  L2P_ASSIGN_OR_RETURN(std::shared_ptr<Connection> connection, connections_.Connect(to, deadline));
  absl::StatusOr<std::unique_ptr<Stream>> stream = connection->Open(protocol);
  if (stream.ok()) return stream;
  return WithContext(stream.status(),
                     absl::StrCat("open ", av(protocol), " to ", to.id.ToString()));
}

absl::StatusOr<std::unique_ptr<Registration>> NodeMessenger::Serve(std::string_view protocol,
                                                                   size_t max_request,
                                                                   Handler handler) {
  ServedProtocols::Handlers handlers;
  handlers.max_request = max_request;
  handlers.request = std::move(handler);
  return protocols_.Add(protocol, std::move(handlers));
}

absl::StatusOr<std::unique_ptr<Registration>> NodeMessenger::ServeStreams(std::string_view protocol,
                                                                          StreamHandler handler) {
  ServedProtocols::Handlers handlers;
  handlers.stream = std::move(handler);
  return protocols_.Add(protocol, std::move(handlers));
}

std::unique_ptr<Registration> NodeMessenger::Watch(PeerWatcher watcher) {
  return connections_.Watch(std::move(watcher));
}

}  // namespace l2p
