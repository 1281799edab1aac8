// FOLDER SCANNER: keeps a scanned type's table like its folder, by looking through all of it from
// time to time, and at what changes as soon as the system tells.
//
//   whole scan ──► walk and table side by side, page by page ──► differences ─┐
//   watch ──► paths ──► looked up and looked at, folders walked ──────────────┴─► primary registry
//
// Blocks on the disk in short steps: spawn it detached. It never writes: differences go to the
// registry, one message under way. What the watch tells goes before the whole scan; what it told
// during one is looked at once more behind it, since the scan may have seen it older. Whether what
// is gone may be removed: removal_guard.hpp.

#pragma once

#include "actors/interfaces.hpp"
#include "actors/removal_guard.hpp"
#include "actors/scan_merge.hpp"
#include "config/clock.hpp"
#include "strategies/folder/folder_view.hpp"
#include "strategies/folder/folder_watch.hpp"

#include <deque>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <caf/typed_event_based_actor.hpp>

namespace farshore {

struct folder_scanner_parts {
  std::string type;
  std::filesystem::path folder;
  /// Between two whole scans.
  std::chrono::milliseconds period{0};
  scan_tables_actor tables;
  /// What in it is a record.
  std::shared_ptr<const folder_view> view = std::make_shared<file_view>();
  folder_watch_factory open_watch = watch_folder;
  const time_source* time = &system_time();
};

class folder_scanner_state {
public:
  using pointer = folder_scanner_actor::stateful_pointer<folder_scanner_state>;
  static constexpr const char* name = "folder_scanner";

  explicit folder_scanner_state(pointer owner) : self{owner} {}

  void start(folder_scanner_parts with);
  void tick();
  void step();
  void recheck();
  /// Somebody says that something has changed at this path.
  void hear(std::string path);
  result<std::size_t> approve();

private:
  /// One comparison under way: of the whole folder, or of what lies beneath one in it.
  struct pass {
    pass(std::string prefix, scan_merge::source walk, bool exact_times);

    std::string prefix;
    std::string until;
    /// The last row that was read.
    std::string at;
    scan_merge merge;
    scan_findings found;
    /// The merge is through; what is left is to remove what is gone, from `removed` on.
    bool compared = false;
    std::size_t removed = 0;
    std::size_t gone = 0;
    std::size_t created = 0;
    steady_time began{};
    [[nodiscard]] bool whole() const { return prefix.empty(); }
  };

  void begin_scan();
  void begin_pass(std::optional<pass>& into, const std::string& prefix);
  void open_watch();
  void watch(const std::string& path, int fd);
  void listen();
  /// For the view; none where nothing is watched.
  folder_walk::before_listing watcher();

  void look();
  void look_at_places(const std::vector<std::string>& paths,
                      const std::vector<scanned_place>& places);
  void advance(pass& now);
  void read_rows(pass& now);
  void decide(pass& now);
  void remove_gone(pass& now);
  void finish(pass& now);

  /// Decides whether what a look or a part of the folder lacks may be removed; drops it if not.
  void judge(scan_differences& differences);
  void take_notes(scan_findings& found, bool whole);
  void forget_unsupported(const std::string& path);
  void send(scan_differences differences);
  void report();
  /// Asks the registry, and goes on with `then` (which may ask again) or, at last, with a step.
  template <class Answer, class Question, class Then>
  void ask(Question question, Then then);

  pointer self;
  folder_scanner_parts parts_;
  std::shared_ptr<const opened_folder> root_;
  /// Its times come from this machine's clock.
  bool exact_times_ = false;

  std::unique_ptr<folder_watch> watch_;
  bool watch_tried_ = false;

  /// A question to the registry is under way.
  bool busy_ = false;
  steady_time next_scan_{};
  std::optional<pass> scan_;
  /// Paths told of since the last tick; to be looked at; looked at during the present scan.
  std::set<std::string> heard_;
  std::set<std::string> looking_;
  std::set<std::string> after_scan_;
  /// Folders of which all is to be looked at, and the one that is.
  std::set<std::string> deep_;
  std::optional<pass> part_;
  /// Files that were young when they were looked at, and when they are not any more.
  std::deque<std::pair<steady_time, std::string>> young_;

  removal_guard guard_;
  /// Rows of the table, once a whole scan has counted them.
  std::optional<std::size_t> rows_;
  std::vector<unsupported_file> unsupported_;
  scan_report report_;
};

folder_scanner_actor::behavior_type
folder_scanner(folder_scanner_actor::stateful_pointer<folder_scanner_state> self,
               folder_scanner_parts parts);

} // namespace farshore
