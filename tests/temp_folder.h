#ifndef L2P_TESTS_TEMP_FOLDER_H_
#define L2P_TESTS_TEMP_FOLDER_H_

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <string>
#include <system_error>

namespace l2p {

// A folder that goes away with this.
class TempFolder {
 public:
  TempFolder() : path_((std::filesystem::temp_directory_path() / "l2p-test-XXXXXX").string()) {
    EXPECT_NE(::mkdtemp(path_.data()), nullptr);
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace l2p

#endif  // L2P_TESTS_TEMP_FOLDER_H_
