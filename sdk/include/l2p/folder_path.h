#ifndef L2P_FOLDER_PATH_H_
#define L2P_FOLDER_PATH_H_

#include <string>

#include "l2p/api.h"

namespace l2p {

// Where a Folder is in the file system, for what a library opens by path itself, such as a
// database. An optional ability: of a Runtime for folder(), of a Host for the instance's own
// folder(). The simulator has none. [any thread]
class L2P_SDK_API FolderPath {
 public:
  static constexpr char kAbility[] = "l2p.folderpath.1";
  virtual ~FolderPath();

  // Without a slash at the end. The folder itself is made by folder().
  virtual std::string path() const = 0;
};

}  // namespace l2p

#endif  // L2P_FOLDER_PATH_H_
