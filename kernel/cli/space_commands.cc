#include <Poco/JSON/Array.h>

#include <iostream>

#include "absl/strings/str_format.h"
#include "kernel/cli/commands.h"

namespace l2p {
namespace {

using Poco::JSON::Array;
using Poco::JSON::Object;

// Sends a request without a body; prints the answer as JSON, or by `print`.
int Ask(const Invocation& invocation, const char* method, const std::string& target,
        void (*print)(const Object::Ptr&)) {
  ApiClient::Request request;
  request.method = method;
  request.target = target;
  const absl::StatusOr<Object::Ptr> answer = invocation.api.Json(request);
  if (!answer.ok()) return Report(answer.status(), /*reads=*/std::string(method) == "PUT");
  if (invocation.json) {
    (*answer)->stringify(std::cout);
    std::cout << std::endl;
  } else {
    print(*answer);
  }
  return kExitDone;
}

void PrintPins(const Object::Ptr& answer) {
  const Array::Ptr pins = answer->getArray("pins");
  for (size_t i = 0; pins && i < pins->size(); ++i) {
    const Object::Ptr pin = pins->getObject(static_cast<unsigned>(i));
    std::cout << absl::StrFormat("%s %12d %s\n", pin->optValue<std::string>("id", ""),
                                 pin->optValue<uint64_t>("size", 0),
                                 pin->optValue<std::string>("name", ""));
  }
}

void PrintNothing(const Object::Ptr&) {}

}  // namespace

int RunPin(const Invocation& invocation) {
  const std::vector<std::string>& words = invocation.arguments.positional();
  if (words[0] == "ls" && words.size() == 1) {
    return Ask(invocation, "GET", "/api/v1/pins", PrintPins);
  }
  if (words.size() == 2 && (words[0] == "add" || words[0] == "rm")) {
    return Ask(invocation, words[0] == "add" ? "PUT" : "DELETE",
               "/api/v1/pins/" + PercentEncode(words[1]), PrintNothing);
  }
  std::cerr << "l2p: usage: l2p pin add ID | rm ID | ls\n";
  return kExitUsage;
}

int RunGc(const Invocation& invocation) {
  return Ask(invocation, "POST", "/api/v1/gc", [](const Object::Ptr& freed) {
    std::cout << "freed " << freed->optValue<uint64_t>("blocks", 0) << " blocks, "
              << HumanBytes(freed->optValue<double>("bytes", 0)) << "\n";
  });
}

}  // namespace l2p
