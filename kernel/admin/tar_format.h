#ifndef L2P_KERNEL_ADMIN_TAR_FORMAT_H_
#define L2P_KERNEL_ADMIN_TAR_FORMAT_H_

#include <sys/stat.h>

#include <istream>
#include <memory>
#include <ostream>
#include <string>

#include "kernel/content/importer.h"

namespace l2p {

// Writes one archive. One thread at a time.
class TarWriter {
 public:
  virtual ~TarWriter() = default;

  // `type` is S_IFREG, S_IFDIR or S_IFLNK; the `size` bytes of a file follow as Data. Aborted if
  // the stream takes no more.
  virtual absl::Status Header(const std::string& path, mode_t type, uint64_t size,
                              const std::string& target) = 0;
  virtual absl::Status Data(ByteView data) = 0;
  virtual absl::Status Close() = 0;

  // Ends without the closing blocks: the archive must not look whole.
  virtual void Abandon() = 0;
};

// The archive format alone, by libarchive. It is a library of its own, libl2p-tar.so, which tar.cc
// loads when it is first needed: libarchive comes with libxml2 and ICU, 1.6 MiB in each idle node
// that are hardly ever used. Streams are lent.
struct TarFormat {
  const char* version;  // kVersion of the library: another one's Input may look otherwise.
  std::unique_ptr<Input> (*open_input)(std::istream& in);
  std::unique_ptr<TarWriter> (*open_writer)(std::ostream& out);
};

}  // namespace l2p

extern "C" __attribute__((visibility("default"))) const l2p::TarFormat* l2p_tar_format();

#endif  // L2P_KERNEL_ADMIN_TAR_FORMAT_H_
