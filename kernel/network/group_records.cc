#include "kernel/network/group_records.h"

#include "kernel/network/groups.pb.h"

namespace l2p {
namespace {

constexpr size_t kMaxRequest = 256;
constexpr size_t kMaxAnswer = (kMaxRecordsOfGroup + 1) * GroupRecord::kMaxBytes;

absl::StatusOr<std::optional<Bytes>> Answer(const Holdings& holdings, ByteView request) {
  wire::GroupRequest asked;
  if (!asked.ParseFromString(std::string(AsText(request)))) {
    return absl::InvalidArgumentError("malformed request");
  }
  L2P_ASSIGN_OR_RETURN(const Multihash group, Multihash::FromBinary(AsBytes(asked.group())));
  L2P_ASSIGN_OR_RETURN(const std::vector<Holdings::HeldRecord> records,
                       holdings.FindRecords(group, kMaxRecordsOfGroup));
  wire::GroupAnswer answer;
  for (const Holdings::HeldRecord& record : records) {
    // What is kept with a group is the pusher's; only records are given on.
    if (record.bytes.size() <= GroupRecord::kMaxBytes) answer.add_record(record.bytes);
  }
  return Bytes::Of(answer.SerializeAsString());
}

}  // namespace

absl::StatusOr<std::unique_ptr<Registration>> ServeGroupRecords(Messenger& messenger,
                                                                Holdings& holdings) {
  return messenger.Serve(
      kGroupsProtocol, kMaxRequest,
      [&holdings](const Caller&, ByteView request) { return Answer(holdings, request); });
}

absl::StatusOr<std::vector<GroupRecord>> AskGroupRecords(Messenger& messenger, const Crypto& crypto,
                                                         const PeerInfo& holder,
                                                         const Multihash& group, Time deadline) {
  wire::GroupRequest request;
  request.set_group(group.bytes());
  const std::unique_ptr<Calls> calls = messenger.NewCalls();
  calls->Send(holder, kGroupsProtocol, Bytes::Of(request.SerializeAsString()), kMaxAnswer,
              deadline);
  const std::optional<Calls::Answer> answer = calls->Next(deadline);
  if (!answer) return absl::DeadlineExceededError("it did not answer");
  L2P_RETURN_IF_ERROR(answer->result.status());
  wire::GroupAnswer heard;
  if (!heard.ParseFromString(std::string(answer->result->text())) ||
      heard.record_size() > static_cast<int>(kMaxRecordsOfGroup)) {
    return absl::InvalidArgumentError("malformed answer");
  }
  std::vector<GroupRecord> records;
  for (const std::string& bytes : heard.record()) {
    absl::StatusOr<GroupRecord> record = OpenGroupRecord(crypto, AsBytes(bytes));
    if (record.ok() && record->group == group) records.push_back(*std::move(record));
  }
  return records;
}

}  // namespace l2p
