#include <Poco/JSON/Array.h>

#include "kernel/admin/routes.h"

namespace l2p {
namespace {

using Poco::JSON::Array;
using Poco::JSON::Object;
using Poco::Net::HTTPResponse;

Object Ordered() { return Object(Poco::JSON_PRESERVE_KEY_ORDER); }

Object PinJson(const Cid& id, const std::string& name, uint64_t size) {
  Object pin = Ordered();
  pin.set("id", id.ToString());
  pin.set("name", name);
  pin.set("size", size);
  return pin;
}

}  // namespace

absl::Status ListPins(AdminCall& call) {
  L2P_ASSIGN_OR_RETURN(const std::vector<Root> roots, call.node().content().Pins());
  Array pins;
  for (const Root& root : roots) pins.add(PinJson(root.id, root.name, root.size));
  Object body;
  body.set("pins", pins);
  call.Answer(HTTPResponse::HTTP_OK, body);
  return absl::OkStatus();
}

absl::Status AddPin(AdminCall& call) {
  L2P_ASSIGN_OR_RETURN(const Cid id, Cid::FromString(call.segments()[3]));
  L2P_RETURN_IF_ERROR(call.node().content().Pin(id));
  Object body;
  body.set("id", id.ToString());
  call.Answer(HTTPResponse::HTTP_OK, body);
  return absl::OkStatus();
}

absl::Status RemovePin(AdminCall& call) {
  L2P_ASSIGN_OR_RETURN(const Cid id, Cid::FromString(call.segments()[3]));
  L2P_RETURN_IF_ERROR(call.node().content().Unpin(id));
  Object body;
  body.set("id", id.ToString());
  call.Answer(HTTPResponse::HTTP_OK, body);
  return absl::OkStatus();
}

absl::Status CollectGarbage(AdminCall& call) {
  L2P_ASSIGN_OR_RETURN(const GarbageCollector::Freed freed, call.node().collector().Collect());
  Object body = Ordered();
  body.set("blocks", freed.blocks);
  body.set("bytes", freed.bytes);
  call.Answer(HTTPResponse::HTTP_OK, body);
  return absl::OkStatus();
}

}  // namespace l2p
