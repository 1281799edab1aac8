// A table of text for people: columns as wide as their widest cell, two spaces apart.

#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace farshore {

class text_table {
public:
  enum class align { left, right };
  struct column {
    std::string title;
    align to = align::left;
  };

  explicit text_table(std::vector<column> columns) : columns_{std::move(columns)} {}

  /// As many cells as columns.
  void add(std::vector<std::string> cells);
  /// Without blanks at the end of a line.
  void print(std::ostream& out) const;

private:
  std::vector<column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

} // namespace farshore
