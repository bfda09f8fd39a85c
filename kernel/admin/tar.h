#ifndef L2P_KERNEL_ADMIN_TAR_H_
#define L2P_KERNEL_ADMIN_TAR_H_

#include <functional>
#include <istream>
#include <memory>
#include <ostream>
#include <string>

#include "kernel/content/exporter.h"
#include "kernel/content/importer.h"

namespace l2p {

// OK if tar can be read and written: FailedPrecondition says which library is missing, here and
// from the functions below. For those who must know before they answer.
absl::Status LoadTar();

// A tar stream (ustar, pax, GNU) as an Input: files, folders and links; other entries are
// InvalidArgument. A leading "./" and trailing "/" of names are dropped. `in` is lent.
absl::StatusOr<std::unique_ptr<Input>> OpenTarInput(std::istream& in);

// Writes the tree below `id` to `out` as pax tar, in order, in bounded memory. An error on the way
// leaves the archive without its end, so a reader sees that it was cut off.
absl::Status WriteTar(BlockSource& source, const Cid& id, std::ostream& out, Time deadline);

// Writes an Input (a folder of this machine) as tar: the upload of `l2p put FOLDER` over TCP.
absl::Status WriteTar(Input& input, std::ostream& out);

}  // namespace l2p

#endif  // L2P_KERNEL_ADMIN_TAR_H_
