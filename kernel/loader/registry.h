#ifndef L2P_KERNEL_LOADER_REGISTRY_H_
#define L2P_KERNEL_LOADER_REGISTRY_H_

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "l2p/mutex.h"
#include "l2p/plugin.h"

namespace l2p {

// The PluginRegistry finds plugins in folders of the form <path>/<kind>/<name>.so and loads those
// that are asked for. It is made before the node and belongs to the process, not to the node's
// Runtime: code is loaded once, for all nodes of a simulation. [any thread]
class PluginRegistry {
 public:
  struct Options {
    // Searched in this order; the first file of a kind and name counts. A missing folder is empty.
    std::vector<std::string> paths;
    // Files are loaded from copies made here, named by content, so that a file that is replaced
    // while it is loaded does no harm and its new version can be loaded beside the old. The folder
    // is this registry's alone. Empty: load in place.
    std::string copies;
    // Plugins linked to the program, for tests.
    std::vector<const PluginDescriptor*> linked;
  };

  explicit PluginRegistry(Options options);

  // The plugin as its file is now, loaded (once for each content). NotFound tells what was found
  // instead; otherwise the reason why the file is refused.
  absl::StatusOr<const PluginDescriptor*> Find(std::string_view kind, std::string_view name);

  // NotFound, as from Find, if there is no file of that name; loads nothing.
  absl::Status CheckName(std::string_view kind, std::string_view name) const;

  // Names of the plugins of a kind that there are files for, loaded or not; sorted.
  std::vector<std::string> Names(std::string_view kind) const;

  // One line of `l2p plugins`.
  struct Entry {
    std::string kind;
    std::string name;
    std::string path;          // Empty for a linked one.
    std::string version = "";  // Empty while it is not loaded.
    std::string refusal = "";  // Why Find refused the file; empty if it did not.
  };
  std::vector<Entry> List() const;  // By kind, then by name.

 private:
  using Key = std::pair<std::string, std::string>;  // Kind and name.
  struct Outcome {
    const PluginDescriptor* descriptor = nullptr;
    std::string refusal;
  };

  std::map<std::string, std::string> FilesOf(std::string_view kind) const;
  absl::StatusOr<const PluginDescriptor*> Load(std::string_view kind, const std::string& path);

  const Options options_;
  mutable Mutex mutex_{"PluginRegistry"};
  std::map<Key, Outcome> outcomes_ L2P_GUARDED_BY(mutex_);  // Of the last Find for each.
};

// Makes an instance of a plugin whose kind is that of `Kind`.
template <typename Kind>
absl::StatusOr<std::unique_ptr<Kind>> OpenPlugin(const PluginDescriptor& plugin, Host& host,
                                                 const Settings& settings) {
  void* instance = nullptr;
  L2P_RETURN_IF_ERROR(WithContext(plugin.open(host, settings, &instance),
                                  std::string(plugin.kind) + "." + plugin.name));
  return std::unique_ptr<Kind>(static_cast<Kind*>(instance));
}

}  // namespace l2p

#endif  // L2P_KERNEL_LOADER_REGISTRY_H_
