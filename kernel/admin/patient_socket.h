#ifndef L2P_KERNEL_ADMIN_PATIENT_SOCKET_H_
#define L2P_KERNEL_ADMIN_PATIENT_SOCKET_H_

#include <Poco/Net/ServerSocket.h>

namespace l2p {

// A listening socket for Poco's TCPServer, which otherwise looks four times a second whether it is
// to stop: most of what an idle node would do. Its acceptor sleeps until somebody connects or
// Wake is called.
class PatientSocket : public Poco::Net::ServerSocket {
 public:
  PatientSocket();

  // From now on no wait for connections waits any more. Call it before TCPServer::stop.
  void Wake();

 private:
  class Listener;
};

}  // namespace l2p

#endif  // L2P_KERNEL_ADMIN_PATIENT_SOCKET_H_
