#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "kernel/cli/commands.h"
#include "kernel/loader/host.h"
#include "kernel/loader/registry.h"
#include "kernel/metrics.h"
#include "kernel/runtime/real_runtime.h"
#include "l2p/group_record.h"
#include "l2p/multibase.h"

namespace l2p {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxReceiptFile = 64 << 20;

// A crypto plugin of this installation, without a node: its host is a runtime in a folder that is
// gone afterwards.
class CryptoAlone {
 public:
  ~CryptoAlone() {
    crypto_.reset();
    host_.reset();
    memory_.reset();
    runtime_.reset();
    std::error_code ignored;
    if (!folder_.empty()) fs::remove_all(folder_, ignored);
  }

  absl::Status Open() {
    std::string folder = (fs::temp_directory_path() / "l2p-receipt.XXXXXX").string();
    if (mkdtemp(folder.data()) == nullptr) return ErrnoStatus(errno, folder);
    folder_ = folder;
    L2P_ASSIGN_OR_RETURN(runtime_, RealRuntime::Open({.data_dir = folder}));
    memory_ = std::make_unique<Memory>(*runtime_, 1 << 20);
    host_ = std::make_unique<PluginHost>(HostParts{*runtime_, *memory_, metrics_}, Crypto::kKind,
                                         "receipt");
    std::error_code error;
    const fs::path prefix = fs::read_symlink("/proc/self/exe", error).parent_path().parent_path();
    PluginRegistry registry(
        {.paths = {prefix / "plugins", prefix / "lib/l2p/plugins"}, .copies = {}, .linked = {}});
    const std::vector<std::string> names = registry.Names(Crypto::kKind);
    if (names.empty()) return absl::NotFoundError("this installation has no plugin of kind crypto");
    L2P_ASSIGN_OR_RETURN(const PluginDescriptor* plugin,
                         registry.Find(Crypto::kKind, names.front()));
    L2P_ASSIGN_OR_RETURN(const Settings settings,
                         Settings::Make({plugin->settings, plugin->settings_count}, {}));
    L2P_ASSIGN_OR_RETURN(crypto_, OpenPlugin<Crypto>(*plugin, *host_, settings));
    return absl::OkStatus();
  }

  const Crypto& crypto() const { return *crypto_; }

 private:
  std::string folder_;
  MetricsRegistry metrics_;
  std::unique_ptr<RealRuntime> runtime_;
  std::unique_ptr<Memory> memory_;
  std::unique_ptr<PluginHost> host_;
  std::unique_ptr<Crypto> crypto_;
};

std::string Until(Time until) {
  if (until == absl::InfiniteFuture()) return "for ever";
  return "until " + absl::FormatTime(absl::RFC3339_sec, until, absl::UTCTimeZone());
}

// All or nothing: says what is wrong with the first receipt that is.
absl::Status Check(const std::string& path, std::string& report) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return ErrnoStatus(errno, path);
  const std::string text(std::istreambuf_iterator<char>(in), {});
  if (text.size() > kMaxReceiptFile) return absl::InvalidArgumentError("it is too large");
  CryptoAlone alone;
  L2P_RETURN_IF_ERROR(alone.Open());
  L2P_ASSIGN_OR_RETURN(const ReceiptFile file, ParseReceiptFile(alone.crypto(), text));
  absl::StrAppend(&report, file.id.ToString(), ": ", file.receipts.size(), " receipts\n");
  for (const std::string& bytes : file.receipts) {
    L2P_ASSIGN_OR_RETURN(const Receipt receipt, OpenReceipt(alone.crypto(), AsBytes(bytes)));
    L2P_ASSIGN_OR_RETURN(const PeerId holder, receipt.holder());
    absl::StrAppend(&report, holder.ToString(), " keeps ", receipt.blocks, " blocks (",
                    HumanBytes(static_cast<double>(receipt.bytes)), ") of group ",
                    receipt.group.ToString(), " ", Until(receipt.until), "\n");
  }
  return absl::OkStatus();
}

}  // namespace

int RunReceipt(const Invocation& invocation) {
  const std::vector<std::string>& words = invocation.arguments.positional();
  if (words[0] != "verify") {
    std::cerr << "l2p: receipt: unknown action '" << words[0] << "'; there is verify\n";
    return kExitUsage;
  }
  std::string report;
  const absl::Status right = Check(words[1], report);
  if (!right.ok()) return Report(WithContext(right, "receipt verify " + words[1]));
  std::cout << report;
  return kExitDone;
}

absl::Status WriteReceipts(const std::string& path, const std::string& id,
                           const std::vector<std::string>& receipts) {
  ReceiptFile file;
  L2P_ASSIGN_OR_RETURN(file.id, Cid::FromString(id));
  for (const std::string& text : receipts) {
    L2P_ASSIGN_OR_RETURN(std::string receipt, DecodeMultibase(text));
    file.receipts.push_back(std::move(receipt));
  }
  CryptoAlone alone;
  L2P_RETURN_IF_ERROR(alone.Open());
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << EncodeReceiptFile(alone.crypto(), file);
  out.close();
  return out ? absl::OkStatus() : ErrnoStatus(errno, path);
}

}  // namespace l2p
