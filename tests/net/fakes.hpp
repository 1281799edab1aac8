// Stand-ins for what lies behind net/: a primary's database and store, and a secondary's receivers.
// All in memory and thread-safe, since the code under test calls them from its own threads.

#pragma once

#include "registry/primary_reader.hpp"
#include "strategies/sha256.hpp"
#include "strategies/strategy.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace farshore::test {

using bytes = std::vector<std::byte>;

inline bytes to_bytes(std::string_view text) {
  const auto view = std::as_bytes(std::span{text});
  return {view.begin(), view.end()};
}

inline std::string to_text(std::span<const std::byte> content) {
  return {reinterpret_cast<const char*>(content.data()), content.size()};
}

inline checksum sum_of(std::span<const std::byte> content) {
  sha256 hash;
  hash.update(content);
  return hash.value();
}

/// What a callback brings; waiting for it fails the test rather than hang it.
template <class T>
class answer {
public:
  /// To be passed where a callback is wanted.
  std::function<void(result<T>)> taker() {
    return [state = state_](result<T> value) {
      if (state->taken.exchange(true))
        throw std::logic_error{"a callback was called twice"};
      state->promise.set_value(std::move(value));
    };
  }
  [[nodiscard]] bool arrived() const { return state_->taken; }
  result<T> get() {
    auto future = state_->promise.get_future();
    if (future.wait_for(std::chrono::seconds{20}) != std::future_status::ready)
      throw std::runtime_error{"no answer"};
    return future.get();
  }

private:
  struct shared {
    std::promise<result<T>> promise;
    std::atomic<bool> taken{false};
  };
  std::shared_ptr<shared> state_ = std::make_shared<shared>();
};

/// A gate that holds whoever comes until it is opened.
class gate {
public:
  void pass() {
    reached_.store(true);
    reached_.notify_all();
    open_.wait(false);
  }
  void open() {
    open_.store(true);
    open_.notify_all();
  }
  void wait_until_reached() { reached_.wait(false); }

private:
  std::atomic<bool> reached_{false};
  std::atomic<bool> open_{false};
};

// -- the primary's store
// ---------------------------------------------------------------------------

struct memory_file {
  bytes content;
  file_attributes attributes{0640, 1'700'000'000'123'456'789};
  /// It changes after this many bytes were read.
  std::optional<std::uint64_t> changes_at = {};
  /// It is cut to this size after it was opened.
  std::optional<std::uint64_t> shrinks_to = {};
  /// Reading fails from here on.
  std::optional<std::uint64_t> unreadable_at = {};
  std::shared_ptr<gate> hold = {};
  /// Set: it is no file, but made while it is read, of a size that is not known; an offer with this
  /// checksum has all of it already.
  std::optional<checksum> made_of = {};
  /// Looks for its bytes until which they are not there yet.
  int not_ready = 0;
  /// What the last offer said that it has, kept here.
  std::shared_ptr<std::vector<std::string>> told = {};
};

class memory_reader final : public resource_reader {
public:
  explicit memory_reader(memory_file file) : file_{std::move(file)} {}

  [[nodiscard]] std::uint64_t size() const override {
    return file_.made_of ? size_unknown : file_.content.size();
  }
  std::optional<bool> matches(const content_offer& offer) override {
    if (file_.told)
      *file_.told = offer.have;
    return file_.made_of ? std::optional{offer.sum == *file_.made_of} : std::nullopt;
  }
  result<bool> is_ready() override { return file_.not_ready-- <= 0; }
  [[nodiscard]] file_attributes attributes() const override { return file_.attributes; }
  result<std::size_t> read(std::uint64_t offset, std::span<std::byte> into) override {
    if (file_.hold)
      file_.hold->pass();
    if (file_.unreadable_at && offset + into.size() > *file_.unreadable_at)
      return fail(ec::unreadable_on_primary, "input/output error");
    const auto end = file_.shrinks_to.value_or(file_.content.size());
    const auto count = offset >= end ? 0 : std::min<std::uint64_t>(into.size(), end - offset);
    if (count > 0)
      std::memcpy(into.data(), file_.content.data() + offset, count);
    changed_ = changed_ || (file_.changes_at && offset + count > *file_.changes_at);
    return count;
  }
  [[nodiscard]] bool unchanged() override { return !changed_; }

private:
  memory_file file_;
  bool changed_ = false;
};

/// By encoded locator.
class memory_store final : public strategy {
public:
  void put(const std::string& locator, memory_file file) {
    const std::scoped_lock lock{mutex_};
    files_[locator] = std::move(file);
  }
  void break_open(const std::string& locator, ec code) {
    const std::scoped_lock lock{mutex_};
    broken_[locator] = code;
  }
  [[nodiscard]] std::vector<std::string> opened() const {
    const std::scoped_lock lock{mutex_};
    return opened_;
  }

  result<std::unique_ptr<resource_reader>> open(std::string_view locator) override {
    const std::scoped_lock lock{mutex_};
    const std::string key{locator};
    opened_.push_back(key);
    if (const auto broken = broken_.find(key); broken != broken_.end())
      return fail(broken->second, "can't be opened");
    const auto found = files_.find(key);
    if (found == files_.end())
      return fail(ec::missing_on_primary, "no such file");
    return std::make_unique<memory_reader>(found->second);
  }

  result<store_look> look() override { return store_look{}; }
  result<void> prepare() override { return {}; }
  result<void> write_mark(const store_mark&) override { return {}; }
  result<std::shared_ptr<receiver>> receive(std::shared_ptr<sync_job>) override {
    return fail(ec::internal, "a primary's store");
  }
  result<disk_space> space() override { return fail(ec::internal, "a primary's store"); }
  void place(std::span<placement>) override {}
  void remove(std::span<removal>) override {}
  result<content_offer> checksum_of(std::string_view, const std::atomic<bool>*) override {
    return fail(ec::internal, "not asked here");
  }

private:
  mutable std::mutex mutex_;
  std::map<std::string, memory_file> files_;
  std::map<std::string, ec> broken_;
  std::vector<std::string> opened_;
};

// -- the primary's database
// ------------------------------------------------------------------------

/// What the fake readers read. Under the mutex.
struct fake_database {
  std::mutex mutex;
  std::vector<served_event> log;
  std::map<record_id, resolved_record> rows;
  std::vector<type_status> types{{"widget", 1, ""}};
  std::uint64_t xmin = 100;
  std::uint64_t xmax = 100;
  event_position folded;
  std::optional<horizon_blocker> blocker;
  /// Taken by the next queries, one each, in order.
  std::vector<error> failures;
  /// Events are there, but can't be served yet.
  bool held_back = false;
  int opened = 0;
  int event_queries = 0;
  std::vector<std::string> declared;

  /// A record whose resource lies at `locator`.
  void add_row(record_id record, const std::string& locator,
               std::optional<checksum> sum = std::nullopt) {
    const std::scoped_lock lock{mutex};
    rows[record] = {record, true, locator, sum};
  }
  void add_event(record_id record) {
    const std::scoped_lock lock{mutex};
    served_event event;
    event.id = static_cast<revision>(log.size()) + 1;
    event.type = "widget";
    event.record = record;
    event.key = std::to_string(record);
    log.push_back(event);
  }
};

class fake_reader final : public primary_reader {
public:
  explicit fake_reader(std::shared_ptr<fake_database> database) : data_{std::move(database)} {}

  void declare(std::span<const replicable_type> types) override {
    const std::scoped_lock lock{data_->mutex};
    data_->declared.clear();
    for (const auto& type : types)
      data_->declared.push_back(type.name);
  }
  result<events_page> events(const event_position& after, std::size_t limit,
                             const site_scope& scope) override {
    const std::scoped_lock lock{data_->mutex};
    ++data_->event_queries;
    if (auto failed = failure())
      return fail(*failed);
    if (after.token == 666)
      return fail(ec::position_unknown, "the log has no such place");
    if (after.token == 777)
      return fail(ec::log_trimmed, "the log does not reach back so far");
    events_page page;
    page.scope = digest_of(scope);
    page.upto = after;
    page.identity = "a primary";
    page.types = data_->types;
    for (const auto& event : data_->log)
      if (event.id > after.id && page.events.size() < limit && !data_->held_back)
        page.events.push_back(event);
    if (!page.events.empty())
      page.upto = place_of(page.events.back());
    page.more = data_->held_back || (!data_->log.empty() && page.upto.id < data_->log.back().id);
    page.covered_xid = page.more ? page.upto.xid : data_->xmin;
    return page;
  }
  result<catalogue_page> catalogue(const std::string& type, record_id after, std::size_t limit,
                                   const site_scope& scope) override {
    const std::scoped_lock lock{data_->mutex};
    if (auto failed = failure())
      return fail(*failed);
    if (type != "widget")
      return fail(ec::not_found, "no such type");
    catalogue_page page{type, 1, after, {}, after, true, digest_of(scope)};
    for (const auto& [record, row] : data_->rows)
      if (record > after && in_scope(scope, record)) {
        if (page.rows.size() == limit) {
          page.last = false;
          break;
        }
        page.rows.push_back({record, std::to_string(record), row.locator, {}, 0, row.sum});
        page.next_after = record;
      }
    return page;
  }
  result<records_page> look_up(const std::string& type, std::span<const record_id> records,
                               const site_scope& scope) override {
    const std::scoped_lock lock{data_->mutex};
    if (auto failed = failure())
      return fail(*failed);
    if (type != "widget")
      return fail(ec::not_found, "no such type");
    records_page page{type, 1, {}, {}, {}, digest_of(scope)};
    for (const auto record : records)
      if (const auto row = data_->rows.find(record); row == data_->rows.end())
        continue;
      else if (!in_scope(scope, record))
        page.outside.push_back(record);
      else
        page.rows.push_back(
            {record, std::to_string(record), row->second.locator, {}, 0, row->second.sum});
    return page;
  }
  result<std::vector<resolved_record>> resolve(const std::string&,
                                               std::span<const record_id> records,
                                               const site_scope& scope) override {
    const std::scoped_lock lock{data_->mutex};
    if (auto failed = failure())
      return fail(*failed);
    std::vector<resolved_record> rows;
    for (const auto record : records) {
      const auto found = data_->rows.find(record);
      rows.push_back(found == data_->rows.end() || !in_scope(scope, record)
                         ? resolved_record{record, false, {}, {}}
                         : found->second);
    }
    return rows;
  }
  result<std::optional<std::string>> key_at(const std::string&,
                                            const std::string& locator) override {
    const std::scoped_lock lock{data_->mutex};
    if (auto failed = failure())
      return fail(*failed);
    for (const auto& [record, row] : data_->rows)
      if (row.present && row.locator == locator)
        return std::optional{std::to_string(record)};
    return std::optional<std::string>{};
  }
  result<event_position> folded_place() override {
    const std::scoped_lock lock{data_->mutex};
    if (auto failed = failure())
      return fail(*failed);
    return data_->folded;
  }
  result<event_position> newest_place() override {
    const std::scoped_lock lock{data_->mutex};
    if (auto failed = failure())
      return fail(*failed);
    return data_->log.empty() ? event_position{} : place_of(data_->log.back());
  }
  result<snapshot_bounds> bounds() override {
    const std::scoped_lock lock{data_->mutex};
    return snapshot_bounds{data_->xmin, data_->xmax};
  }
  result<std::string> identity() override { return "a primary"; }
  result<std::optional<horizon_blocker>> blocker(std::chrono::seconds) override {
    const std::scoped_lock lock{data_->mutex};
    return data_->blocker;
  }

private:
  /// The column that types select by is the record's number.
  static bool in_scope(const site_scope& scope, record_id record) {
    const auto wanted = scope.columns.find("project_id");
    return wanted == scope.columns.end() ||
           std::ranges::find(wanted->second, std::to_string(record)) != wanted->second.end();
  }
  static event_position place_of(const served_event& event) {
    return {static_cast<std::uint64_t>(event.id) + 10, event.id, 7};
  }
  std::optional<error> failure() {
    if (data_->failures.empty())
      return std::nullopt;
    auto next = data_->failures.front();
    data_->failures.erase(data_->failures.begin());
    return next;
  }

  std::shared_ptr<fake_database> data_;
};

// -- the secondary's receivers
// ---------------------------------------------------------------------

/// Takes a blob into memory, and checks the order of calls.
class memory_receiver final : public receiver {
public:
  explicit memory_receiver(std::shared_ptr<sync_job> job, std::optional<bytes> had = std::nullopt)
      : job_{std::move(job)}, had_{std::move(had)} {}

  std::optional<content_offer> offer() override {
    if (hold_offer)
      hold_offer->pass();
    demand(stage_ == stage::fresh, "offer");
    stage_ = stage::offered;
    if (!had_)
      return std::nullopt;
    return content_offer{had_->size(), sum_of(*had_)};
  }
  result<void> matched(const file_attributes& attributes) override {
    demand(stage_ == stage::offered && had_, "matched");
    stage_ = stage::finished;
    content = *had_;
    carries = attributes;
    return {};
  }
  result<void> begin(std::uint64_t offset, std::uint64_t total,
                     const file_attributes& attributes) override {
    demand(stage_ == stage::offered, "begin");
    stage_ = stage::receiving;
    begun_at = offset;
    size = total;
    carries = attributes;
    if (offset > 0)
      content.assign(had_->begin(), had_->begin() + static_cast<std::ptrdiff_t>(offset));
    if (fails_in == failing::begin)
      return fail(ec::disk, "no space left on device");
    return {};
  }
  result<void> write(std::span<const std::byte> part) override {
    demand(stage_ == stage::receiving, "write");
    if (hold_write)
      hold_write->pass();
    if (fails_in == failing::write)
      return fail(ec::disk, "no space left on device");
    content.insert(content.end(), part.begin(), part.end());
    job_->progress += part.size();
    return {};
  }
  result<void> finish() override {
    demand(stage_ == stage::receiving && content.size() == size, "finish");
    stage_ = stage::finished;
    if (fails_in == failing::finish)
      return fail(ec::checksum_mismatch, "other bytes than announced");
    return {};
  }

  enum class failing { never, begin, write, finish } fails_in = failing::never;
  std::shared_ptr<gate> hold_offer;
  std::shared_ptr<gate> hold_write;

  bytes content;
  std::uint64_t begun_at = UINT64_MAX;
  std::uint64_t size = 0;
  file_attributes carries;
  /// Empty, or the call that came out of order.
  std::string misuse;

private:
  enum class stage { fresh, offered, receiving, finished };
  void demand(bool good, const char* call) {
    if (!good && misuse.empty())
      misuse = call;
  }

  std::shared_ptr<sync_job> job_;
  std::optional<bytes> had_;
  stage stage_ = stage::fresh;
};

inline std::shared_ptr<sync_job> job_for(record_id record, std::string locator,
                                         std::optional<std::uint64_t> size = std::nullopt,
                                         std::string type = "widget") {
  auto job = std::make_shared<sync_job>();
  job->token = record;
  job->id = {std::move(type), record};
  job->locator = std::move(locator);
  job->size = size;
  job->held = std::make_shared<lease>(steady_time::max());
  return job;
}

} // namespace farshore::test
