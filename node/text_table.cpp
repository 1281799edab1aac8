#include "node/text_table.hpp"

#include <algorithm>
#include <cassert>
#include <ostream>

namespace farshore {

namespace {

/// Characters, not bytes: what continues a UTF-8 sequence takes no place, and no colour does.
std::size_t width_of(const std::string& text) {
  std::size_t width = 0;
  bool colour = false;
  for (const char c : text) {
    if (c == '\x1b')
      colour = true;
    else if (!colour)
      width += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    else if (c == 'm')
      colour = false;
  }
  return width;
}

} // namespace

void text_table::add(std::vector<std::string> cells) {
  assert(cells.size() == columns_.size());
  rows_.push_back(std::move(cells));
}

void text_table::print(std::ostream& out) const {
  std::vector<std::size_t> widths;
  std::vector<std::string> titles;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    auto widest = width_of(columns_[i].title);
    for (const auto& row : rows_)
      widest = std::max(widest, width_of(row[i]));
    widths.push_back(widest);
    titles.push_back(columns_[i].title);
  }
  auto print_row = [&](const std::vector<std::string>& cells) {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      std::string padding(widths[i] - width_of(cells[i]), ' ');
      line += i == 0 ? "" : "  ";
      line += columns_[i].to == align::right ? padding + cells[i] : cells[i] + padding;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out << line << '\n';
  };
  print_row(titles);
  for (const auto& row : rows_)
    print_row(row);
}

} // namespace farshore
