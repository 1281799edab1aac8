// "The disk is believed, not the table": what the tracking database knows of a store, and what a
// look at the store means beside that.
//
// The store and the database repeat each other's id and counter. The counter is raised at each
// start, and about once a minute while there is work: first the database notes that it will be,
// then the file says so, then the database confirms. So whichever of the two is put back to an
// older copy stays behind the other. Plain values and a pure function.

#pragma once

#include "config/clock.hpp"
#include "config/store_mark.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace farshore {

/// How a store stands to what the database knows of it.
enum class store_verdict {
  /// The database knows nothing of it: whatever lies there is taken as it is.
  unknown,
  good,
  emptied,
  replaced,
  rolled_back,
  /// The store is ahead: the tracking database is an older copy.
  database_rolled_back,
  /// Nothing of ours is there, and it is another file system than before.
  away,
};

std::string_view to_string(store_verdict verdict);
/// The verdict with that name; `unknown` for any other text.
store_verdict verdict_of(std::string_view name);
/// What was seen, as the rest of a sentence that begins with "the store PATH".
std::string_view sentence(store_verdict verdict);

/// A store by its path, as the database knows it.
struct known_store {
  std::string path;
  /// What its file says; an empty id: unknown.
  store_mark mark;
  /// The file may say counter + 1 already.
  bool pending = false;
  std::uint64_t device = 0;
  /// The last time that it was not as expected: to_string of the verdict, and when; or empty.
  std::string noticed;
  std::optional<wall_time> noticed_at;

  friend bool operator==(const known_store&, const known_store&) = default;
};

/// A known store, and what its types' rows say.
struct store_standing {
  known_store known;
  /// The registry has rows of types that lie there.
  bool has_rows = false;
  /// Something was placed or removed since the counter was last raised.
  bool worked = false;
};

store_verdict judge(const known_store& known, const store_look& seen);

} // namespace farshore
