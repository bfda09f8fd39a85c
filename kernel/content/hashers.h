#ifndef L2P_KERNEL_CONTENT_HASHERS_H_
#define L2P_KERNEL_CONTENT_HASHERS_H_

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kernel/loader/slot.h"
#include "l2p/block_store.h"
#include "l2p/hasher.h"
#include "l2p/tasks.h"

namespace l2p {

// Hashers are all loaded hash functions: one writes, all verify. [any thread]
class Hashers {
 public:
  // `name` is the plugin's name ("--hasher NAME"); the newest of a name or code counts.
  void Add(std::string name, std::shared_ptr<Hasher> hasher);

  // InvalidArgument names the hashers there are.
  absl::StatusOr<std::shared_ptr<Hasher>> Named(std::string_view name) const;

  // OK if `data` hashes to `id`; DataLoss if not; Unimplemented when no loaded hasher has the code.
  // Identity multihashes are compared.
  absl::Status Verify(const Multihash& id, ByteView data) const;

  // Whether Verify can check ids of this function.
  bool Knows(HashCode code) const {
    return code == HashCode::kIdentity || WithCode(code) != nullptr;
  }

  // The multihashes of `inputs`, in the calling task.
  static std::vector<Multihash> HashAll(const Hasher& hasher, std::span<const ByteView> inputs);

 private:
  std::shared_ptr<Hasher> WithCode(HashCode code) const;  // Null if there is none.

  mutable Mutex mutex_{"Hashers"};
  std::map<std::string, std::shared_ptr<Hasher>> by_name_ L2P_GUARDED_BY(mutex_);
  std::map<HashCode, std::shared_ptr<Hasher>> by_code_ L2P_GUARDED_BY(mutex_);
};

}  // namespace l2p

#endif  // L2P_KERNEL_CONTENT_HASHERS_H_
