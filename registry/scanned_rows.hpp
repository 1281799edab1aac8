// What is known of the files of scanned types: plain structs, no database types.

#pragma once

#include "config/config.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace farshore {

/// Numbers are stored.
enum class scanned_kind : std::uint8_t { regular = 1, link = 2, repository = 3 };

struct scanned_file {
  /// Decoded.
  std::string path;
  scanned_kind kind = scanned_kind::regular;
  /// Of a repository these four are its refs' checksum, and the mode is 0.
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0;
  std::int64_t ctime_ns = 0;
  std::uint64_t inode = 0;
  std::uint32_t mode = 0;
  /// False: looked at so soon after a change that another one could leave all of this as it is. A
  /// later look says so with an event of its own.
  bool settled = true;

  friend bool operator==(const scanned_file&, const scanned_file&) = default;
};

struct scanned_row {
  std::int64_t id = 0;
  scanned_file file;
};

/// Rows in the order of their paths' bytes.
struct scanned_page {
  std::vector<scanned_row> rows;
  bool last = false;
};

/// What the table says of one path.
struct scanned_place {
  /// id 0: no row has this path.
  scanned_row row;
  /// There are rows with paths beneath it.
  bool has_beneath = false;
};

/// What is to be changed, to make the table like the folder.
struct scan_differences {
  std::vector<scanned_file> created;
  std::vector<scanned_row> changed;
  std::vector<std::int64_t> gone;

  [[nodiscard]] std::size_t size() const { return created.size() + changed.size() + gone.size(); }
};

/// Above every path.
std::string path_after_all();

/// "farshore.scanned_<type>".
std::string scanned_table(const std::string& type);
/// The declaration that a scanned type has: its own table.
model_declaration scanned_model(const replicable_type& type);

} // namespace farshore
