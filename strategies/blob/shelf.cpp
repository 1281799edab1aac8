#include "strategies/blob/shelf.hpp"

#include <charconv>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace farshore {

namespace {

constexpr std::size_t distrusted_max = 10'000;
constexpr std::string_view resumable_suffix = ".part";

} // namespace

error about(const sync_job& job, error why) {
  why.message = fmt::format("{} at \"{}\": {}", to_string(job.id), job.locator, why.message);
  return why;
}

shelf::shelf(const replicable_type& type, std::shared_ptr<store_files> files)
    : type_{type.name},
      file_mode_{type.file_mode},
      keeps_links_{type.scanned()},
      files_{std::move(files)} {}

file_attributes shelf::adjust(file_attributes attributes) const {
  if (file_mode_ != 0)
    attributes.mode = file_mode_;
  // Without the owner's read bit the node itself could never verify or adopt the file.
  attributes.mode = (attributes.mode & 0777) | 0400;
  return attributes;
}

std::string shelf::temp_name(const sync_job& job, bool resumable) const {
  // The token makes it unique: a late worker never writes into the file of its successor.
  return fmt::format("{}-{}-{}{}", type_, job.id.record, job.token,
                     resumable ? resumable_suffix : ".new");
}

/// Of "<type>-<record>-<token>.…" of this type.
std::optional<record_id> shelf::record_of(const std::string& name) const {
  std::string_view rest = name;
  if (!rest.starts_with(type_ + "-"))
    return std::nullopt;
  rest.remove_prefix(type_.size() + 1);
  record_id record = 0;
  const auto [end, why] = std::from_chars(rest.data(), rest.data() + rest.size(), record);
  if (why != std::errc{})
    return std::nullopt;
  return record;
}

result<void> shelf::sweep() {
  const std::lock_guard lock{mutex_};
  // Not a second time: by then our own workers have temporary files.
  if (swept_)
    return {};
  const auto own = files_->status(".farshore/tmp");
  if (!own)
    return fail(own.error());
  device_ = own->device;
  auto names = files_->list_temps();
  if (!names)
    return fail(std::move(names).error());
  for (const auto& name : *names) {
    // Types may share a store: others' files are theirs to sweep.
    const auto record = record_of(name);
    if (!record)
      continue;
    if (name.ends_with(resumable_suffix) && leftovers_.emplace(*record, name).second)
      continue;
    if (auto removed = files_->remove_temp(name); !removed)
      return removed;
  }
  swept_ = true;
  return {};
}

std::optional<std::string> shelf::take(record_id record) {
  const std::lock_guard lock{mutex_};
  const auto found = leftovers_.extract(record);
  if (found.empty())
    return std::nullopt;
  return found.mapped();
}

void shelf::put_back(record_id record, const std::string& name, std::uint64_t failures_before) {
  const std::lock_guard lock{mutex_};
  if (failures_before != failed_flushes_) {
    (void)files_->remove_temp(name); // the next start sweeps what stays now
    return;
  }
  auto& kept = leftovers_[record];
  if (!kept.empty() && kept != name)
    (void)files_->remove_temp(kept); // a leftover of a leftover: the next start finds it
  kept = name;
}

void shelf::drop(record_id record) {
  if (auto name = take(record))
    (void)files_->remove_temp(*name);
}

void shelf::flush_failed() {
  const std::lock_guard lock{mutex_};
  ++failed_flushes_;
  for (const auto& [record, name] : leftovers_)
    (void)files_->remove_temp(name);
  leftovers_.clear();
}

void shelf::distrust(const std::string& locator) {
  const std::lock_guard lock{mutex_};
  distrusted_.insert(locator);
  if (distrusted_.size() <= distrusted_max)
    return;
  distrust_all_ = true;
  distrusted_.clear();
}

void shelf::trust(const std::string& locator) {
  const std::lock_guard lock{mutex_};
  if (!distrusted_.empty())
    distrusted_.erase(locator);
}

bool shelf::is_trusted(const std::string& locator, const file_status& there) {
  const std::lock_guard lock{mutex_};
  // A file system mounted within the store is not covered by our flushes.
  return there.device == device_ && !distrust_all_ &&
         (distrusted_.empty() || !distrusted_.contains(locator));
}

} // namespace farshore
