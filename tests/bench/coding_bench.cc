// Figures of coding: encoding and decoding as put and get do them beside ISA-L alone, and what a
// source tree takes on its holders' disks. usage: coding_bench FOLDER
#include <isa-l/erasure_code.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <numeric>
#include <vector>

#include "kernel/content/importer.h"
#include "kernel/runtime/path_input.h"
#include "kernel/runtime/real_runtime.h"
#include "l2p/coding.h"
#include "l2p/redundancy.h"
#include "plugins/chunking/fastcdc/fastcdc_chunker.h"
#include "plugins/hashing/sha256/sha256_hasher.h"
#include "tests/sdk/coding_world.h"

namespace l2p {
namespace {

constexpr size_t kNeeded = 8;
constexpr size_t kPieces = 24;
constexpr size_t kLength = 1 << 20;
constexpr int kRounds = 41;
constexpr size_t kRecordBytes = 1400;

using Clock = std::chrono::steady_clock;

double Seconds(const std::function<void()>& work) {
  const auto begin = Clock::now();
  work();
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

double Median(std::vector<double> seconds) {
  std::sort(seconds.begin(), seconds.end());
  return seconds[seconds.size() / 2];
}

void Verdict(const char* name, double measured, double limit, bool at_least, const char* unit) {
  const bool pass = at_least ? measured >= limit : measured <= limit;
  std::printf("%-34s %10.3f  limit %10.3f %s  %s\n", name, measured, limit, unit,
              pass ? "PASS" : "FAIL");
}

// ISA-L alone: `rows` pieces out of K, in one call, on one core, in memory that is warm.
class Alone {
 public:
  explicit Alone(size_t rows)
      : rows_(rows), matrix_(kPieces * kNeeded), tables_(kPieces * kNeeded * 32) {
    gf_gen_cauchy1_matrix(matrix_.data(), kPieces, kNeeded);
    ec_init_tables(kNeeded, static_cast<int>(rows), &matrix_[kNeeded * kNeeded], tables_.data());
    for (size_t i = 0; i < kNeeded + rows; ++i) {
      memory_.emplace_back(kLength, static_cast<uint8_t>(i));
      (i < kNeeded ? sources_ : targets_).push_back(memory_.back().data());
    }
  }
  void Run() {
    ec_encode_data(kLength, kNeeded, static_cast<int>(rows_), tables_.data(), sources_.data(),
                   targets_.data());
  }

 private:
  const size_t rows_;
  std::vector<uint8_t> matrix_;
  std::vector<uint8_t> tables_;
  std::vector<std::vector<uint8_t>> memory_;
  std::vector<uint8_t*> sources_;
  std::vector<uint8_t*> targets_;
};

void CodingFigures(const Crypto& crypto, Memory& memory) {
  const MadeGroup made(std::vector<size_t>(kNeeded, kLength), {});
  const CodingParts parts{crypto, nullptr, &memory};
  const Sidecar sidecar = MakeSidecar(parts, made.group(), kNeeded, kPieces, made.Read()).value();
  std::vector<size_t> parity(kPieces - kNeeded);
  std::iota(parity.begin(), parity.end(), kNeeded);
  std::vector<Bytes> leaves;
  for (const BlockRef& leaf : made.group().leaves) {
    leaves.push_back(Bytes::Copy(made.BytesOf(leaf.id)));
  }
  const BlockReader read = [&](std::span<const Multihash> ids,
                               std::span<absl::StatusOr<Bytes>> out) {
    for (size_t i = 0; i < ids.size(); ++i) out[i] = leaves[i];
  };
  std::vector<HeldPiece> have;
  for (size_t i = 0; i < kNeeded; ++i) have.push_back(made.Hold(sidecar, 0, 2 * i + 8));
  Alone alone_encode(kPieces - kNeeded);
  Alone alone_decode(kNeeded);
  std::vector<double> encode, decode, encode_alone, decode_alone;
  for (int round = 0; round < kRounds; ++round) {
    encode_alone.push_back(Seconds([&] { alone_encode.Run(); }));
    encode.push_back(
        Seconds([&] { MakePieces(parts, sidecar, 0, parity, read).status().IgnoreError(); }));
    decode_alone.push_back(Seconds([&] { alone_decode.Run(); }));
    decode.push_back(
        Seconds([&] { RestoreLeaves(parts, sidecar, 0, have).status().IgnoreError(); }));
  }
  const double gigabytes = kNeeded * kLength / 1e9;
  std::printf(
      "coding: rs:8/24, stripes of 8 MiB, one core, medians of %d interleaved rounds; "
      "ISA-L alone encodes %.2f GB/s, decodes %.2f GB/s of data\n",
      kRounds, gigabytes / Median(encode_alone), gigabytes / Median(decode_alone));
  Verdict("encode / ISA-L alone", Median(encode_alone) / Median(encode), 0.8, true, "x");
  Verdict("decode 8 of 8 / ISA-L alone", Median(decode_alone) / Median(decode), 0.8, true, "x");
}

uint64_t StoredBytes(const Group& group) {
  const Redundancy spec = Redundancy::ReedSolomon(kNeeded, kPieces).ForGroup(group);
  if (!spec.coded()) return spec.holders * (group.bytes() + kRecordBytes);
  const Sidecar sidecar = Sidecar::ForGroup(group, kNeeded, kPieces).value();
  uint64_t bytes = kPieces * (sidecar.Encode().size() + kRecordBytes);
  for (size_t place = 0; place < kPieces; ++place) bytes += sidecar.ShareOf(place).bytes();
  return bytes;
}

absl::Status TreeFigure(RealRuntime& runtime, Memory& memory, const Crypto& crypto,
                        const std::string& folder) {
  ImportOptions options;
  options.chunker = std::make_shared<FastCdcChunker>(crypto, 256 << 10, 1 << 20, 2 << 20);
  options.hasher = std::make_shared<Sha256Hasher>();
  options.only_hash = true;
  L2P_ASSIGN_OR_RETURN(const std::unique_ptr<Input> input, OpenPathInput(folder));
  uint64_t stored = 0;
  size_t groups = 0;
  L2P_ASSIGN_OR_RETURN(const ImportResult tree, Import(
                                                    runtime, memory, nullptr, options, *input,
                                                    [&](const Group& group) {
                                                      stored += StoredBytes(group);
                                                      ++groups;
                                                      return absl::OkStatus();
                                                    },
                                                    nullptr));
  const double mib = 1 << 20;
  std::printf(
      "coding: %s, %.1f MiB in %zu groups, cut by fastcdc; nodes, sidecars and records "
      "of all holders counted\n",
      folder.c_str(), static_cast<double>(tree.content_bytes) / mib, groups);
  Verdict("stored", static_cast<double>(stored) / mib,
          3 * 1.05 * static_cast<double>(tree.content_bytes) / mib + 1, false, "MiB");
  return absl::OkStatus();
}

int Main(const std::string& folder) {
  namespace fs = std::filesystem;
  const fs::path own = fs::temp_directory_path() / ("l2p-coding-bench." + std::to_string(getpid()));
  const BoringsslCrypto crypto;
  absl::Status status;
  {
    auto runtime = RealRuntime::Open({.data_dir = own.string()});
    if (runtime.ok()) {
      Memory memory(**runtime, 64 << 20);
      CodingFigures(crypto, memory);
      status = TreeFigure(**runtime, memory, crypto, folder);
    } else {
      status = runtime.status();
    }
  }
  fs::remove_all(own);
  if (!status.ok()) std::fprintf(stderr, "coding_bench: %s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}

}  // namespace
}  // namespace l2p

int main(int argc, char** argv) { return l2p::Main(argc > 1 ? argv[1] : "."); }
