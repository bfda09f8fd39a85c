#include "kernel/admin/routes.h"

namespace l2p {

std::span<const Route> Routes() {
  static constexpr Route kRoutes[] = {
      {"GET", "/healthz", Route::kAnyBody, true, GetHealth},
      {"GET", "/metrics", Route::kAnyBody, false, GetMetrics},
      {"GET", "/api/v1/id", Route::kAnyBody, false, GetId},
      {"GET", "/api/v1/status", Route::kAnyBody, false, GetStatus},
      {"GET", "/api/v1/peers", Route::kAnyBody, false, GetPeers},
      {"POST", "/api/v1/peers", Route::kJsonBody, false, ConnectPeer},
      {"GET", "/api/v1/plugins", Route::kAnyBody, false, GetPlugins},
      {"GET", "/api/v1/slots", Route::kAnyBody, false, GetSlots},
      {"PUT", "/api/v1/slots/{}", Route::kJsonBody, false, SwapSlot},
      {"GET", "/api/v1/settings", Route::kAnyBody, false, GetSettings},
      {"POST", "/api/v1/files", Route::kAnyBody, false, PutFiles},
      {"GET", "/api/v1/files", Route::kAnyBody, false, ListFiles},
      {"POST", "/api/v1/files/{}/export", Route::kAnyBody, false, ExportFile},
      {"POST", "/api/v1/files/{}/redundancy", Route::kAnyBody, false, ChangeRedundancy},
      {"DELETE", "/api/v1/files/{}", Route::kAnyBody, false, DeleteFile},
      {"GET", "/api/v1/pins", Route::kAnyBody, false, ListPins},
      {"PUT", "/api/v1/pins/{}", Route::kAnyBody, false, AddPin},
      {"DELETE", "/api/v1/pins/{}", Route::kAnyBody, false, RemovePin},
      {"POST", "/api/v1/gc", Route::kAnyBody, false, CollectGarbage},
      {"GET", "/api/v1/files/{}/*", Route::kAnyBody, false, GetFile},
      {"HEAD", "/api/v1/files/{}/*", Route::kAnyBody, false, GetFile},
      {"GET", "/api/v1/stat/{}/*", Route::kAnyBody, false, StatFile},
      {"GET", "/api/v1/health/{}", Route::kAnyBody, false, GetObjectHealth},
      {"GET", "/api/v1/list/{}/*", Route::kAnyBody, false, ListFolder},
      {"GET", "/api/v1/dashboard", Route::kAnyBody, false, GetDashboard},
      {"POST", "/api/v1/shutdown", Route::kAnyBody, false, Shutdown},
  };
  return kRoutes;
}

}  // namespace l2p
