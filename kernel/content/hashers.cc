#include "kernel/content/hashers.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"

namespace l2p {

void Hashers::Add(std::string name, std::shared_ptr<Hasher> hasher) {
  const HashCode code = hasher->code();
  MutexLock lock(mutex_);
  by_code_[code] = hasher;
  by_name_[std::move(name)] = std::move(hasher);
}

absl::StatusOr<std::shared_ptr<Hasher>> Hashers::Named(std::string_view name) const {
  MutexLock lock(mutex_);
  auto found = by_name_.find(std::string(name));
  if (found != by_name_.end()) return found->second;
  std::string names;
  for (const auto& [known, hasher] : by_name_) {
    absl::StrAppend(&names, names.empty() ? "" : ", ", known);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("no hasher \"", av(name), "\"; there are: ", names));
}

absl::Status Hashers::Verify(const Multihash& id, ByteView data) const {
  bool matches = false;
  if (id.code() == HashCode::kIdentity) {
    matches = Equal(id.digest(), data);
  } else {
    const std::shared_ptr<Hasher> hasher = WithCode(id.code());
    if (hasher == nullptr) {
      return absl::UnimplementedError(absl::StrCat("no hasher for hash code ",
                                                   static_cast<uint64_t>(id.code()), " of block ",
                                                   id.ToString()));
    }
    matches = HashOf(*hasher, data) == id;
  }
  if (matches) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("block ", id.ToString(), ": bytes do not match the id"));
}

std::shared_ptr<Hasher> Hashers::WithCode(HashCode code) const {
  MutexLock lock(mutex_);
  const auto found = by_code_.find(code);
  return found == by_code_.end() ? nullptr : found->second;
}

std::vector<Multihash> Hashers::HashAll(const Hasher& hasher, std::span<const ByteView> inputs) {
  const size_t digest_size = hasher.digest_size();
  std::vector<uint8_t> digests(inputs.size() * digest_size);
  for (size_t i = 0; i < inputs.size(); i += Hasher::kMaxBatch) {
    const size_t count = std::min(inputs.size() - i, Hasher::kMaxBatch);
    hasher.Hash(inputs.subspan(i, count),
                MutableByteView(digests).subspan(i * digest_size, count * digest_size));
  }
  std::vector<Multihash> ids;
  ids.reserve(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    ids.push_back(*Multihash::FromDigest(hasher.code(),
                                         ByteView(digests).subspan(i * digest_size, digest_size)));
  }
  return ids;
}

}  // namespace l2p
