// What the refs of a bare repository say, read without git: many repositories are digested each
// minute, and each must cost a few file reads and no process.
//
// Reads as git does: HEAD, then loose refs, then packed-refs, so that a `git pack-refs` meanwhile
// loses none. Follows no symbolic link (but a link whose text is a ref's name is a symbolic ref, as
// for git). Any thread; blocks on the disk. The refs are no snapshot: a push meanwhile may be seen
// in part, and the next reading sees all of it.

#pragma once

#include "config/error.hpp"
#include "config/ids.hpp"
#include "strategies/beneath.hpp"
#include "strategies/unique_fd.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace farshore {

/// The hash that names a repository's objects.
enum class object_format : std::uint8_t { sha1, sha256 };
/// As git's configuration says it: "sha1", "sha256".
std::string_view to_string(object_format format);
/// False unless `text` is one of those.
bool parse(std::string_view text, object_format& out);
/// Hex digits of an object's name: 40 or 64.
std::size_t oid_digits(object_format format);
/// Whether `text` is the lower-case hex name of an object in this format, and not that of none.
bool is_oid(std::string_view text, object_format format);

/// Whether git check-ref-format would take `name`, and it lies beneath refs/.
bool is_ref_name(std::string_view name);

struct ref {
  /// "refs/heads/main".
  std::string name;
  /// Of what it points to in the end: a symbolic ref is followed. Tags are not peeled.
  std::string oid;

  friend bool operator==(const ref&, const ref&) = default;
};

struct repository_refs {
  object_format format = object_format::sha1;
  /// "ref: refs/heads/main", whether that exists or not, or an object's name.
  std::string head;
  /// All beneath refs/, sorted by name, each once. A symbolic ref that leads nowhere is not among
  /// them.
  std::vector<ref> refs;

  /// What HEAD leads to; none on a branch that is yet to be born.
  [[nodiscard]] std::optional<std::string> head_oid() const;

  friend bool operator==(const repository_refs&, const repository_refs&) = default;
};

/// Opens the folder (O_PATH) of the bare repository at the checked locator beneath `store`. Fails
/// with ec::missing_on_primary (nothing is there), ec::bad_locator (what is there is no bare
/// repository: a file, a link, a checkout, a worktree's folder, a folder of other things) or
/// ec::unreadable_on_primary.
result<unique_fd> open_repository(int store, const std::string& locator,
                                  path_walk how = path_walk::by_kernel);

/// The refs of the repository whose folder is open. Fails with ec::unreadable_on_primary, naming
/// the ref or the file that git would not take (a broken ref, a name that git check-ref-format
/// refuses, a ref format that is not "files"), and with ec::bad_locator where a symbolic link leads
/// elsewhere.
result<repository_refs> read_refs(int repository);

/// What two repositories have in common exactly when their object format, HEAD and refs are equal.
///
/// The first 20 bytes are Gitaly's CalculateChecksum: the XOR of the SHA-1 of each line "<oid>
/// <name>" that `git show-ref --head` prints, HEAD included when it leads to an object; zeros when
/// there is no line. All refs beneath refs/ count, for all of them are mirrored (Gitaly itself
/// leaves out those outside heads, tags, keep-around, merge-requests, environments and notes). The
/// other 12 are the first of the SHA-256 of the object format, HEAD's text and all refs: XOR alone
/// would not see which branch HEAD names, and can be forged.
checksum refs_checksum(const repository_refs& refs);

} // namespace farshore
