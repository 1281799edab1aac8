// What the receivers of one type in one store share: its file operations, what broken-off transfers
// have left, and which content is not to be believed.
//
// Thread-safe. Owned by the strategy and its receivers together: a receiver may outlive the
// strategy.

#pragma once

#include "config/config.hpp"
#include "strategies/store_files.hpp"

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>

namespace farshore {

/// Puts the record and its locator before the message.
error about(const sync_job& job, error why);

class shelf {
public:
  shelf(const replicable_type& type, std::shared_ptr<store_files> files);

  [[nodiscard]] store_files& files() { return *files_; }
  [[nodiscard]] file_attributes adjust(file_attributes attributes) const;
  /// The type is a scanned one: symbolic links are content.
  [[nodiscard]] bool keeps_links() const { return keeps_links_; }

  /// Looks through the temporary files, once: broken-off transfers of this type are kept, other
  /// leftovers of it are removed.
  result<void> sweep();

  // -- broken-off transfers: a file on the shelf is nobody's, one that was taken is its taker's ---

  [[nodiscard]] std::string temp_name(const sync_job& job, bool resumable) const;
  std::optional<std::string> take(record_id record);
  /// `failures_before`: failed_flushes() before its first byte was written.
  void put_back(record_id record, const std::string& name, std::uint64_t failures_before);
  /// Removes what is left of a record that needs it no more.
  void drop(record_id record);

  // -- trust: what a failed flush should have covered is in the page cache, and perhaps only there
  // --

  /// Counts flushes of the whole file system that failed. Bytes written before one are worthless.
  [[nodiscard]] std::uint64_t failed_flushes() const { return failed_flushes_; }
  void flush_failed();
  void distrust(const std::string& locator);
  /// New content came to lie at the locator, durably.
  void trust(const std::string& locator);
  /// Whether what lies at the locator may be taken for what it seems to be.
  [[nodiscard]] bool is_trusted(const std::string& locator, const file_status& there);

private:
  [[nodiscard]] std::optional<record_id> record_of(const std::string& name) const;

  const std::string type_;
  const std::uint32_t file_mode_;
  const bool keeps_links_;
  const std::shared_ptr<store_files> files_;
  std::atomic<std::uint64_t> failed_flushes_{0};

  std::mutex mutex_;
  bool swept_ = false;
  std::uint64_t device_ = 0;
  std::map<record_id, std::string> leftovers_;
  std::set<std::string> distrusted_;
  bool distrust_all_ = false;
};

} // namespace farshore
