// Prints the admin endpoint's table of routes: METHOD PATTERN open|token, one a line.
#include <cstdio>

#include "kernel/admin/routes.h"

int main() {
  for (const l2p::Route& route : l2p::Routes()) {
    std::printf("%s %s %s\n", route.method, route.pattern, route.open ? "open" : "token");
  }
}
