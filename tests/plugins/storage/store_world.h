#ifndef L2P_TESTS_PLUGINS_STORAGE_STORE_WORLD_H_
#define L2P_TESTS_PLUGINS_STORAGE_STORE_WORLD_H_

#include <map>
#include <string>

#include "boringssl_crypto.h"
#include "bare_host.h"
#include "l2p/block_store.h"
#include "l2p/testkit/memory_disk.h"
#include "l2p/testkit/worlds.h"
#include "plugins/storage/pack/pack_store.h"

namespace l2p {

// Worlds whose nodes hash with BoringSSL.
inline testkit::WorldFactory PluginWorlds(uint64_t seed = 1) {
  return testkit::SimWorlds(testkit::BareHosts(std::make_shared<BoringsslCrypto>()), seed);
}

// A block named by its content's hash, different for every `number`.
inline Block MakeBlock(uint64_t number, size_t size) {
  Bytes data = Bytes::Of(testkit::TestBytes(number, size));
  const ByteView part = data;
  const Sha256Digest digest = BoringsslCrypto().Sha256({&part, 1});
  return {*Multihash::FromDigest(HashCode::kSha2_256, digest), data};
}

inline absl::Status DeleteOne(BlockStore& store, const Multihash& id) {
  absl::Status status;
  store.Delete({&id, 1}, {&status, 1});
  return status;
}

inline int64_t SizeOf(BlockStore& store, const Multihash& id) {
  int64_t size = 0;
  return store.Has({&id, 1}, {&size, 1}).ok() ? size : -2;
}

// Lets the other tasks of the world run for `duration`.
inline void Pause(Host& host, Duration duration) { host.NewEvent()->Wait(host.Now() + duration); }

// Sizes of the files in the host's folder, by name.
inline std::map<std::string, uint64_t> FilesOf(Host& host) {
  std::map<std::string, uint64_t> files;
  Folder& folder = **host.folder();
  const std::vector<std::string> names = *folder.List();
  for (const std::string& name : names) {
    files[name] = *(*folder.Open(name, Folder::Mode::kRead))->Size();
  }
  return files;
}

inline uint64_t BytesOf(Host& host) {
  uint64_t sum = 0;
  for (const auto& [name, size] : FilesOf(host)) sum += size;
  return sum;
}

}  // namespace l2p

#endif  // L2P_TESTS_PLUGINS_STORAGE_STORE_WORLD_H_
