#include "tests/simulation/world.hpp"

#include "config/locator.hpp"
#include "strategies/make_strategy.hpp"
#include "tests/simulation/planted_bugs.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include <caf/send.hpp>

namespace farshore::simulation {

namespace {

const std::vector<std::string> type_names{"doc", "pic"};
const std::vector<std::string> locators{"a",     "b",     "c/1", "c/2",   "c/d/3",
                                        "e/f/4", "e/f/5", "g",   "h i/6", "h i/7"};
constexpr std::size_t open_transactions_max = 4;
constexpr std::uint64_t projects = 3;
constexpr auto settle_time = std::chrono::hours{4};

replicable_type type_named(const std::string& name) {
  replicable_type type;
  type.name = name;
  type.plural = name + "s";
  type.strategy = "blob";
  type.store = "/store";
  type.reverify_after = std::chrono::minutes{4};
  return type;
}

} // namespace

class world::clock final : public time_source {
public:
  explicit clock(caf::scheduler::test_coordinator& scheduler) : scheduler_{scheduler} {}
  [[nodiscard]] steady_time now() const override {
    return steady_time{std::chrono::hours{1}} + scheduler_.clock().now().time_since_epoch();
  }
  [[nodiscard]] wall_time wall() const override {
    return wall_time{std::chrono::hours{24 * 365 * 50}} +
           std::chrono::duration_cast<wall_time::duration>(now().time_since_epoch());
  }

private:
  caf::scheduler::test_coordinator& scheduler_;
};

world::world(const world_settings& settings)
    : settings_{settings}, random_{settings.seed}, primary_{settings.seed ^ 0x9e37} {
  actor_settings_.set("scheduler.policy", caf::atom("testing"));
  actor_settings_.set("scheduler.max-throughput", std::size_t{1});
  actor_settings_.add_message_types<caf::id_block::farshore>();
  system_ = std::make_unique<caf::actor_system>(actor_settings_);
  scheduler_ = dynamic_cast<caf::scheduler::test_coordinator*>(&system_->scheduler());
  clock_ = std::make_unique<clock>(*scheduler_);
  primary_.types = type_names;
  for (std::uint64_t i = 0; i < 2; ++i) {
    auto& one = secondaries_.emplace_back();
    one.volume = std::make_shared<test::fake_volume>(settings.seed * 2 + i);
    one.tables = std::make_shared<memory_tables>();
    one.net = std::make_shared<sim_network>();
    one.net->primary = &primary_;
    one.net->random = &random_;
    one.scope = some_scope();
  }
}

world::~world() {
  for (auto& one : secondaries_)
    if (one.up)
      crash(one, false);
  deliver_some(1'000'000);
}

void world::wrong(std::string what) {
  if (!wrong_)
    wrong_ = std::move(what);
}

// -- contents: every version of a file can be told from every other, and from a torn one
// -------------

std::string world::content(const std::string& locator, std::uint64_t version) const {
  auto text = locator + '#' + std::to_string(version) + '\n';
  // Most are small; some take several turns to arrive, and can be resumed.
  const auto size = version % 5 == 0 ? 70'000 + version % 7 * 9'000 : version % 50;
  while (text.size() < size)
    text += std::to_string(version * 2654435761u) + ' ';
  return text;
}

std::optional<std::uint64_t> world::version_of(const std::string& locator,
                                               const std::string& found) const {
  if (!found.starts_with(locator + '#'))
    return std::nullopt;
  const auto version = std::strtoull(found.c_str() + locator.size() + 1, nullptr, 10);
  if (version == 0 || version > last_version_ || content(locator, version) != found)
    return std::nullopt;
  return version;
}

// -- the application
// ---------------------------------------------------------------------------------

void world::trace(const std::string& what) const {
  if (std::getenv("FARSHORE_TRACE"))
    std::fprintf(stderr, "%lld ms: %s\n",
                 static_cast<long long>(clock_->now().time_since_epoch().count() / 1'000'000),
                 what.c_str());
}

void world::write_file(const std::string& locator) {
  trace("write " + locator + " version " + std::to_string(last_version_ + 1));
  primary_.files[locator] = content(locator, ++last_version_);
  late_files_.erase(locator);
}

/// What several rows share is never rewritten: the others' rows would not tell of it.
bool world::shared(const sim_primary::key& by, const std::string& locator) const {
  return std::ranges::any_of(primary_.rows(), [&](const auto& row) {
    return row.first != by && row.second.locator == locator;
  });
}

void world::remove_unused_file(const std::string& locator) {
  for (const auto& [_, row] : primary_.rows())
    if (row.locator == locator)
      return;
  primary_.files.erase(locator);
  late_files_.erase(locator);
}

void world::commit(std::uint64_t xid) {
  std::vector<std::string> left;
  for (const auto& [which, row] : plans_[xid]) {
    if (const auto* before = primary_.row(which))
      left.push_back(before->locator);
    if (!row)
      continue;
    const bool there = primary_.files.contains(row->locator);
    if (!there && random_.below(3) == 0)
      late_files_.insert(row->locator); // committed before its file is there
    else if (!there || !shared(which, row->locator))
      write_file(row->locator);
  }
  for (const auto& [which, row] : plans_[xid])
    trace("commit " + which.first + "/" + std::to_string(which.second) +
          (row ? " at " + row->locator : " deleted"));
  plans_.erase(xid);
  primary_.commit(xid);
  for (const auto& locator : left)
    remove_unused_file(locator);
}

void world::application_step() {
  if (!late_files_.empty() && random_.below(6) == 0)
    return write_file(*late_files_.begin());
  const auto open = primary_.open();
  if (open.empty() || (open.size() < open_transactions_max && random_.below(4) == 0)) {
    plans_.emplace(primary_.begin(), std::vector<planned_row>{});
    return;
  }
  const auto xid = open[random_.below(open.size())];
  const auto choice = random_.below(10);
  if (choice < 3)
    return commit(xid);
  if (choice == 3) {
    plans_.erase(xid);
    return primary_.rollback(xid);
  }
  const auto& type = type_names[random_.below(type_names.size())];
  const bool fresh = last_record_ < 12 && random_.below(2) == 0;
  const auto record = fresh
                          ? ++last_record_
                          : static_cast<record_id>(1 + random_.below(static_cast<std::uint64_t>(
                                                           std::max<record_id>(last_record_, 1))));
  const sim_primary::key which{type, record};
  if (primary_.locked(which))
    return;
  const auto* before = primary_.row(which);
  if (before && choice < 6) {
    primary_.erase(xid, which);
    plans_[xid].push_back({which, std::nullopt});
    return;
  }
  const bool stays = before && random_.below(3) > 0;
  sim_row row{stays ? before->locator : locators[random_.below(locators.size())]};
  row.project =
      static_cast<int>(before && random_.below(3) > 0 ? static_cast<std::uint64_t>(before->project)
                                                      : random_.below(projects));
  primary_.put(xid, which, row);
  plans_[xid].push_back({which, row});
}

// -- nodes
// -------------------------------------------------------------------------------------------

void world::start(secondary& one) {
  one.client = system_->spawn(sim_client, one.net);
  secondary_parts parts;
  parts.settings.capacity = 6;
  parts.settings.scope = one.scope;
  parts.store = with_bug(settings_.bug,
                         std::make_shared<memory_store>(one.tables, *clock_, parts.settings.lease),
                         one.volume);
  parts.primary = one.client;
  parts.time = clock_.get();
  parts.seed = random_.next();
  parts.own_threads = false;
  parts.data_space = [] { return disk_space{1u << 30, 1u << 30}; };
  parts.on_fatal = [this](const error& why) { wrong("a node ended by itself: " + why.message); };
  parts.open_store = [this, volume = one.volume](const replicable_type& type) {
    return make_strategy(type, *clock_, with_bug(settings_.bug, volume->mount()));
  };
  one.site = system_->spawn(secondary_site, parts);
  std::vector<replicable_type> types;
  for (const auto& name : type_names)
    types.push_back(type_named(name));
  caf::anon_send(one.site, atom::declare_v, types, free_mark{});
  one.up = true;
}

void world::crash(secondary& one, bool power_cut) {
  // An exit overtakes what is in the mailboxes, and what is linked ends in the same way.
  caf::anon_send_exit(one.site, caf::exit_reason::kill);
  caf::anon_send_exit(one.client, caf::exit_reason::kill);
  one.site = secondary_site_actor{};
  one.client = sim_client_actor{};
  one.up = false;
  trace(power_cut ? "power cut" : "kill");
  if (power_cut)
    one.volume->power_cut();
  else
    one.volume->kill();
  // What was committed; a store that is not yet gone can no longer change it.
  one.tables = std::make_shared<memory_tables>(*one.tables);
  check_disk(one, power_cut ? "after a power cut" : "after a kill");
  if (power_cut && knows_disk(one))
    check_synced_rows(one);
}

void world::lose_disk(secondary& one) {
  const bool empty = random_.below(2) == 0;
  trace(empty ? "disk emptied" : "disk replaced");
  for (const auto& [path, _] : one.volume->files())
    if (empty || random_.below(3) == 0)
      one.volume->erase(path);
  if (empty)
    one.volume->erase(".farshore");
  else
    one.volume->put(".farshore/identity", "another" + std::to_string(random_.below(1000)) + " 1\n");
}

void world::damage_file(secondary& one) {
  const auto files = one.volume->files();
  if (files.empty())
    return;
  const auto& path =
      std::next(files.begin(), static_cast<std::ptrdiff_t>(random_.below(files.size())))->first;
  trace("damage " + path);
  one.damaged.insert(path);
  if (random_.below(2) == 0)
    one.volume->erase(path);
  else
    one.volume->put(path, "damaged " + std::to_string(random_.below(1000)));
}

bool world::knows_disk(const secondary& one) {
  const auto text = one.volume->content(".farshore/identity");
  const auto known = one.tables->stores.find("/store");
  return text && known != one.tables->stores.end() && !known->second.mark.id.empty() &&
         judge(known->second, {true, known->second.device, 0, read_mark(*text)}) ==
             store_verdict::good;
}

void world::fault_step() {
  auto& one = secondaries_[random_.below(secondaries_.size())];
  switch (random_.below(20)) {
  case 19:
    return change_scope(one);
  case 18:
    one.net->known_scope = {}; // the primary restarts
    break;
  case 14:
    return lose_disk(one);
  case 15:
    return primary_.checksum_all();
  case 16:
    return damage_file(one);
  case 17:
    if (one.up)
      caf::anon_send(one.site, atom::reverify_v, type_names[random_.below(type_names.size())],
                     record_selection{record_selection::kind::all, {}});
    break;
  case 0:
  case 1:
    if (one.up)
      crash(one, true);
    one.start_at = clock_->now() + std::chrono::milliseconds{random_.below(3000)};
    break;
  case 2:
    if (one.up)
      crash(one, false);
    one.start_at = clock_->now() + std::chrono::milliseconds{random_.below(3000)};
    break;
  case 3:
    one.net->down = !one.net->down;
    break;
  case 4:
    one.net->one_lost_in = random_.below(3) == 0 ? 3 : 25;
    break;
  case 5:
    one.net->one_lost_in = 0;
    one.net->down = false;
    break;
  case 6:
    one.volume->fail_at(1 + random_.below(40), random_.below(2) == 0 ? EIO : ENOSPC);
    break;
  case 7:
    one.volume->shorten_at(1 + random_.below(40));
    break;
  case 8:
    if (has_checks(settings_.bug))
      untold_step();
    break;
  case 9:
    if (one.up)
      caf::anon_send(one.site, atom::recheck_v, std::string{});
    break;
  default:
    primary_.fold();
  }
}

void world::untold_step() {
  const auto& type = type_names[random_.below(type_names.size())];
  if (random_.below(2) == 0) {
    const sim_primary::key which{type, ++last_untold_};
    const auto& locator = locators[random_.below(locators.size())];
    trace("untold " + type + "/" + std::to_string(which.second) + " at " + locator);
    if (!primary_.files.contains(locator))
      write_file(locator);
    return primary_.appear(which, {locator, static_cast<int>(random_.below(projects))});
  }
  const bool moves = random_.below(2) == 0;
  for (const auto& [which, row] : primary_.rows()) {
    if (which.first != type || primary_.locked(which) || random_.below(3) > 0)
      continue;
    if (moves) {
      auto moved = row;
      moved.project = static_cast<int>(random_.below(projects));
      trace("untold " + type + "/" + std::to_string(which.second) + " in project " +
            std::to_string(moved.project));
      return primary_.appear(which, moved);
    }
    trace("untold " + type + "/" + std::to_string(which.second) + " is gone");
    const auto former = row.locator;
    primary_.vanish(which);
    return remove_unused_file(former);
  }
}

site_scope world::some_scope() {
  site_scope scope;
  // Without checks nothing is removed that a scope no longer has.
  if (!has_checks(settings_.bug) || random_.below(5) == 0)
    return scope;
  auto& values = scope.columns["project"];
  for (std::uint64_t project = 0; project < projects; ++project)
    if (random_.below(2) == 0)
      values.push_back(std::to_string(project));
  if (values.empty())
    values.emplace_back(random_.below(2) == 0 ? "0-1" : "1-7");
  make_canonical(scope);
  return scope;
}

void world::change_scope(secondary& one) {
  one.scope = some_scope();
  trace("scope " + digest_of(one.scope));
  if (one.up)
    caf::anon_send(one.site, atom::scope_v, one.scope);
}

// -- time
// --------------------------------------------------------------------------------------------

void world::turn() {
  auto& jobs = scheduler_->jobs;
  if (jobs.empty())
    return;
  std::swap(jobs.front(), jobs[random_.below(jobs.size())]);
  scheduler_->run_once();
}

void world::deliver_some(std::uint64_t turns) {
  for (std::uint64_t i = 0; i < turns && !scheduler_->jobs.empty(); ++i)
    turn();
}

void world::advance(std::chrono::milliseconds step) {
  scheduler_->advance_time(step);
  for (auto& one : secondaries_)
    if (!one.up && clock_->now() >= one.start_at)
      start(one);
}

std::optional<std::string> world::run() {
  // Rows that are older than the log's readers: the backfill's share.
  for (int i = 0; i < 60; ++i)
    application_step();
  for (int step = 0; step < settings_.steps && !wrong_; ++step) {
    deliver_some(1 + random_.below(20));
    const auto choice = random_.below(30);
    if (choice < 14)
      advance(std::chrono::milliseconds{1 + random_.below(120)});
    else if (choice < 27)
      application_step();
    else if (choice < 28)
      fault_step();
    else if (choice < 29)
      advance(std::chrono::milliseconds{1000});
    else
      primary_.fold();
  }
  settle();
  return wrong_;
}

// -- what must hold
// ----------------------------------------------------------------------------------

void world::settle() {
  for (const auto xid : primary_.open())
    commit(xid);
  while (!late_files_.empty())
    write_file(*late_files_.begin());
  primary_.fold();
  primary_.checksum_all();
  primary_.fold();
  for (auto& one : secondaries_) {
    one.net->down = false;
    one.net->one_lost_in = 0;
    one.volume->clear_faults();
    one.start_at = {};
  }
  const auto until = clock_->now() + settle_time;
  // Everything that was damaged has been read since, wherever the walk was.
  const auto walked = clock_->now() + std::chrono::minutes{10};
  auto all_settled = [this, walked] {
    if (clock_->now() < walked &&
        std::ranges::any_of(secondaries_, [](const auto& one) { return !one.damaged.empty(); }))
      return false;
    return std::ranges::all_of(secondaries_, [this](auto& one) { return settled(one); });
  };
  auto pass = [this](int seconds) {
    for (int i = 0; i < seconds; ++i) {
      advance(std::chrono::milliseconds{1000});
      deliver_some(1'000'000);
    }
  };
  pass(5); // every node is up
  // Changes that no event told of are found by a check; and a site may wait for the word to remove
  // what is gone, of so few rows nearly always.
  for (auto& one : secondaries_)
    caf::anon_send(one.site, atom::recheck_v, std::string{});
  while (!wrong_ && clock_->now() < until && !all_settled()) {
    pass(1);
    for (auto& one : secondaries_)
      for (const auto& [type, entry] : one.tables->types)
        if (entry.backfill.held > 0)
          caf::anon_send(one.site, atom::approve_v, type);
  }
  pass(30); // and stays so
  for (auto& one : secondaries_) {
    check_disk(one, "at the end");
    check_equal(one);
    crash(one, true);
    one.start_at = clock_->now() + settle_time;
    check_equal(one);
  }
}

bool world::settled(const secondary& one) {
  if (one.tables->cursor.place != primary_.position().place || !knows_disk(one))
    return false;
  for (const auto& path : one.damaged)
    if (const auto bytes = one.volume->content(path); bytes && !version_of(path, *bytes))
      return false;
  for (const auto& name : type_names) {
    std::set<record_id> there;
    for (const auto& [which, row] : primary_.rows())
      if (which.first == name && in_scope(one.scope, row))
        there.insert(which.second);
    std::set<record_id> synced;
    for (const auto& [record, row] : one.tables->rows[name]) {
      if (!row.wanted || row.state != sync_state::synced ||
          row.verification != verification_state::succeeded)
        return false;
      synced.insert(record);
    }
    if (synced != there)
      return false;
  }
  return true;
}

void world::check_disk(const secondary& one, const char* when) {
  for (const auto& [path, bytes] : one.volume->files())
    if (!version_of(path, bytes) && !one.damaged.contains(path))
      wrong("the file \"" + path + "\" has neither old nor new content " + when);
}

/// Whatever the registry calls synced survives a power cut.
void world::check_synced_rows(const secondary& one) {
  const auto files = one.volume->files();
  for (const auto& [type, rows] : one.tables->rows)
    for (const auto& [record, row] : rows)
      if (row.state == sync_state::synced && !files.contains(*decode_locator(row.locator)) &&
          !one.damaged.contains(*decode_locator(row.locator)))
        wrong("the record " + type + "/" + std::to_string(record) +
              " is called synced, but the power cut took its file \"" + row.locator + "\"");
}

void world::check_equal(secondary& one) {
  const auto files = one.volume->files();
  std::set<std::string> wanted;
  for (const auto& [which, row] : primary_.rows()) {
    if (!in_scope(one.scope, row))
      continue;
    wanted.insert(row.locator);
    const auto found = files.find(row.locator);
    if (found == files.end())
      wrong("the record " + which.first + "/" + std::to_string(which.second) + " has no file");
    else if (found->second != primary_.files.at(row.locator))
      wrong("the record " + which.first + "/" + std::to_string(which.second) + " has version " +
            std::to_string(version_of(row.locator, found->second).value_or(0)) +
            " where the primary has " +
            std::to_string(version_of(row.locator, primary_.files.at(row.locator)).value_or(0)));
  }
  for (const auto& [path, _] : files)
    if (!wanted.contains(path))
      wrong("the file \"" + path + "\" belongs to no record");
  for (const auto& [type, rows] : one.tables->rows)
    for (const auto& [record, row] : rows)
      if (row.state != sync_state::synced)
        wrong("the record " + type + "/" + std::to_string(record) + " is still " +
              std::string{to_string(row.state)} + (row.wanted ? "" : " (to be removed)") +
              ", long after the last change: " + row.last_sync_failure);
  for (const auto& [type, rows] : one.tables->rows)
    for (const auto& [record, row] : rows)
      if (row.verification != verification_state::succeeded)
        wrong("the record " + type + "/" + std::to_string(record) + " is still not verified (" +
              std::string{to_string(row.verification)} +
              (row.verified_at ? ", verified before" : "") +
              (row.unverified_since ? ", since a time" : "") +
              (row.primary_checksum == row.sum ? "" : ", of another checksum") +
              "), long after the last change: " + row.verification_failure);
  if (!settled(one))
    wrong("the registry has other records than the primary, long after the last change");
}

} // namespace farshore::simulation
