// A mirror on a secondary: what we make of a repository, and how its refs change.
//
// A mirror is a bare repository of our own making: no template, no hook, no alternates, and of its
// configuration only what git needs to read it. All its refs lie in packed-refs, so that they
// change by one rename. Any thread; a mirror is changed by one at a time. Blocks on the disk.

#pragma once

#include "config/error.hpp"
#include "strategies/repository/refs.hpp"
#include "strategies/unique_fd.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace farshore {

/// What there is at a place where a mirror should be.
enum class lying : std::uint8_t {
  nothing,
  /// An empty folder.
  room,
  /// A bare repository, or enough of one to be sure that it was.
  repository,
  /// Somebody's.
  other,
};

/// Fails with ec::disk, or with ec::bad_locator where something on the way is no folder.
result<lying> what_lies_at(int store, const std::string& locator);

struct named {
  std::string name;
  bool is_folder = false;
};

/// What lies in an open folder, which may be O_PATH. Fails with ec::disk.
result<std::vector<named>> names_in(int folder);

/// Makes an empty repository in the empty folder, with HEAD on a branch that is not there.
result<void> make_mirror(int folder, object_format format);

/// Writes refs and HEAD into a repository that nobody else knows yet.
result<void> write_first_refs(int repository, const repository_refs& refs);

/// Flushes all that lies beneath the folder, names and bytes, itself included.
result<void> flush_tree(int folder);

/// Moves the packs of `quarantine/pack` into the repository, where git sees each from the moment
/// when all of it is there. Not flushed.
result<void> move_packs(int quarantine, int repository);

/// The change of a mirror's refs to others, as git does it: prepared in lock files, which keep out
/// whoever else wants to change them, then renamed. Ends the locks when destroyed. A lock that a
/// killed process of ours has left is taken over; anybody else's is waited for by failing with
/// ec::disk.
///
/// One rename changes all refs; HEAD, where that changes too, follows by another.
class refs_change {
public:
  refs_change() = default;
  refs_change(const refs_change&) = delete;
  refs_change& operator=(const refs_change&) = delete;
  ~refs_change();

  /// Writes the locks. `repository` stays open until this object ends.
  result<void> prepare(int repository, const repository_refs& refs);
  /// Their bytes, and the packs that move_packs() brought.
  result<void> flush_prepared();
  /// All that is prepared is flushed: readers see the new refs. Loose refs, which somebody made by
  /// hand, go.
  result<void> commit();
  /// The names.
  result<void> flush_names();

private:
  result<unique_fd> lock(const char* name, const std::string& text);
  result<void> rename_lock(const char* name);

  int repository_ = -1;
  unique_fd packed_;
  unique_fd head_;
};

} // namespace farshore
