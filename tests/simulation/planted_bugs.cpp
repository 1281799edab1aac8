#include "tests/simulation/planted_bugs.hpp"

#include "config/locator.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace farshore::simulation {

namespace {

/// A store that does what another does; each bug overrides one thing.
class passing_store : public registry_store {
public:
  explicit passing_store(std::shared_ptr<registry_store> inner) : inner_{std::move(inner)} {}

  result<void> begin() override { return inner_->begin(); }
  result<void> commit() override { return inner_->commit(); }
  result<void> declare_types(std::span<const store_type> types) override {
    return inner_->declare_types(types);
  }
  result<cursor_state> cursor() override { return inner_->cursor(); }
  result<std::vector<backfill_state>> backfills() override { return inner_->backfills(); }
  result<epoch_number> start_epoch(const std::string& identity,
                                   const event_position& place) override {
    return inner_->start_epoch(identity, place);
  }
  result<applied> apply_events(const events_page& page) override {
    return inner_->apply_events(page);
  }
  result<applied> apply_catalogue(const catalogue_page& page) override {
    return inner_->apply_catalogue(page);
  }
  result<void> skip_to(const event_position& place) override { return inner_->skip_to(place); }
  result<void> set_scope(const scope_digest& scope) override { return inner_->set_scope(scope); }
  result<std::vector<record_id>> suspects(const std::string& type, std::size_t limit) override {
    return inner_->suspects(type, limit);
  }
  result<applied> apply_records(const records_page& page) override {
    return inner_->apply_records(page);
  }
  result<held_digests> digests(const held_request& asked) override {
    return inner_->digests(asked);
  }
  result<std::vector<registry_row>> rows_in(const std::string& type,
                                            std::span<const record_range> ranges,
                                            std::size_t limit) override {
    return inner_->rows_in(type, ranges, limit);
  }
  result<std::vector<bool>> named(const std::string& store,
                                  std::span<const std::string> locators) override {
    return inner_->named(store, locators);
  }
  result<applied> apply_compared(const compared_ranges& compared) override {
    return inner_->apply_compared(compared);
  }
  result<std::size_t> approve(const std::string& type) override { return inner_->approve(type); }
  result<claimed> claim_due(const std::string& type, std::size_t limit,
                            claim_scope scope) override {
    return inner_->claim_due(type, limit, scope);
  }
  result<std::vector<bool>> finish(std::span<const outcome> outcomes) override {
    return inner_->finish(outcomes);
  }
  result<std::vector<claim_token>> renew(std::span<const claim_token> tokens) override {
    return inner_->renew(tokens);
  }
  result<std::size_t> resync(const std::string& type, const record_selection& which) override {
    return inner_->resync(type, which);
  }
  result<bool> continue_resync(std::size_t rows) override { return inner_->continue_resync(rows); }
  result<void> end_resync(const std::string& type) override { return inner_->end_resync(type); }
  result<void> end_reverify(const std::string& type) override { return inner_->end_reverify(type); }
  result<verification_round> claim_verifications(const verification_request& what) override {
    return inner_->claim_verifications(what);
  }
  result<std::size_t> finish_verifications(std::span<const verification_outcome> found) override {
    return inner_->finish_verifications(found);
  }
  result<std::size_t> reverify(const std::string& type, const record_selection& which) override {
    return inner_->reverify(type, which);
  }
  result<orders_of_all> orders() override { return inner_->orders(); }
  result<void> set_paused(const std::string& type, bool paused) override {
    return inner_->set_paused(type, paused);
  }
  result<std::vector<std::string>> paused_types() override { return inner_->paused_types(); }
  result<void> note_horizon(std::uint64_t covered_xid, std::optional<wall_time> horizon) override {
    return inner_->note_horizon(covered_xid, horizon);
  }
  result<registry_counts> counts(const std::string& type) override { return inner_->counts(type); }
  result<std::vector<recovery_point>> recovery_points() override {
    return inner_->recovery_points();
  }

  result<store_standing> standing_of(const std::string& store) override {
    return inner_->standing_of(store);
  }
  result<void> note_store(const known_store& store) override { return inner_->note_store(store); }
  result<void> distrust_store(const std::string& store, store_verdict why) override {
    return inner_->distrust_store(store, why);
  }

protected:
  std::shared_ptr<registry_store> inner_;
};

/// Once a type was walked through, no check looks at it again: checks would repair the very damage
/// by which a bug is found.
class unchecked final : public passing_store {
public:
  using passing_store::passing_store;

  result<applied> apply_catalogue(const catalogue_page& page) override {
    auto walks = inner_->backfills();
    if (!walks)
      return fail(std::move(walks).error());
    for (const auto& walk : *walks)
      if (walk.type == page.type && walk.generation == page.generation && walk.complete)
        return applied{{}, 0, walk};
    return inner_->apply_catalogue(page);
  }
  result<applied> apply_compared(const compared_ranges& compared) override {
    auto walks = inner_->backfills();
    if (!walks)
      return fail(std::move(walks).error());
    const auto walk = std::ranges::find(*walks, compared.type, &backfill_state::type);
    return applied{{}, 0, walk == walks->end() ? std::nullopt : std::optional{*walk}};
  }
};

class cursor_before_changes final : public passing_store {
public:
  using passing_store::passing_store;

  result<void> begin() override {
    auto begun = inner_->begin();
    if (begun && late_) {
      auto page = *std::exchange(late_, std::nullopt);
      if (auto done = inner_->apply_events(page); !done)
        return fail(std::move(done).error());
    }
    return begun;
  }
  result<applied> apply_events(const events_page& page) override {
    auto place_only = page;
    place_only.events.clear();
    late_ = page; // applied with the next batch, if we live to see it
    auto done = inner_->apply_events(place_only);
    for (const auto& one : page.events)
      if (done && std::ranges::find(done->due_types, one.type) == done->due_types.end())
        done->due_types.push_back(one.type);
    return done;
  }

private:
  std::optional<events_page> late_;
};

class old_claim_accepted final : public passing_store {
public:
  using passing_store::passing_store;

  result<applied> apply_events(const events_page& page) override {
    for (const auto& one : page.events) {
      auto& newest = newest_[{one.type, one.record}];
      newest = std::max(newest, one.id);
    }
    return inner_->apply_events(page);
  }
  result<std::vector<bool>> finish(std::span<const outcome> outcomes) override {
    std::vector<outcome> raised{outcomes.begin(), outcomes.end()};
    for (auto& one : raised)
      one.reached = std::max(one.reached, newest_[one.id]);
    return inner_->finish(raised);
  }

private:
  std::map<replicable_id, revision> newest_;
};

class delete_overtakes_download final : public passing_store {
public:
  delete_overtakes_download(std::shared_ptr<registry_store> inner,
                            std::shared_ptr<test::fake_volume> volume)
      : passing_store{std::move(inner)}, volume_{std::move(volume)} {}

  result<claimed> claim_due(const std::string& type, std::size_t limit,
                            claim_scope scope) override {
    auto got = inner_->claim_due(type, limit, scope);
    if (!got)
      return got;
    for (const auto& one : got->claims)
      claims_[one.id] = one;
    return got;
  }
  /// A delete ends the record at once, whoever is at work on it; its worker goes on all the same.
  result<applied> apply_events(const events_page& page) override {
    auto done = inner_->apply_events(page);
    for (const auto& one : page.events) {
      const auto claimed = claims_.find({one.type, one.record});
      if (one.present || claimed == claims_.end() || !done)
        continue;
      if (const auto path = decode_locator(claimed->second.locator))
        volume_->erase(*path);
      outcome gone;
      gone.token = claimed->second.token;
      gone.id = claimed->second.id;
      gone.epoch = claimed->second.epoch;
      gone.reached = one.id;
      gone.how = outcome::kind::removed;
      if (auto ended = inner_->finish(std::span{&gone, 1}); !ended)
        return fail(std::move(ended).error());
      claims_.erase(claimed);
    }
    return done;
  }
  result<std::vector<bool>> finish(std::span<const outcome> outcomes) override {
    for (const auto& one : outcomes)
      if (const auto it = claims_.find(one.id);
          it != claims_.end() && it->second.token == one.token)
        claims_.erase(it);
    return inner_->finish(outcomes);
  }

private:
  std::shared_ptr<test::fake_volume> volume_;
  std::map<replicable_id, claim> claims_;
};

/// Files whose flushes do nothing: what was renamed is visible, and lost in a power cut.
class unflushed_file final : public open_file {
public:
  explicit unflushed_file(std::unique_ptr<open_file> inner) : inner_{std::move(inner)} {}
  result<file_status> status() override { return inner_->status(); }
  result<std::size_t> read(std::uint64_t offset, std::span<std::byte> bytes) override {
    return inner_->read(offset, bytes);
  }
  result<std::size_t> write(std::uint64_t offset, std::span<const std::byte> bytes) override {
    return inner_->write(offset, bytes);
  }
  result<void> set_attributes(const file_attributes& attributes) override {
    return inner_->set_attributes(attributes);
  }
  result<void> flush() override { return {}; }
  bool lock() override { return inner_->lock(); }

private:
  std::unique_ptr<open_file> inner_;
};

class rename_before_flush final : public store_files {
public:
  explicit rename_before_flush(std::shared_ptr<store_files> inner) : inner_{std::move(inner)} {}

  result<void> prepare() override { return inner_->prepare(); }
  result<store_look> look() override { return inner_->look(); }
  result<void> write_mark(const store_mark& mark) override { return inner_->write_mark(mark); }
  result<disk_space> space() override { return inner_->space(); }
  result<std::unique_ptr<open_file>> create_temp(const std::string& name) override {
    return unflushed(inner_->create_temp(name));
  }
  result<void> create_temp_link(const std::string& name, const std::string& target) override {
    return inner_->create_temp_link(name, target);
  }
  result<std::unique_ptr<open_file>> open_temp(const std::string& name) override {
    return unflushed(inner_->open_temp(name));
  }
  result<void> remove_temp(const std::string& name) override { return inner_->remove_temp(name); }
  result<std::vector<std::string>> list_temps() override { return inner_->list_temps(); }
  result<std::unique_ptr<open_file>> open(const std::string& locator) override {
    return inner_->open(locator);
  }
  result<file_status> status(const std::string& locator) override {
    return inner_->status(locator);
  }
  result<stored_link> read_link(const std::string& locator) override {
    return inner_->read_link(locator);
  }
  result<void> rename_temp(const std::string& name, const std::string& locator) override {
    return inner_->rename_temp(name, locator);
  }
  result<void> remove(const std::string& locator) override { return inner_->remove(locator); }
  result<void> flush_names(const std::string& locator) override {
    return inner_->flush_names(locator);
  }
  result<void> flush_all() override { return {}; }

private:
  static result<std::unique_ptr<open_file>> unflushed(result<std::unique_ptr<open_file>> file) {
    if (file)
      *file = std::make_unique<unflushed_file>(std::move(*file));
    return file;
  }

  std::shared_ptr<store_files> inner_;
};

class target_lowered_by_backfill final : public passing_store {
public:
  using passing_store::passing_store;

  result<applied> apply_events(const events_page& page) override {
    for (const auto& one : page.events) {
      auto& newest = newest_[{one.type, one.record}];
      newest = std::max(newest, one.id);
      lowered_.erase({one.type, one.record});
    }
    return inner_->apply_events(page);
  }
  result<applied> apply_catalogue(const catalogue_page& page) override {
    for (const auto& row : page.rows)
      if (const auto it = newest_.find({page.type, row.record});
          it != newest_.end() && it->second > row.rev)
        lowered_[it->first] = row.rev;
    return inner_->apply_catalogue(page);
  }
  /// A row that has once reached its lowered target is synced, and needs no work.
  result<claimed> claim_due(const std::string& type, std::size_t limit,
                            claim_scope scope) override {
    auto got = inner_->claim_due(type, limit, scope);
    if (!got)
      return got;
    std::vector<outcome> level;
    std::erase_if(got->claims, [&](const claim& one) {
      const auto low = lowered_.find(one.id);
      const auto last = reached_.find(one.id);
      if (!one.wanted || low == lowered_.end() || last == reached_.end() ||
          last->second.reached < low->second)
        return false;
      auto ended = last->second;
      ended.token = one.token;
      ended.epoch = one.epoch;
      ended.reached = one.target;
      level.push_back(ended);
      return true;
    });
    if (auto ended = inner_->finish(level); !ended)
      return fail(std::move(ended).error());
    return got;
  }
  result<std::vector<bool>> finish(std::span<const outcome> outcomes) override {
    std::vector<outcome> ended{outcomes.begin(), outcomes.end()};
    for (auto& one : ended) {
      if (one.how != outcome::kind::synced)
        continue;
      reached_[one.id] = one;
      if (lowered_.contains(one.id))
        one.reached = std::max(one.reached, newest_[one.id]);
    }
    return inner_->finish(ended);
  }

private:
  std::map<replicable_id, revision> newest_;
  std::map<replicable_id, revision> lowered_;
  std::map<replicable_id, outcome> reached_;
};

class suspect_believed final : public passing_store {
public:
  using passing_store::passing_store;

  result<applied> apply_events(const events_page& page) override {
    for (const auto& one : page.events)
      if (one.present)
        here_.insert({one.type, one.record});
      else
        here_.erase({one.type, one.record});
    return inner_->apply_events(page);
  }
  /// What has a row here was suspected to be gone.
  result<applied> apply_records(const records_page& page) override {
    auto believed = page;
    std::erase_if(believed.rows, [&](const auto& row) {
      return here_.contains({page.type, row.record});
    });
    return inner_->apply_records(believed);
  }

private:
  std::set<replicable_id> here_;
};

/// Prints what the registry is told, for one who looks for the cause of a failing seed.
class tracing_store final : public passing_store {
public:
  using passing_store::passing_store;

  result<applied> apply_events(const events_page& page) override {
    for (const auto& one : page.events)
      say("event", one.type, one.record,
          std::to_string(one.id) + " " + std::string{to_string(one.op)} +
              (one.present ? " at " + one.locator : " absent"));
    return inner_->apply_events(page);
  }
  result<applied> apply_records(const records_page& page) override {
    for (const auto record : page.asked)
      say("asked", page.type, record, {});
    for (const auto& one : page.rows)
      say("found", page.type, one.record, std::to_string(one.rev) + " at " + one.locator);
    return inner_->apply_records(page);
  }
  result<applied> apply_catalogue(const catalogue_page& page) override {
    for (const auto& one : page.rows)
      say("catalogue", page.type, one.record, std::to_string(one.rev) + " at " + one.locator);
    return inner_->apply_catalogue(page);
  }
  result<claimed> claim_due(const std::string& type, std::size_t limit,
                            claim_scope scope) override {
    auto got = inner_->claim_due(type, limit, scope);
    for (const auto& one : got ? got->claims : std::vector<claim>{}) {
      auto text = "token " + std::to_string(one.token) + " target " + std::to_string(one.target) +
                  (one.wanted ? " at " : " absent at ") + one.locator;
      for (const auto& former : one.remove)
        text += ", remove " + former;
      say("claim", type, one.id.record, text);
    }
    return got;
  }
  result<std::vector<bool>> finish(std::span<const outcome> outcomes) override {
    auto counted = inner_->finish(outcomes);
    for (std::size_t i = 0; i < outcomes.size(); ++i)
      say("finish", outcomes[i].id.type, outcomes[i].id.record,
          "token " + std::to_string(outcomes[i].token) + " how " +
              std::to_string(static_cast<int>(outcomes[i].how)) + " size " +
              std::to_string(outcomes[i].size) + (outcomes[i].adopted ? " adopted " : " ") +
              outcomes[i].why.message + (counted && (*counted)[i] ? "" : " DROPPED"));
    return counted;
  }

private:
  void say(const char* what, const std::string& type, record_id record, const std::string& text) {
    std::fprintf(stderr, "%p %s %s/%lld %s\n", static_cast<void*>(this), what, type.c_str(),
                 static_cast<long long>(record), text.c_str());
  }
};

class damage_left final : public passing_store {
public:
  using passing_store::passing_store;
  result<std::size_t> finish_verifications(std::span<const verification_outcome> found) override {
    std::vector<verification_outcome> right;
    for (const auto& one : found)
      if (!one.damage)
        right.push_back(one);
    return passing_store::finish_verifications(right);
  }
};

} // namespace

bool has_checks(planted_bug bug) {
  return bug == planted_bug::none || bug == planted_bug::suspect_believed ||
         bug == planted_bug::damage_left;
}

std::shared_ptr<registry_store> with_bug(planted_bug bug, std::shared_ptr<registry_store> store,
                                         std::shared_ptr<test::fake_volume> volume) {
  if (std::getenv("FARSHORE_TRACE"))
    store = std::make_shared<tracing_store>(std::move(store));
  if (!has_checks(bug))
    store = std::make_shared<unchecked>(std::move(store));
  switch (bug) {
  case planted_bug::cursor_before_changes:
    return std::make_shared<cursor_before_changes>(std::move(store));
  case planted_bug::old_claim_accepted:
    return std::make_shared<old_claim_accepted>(std::move(store));
  case planted_bug::delete_overtakes_download:
    return std::make_shared<delete_overtakes_download>(std::move(store), std::move(volume));
  case planted_bug::target_lowered_by_backfill:
    return std::make_shared<target_lowered_by_backfill>(std::move(store));
  case planted_bug::suspect_believed:
    return std::make_shared<suspect_believed>(std::move(store));
  case planted_bug::damage_left:
    return std::make_shared<damage_left>(std::move(store));
  case planted_bug::none:
  case planted_bug::rename_before_flush:
    break;
  }
  return store;
}

std::shared_ptr<store_files> with_bug(planted_bug bug, std::shared_ptr<store_files> files) {
  if (bug == planted_bug::rename_before_flush)
    return std::make_shared<rename_before_flush>(std::move(files));
  return files;
}

} // namespace farshore::simulation
