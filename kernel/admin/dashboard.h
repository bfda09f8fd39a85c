#ifndef L2P_KERNEL_ADMIN_DASHBOARD_H_
#define L2P_KERNEL_ADMIN_DASHBOARD_H_

#include <map>
#include <string>

#include "kernel/admin/admin_call.h"

namespace l2p {

// The Dashboard is a page of static files at the root of the endpoint. They hold nothing secret and
// need no token; what the page shows it asks the API for. Immutable: [any thread].
class Dashboard {
 public:
  // Reads the files of `folder` once; without it there is no page.
  explicit Dashboard(const std::string& folder);

  // Answers a GET or HEAD of one of the files; false for everything else.
  bool Serve(AdminCall& call) const;

 private:
  struct File {
    const char* type;
    std::string text;
  };
  std::map<std::string, File> files_;  // By path: "" for the page itself.
};

}  // namespace l2p

#endif  // L2P_KERNEL_ADMIN_DASHBOARD_H_
