#include "bare_host.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "l2p/plugin_file.h"
#include "l2p/testkit/worlds.h"

namespace l2p::testkit {
namespace {

constexpr size_t kMemory = 256 * 1024 * 1024;

class NoMetrics : public Metrics {
 public:
  Metric& Counter(std::string_view, std::string_view) override { return nothing_; }
  Metric& Gauge(std::string_view, std::string_view) override { return nothing_; }

 private:
  class Nothing : public Metric {
   public:
    void Add(int64_t) override {}
    void Set(int64_t) override {}
  };
  Nothing nothing_;
};

class NameOnly : public Identity {
 public:
  explicit NameOnly(size_t i)
      : public_key_("\x08\x01\x12\x20" + TestBytes(7'000'000 + i, 32)),
        peer_(*PeerId::OfPublicKey(AsBytes(public_key_))) {}
  const PeerId& peer() const override { return peer_; }
  ByteView public_key() const override { return AsBytes(public_key_); }
  absl::StatusOr<std::string> Sign(ByteView) const override {
    return absl::FailedPreconditionError("this host has no key");
  }

 private:
  const std::string public_key_;
  const PeerId peer_;
};

std::unique_ptr<Identity> IdentityOf(const Crypto* crypto, size_t i) {
  if (crypto == nullptr) return std::make_unique<NameOnly>(i);
  const absl::StatusOr<std::string> key =
      crypto->NewPrivateKey(AsBytes(TestBytes(7'000'000 + i, 32)));
  absl::StatusOr<std::unique_ptr<Identity>> identity =
      key.ok() ? crypto->OpenIdentity(AsBytes(*key)) : key.status();
  if (identity.ok()) return std::move(*identity);
  std::fprintf(stderr, "make a key: %s\n", identity.status().ToString().c_str());
  std::abort();
}

class BareHost : public Host {
 public:
  BareHost(Runtime& runtime, size_t i, std::shared_ptr<const Crypto> crypto)
      : runtime_(runtime),
        crypto_(std::move(crypto)),
        identity_(IdentityOf(crypto_.get(), i)),
        memory_(runtime, kMemory) {}

  Time Now() override { return runtime_.Now(); }
  std::unique_ptr<Event> NewEvent() override { return runtime_.NewEvent(); }
  Tasks& tasks() override { return runtime_.tasks(); }
  void Random(MutableByteView out) override { runtime_.Random(out); }
  void Log(Severity severity, std::string_view text) override {
    runtime_.Log(severity, "plugin", text);
  }
  Memory& memory() override { return memory_; }
  absl::StatusOr<Folder*> folder() override { return &runtime_.folder(); }
  absl::StatusOr<State*> state() override { return runtime_.OpenState("plugin"); }
  Metrics& metrics() override { return metrics_; }
  const Identity& identity() override { return *identity_; }
  const Crypto& crypto() override {
    if (crypto_ != nullptr) return *crypto_;
    std::fprintf(stderr, "the plugin asked for crypto(), which there is none of\n");
    std::abort();
  }
  void* Query(std::string_view ability) override { return runtime_.Query(ability); }

 private:
  Runtime& runtime_;
  const std::shared_ptr<const Crypto> crypto_;
  const std::unique_ptr<Identity> identity_;
  Memory memory_;
  NoMetrics metrics_;
};

}  // namespace

HostFactory BareHosts(std::shared_ptr<const Crypto> crypto) {
  return [crypto = std::move(crypto)](Runtime& runtime, size_t i) {
    return std::make_unique<BareHost>(runtime, i, crypto);
  };
}

std::vector<std::string> PluginFolders() {
  const std::filesystem::path here =
      std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path();
  return {here / "plugins", here / "lib" / "l2p" / "plugins"};
}

absl::StatusOr<std::shared_ptr<const Crypto>> OpenCrypto(const std::vector<std::string>& folders,
                                                         Host& host) {
  std::vector<std::string> searched;
  for (const std::string& folder : folders) {
    searched.push_back(folder + "/crypto");
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(searched.back(), error)) {
      if (entry.path().extension() != ".so") continue;
      L2P_ASSIGN_OR_RETURN(const PluginDescriptor* const descriptor,
                           OpenPluginFile(entry.path().string()));
      L2P_ASSIGN_OR_RETURN(std::unique_ptr<Crypto> crypto, FactoryOf<Crypto>(*descriptor)(host));
      return std::shared_ptr<const Crypto>(std::move(crypto));
    }
  }
  return absl::NotFoundError(absl::StrCat("no crypto plugin in ", absl::StrJoin(searched, " or ")));
}

}  // namespace l2p::testkit
