#include "kernel/slots.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "l2p/plugin_file.h"

namespace l2p {
namespace {

const std::string kKinds[] = {Chunker::kKind, Hasher::kKind};
constexpr char kSource[] = "kernel";

absl::Status CheckKind(std::string_view kind, std::string_view name) {
  if (std::find(std::begin(kKinds), std::end(kKinds), kind) != std::end(kKinds)) {
    return absl::OkStatus();
  }
  const std::span<const std::string_view> all = PluginKinds();
  if (std::find(all.begin(), all.end(), kind) == all.end()) {
    return absl::NotFoundError(absl::StrCat(
        "there is no kind '", av(kind), "'; there are: ",
        absl::StrJoin(all.begin(), all.end(), ", ",
                      [](std::string* out, auto each) { absl::StrAppend(out, av(each)); })));
  }
  return absl::UnimplementedError(
      absl::StrCat("not yet: restart with ", av(kind), ".plugin=", av(name)));
}

Slots::Slot SlotOf(const PluginDescriptor& plugin, const Settings& settings) {
  return {.kind = plugin.kind,
          .plugin = plugin.name,
          .version = plugin.version,
          .settings = settings.values()};
}

// Holds the right to change slots.
class Turn {
 public:
  explicit Turn(std::atomic<bool>& taken) : taken_(taken), mine_(!taken.exchange(true)) {}
  ~Turn() {
    if (mine_) taken_ = false;
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  absl::Status status() const {
    return mine_ ? absl::OkStatus() : absl::AbortedError("another swap is running; try again");
  }

 private:
  std::atomic<bool>& taken_;
  const bool mine_;
};

}  // namespace

struct Slots::Instance {
  Slot slot;
  std::shared_ptr<Chunker> chunker;  // One of the two.
  std::shared_ptr<Hasher> hasher;
};

Slots::Slots(Parts parts, NodeConfig config)
    : parts_(std::move(parts)), config_(std::move(config)) {}

absl::Status Slots::Open() {
  for (const std::string& kind : kKinds) L2P_RETURN_IF_ERROR(OpenSlot(kind));
  return AddVerifying();
}

absl::Status Slots::OpenSlot(const std::string& kind) {
  const NodeConfig settings = config();
  // Errors of the settings come now, also when a swap hides them.
  L2P_ASSIGN_OR_RETURN(Instance instance, Configured(kind, settings));
  L2P_ASSIGN_OR_RETURN(SlotRecord record, ReadSlotRecord(parts_.state, kind));
  if (!record.plugin.empty() && !settings.FromCommandLine(kind)) {
    if (record.configured != settings.ChoiceOf(kind)) {  // Edited since.
      SlotRecord without;
      without.generation = record.generation;
      L2P_RETURN_IF_ERROR(WriteSlotRecord(parts_.state, kind, without));
    } else if (absl::StatusOr<Instance> recorded = Recorded(kind, record); recorded.ok()) {
      instance = *std::move(recorded);
    } else {
      parts_.runtime.Log(
          Severity::kWarning, kSource,
          absl::StrCat("the swap of ", kind, " to ", record.plugin,
                       " cannot be restored: ", std::string(recorded.status().message())));
    }
  }
  instance.slot.generation = record.generation;
  Install(kind, std::move(instance));
  return absl::OkStatus();
}

absl::Status Slots::AddVerifying() {
  const NodeConfig settings = config();
  for (const std::string& name : parts_.plugins.Names(Hasher::kKind)) {
    if (parts_.hashers.Named(name).ok()) continue;  // The one that writes.
    const auto instance = [&]() -> absl::StatusOr<Instance> {
      L2P_ASSIGN_OR_RETURN(const PluginDescriptor* plugin,
                           parts_.plugins.Find(Hasher::kKind, name));
      L2P_ASSIGN_OR_RETURN(const Settings own, settings.ForPlugin(*plugin));
      return Make(*plugin, own);
    }();
    if (!instance.ok()) {
      parts_.runtime.Log(Severity::kWarning, kSource, std::string(instance.status().message()));
      continue;
    }
    parts_.hashers.Add(name, instance->hasher);
    MutexLock lock(mutex_);
    verifying_[name] = instance->slot;
  }
  return absl::OkStatus();
}

absl::StatusOr<Slots::Instance> Slots::Configured(const std::string& kind,
                                                  const NodeConfig& config) const {
  const std::string key = kind + ".plugin";
  const std::string name = config.settings().Text(key);
  if (name.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        key, " names no plugin; there are: ", absl::StrJoin(parts_.plugins.Names(kind), ", ")));
  }
  const absl::StatusOr<const PluginDescriptor*> plugin = parts_.plugins.Find(kind, name);
  if (!plugin.ok()) return config.At(key, plugin.status());
  L2P_ASSIGN_OR_RETURN(const Settings settings, config.ForPlugin(**plugin));
  return Make(**plugin, settings);
}

absl::StatusOr<Slots::Instance> Slots::Recorded(const std::string& kind,
                                                const SlotRecord& record) const {
  L2P_ASSIGN_OR_RETURN(const PluginDescriptor* plugin, parts_.plugins.Find(kind, record.plugin));
  L2P_ASSIGN_OR_RETURN(const Settings settings,
                       Settings::Make({plugin->settings, plugin->settings_count}, record.settings));
  L2P_ASSIGN_OR_RETURN(Instance instance, Make(*plugin, settings));
  instance.slot.swapped = true;
  return instance;
}

absl::StatusOr<Slots::Instance> Slots::Make(const PluginDescriptor& plugin,
                                            const Settings& settings) const {
  Instance instance{.slot = SlotOf(plugin, settings), .chunker = nullptr, .hasher = nullptr};
  Host& host = parts_.host_for(plugin.kind, plugin.name);
  if (instance.slot.kind == Chunker::kKind) {
    L2P_ASSIGN_OR_RETURN(instance.chunker, OpenPlugin<Chunker>(plugin, host, settings));
  } else {
    L2P_ASSIGN_OR_RETURN(instance.hasher, OpenPlugin<Hasher>(plugin, host, settings));
  }
  return instance;
}

Slots::Slot Slots::Install(const std::string& kind, Instance instance) {
  // What was live is destroyed after the lock, if no put uses it any more.
  if (instance.chunker) instance.chunker = chunker_.Swap(std::move(instance.chunker));
  if (instance.hasher) {
    parts_.hashers.Add(instance.slot.plugin, instance.hasher);
    instance.hasher = hasher_.Swap(std::move(instance.hasher));
  }
  MutexLock lock(mutex_);
  Slot& live = live_[kind];
  if (kind == Hasher::kKind && !live.plugin.empty()) verifying_[live.plugin] = live;
  verifying_.erase(instance.slot.plugin);
  return live = std::move(instance.slot);
}

absl::StatusOr<Slots::Slot> Slots::Change(const std::string& kind, Instance instance,
                                          bool swapped) {
  SlotRecord record;
  {
    MutexLock lock(mutex_);
    record.generation = live_[kind].generation + 1;
  }
  if (swapped) {
    record.plugin = instance.slot.plugin;
    record.settings = instance.slot.settings;
    record.configured = config().ChoiceOf(kind);
  }
  L2P_RETURN_IF_ERROR(
      WithContext(WriteSlotRecord(parts_.state, kind, record), "record the swap of " + kind));
  instance.slot.generation = record.generation;
  instance.slot.swapped = swapped;
  const Slot now = Install(kind, std::move(instance));
  parts_.runtime.Log(Severity::kInfo, kSource,
                     absl::StrCat(kind, " is ", now.plugin, " from now on"));
  return now;
}

absl::StatusOr<Slots::Slot> Slots::Swap(const std::string& kind, const std::string& name,
                                        const Values& settings) {
  L2P_RETURN_IF_ERROR(CheckKind(kind, name));
  const Turn turn(changing_);
  L2P_RETURN_IF_ERROR(turn.status());
  L2P_ASSIGN_OR_RETURN(const PluginDescriptor* plugin, parts_.plugins.Find(kind, name));
  L2P_ASSIGN_OR_RETURN(const Settings wanted, config().ForPlugin(*plugin, settings));
  L2P_ASSIGN_OR_RETURN(Instance instance, Make(*plugin, wanted));
  return Change(kind, std::move(instance), true);
}

absl::Status Slots::Follow(const NodeConfig& newer) {
  const Turn turn(changing_);
  L2P_RETURN_IF_ERROR(turn.status());
  const NodeConfig older = config();
  for (const std::string& kind : kKinds) {
    if (newer.ChoiceOf(kind) == older.ChoiceOf(kind)) continue;
    L2P_ASSIGN_OR_RETURN(Instance instance, Configured(kind, newer));
    L2P_RETURN_IF_ERROR(Change(kind, std::move(instance), false).status());
  }
  MutexLock lock(mutex_);
  config_ = newer;
  return absl::OkStatus();
}

std::vector<Slots::Slot> Slots::List() const {
  MutexLock lock(mutex_);
  std::vector<Slot> slots;
  for (const auto& [kind, slot] : live_) slots.push_back(slot);
  return slots;
}

std::vector<Slots::Slot> Slots::Verifying() const {
  MutexLock lock(mutex_);
  std::vector<Slot> slots;
  for (const auto& [name, slot] : verifying_) slots.push_back(slot);
  return slots;
}

absl::StatusOr<std::shared_ptr<Chunker>> Slots::MakeChunker(const std::string& name,
                                                            std::optional<uint64_t> size) const {
  if (name.empty() && !size) return chunker();
  std::string chosen = name;
  Values values;
  if (name.empty()) {
    MutexLock lock(mutex_);
    const Slot& live = live_.at(Chunker::kKind);
    chosen = live.plugin;
    values = live.settings;
  }
  if (size) values["size"] = absl::StrCat(*size, "B");
  L2P_ASSIGN_OR_RETURN(const PluginDescriptor* plugin, parts_.plugins.Find(Chunker::kKind, chosen));
  L2P_ASSIGN_OR_RETURN(const Settings settings, config().ForPlugin(*plugin, values));
  L2P_ASSIGN_OR_RETURN(Instance instance, Make(*plugin, settings));
  return instance.chunker;
}

NodeConfig Slots::config() const {
  MutexLock lock(mutex_);
  return config_;
}

}  // namespace l2p
