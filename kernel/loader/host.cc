#include "kernel/loader/host.h"

#include <cassert>

#include "absl/strings/str_cat.h"

namespace l2p {

PluginHost::PluginHost(const HostParts& parts, std::string kind, std::string name)
    : parts_(parts),
      kind_(std::move(kind)),
      name_(std::move(name)),
      metrics_(parts.metrics.ForPlugin(kind_, name_)) {}

void PluginHost::Log(Severity severity, std::string_view text) {
  parts_.runtime.Log(severity, absl::StrCat(kind_, ".", name_), text);
}

absl::StatusOr<Folder*> PluginHost::folder() {
  {
    MutexLock lock(mutex_);
    if (folder_) return folder_.get();
  }
  L2P_ASSIGN_OR_RETURN(const auto of_kind, parts_.runtime.folder().OpenFolder(kind_));
  L2P_ASSIGN_OR_RETURN(auto own, of_kind->OpenFolder(name_));
  // A new folder's name is durable before anything in it can be.
  L2P_RETURN_IF_ERROR(of_kind->Sync());
  L2P_RETURN_IF_ERROR(parts_.runtime.folder().Sync());
  MutexLock lock(mutex_);
  if (!folder_) folder_ = std::move(own);
  return folder_.get();
}

absl::StatusOr<State*> PluginHost::state() {
  return parts_.runtime.OpenState(absl::StrCat(kind_, "/", name_));
}

void* PluginHost::Query(std::string_view ability) {
  void* const found = parts_.runtime.Query(ability);
  // The runtime's folder is the node's; an instance is told of its own.
  if (found == nullptr || ability != FolderPath::kAbility) return found;
  return static_cast<FolderPath*>(this);
}

std::string PluginHost::path() const {
  const auto* const node = static_cast<FolderPath*>(parts_.runtime.Query(FolderPath::kAbility));
  return absl::StrCat(node->path(), "/", kind_, "/", name_);
}

const Identity& PluginHost::identity() {
  assert(parts_.identity != nullptr);
  return *parts_.identity;
}

const Crypto& PluginHost::crypto() {
  assert(parts_.crypto != nullptr);
  return *parts_.crypto;
}

}  // namespace l2p
