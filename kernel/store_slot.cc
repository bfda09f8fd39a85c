// The record of the slot (kernel/slot_record.h) goes through these steps, each one commit:
//   plugin=A                   A has the blocks
//   plugin=A moving_to=B       both have, each what the other may lack
//   plugin=B left=A            B has them all, durably; what A kept is being removed
//   plugin=B
// Its settings are named <plugin>.<key>, as those of the plugin the settings no longer speak of are
// needed to open it.
#include "kernel/store_slot.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"

namespace l2p {
namespace {

constexpr char kKey[] = "storage.plugin";
constexpr char kSource[] = "kernel";
constexpr Duration kTryAgain = absl::Seconds(30);  // After a full or failing disk.
constexpr size_t kRowsAtOnce = 1000;
const std::string kKind = BlockStore::kKind;

void AddSettings(const StoreSlot::Instance& instance, SlotRecord& record) {
  for (const auto& [name, value] : instance.settings) {
    record.settings[absl::StrCat(instance.plugin, ".", name)] = value;
  }
}

// Of its plugin `name`.
std::map<std::string, std::string> SettingsIn(const SlotRecord& record, const std::string& name) {
  std::map<std::string, std::string> own;
  for (const auto& [key, value] : record.settings) {
    absl::string_view rest = key;
    if (absl::ConsumePrefix(&rest, name + ".")) own[std::string(rest)] = value;
  }
  return own;
}

absl::Status Clear(State& state) {
  for (;;) {
    L2P_ASSIGN_OR_RETURN(const std::vector<State::Row> rows, state.Scan("", "", kRowsAtOnce));
    if (rows.empty()) return absl::OkStatus();
    std::vector<State::Change> changes;
    for (const State::Row& row : rows) changes.push_back({row.key, std::nullopt});
    L2P_RETURN_IF_ERROR(state.Commit(changes));
  }
}

}  // namespace

struct StoreSlot::Opened {
  Instance instance;
  std::unique_ptr<BlockStore> store;
};

StoreSlot::StoreSlot(Parts parts, const NodeConfig& config)
    : parts_(std::move(parts)),
      config_(config),
      wanted_(config.settings().Text(kKey)),
      stop_(parts_.runtime.NewEvent()),
      tasks_(parts_.runtime.tasks(), parts_.runtime.NewEvent()) {}

StoreSlot::~StoreSlot() { Stop(); }

absl::Status StoreSlot::Open() {
  if (wanted_.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        kKey, " names no plugin; there are: ", absl::StrJoin(parts_.plugins.Names(kKind), ", ")));
  }
  const absl::Status found = parts_.plugins.Find(kKind, wanted_).status();
  if (!found.ok()) return config_.At(kKey, found);
  L2P_ASSIGN_OR_RETURN(SlotRecord record, ReadSlotRecord(parts_.state, kKind));
  L2P_RETURN_IF_ERROR(RemoveLeft(record));
  if (record.plugin.empty()) record.plugin = wanted_;
  if (record.moving_to.empty()) {
    return record.plugin == wanted_ ? OpenOne(record) : OpenTwo(record.plugin, record);
  }
  // Both have blocks. Back is as good a direction as forth; to a third one only afterwards.
  if (wanted_ != record.plugin) return OpenTwo(record.plugin, record);
  const std::string from = record.moving_to;
  return OpenTwo(from, record);
}

absl::StatusOr<StoreSlot::Opened> StoreSlot::OpenStore(const std::string& name,
                                                       const SlotRecord& record) const {
  const auto open = [&]() -> absl::StatusOr<Opened> {
    L2P_ASSIGN_OR_RETURN(const PluginDescriptor* plugin, parts_.plugins.Find(kKind, name));
    const bool is_wanted = name == wanted_;
    L2P_ASSIGN_OR_RETURN(const Settings settings,
                         is_wanted ? config_.ForPlugin(*plugin)
                                   : Settings::Make({plugin->settings, plugin->settings_count},
                                                    SettingsIn(record, name)));
    L2P_ASSIGN_OR_RETURN(std::unique_ptr<BlockStore> store,
                         OpenPlugin<BlockStore>(*plugin, parts_.host_for(kKind, name), settings));
    return Opened{{name, plugin->version, settings.values()}, std::move(store)};
  };
  absl::StatusOr<Opened> opened = open();
  if (opened.ok() || name == wanted_) return opened;
  return WithContext(opened.status(), absl::StrCat("storage.", name, " has blocks of this node"));
}

absl::Status StoreSlot::OpenOne(const SlotRecord& record) {
  L2P_ASSIGN_OR_RETURN(Opened opened, OpenStore(record.plugin, record));
  SlotRecord now;
  now.plugin = record.plugin;
  now.generation = record.generation;
  AddSettings(opened.instance, now);
  L2P_RETURN_IF_ERROR(WriteRecord(now));
  MutexLock lock(mutex_);
  instances_ = {std::move(opened.instance)};
  store_.Swap(std::move(opened.store));
  return absl::OkStatus();
}

absl::Status StoreSlot::OpenTwo(const std::string& from, SlotRecord record) {
  const bool has_begun = !record.moving_to.empty();
  const std::string to = !has_begun              ? wanted_
                         : from == record.plugin ? record.moving_to
                                                 : record.plugin;
  L2P_ASSIGN_OR_RETURN(Opened first, OpenStore(from, record));
  L2P_ASSIGN_OR_RETURN(Opened second, OpenStore(to, record));
  const uint64_t blocks = first.store->Usage().blocks;
  if (blocks > 0 && !second.store->Usage().durable) {
    return config_.At(
        kKey, absl::InvalidArgumentError(absl::StrCat(
                  to, " forgets everything when the node stops, and ", from, " has ", blocks,
                  " blocks: set ", kKey, " = ", from, ", or give the node another data.dir")));
  }
  record.plugin = from;
  record.moving_to = to;
  AddSettings(first.instance, record);
  AddSettings(second.instance, record);
  L2P_RETURN_IF_ERROR(WriteRecord(record));
  parts_.runtime.Log(Severity::kInfo, kSource,
                     absl::StrCat("moving ", blocks, " blocks from ", from, " to ", to));
  if (to != wanted_) {
    parts_.runtime.Log(
        Severity::kWarning, kSource,
        absl::StrCat(kKey, " = ", wanted_, " counts from the start after this move"));
  }
  moving_ = std::make_shared<MovingStore>(parts_.runtime, std::move(first.store),
                                          std::move(second.store));
  store_.Swap(moving_);
  MutexLock lock(mutex_);
  instances_ = {std::move(second.instance), std::move(first.instance)};
  move_ = Move{from, to, {}, ""};
  return absl::OkStatus();
}

absl::Status StoreSlot::WriteRecord(const SlotRecord& record) const {
  return WithContext(WriteSlotRecord(parts_.state, kKind, record), "record the store");
}

absl::Status StoreSlot::RemoveLeft(SlotRecord& record) {
  if (record.left.empty()) return absl::OkStatus();
  const auto remove = [&]() -> absl::Status {
    L2P_ASSIGN_OR_RETURN(const auto stores, parts_.runtime.folder().OpenFolder(kKind));
    const absl::Status removed = stores->Remove(record.left);
    if (!absl::IsNotFound(removed)) L2P_RETURN_IF_ERROR(removed);
    L2P_RETURN_IF_ERROR(stores->Sync());
    L2P_ASSIGN_OR_RETURN(State * state,
                         parts_.runtime.OpenState(absl::StrCat(kKind, "/", record.left)));
    return Clear(*state);
  };
  L2P_RETURN_IF_ERROR(WithContext(remove(), absl::StrCat("remove data.dir/storage/", record.left,
                                                         ", whose blocks have moved")));
  record.left.clear();
  return WriteRecord(record);
}

absl::Status StoreSlot::Start() {
  if (!moving_) return absl::OkStatus();
  return tasks_.Start("move blocks", [this] { Run(); });
}

void StoreSlot::Stop() {
  stopping_ = true;
  stop_->Set();
  tasks_.Join();
}

void StoreSlot::Run() {
  do {
    const absl::Status moved = FinishMove();
    if (moved.ok() || stopping_) return;
    parts_.runtime.Log(Severity::kWarning, kSource,
                       absl::StrCat("move blocks: ", moved.ToString()));
    MutexLock lock(mutex_);
    move_->problem = std::string(moved.message());
  } while (!stop_->Wait(parts_.runtime.Now() + kTryAgain));
}

absl::Status StoreSlot::FinishMove() {
  L2P_RETURN_IF_ERROR(moving_->CopyAll([this] {
    MutexLock lock(mutex_);
    if (move_) move_->problem.clear();
    return stopping_.load();
  }));
  L2P_ASSIGN_OR_RETURN(const SlotRecord before, ReadSlotRecord(parts_.state, kKind));
  SlotRecord record;
  record.plugin = before.moving_to;
  record.left = before.plugin;
  record.generation = before.generation + 1;
  {
    MutexLock lock(mutex_);
    AddSettings(instances_.front(), record);
  }
  L2P_RETURN_IF_ERROR(WriteRecord(record));
  const uint64_t damaged = moving_->progress().damaged;
  moving_->Close();
  {
    MutexLock lock(mutex_);
    instances_.pop_back();
    move_.reset();
  }
  // What cannot be removed now is removed at the next start; nothing depends on it.
  const absl::Status removed = RemoveLeft(record);
  parts_.runtime.Log(
      removed.ok() && damaged == 0 ? Severity::kInfo : Severity::kWarning, kSource,
      absl::StrCat("all blocks have moved to ", record.plugin,
                   damaged == 0 ? "" : absl::StrCat(" but ", damaged, " damaged ones"),
                   removed.ok() ? "" : absl::StrCat("; ", std::string(removed.message()))));
  return absl::OkStatus();
}

std::vector<StoreSlot::Instance> StoreSlot::Instances() const {
  MutexLock lock(mutex_);
  return instances_;
}

std::optional<StoreSlot::Move> StoreSlot::move() const {
  std::optional<Move> move;
  {
    MutexLock lock(mutex_);
    move = move_;
  }
  if (move) move->progress = moving_->progress();
  return move;
}

}  // namespace l2p
