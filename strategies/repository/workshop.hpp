// What the receivers of one type of repositories in one store share: the store's folder, the
// temporary folders of what is under way, which mirrors are not to be believed, and whose turn it
// is at each of them.
//
// Thread-safe. Owned by the strategy and its receivers together: a receiver may outlive the
// strategy.

#pragma once

#include "config/config.hpp"
#include "strategies/repository/mirror_turns.hpp"
#include "strategies/store_files.hpp"
#include "strategies/unique_fd.hpp"

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <set>
#include <string>

namespace farshore {

class workshop {
public:
  workshop(const replicable_type& type, std::shared_ptr<store_files> files);

  [[nodiscard]] store_files& files() { return *files_; }
  [[nodiscard]] std::uint64_t repository_bytes_max() const { return repository_bytes_max_; }
  /// The open store (O_PATH). Fails with ec::disk where it is not there (yet).
  result<int> root();

  /// Removes what a killed process has left of this type, once.
  result<void> sweep();

  // -- temporary folders in `.farshore/tmp` ----------------------------------------------------

  /// "<type>-<record>-<token>.<what>", never used before.
  [[nodiscard]] std::string temp_name(const sync_job& job, const char* what);
  [[nodiscard]] std::filesystem::path temp_path(const std::string& name) const;
  /// Makes an empty folder and opens it.
  result<unique_fd> make_temp(const std::string& name);
  /// With all that is in it. One that is not there counts as removed; what can't be removed now is
  /// left to the next start.
  void remove_temp(const std::string& name) const;
  /// Brings the temporary folder to its locator: there must be nothing, an empty folder or a
  /// repository, which then lies in the temporary place. At any moment the locator leads to the
  /// one or to the other.
  result<void> place(const std::string& name, const std::string& locator);
  /// Brings a repository to another locator, where there must be nothing or an empty folder.
  result<void> move(const std::string& from, const std::string& to);
  /// Takes the repository at the locator away, into the new temporary folder.
  result<void> take(const std::string& locator, const std::string& name);

  // -- trust -----------------------------------------------------------------------------------

  /// What the record has is not to be built upon: it lacks objects, or a flush of it failed.
  void distrust(record_id record);
  void trust(record_id record);
  [[nodiscard]] bool is_trusted(record_id record);

  // -- upkeep ----------------------------------------------------------------------------------

  [[nodiscard]] mirror_turns& turns() { return turns_; }
  /// Notes the open mirror as due for upkeep where it has too many packs.
  void look_for_upkeep(int repository, const std::string& locator);

private:
  result<unique_fd> temps();

  const std::string type_;
  const std::filesystem::path path_;
  const std::uint64_t repository_bytes_max_;
  const std::shared_ptr<store_files> files_;
  std::atomic<std::uint64_t> names_{0};
  mirror_turns turns_;

  std::mutex mutex_;
  unique_fd root_;
  bool swept_ = false;
  std::set<record_id> distrusted_;
};

} // namespace farshore
