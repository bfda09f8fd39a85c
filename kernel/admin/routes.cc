#include "kernel/admin/routes.h"

namespace l2p {

std::span<const Route> Routes() {
  static constexpr Route kRoutes[] = {
      {"GET", "/healthz", true, GetHealth},
      {"GET", "/metrics", false, GetMetrics},
      {"GET", "/api/v1/id", false, GetId},
      {"GET", "/api/v1/status", false, GetStatus},
      {"GET", "/api/v1/peers", false, GetPeers},
      {"POST", "/api/v1/peers", false, ConnectPeer},
      {"GET", "/api/v1/plugins", false, GetPlugins},
      {"GET", "/api/v1/slots", false, GetSlots},
      {"PUT", "/api/v1/slots/{}", false, SwapSlot},
      {"GET", "/api/v1/settings", false, GetSettings},
      {"POST", "/api/v1/files", false, PutFiles},
      {"GET", "/api/v1/files", false, ListFiles},
      {"POST", "/api/v1/files/{}/export", false, ExportFile},
      {"POST", "/api/v1/files/{}/redundancy", false, ChangeRedundancy},
      {"DELETE", "/api/v1/files/{}", false, DeleteFile},
      {"GET", "/api/v1/pins", false, ListPins},
      {"PUT", "/api/v1/pins/{}", false, AddPin},
      {"DELETE", "/api/v1/pins/{}", false, RemovePin},
      {"POST", "/api/v1/gc", false, CollectGarbage},
      {"GET", "/api/v1/files/{}/*", false, GetFile},
      {"HEAD", "/api/v1/files/{}/*", false, GetFile},
      {"GET", "/api/v1/stat/{}/*", false, StatFile},
      {"GET", "/api/v1/health/{}", false, GetObjectHealth},
      {"GET", "/api/v1/list/{}/*", false, ListFolder},
  };
  return kRoutes;
}

}  // namespace l2p
