// The tcp transport alone, as a process for tests with other implementations:
//
//   tcp_peer                     prints "ready <address with /p2p>", serves ping and echo until its
//                                input ends
//   tcp_peer <address> <bytes>   dials, sends that many bytes through the other's echo, compares
#include <cstdlib>
#include <iostream>
#include <numeric>

#include "../plugins/transport/tcp/tcp_node.h"

namespace l2p::tcp {
namespace {

constexpr char kEcho[] = "/test/echo/1.0.0";
constexpr char kPing[] = "/ipfs/ping/1.0.0";
constexpr size_t kPart = 100'000;

int Serve() {
  RealWorld world;
  TcpNode node(world, 7);
  node.ServeEcho(kEcho);
  node.ServeEcho(kPing);
  std::cout << "ready " << node.address().WithPeer(node.peer()).ToString() << std::endl;
  std::cin.ignore(std::numeric_limits<std::streamsize>::max());
  return EXIT_SUCCESS;
}

absl::Status Echo(RealWorld& world, Connection& connection, size_t size) {
  L2P_ASSIGN_OR_RETURN(const std::unique_ptr<Stream> stream, connection.Open(kEcho));
  std::string sent(size, '\0');
  std::iota(sent.begin(), sent.end(), '\0');
  TaskGroup writing(world.runtime().tasks(), world.runtime().NewEvent());
  L2P_RETURN_IF_ERROR(writing.Start("write", [&] {
    for (size_t at = 0; at < sent.size(); at += kPart) {
      if (!WriteText(*stream, sent.substr(at, kPart), world.Soon()).ok()) return;
    }
    stream->CloseWrite();
  }));
  const absl::StatusOr<std::string> echoed = ReadAll(*stream, world.Soon());
  writing.Join();
  L2P_RETURN_IF_ERROR(echoed.status());
  return *echoed == sent ? absl::OkStatus() : absl::DataLossError("the echo differs");
}

int DialAndEcho(const char* address, size_t size) {
  RealWorld world;
  TcpNode node(world, 8);
  const Multiaddr target = *Multiaddr::FromString(address);
  absl::Status status;
  const auto connection = node.transport().Dial(target, target.peer(), world.Soon());
  status = connection.ok() ? Echo(world, **connection, size) : connection.status();
  std::cout << (status.ok() ? "echoed" : status.ToString()) << std::endl;
  return status.ok() ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace
}  // namespace l2p::tcp

int main(int argc, char** argv) {
  if (argc == 1) return l2p::tcp::Serve();
  if (argc == 3) return l2p::tcp::DialAndEcho(argv[1], std::strtoull(argv[2], nullptr, 10));
  std::cerr << "usage: tcp_peer [<address> <bytes>]\n";
  return EXIT_FAILURE;
}
