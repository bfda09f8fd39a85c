#include "absl/strings/str_cat.h"
#include "l2p/folder.h"

namespace l2p {

absl::StatusOr<std::string> ReadFile(Folder& folder, std::string_view name, size_t limit) {
  L2P_ASSIGN_OR_RETURN(std::unique_ptr<File> file, folder.Open(name, Folder::Mode::kRead));
  L2P_ASSIGN_OR_RETURN(const uint64_t size, file->Size());
  if (size > limit) {
    return absl::ResourceExhaustedError(
        absl::StrCat("read ", av(name), ": ", size, " bytes, over the limit of ", limit));
  }
  std::string content(size, '\0');
  L2P_ASSIGN_OR_RETURN(const size_t read,
                       file->Read(0, {reinterpret_cast<uint8_t*>(content.data()), content.size()}));
  content.resize(read);
  return content;
}

absl::Status WriteFileDurably(Folder& folder, std::string_view name, ByteView content) {
  const std::string part = absl::StrCat(av(name), ".new");
  {
    L2P_ASSIGN_OR_RETURN(std::unique_ptr<File> file, folder.Open(part, Folder::Mode::kCreate));
    L2P_RETURN_IF_ERROR(file->Resize(0));
    L2P_RETURN_IF_ERROR(file->Write(0, {&content, 1}));
    L2P_RETURN_IF_ERROR(file->Sync());
  }
  L2P_RETURN_IF_ERROR(folder.Rename(part, name));
  return folder.Sync();
}

}  // namespace l2p
