#include <Poco/JSON/Array.h>
#include <Poco/JSON/Parser.h>

#include <set>

#include "absl/strings/str_cat.h"
#include "kernel/admin/routes.h"

namespace l2p {
namespace {

using Poco::JSON::Array;
using Poco::JSON::Object;
using Poco::Net::HTTPResponse;

constexpr Duration kConnectLimit = absl::Seconds(15);
constexpr size_t kMaxBody = 64 * 1024;

Object Ordered() { return Object(Poco::JSON_PRESERVE_KEY_ORDER); }

template <typename Items, typename ToText>
Array TextsOf(const Items& items, ToText to_text) {
  Array texts;
  for (const auto& item : items) texts.add(to_text(item));
  return texts;
}

Object ValuesOf(const std::map<std::string, std::string>& values) {
  Object object = Ordered();
  for (const auto& [name, value] : values) object.set(name, value);
  return object;
}

absl::StatusOr<Object::Ptr> JsonBody(AdminCall& call) {
  std::string text(kMaxBody + 1, '\0');
  call.request().stream().read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(call.request().stream().gcount()));
  if (text.size() > kMaxBody) return absl::InvalidArgumentError("the body is too large");
  try {
    return Poco::JSON::Parser().parse(text).extract<Object::Ptr>();
  } catch (const Poco::Exception& error) {
    return absl::InvalidArgumentError(
        absl::StrCat("the body is not a JSON object: ", error.displayText()));
  }
}

Object SlotJson(const Slots::Slot& slot) {
  Object item = Ordered();
  item.set("kind", slot.kind);
  item.set("plugin", slot.plugin);
  item.set("version", slot.version);
  item.set("settings", ValuesOf(slot.settings));
  item.set("generation", slot.generation);
  item.set("swapped", slot.swapped);
  return item;
}

Object MoveJson(const StoreSlot::Move& move) {
  Object item = Ordered();
  item.set("from", move.from);
  item.set("to", move.to);
  item.set("blocks", move.progress.blocks);
  item.set("copied", move.progress.copied);
  item.set("damaged", move.progress.damaged);
  item.set("problem", move.problem);
  return item;
}

Object OpinionJson(const PeerScores::Opinion& opinion) {
  Object item = Ordered();
  item.set("served_bytes", opinion.served_bytes);
  item.set("wrong", opinion.wrong);
  item.set("refusals", opinion.refusals);
  item.set("timeouts", opinion.timeouts);
  item.set("audits_passed", opinion.audits_passed);
  item.set("audits_failed", opinion.audits_failed);
  return item;
}

Object PeerJson(const Network::PeerStatus& peer, const PeerScores::Opinion& opinion) {
  Object item = Ordered();
  item.set("id", peer.id.ToString());
  item.set("address", peer.remote.ToString());
  item.set("direction", peer.outbound ? "outbound" : "inbound");
  item.set("agent", peer.agent);
  item.set("streams", peer.streams);
  if (peer.rtt) item.set("rtt_ms", absl::ToDoubleMilliseconds(*peer.rtt));
  item.set("since", absl::FormatTime(absl::RFC3339_sec, peer.since, absl::UTCTimeZone()));
  item.set("addresses",
           TextsOf(peer.addresses, [](const Multiaddr& address) { return address.ToString(); }));
  item.set("score", opinion.score);
  item.set("shunned", opinion.score <= NodePeers::kShunned);
  item.set("conduct", OpinionJson(opinion));
  item.set("protocols", TextsOf(peer.protocols, [](const std::string& name) { return name; }));
  return item;
}

}  // namespace

absl::Status GetId(AdminCall& call) {
  const PeerInfo self = call.node().self();
  Object body = Ordered();
  body.set("id", self.id.ToString());
  body.set("addresses", TextsOf(self.addresses, [&](const Multiaddr& address) {
             return address.WithPeer(self.id).ToString();
           }));
  body.set("version", kVersion);
  call.Answer(HTTPResponse::HTTP_OK, body);
  return absl::OkStatus();
}

absl::Status GetStatus(AdminCall& call) {
  KernelNode& node = call.node();
  const KernelNode::Status status = node.GetStatus();
  Object body = Ordered();
  body.set("id", node.self().id.ToString());
  body.set("version", kVersion);
  const Duration uptime = absl::Trunc(node.runtime().Now() - status.started, absl::Seconds(1));
  body.set("uptime", absl::FormatDuration(uptime));
  body.set("joined", status.joined);
  body.set("connected_peers", status.connected_peers);
  body.set("known_peers", status.known_peers);
  body.set("blocks", status.store.blocks);
  body.set("block_bytes", status.store.bytes);
  body.set("disk_bytes", status.store.disk_bytes);
  body.set("quota_bytes", status.quota_bytes);
  body.set("durable", status.store.durable);
  body.set("held_groups", status.held_groups);
  body.set("memory_used", status.memory_used);
  body.set("memory_limit", status.memory_limit);
  body.set("disk_free_bytes", status.disk_free);
  body.set("lost_blocks", status.lost_blocks);
  body.set("degraded_groups", status.degraded_groups);
  body.set("incomplete_groups", status.incomplete_groups);
  body.set("was_dialled", status.was_dialled);
  if (status.move) body.set("move", MoveJson(*status.move));
  body.set("advice", TextsOf(status.advice, [](const std::string& line) { return line; }));
  call.Answer(HTTPResponse::HTTP_OK, body);
  return absl::OkStatus();
}

absl::Status GetPeers(AdminCall& call) {
  Object body;
  PeerScores& scores = call.node().scores();
  body.set("peers", TextsOf(call.node().network().Peers(), [&](const Network::PeerStatus& peer) {
             return PeerJson(peer, scores.Find(peer.id));
           }));
  // Shunned peers are seldom connected.
  Array shunned;
  for (const auto& [peer, opinion] : scores.All()) {
    if (opinion.score > NodePeers::kShunned) continue;
    Object item = Ordered();
    item.set("id", peer.ToString());
    item.set("score", opinion.score);
    item.set("conduct", OpinionJson(opinion));
    shunned.add(item);
  }
  body.set("shunned", shunned);
  call.Answer(HTTPResponse::HTTP_OK, body);
  return absl::OkStatus();
}

absl::Status ConnectPeer(AdminCall& call) {
  L2P_ASSIGN_OR_RETURN(const Object::Ptr body, JsonBody(call));
  L2P_ASSIGN_OR_RETURN(const Multiaddr address,
                       Multiaddr::FromString(body->optValue<std::string>("address", "")));
  L2P_ASSIGN_OR_RETURN(
      const PeerId peer,
      call.node().network().Connect(address, call.node().runtime().Now() + kConnectLimit));
  Object answer;
  answer.set("id", peer.ToString());
  call.Answer(HTTPResponse::HTTP_OK, answer);
  return absl::OkStatus();
}

absl::Status GetPlugins(AdminCall& call) {
  static constexpr const char* kRoles[] = {"live", "verifies", "moves away"};
  std::set<std::pair<std::string, std::string>> running;
  Array active;
  for (const KernelNode::ActivePlugin& plugin : call.node().ActivePlugins()) {
    running.emplace(plugin.kind, plugin.name);
    Object item = Ordered();
    item.set("kind", plugin.kind);
    item.set("name", plugin.name);
    item.set("version", plugin.version);
    item.set("settings", ValuesOf(plugin.settings));
    item.set("role", kRoles[static_cast<size_t>(plugin.role)]);
    active.add(item);
  }
  Array available;
  for (const PluginRegistry::Entry& entry : call.node().plugins().List()) {
    if (running.contains({entry.kind, entry.name})) continue;
    Object item = Ordered();
    item.set("kind", entry.kind);
    item.set("name", entry.name);
    item.set("path", entry.path);
    item.set("version", entry.version);
    item.set("refused", entry.refusal);
    available.add(item);
  }
  Object body = Ordered();
  body.set("active", active);
  body.set("available", available);
  call.Answer(HTTPResponse::HTTP_OK, body);
  return absl::OkStatus();
}

absl::Status GetSlots(AdminCall& call) {
  Object body;
  body.set("slots", TextsOf(call.node().slots().List(), SlotJson));
  call.Answer(HTTPResponse::HTTP_OK, body);
  return absl::OkStatus();
}

absl::Status SwapSlot(AdminCall& call) {
  L2P_ASSIGN_OR_RETURN(const Object::Ptr body, JsonBody(call));
  std::map<std::string, std::string> settings;
  if (body->has("settings")) {
    const Object::Ptr given = body->getObject("settings");
    if (given.isNull()) return absl::InvalidArgumentError("\"settings\" must be an object");
    for (const auto& [name, value] : *given) settings[name] = value.toString();
  }
  L2P_ASSIGN_OR_RETURN(
      const Slots::Slot slot,
      call.node().slots().Swap(call.segments().back(), body->optValue<std::string>("plugin", ""),
                               settings));
  call.Answer(HTTPResponse::HTTP_OK, SlotJson(slot));
  return absl::OkStatus();
}

absl::Status GetSettings(AdminCall& call) {
  Array settings;
  const auto add = [&](const std::string& key, const std::string& value, const char* help) {
    Object item = Ordered();
    item.set("key", key);
    item.set("value", value);
    item.set("help", help);
    settings.add(item);
  };
  const NodeConfig& config = call.node().config();
  std::map<std::string, std::string> live;
  for (const Slots::Slot& slot : call.node().slots().List())
    live[slot.kind + ".plugin"] = slot.plugin;
  for (const SettingSpec& spec : NodeConfig::Schema()) {
    const auto swapped = live.find(spec.name);
    add(spec.name, swapped == live.end() ? config.settings().Text(spec.name) : swapped->second,
        spec.help);
  }
  for (const auto& [name, text] : config.Profiles()) add("content.profile." + name, text, "");
  for (const KernelNode::ActivePlugin& plugin : call.node().ActivePlugins()) {
    for (const auto& [name, value] : plugin.settings) {
      add(absl::StrCat(plugin.kind, ".", plugin.name, ".", name), value, "");
    }
  }
  Object body;
  body.set("settings", settings);
  call.Answer(HTTPResponse::HTTP_OK, body);
  return absl::OkStatus();
}

absl::Status GetMetrics(AdminCall& call) {
  const std::string text = call.node().RenderMetrics();
  call.response().setContentType("text/plain; version=0.0.4; charset=utf-8");
  call.response().sendBuffer(text.data(), text.size());
  return absl::OkStatus();
}

absl::Status GetHealth(AdminCall& call) {
  Object body;
  body.set("status", "serving");
  call.Answer(HTTPResponse::HTTP_OK, body);
  return absl::OkStatus();
}

absl::Status GetObjectHealth(AdminCall& call) {
  static constexpr const char* kVerdicts[] = {"healthy", "degraded", "lost"};
  static constexpr const char* kRepairs[] = {"none", "due", "running"};
  L2P_ASSIGN_OR_RETURN(const Cid id, Cid::FromString(call.segments().back()));
  L2P_ASSIGN_OR_RETURN(const Health health, call.node().CheckHealth(id));
  Array groups;
  for (const Health::GroupHealth& group : health.groups) {
    Object item = Ordered();
    item.set("group", Cid(Codec::kRaw, group.id).ToString());
    item.set("verdict", kVerdicts[static_cast<size_t>(group.verdict)]);
    item.set("why", group.why);
    item.set("redundancy", group.redundancy);
    item.set("live", group.live);
    item.set("needed", group.needed);
    item.set("wanted", group.wanted);
    item.set("margin", group.margin());
    item.set("holders", group.holders);
    item.set("networks", group.networks);
    if (group.last_audit != absl::InfinitePast()) {
      item.set("last_audit",
               absl::FormatTime(absl::RFC3339_sec, group.last_audit, absl::UTCTimeZone()));
    }
    item.set("repair", kRepairs[static_cast<size_t>(group.repair)]);
    groups.add(item);
  }
  Object body = Ordered();
  body.set("id", id.ToString());
  body.set("verdict", kVerdicts[static_cast<size_t>(health.verdict)]);
  body.set("groups", groups);
  call.Answer(HTTPResponse::HTTP_OK, body);
  return absl::OkStatus();
}

absl::Status GetDashboard(AdminCall& call) {
  if (call.endpoint().dashboard_url.empty()) {
    return absl::FailedPreconditionError(
        "the dashboard needs admin.listen, which is empty: set it to 127.0.0.1:0");
  }
  Object body;
  body.set("url", call.endpoint().dashboard_url);
  call.Answer(HTTPResponse::HTTP_OK, body);
  return absl::OkStatus();
}

absl::Status Shutdown(AdminCall& call) {
  call.Answer(HTTPResponse::HTTP_ACCEPTED, Object());
  call.endpoint().shutdown();
  return absl::OkStatus();
}

}  // namespace l2p
