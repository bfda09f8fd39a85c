#ifndef L2P_PLUGIN_FILE_H_
#define L2P_PLUGIN_FILE_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "l2p/plugin.h"
#include "l2p/status.h"

namespace l2p {

// The kinds of plugins there are, in the order of design and documents.
L2P_SDK_API std::span<const std::string_view> PluginKinds();

// The plugin's name as the file's name tells it: what stands before the first dot, so that
// "sha256.so" and the loader's private copy "sha256.3.9f86d081.so" are both "sha256".
L2P_SDK_API std::string PluginNameOfFile(std::string_view path);

// OK if nobody but its owner decides what is in the file: FailedPrecondition when it or its folder
// is writable for everyone (a folder with the sticky bit will do if the file is ours or root's);
// NotFound when there is no such file; InvalidArgument when it is not a regular file.
L2P_SDK_API absl::Status CheckPluginFileAccess(const std::string& path);

// One field of a descriptor beside what this build wants of it.
struct PluginField {
  std::string name;
  std::string wanted;
  std::string found;
  bool fits = false;
};

// All fields of `descriptor`; `name` is what the file's name tells. Only those up to the first
// that makes the rest unreadable (magic, SDK major, size) if there is such a one.
L2P_SDK_API std::vector<PluginField> ComparePluginDescriptor(const PluginDescriptor& descriptor,
                                                             std::string_view name);

// The first field that does not fit as FailedPrecondition: which plugin, which field, what was
// wanted and what was found.
L2P_SDK_API absl::Status CheckPluginDescriptor(const PluginDescriptor& descriptor,
                                               std::string_view name);

// Checks access, loads the file for ever (RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) and returns its
// checked descriptor, which lives as long as the process. Loading runs the file's static
// constructors. A file that was loaded before under the same path gives the code of that time: who
// wants a newer one loads a copy under a new name.
// InvalidArgument: not an ELF shared object for this machine, or no `l2p_plugin` in it; otherwise
// as the two checks above.
L2P_SDK_API absl::StatusOr<const PluginDescriptor*> OpenPluginFile(const std::string& path);

// As OpenPluginFile, but the descriptor is compared instead of checked.
L2P_SDK_API absl::StatusOr<std::vector<PluginField>> ComparePluginFile(const std::string& path);

}  // namespace l2p

#endif  // L2P_PLUGIN_FILE_H_
