#ifndef L2P_KERNEL_ADMIN_ROUTES_H_
#define L2P_KERNEL_ADMIN_ROUTES_H_

#include <functional>
#include <span>

#include "kernel/admin/admin_call.h"

namespace l2p {

// One operation of the endpoint. In a pattern "{}" stands for one segment, a last "*" for any
// number; AdminCall::segments has them all.
struct Route {
  const char* method;
  const char* pattern;
  enum Body {
    kAnyBody,
    kJsonBody,  // Others are refused with 415: a form of another site cannot send this type.
  } body;
  bool open;  // Needs no token.
  // Answers, or returns an error to be answered with AdminCall::Fail.
  absl::Status (*handle)(AdminCall& call);
};

// Every operation but the dashboard's files, most specific first.
std::span<const Route> Routes();

// files_api.cc
absl::Status PutFiles(AdminCall& call);
absl::Status ListFiles(AdminCall& call);
absl::Status GetFile(AdminCall& call);
absl::Status ExportFile(AdminCall& call);
absl::Status DeleteFile(AdminCall& call);
absl::Status ChangeRedundancy(AdminCall& call);
absl::Status StatFile(AdminCall& call);
absl::Status ListFolder(AdminCall& call);

// space_api.cc
absl::Status ListPins(AdminCall& call);
absl::Status AddPin(AdminCall& call);
absl::Status RemovePin(AdminCall& call);
absl::Status CollectGarbage(AdminCall& call);

// node_api.cc
absl::Status GetId(AdminCall& call);
absl::Status GetStatus(AdminCall& call);
absl::Status GetPeers(AdminCall& call);
absl::Status ConnectPeer(AdminCall& call);
absl::Status GetPlugins(AdminCall& call);
absl::Status GetSlots(AdminCall& call);
absl::Status SwapSlot(AdminCall& call);
absl::Status GetSettings(AdminCall& call);
absl::Status GetMetrics(AdminCall& call);
absl::Status GetHealth(AdminCall& call);
absl::Status GetObjectHealth(AdminCall& call);
absl::Status GetDashboard(AdminCall& call);
absl::Status Shutdown(AdminCall& call);

}  // namespace l2p

#endif  // L2P_KERNEL_ADMIN_ROUTES_H_
