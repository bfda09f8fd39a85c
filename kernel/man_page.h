#ifndef L2P_KERNEL_MAN_PAGE_H_
#define L2P_KERNEL_MAN_PAGE_H_

#include <string>
#include <utility>
#include <vector>

namespace l2p {

// What a program says of itself, to be read with man(1). A value.
struct ManPage {
  using Items = std::vector<std::pair<std::string, std::string>>;  // Term and text.
  struct Section {
    std::string title;  // "OPTIONS"
    std::string text;   // Paragraphs, parted by empty lines.
    Items items = {};
  };

  std::string name;                // "l2p"
  std::string brief;               // "a client of a node": without a full stop.
  std::vector<std::string> forms;  // How it is called, without its name.
  std::vector<Section> sections;
};

// In the language of man(7), for section 1 of the manual.
std::string RenderManPage(const ManPage& page);

}  // namespace l2p

#endif  // L2P_KERNEL_MAN_PAGE_H_
