// The file operations of one store, as much as the strategies need and no more: the seam at which a
// test puts its double, that forgets what was not flushed.
//
// Bound to one root. Nothing outside it can be named: a file is addressed by its locator (decoded
// bytes that check_locator has passed) or by the name of a temporary file in
// `<root>/.farshore/tmp`. A symbolic link on the way or at the end is never followed:
// ec::bad_locator. A store that keeps links (link_policy) takes one at the end of a locator for
// what it is: it has a status, can be read, replaced and removed, and lies there instead of a file.
// Errors are named here where a caller may react: ec::not_found (nothing is there), ec::bad_locator
// (what is there is in the way), ec::no_space, else ec::disk. Calls block; any thread may make
// them, for different names at once.
//
// What a power cut leaves: of bytes, what a flush() of their file or flush_all() has covered; of
// names, what flush_names() or flush_all() has covered; a link is whole wherever its name is. The
// rest may be there, or not, or in part.
// After a failed flush nothing that it should have covered can be trusted, nor flushed once more.

#pragma once

#include "config/error.hpp"
#include "strategies/strategy.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace farshore {

enum class file_kind : std::uint8_t { regular, folder, other, link };

/// What a store makes of symbolic links at the end of a locator; those on the way are never
/// followed.
enum class link_policy : bool { refused, kept };

/// Two equal statuses of one file: nobody has changed it in between.
struct file_status {
  file_kind kind = file_kind::other;
  std::uint32_t mode = 0;
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0;
  std::int64_t ctime_ns = 0;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t links = 0;

  friend bool operator==(const file_status&, const file_status&) = default;
};

/// A symbolic link. Its text never changes: another text is another link.
struct stored_link {
  std::string target;
  file_status status;
};

/// An open file; closed when destroyed. Used by one thread at a time.
class open_file {
public:
  virtual ~open_file() = default;

  virtual result<file_status> status() = 0;
  /// Reads up to bytes.size() from `offset`; 0 at the end.
  virtual result<std::size_t> read(std::uint64_t offset, std::span<std::byte> bytes) = 0;
  /// Writes at least one byte at `offset`, perhaps fewer than given.
  virtual result<std::size_t> write(std::uint64_t offset, std::span<const std::byte> bytes) = 0;
  virtual result<void> set_attributes(const file_attributes& attributes) = 0;
  /// Bytes, size and attributes. The file's name is another matter.
  virtual result<void> flush() = 0;
  /// Takes the file for its opener alone, until it is closed. False: somebody else has it.
  virtual bool lock() = 0;
};

class store_files {
public:
  virtual ~store_files() = default;

  /// Makes the root, `.farshore/tmp` and `.farshore/identity` where they are not there yet, and
  /// checks that they can be written. Idempotent. Temporary files need it first, and so does all
  /// that changes something; a store that is only read must not be prepared.
  virtual result<void> prepare() = 0;
  /// What lies at the root's path now, whatever is held open. A `.farshore/identity` that does not
  /// say "<random id> <counter>" counts as none. Fails only where it can't be told what is there.
  virtual result<store_look> look() = 0;
  /// Durably replaces `.farshore/identity` by "<id> <counter>".
  virtual result<void> write_mark(const store_mark& mark) = 0;
  /// Of the file system that the root lies on.
  virtual result<disk_space> space() = 0;

  // -- temporary files -------------------------------------------------------------------------

  /// For reading and writing, empty, mode 0600; takes the place of one of the same name.
  virtual result<std::unique_ptr<open_file>> create_temp(const std::string& name) = 0;
  /// A symbolic link instead of a file; `target` has no NUL and is not empty.
  virtual result<void> create_temp_link(const std::string& name, const std::string& target) = 0;
  virtual result<std::unique_ptr<open_file>> open_temp(const std::string& name) = 0;
  /// One that is not there counts as removed.
  virtual result<void> remove_temp(const std::string& name) = 0;
  virtual result<std::vector<std::string>> list_temps() = 0;

  // -- files at their locators -----------------------------------------------------------------

  /// For reading. Opens whatever is there, without waiting: see status().kind.
  virtual result<std::unique_ptr<open_file>> open(const std::string& locator) = 0;
  virtual result<file_status> status(const std::string& locator) = 0;
  /// Fails with ec::bad_locator where what is there is no link, or links are not kept.
  virtual result<stored_link> read_link(const std::string& locator) = 0;
  /// Makes the folders on the way; takes the place of a regular file, a link that is kept or an
  /// empty folder, of nothing else. At any moment the locator leads to the old file or to the new
  /// one.
  virtual result<void> rename_temp(const std::string& name, const std::string& locator) = 0;
  /// Removes a regular file (or a link that is kept) and the folders that are empty without it
  /// (never the root). If there is no file (nothing, or a folder), nothing happens; nor does it
  /// where a link that is kept stands on the way, for nothing can lie behind it.
  virtual result<void> remove(const std::string& locator) = 0;

  // -- flushes ---------------------------------------------------------------------------------

  /// The names in the locator's folder (or their absence), and those that lead to it.
  virtual result<void> flush_names(const std::string& locator) = 0;
  /// All bytes and names of the store's file system.
  virtual result<void> flush_all() = 0;
};

} // namespace farshore
