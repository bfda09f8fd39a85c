#include "l2p/plugin.h"

#include <algorithm>

#include "kademlia_router.h"

namespace {

using l2p::SettingType;

constexpr l2p::SettingSpec kSettings[] = {
    {"protocols", SettingType::kList, "/l2p/kad/1.0.0", "",
     "swarms to be in; the first is where blocks are placed"},
    {"mode", SettingType::kText, "auto", "auto|client|server",
     "whether to answer others; auto: when they can reach this node"},
    {"bucket_size", SettingType::kInteger, "20", "2..100",
     "peers in a bucket, and peers that are told of a provided key"},
    {"alpha", SettingType::kInteger, "10", "1..100", "requests at once in a lookup"},
    {"disjoint_paths", SettingType::kInteger, "4", "1..20",
     "paths that share no peer on which providers are looked for, against lying peers"},
    {"request_timeout", SettingType::kDuration, "10s", "100ms..1m", "limit of one request"},
    {"refresh", SettingType::kDuration, "10m", "1s..24h",
     "how often the table is refreshed and contacts are asked whether they are there, at first; it "
     "adapts"},
    {"provide_again", SettingType::kDuration, "22h", "1s..48h",
     "how often provided keys are announced"},
    {"record_lifetime", SettingType::kDuration, "48h", "1s..30d",
     "how long a record of another's provided key is kept"},
    {"records_of_key", SettingType::kInteger, "1000", "1..100000", "most records of one key"},
    {"records", SettingType::kInteger, "400000", "1..100000000",
     "most records in all; of one sender a quarter of it"},
    {"diversity_all", SettingType::kBoolean, "false", "",
     "limit peers of one /24 on private networks, too"},
    {"most_of_16", SettingType::kInteger, "0", "0..10000",
     "most peers of one IPv4 /16 (IPv6 /32) in the table; 0: any number"},
};

l2p::kademlia::Mode ModeOf(const std::string& text) {
  using l2p::kademlia::Mode;
  return text == "auto" ? Mode::kAuto : text == "client" ? Mode::kClient : Mode::kServer;
}

absl::StatusOr<std::unique_ptr<l2p::Router>> OpenKademlia(l2p::Host& host,
                                                          const l2p::Settings& settings) {
  const auto number = [&](const char* name) { return static_cast<size_t>(settings.Integer(name)); };
  l2p::KademliaRouter::Options options;
  options.protocols = settings.List("protocols");
  if (options.protocols.empty()) {
    return absl::InvalidArgumentError("routing.kademlia.protocols: names no protocol");
  }
  options.membership.mode = ModeOf(settings.Text("mode"));
  options.membership.refresh = settings.GetDuration("refresh");
  options.membership.swarm.alpha = number("alpha");
  options.membership.swarm.request_timeout = settings.GetDuration("request_timeout");
  options.disjoint_paths = number("disjoint_paths");
  l2p::kademlia::RoutingTable::Options& table = options.membership.swarm.table;
  table.bucket_size = number("bucket_size");
  table.diversity_all = settings.Boolean("diversity_all");
  table.most_of_wide = number("most_of_16");
  table.first_check = options.membership.refresh;
  table.least_check = std::min(table.least_check, table.first_check);
  options.membership.announcer = {number("bucket_size"), settings.GetDuration("provide_again")};
  options.store = {settings.GetDuration("record_lifetime"), number("records_of_key"),
                   number("records")};
  return std::make_unique<l2p::KademliaRouter>(host, std::move(options));
}

}  // namespace

L2P_PLUGIN(l2p::Router, "kademlia", "1.0.0", kSettings, OpenKademlia);
