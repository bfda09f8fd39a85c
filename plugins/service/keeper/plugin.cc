#include "l2p/plugin.h"

#include "keeper_service.h"

namespace {

using l2p::SettingType;

constexpr l2p::SettingSpec kSettings[] = {
    {"interval", SettingType::kDuration, "10m", "1m..24h",
     "how often each other holder of this node's groups is asked whether it is there, at most"},
    {"probes_per_day", SettingType::kInteger, "3000", "100..1000000",
     "how many such questions a day has; with many holders each is asked less often"},
    {"grace", SettingType::kDuration, "4h", "4m..30d",
     "a holder that is away for less is not gone; a quarter of it when few are left"},
    {"takeover", SettingType::kDuration, "20m", "1m..24h",
     "how long a group that needs repair waits for each holder that comes first"},
    {"margin", SettingType::kInteger, "625", "0..999",
     "thousandths of a group's spare pieces that may be left when it is repaired"},
    {"repair_rate", SettingType::kSize, "10MiB", "1MiB..1TiB",
     "bytes that repairs may move in a second"},
    {"audits_per_day", SettingType::kInteger, "500", "0..1000000",
     "how many times a day another holder must prove that it has what it says"},
    {"audit_allowance", SettingType::kDuration, "150ms", "1ms..1m",
     "how long it may take to read that from its disk"},
};

absl::StatusOr<std::unique_ptr<l2p::Service>> OpenKeeper(l2p::Host& host,
                                                         const l2p::Settings& settings) {
  l2p::keeper::Options options;
  options.interval = settings.GetDuration("interval");
  options.probes_per_day = static_cast<size_t>(settings.Integer("probes_per_day"));
  options.rule.grace = settings.GetDuration("grace");
  options.rule.takeover = settings.GetDuration("takeover");
  options.rule.margin_thousandths = static_cast<size_t>(settings.Integer("margin"));
  options.repair_rate = static_cast<uint64_t>(settings.Integer("repair_rate"));
  options.audits_per_day = static_cast<size_t>(settings.Integer("audits_per_day"));
  options.audit_allowance = settings.GetDuration("audit_allowance");
  return std::make_unique<l2p::keeper::KeeperService>(host, options);
}

}  // namespace

L2P_PLUGIN(l2p::Service, "keeper", "1.0.0", kSettings, OpenKeeper);
