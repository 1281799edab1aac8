#include "actors/primary_registry.hpp"

#include "actors/folder_scanner.hpp"
#include "actors/primary_verifier.hpp"
#include "config/locator.hpp"
#include "config/values.hpp"
#include "strategies/make_strategy.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include <caf/exit_reason.hpp>
#include <spdlog/spdlog.h>

namespace farshore {

namespace {

constexpr std::size_t fold_events = 5000;
constexpr std::size_t seed_rows = 5000;
/// A slice, between two folds: some 50 ms of the database.
constexpr std::size_t trim_events = 10'000;
/// Of what is done to all records in the background.
constexpr std::size_t tended_records = 5000;
constexpr std::chrono::hours sweep_period{24};
constexpr std::chrono::milliseconds fold_pause{10};
constexpr std::chrono::seconds install_period{1};

bool same(const std::vector<type_status>& a, const std::vector<type_status>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.name == y.name && x.generation == y.generation && x.waiting == y.waiting;
  });
}

} // namespace

result<void> primary_registry_state::install() {
  auto now = parts.store->install(types);
  if (!now)
    return fail(std::move(now).error());
  if (!same(*now, statuses)) {
    for (const auto& type : *now) {
      const auto before = std::ranges::find(statuses, type.name, &type_status::name);
      if (before != statuses.end() && before->generation == type.generation)
        continue;
      if (auto swept = parts.store->sweep(type.name); !swept) // changed while nobody watched
        return swept;
    }
    statuses = std::move(*now);
    seeding = true;
    parts.on_types(statuses);
  }
  return {};
}

result<done> primary_registry_state::declare(const std::vector<replicable_type>& declared,
                                             const log_retention& keep) {
  const auto before = std::exchange(types, declared);
  retention = keep;
  if (!std::exchange(declared_once, true)) { // before, no type would seem to be wanted any more
    self->send(self, atom::step_v);
    self->delayed_send(self, install_period, atom::tick_v);
  }
  if (auto ok = install(); !ok) {
    give_up(ok.error());
    return fail(std::move(ok).error());
  }
  run_scanners(before);
  if (parts.open_reader && parts.open_store) {
    if (!verifier) {
      primary_verifier_parts with;
      with.desk = caf::actor_cast<checksum_desk_actor>(primary_registry_actor{self});
      with.open_reader = parts.open_reader;
      with.open_store = parts.open_store;
      with.retry_base = parts.retry_base;
      with.retry_cap = parts.retry_cap;
      with.time = parts.time;
      verifier = self->spawn<caf::detached>(primary_verifier, std::move(with));
      self->link_to(verifier);
    }
    self->send(verifier, atom::declare_v, types);
  }
  std::erase_if(checksum_troubles, [&](const auto& one) {
    const auto found = std::ranges::find(types, one.first, &replicable_type::name);
    return found == types.end() || found->verification == verification_place::off;
  });
  tending = true;
  return done{};
}

// -- scanned types --------------------------------------------------------------------------------

void primary_registry_state::run_scanners(const std::vector<replicable_type>& before) {
  std::erase_if(scanners, [&](const auto& running) {
    const auto same_name = [&](const replicable_type& t) { return t.name == running.first; };
    const auto was = std::ranges::find_if(before, same_name);
    const auto is = std::ranges::find_if(types, same_name);
    if (was != before.end() && is != types.end() && was->store == is->store &&
        was->scan == is->scan && was->strategy == is->strategy)
      return false;
    dismissed_.insert(running.second.id());
    self->send_exit(running.second, caf::exit_reason::user_shutdown);
    reports.erase(running.first);
    return true;
  });
  for (const auto& type : types) {
    if (!type.scanned() || scanners.contains(type.name))
      continue;
    folder_scanner_parts with;
    with.type = type.name;
    with.folder = type.store;
    with.period = type.scan;
    with.view = make_folder_view(type);
    with.tables = caf::actor_cast<scan_tables_actor>(primary_registry_actor{self});
    auto scanner = self->spawn<caf::detached>(folder_scanner, std::move(with));
    self->link_to(scanner);
    scanners.emplace(type.name, std::move(scanner));
  }
}

void primary_registry_state::on_end(const caf::exit_msg& end) {
  if (dismissed_.erase(end.source.id()) > 0)
    return;
  if (verifier && verifier.address() == end.source)
    return give_up({ec::internal, "the verifier ended: " + caf::to_string(end.reason)});
  const auto ours = std::ranges::find_if(
      scanners, [&](const auto& one) { return one.second.address() == end.source; });
  if (ours == scanners.end())
    return self->quit(end.reason); // an order from outside; what is linked ends with us
  give_up({ec::internal,
           "the folder scanner of " + ours->first + " ended: " + caf::to_string(end.reason)});
}

template <class T>
result<T> primary_registry_state::checked(result<T> answer) {
  if (!answer)
    give_up(answer.error());
  return answer;
}

result<scanned_page> primary_registry_state::scanned(const scan_page_request& asked) {
  return checked(parts.store->scanned(asked.type, asked.after, asked.until, asked.limit));
}

result<std::vector<scanned_place>> primary_registry_state::scanned_at(const scan_lookup& asked) {
  return checked(parts.store->scanned_at(asked.type, asked.paths));
}

result<done> primary_registry_state::keep_scan(const scan_change& change) {
  return checked(
      parts.store->keep_scan(change.type, change.differences).map([] { return done{}; }));
}

void primary_registry_state::keep_report(const scan_report& report) {
  if (scanners.contains(report.type)) // not of one that was dismissed
    reports[report.type] = report;
}

error primary_registry_state::not_scanned(const std::string& type) const {
  return {ec::not_found, "\"" + type +
                             "\" is no scanned type here: none of that name is enabled "
                             "and has scan = \"…\""};
}

caf::result<result<std::size_t>> primary_registry_state::approve(const std::string& type) {
  const auto found = scanners.find(type);
  if (found == scanners.end())
    return result<std::size_t>{fail(not_scanned(type))};
  return self->delegate(found->second, atom::approve_v);
}

result<done> primary_registry_state::recheck(const std::string& type) {
  if (!type.empty() && std::ranges::find(types, type, &replicable_type::name) == types.end())
    return fail(ec::not_found, "\"" + type + "\" is no type that is enabled here");
  if (auto swept = checked(parts.store->sweep(type)); !swept)
    return fail(swept.error());
  tending = true;
  for (const auto& [of, scanner] : scanners)
    if (type.empty() || of == type)
      self->send(scanner, atom::recheck_v);
  return done{};
}

result<done> primary_registry_state::look(const std::string& type, const std::string& path) {
  const auto found = scanners.find(type);
  if (found == scanners.end())
    return fail(not_scanned(type));
  if (auto fits = check_locator(path); !fits)
    return fail(std::move(fits).error());
  self->send(found->second, atom::look_v, path);
  return done{};
}

result<std::vector<unsupported_file>> primary_registry_state::unsupported(const std::string& type) {
  if (!scanners.contains(type))
    return fail(not_scanned(type));
  const auto& listed = reports[type].unsupported_list;
  return listed ? *listed : std::vector<unsupported_file>{};
}

// -- verification ---------------------------------------------------------------------------------

result<std::vector<checksum_claim>> primary_registry_state::claim(const checksum_request& asked) {
  return checked(parts.store->claim_checksums(asked));
}

result<done> primary_registry_state::finish(const checksum_report& report) {
  // The state is to know of what the log tells already: else the checksum of old content could be
  // given out with a revision above that of the new.
  if (auto ok = fold(); !ok) {
    give_up(ok.error());
    return fail(ok.error());
  }
  auto kept = parts.store->finish_checksums(report);
  if (!kept) {
    const auto code = kept.error().code;
    if (code != ec::overloaded && code != ec::type_waiting)
      give_up(kept.error());
    return fail(std::move(kept).error());
  }
  return done{};
}

void primary_registry_state::release(const checksum_release& what) {
  if (auto ok = parts.store->release_checksums(what); !ok)
    give_up(ok.error());
}

void primary_registry_state::keep_trouble(const checksum_trouble& trouble) {
  if (trouble.what.empty())
    checksum_troubles.erase(trouble.type);
  else
    checksum_troubles[trouble.type] = trouble.what;
}

result<std::int64_t> primary_registry_state::reverify(const std::string& type,
                                                      const record_selection& which) {
  auto marked = parts.store->reverify(type, which);
  if (!marked && marked.error().code != ec::not_found)
    give_up(marked.error());
  tending = true;
  if (verifier)
    self->send(verifier, atom::wake_v);
  return marked;
}

result<void> primary_registry_state::tend() {
  if (const auto now = parts.time->now(); now >= next_sweep && !types.empty()) {
    next_sweep = now + sweep_period;
    if (auto ok = parts.store->sweep(""); !ok)
      return ok;
  }
  auto left = parts.store->tend(tended_records);
  if (!left)
    return fail(std::move(left).error());
  tending = *left;
  return {};
}

// -- the log --------------------------------------------------------------------------------------

result<void> primary_registry_state::fold() {
  auto folded = parts.store->fold(fold_events);
  if (!folded)
    return fail(std::move(folded).error());
  fold_lag = *folded;
  if (fold_lag > 0 && verifier)
    self->send(verifier, atom::wake_v);
  return {};
}

void primary_registry_state::step() {
  if (auto ok = fold(); !ok)
    return give_up(ok.error());
  if (seeding && fold_lag < fold_events) {
    auto left = parts.store->seed(seed_rows);
    if (!left)
      return give_up(left.error());
    seeding = *left;
    if (!seeding) // a type whose keys are numbered only now has become ready
      if (auto ok = install(); !ok)
        return give_up(ok.error());
  }
  if (trimming)
    if (auto ok = trim(); !ok)
      return give_up(ok.error());
  if (tending && !seeding && fold_lag < fold_events)
    if (auto ok = tend(); !ok)
      return give_up(ok.error());
  if (fold_lag > 0 || seeding || trimming || tending)
    self->send(self, atom::step_v);
  else
    self->delayed_send(self, fold_pause, atom::step_v);
}

void primary_registry_state::tick() {
  if (auto ok = install(); !ok)
    return give_up(ok.error());
  if (auto ok = look_at_sites(); !ok)
    return give_up(ok.error());
  if (parts.take_walked_types)
    for (const auto& type : parts.take_walked_types())
      if (auto ok = parts.store->sweep(type); !ok)
        return give_up(ok.error());
  trimming = true; // at the next step
  tending = true;
  self->delayed_send(self, install_period, atom::tick_v);
}

result<void> primary_registry_state::look_at_sites() {
  if (const auto notes = parts.take_site_notes(); !notes.empty()) {
    const auto fresh = parts.store->note_sites(notes);
    if (!fresh)
      return fail(fresh.error());
    for (const auto& site : *fresh)
      spdlog::info("site {} reads here from now on, and keeps the events that it has not read",
                   site);
  }
  return parts.store->observe_log(parts.time->wall(), retention);
}

result<void> primary_registry_state::trim() {
  const auto slice = parts.store->trim(parts.time->wall(), retention, trim_events);
  if (!slice)
    return fail(slice.error());
  trimming = slice->more;
  for (const auto& site : slice->cut_off)
    spdlog::warn(
        "site {} is further behind than [events] retention allows ({}, {}): events that it "
        "has not read were removed, and it compares all its records when it comes back",
        site, show_duration(retention.age), show_bytes(retention.bytes));
  return {};
}

result<done> primary_registry_state::forget(const std::string& site) {
  // What was heard of it since the last tick would bring it back.
  if (auto ok = look_at_sites(); !ok) {
    give_up(ok.error());
    return fail(ok.error());
  }
  const auto known = parts.store->forget_site(site);
  if (!known) {
    give_up(known.error());
    return fail(known.error());
  }
  if (!*known)
    return fail(ec::not_found,
                "no site \"" + site +
                    "\" has ever read here; farshore site list names those that have");
  spdlog::info("site {} is forgotten: it keeps no events any more", site);
  return done{};
}

result<std::int64_t> primary_registry_state::publish(const std::string& type,
                                                     const std::string& key, operation what) {
  auto published = parts.store->publish(type, key, what);
  const auto code = published ? ec::not_found : published.error().code;
  if (code != ec::not_found && code != ec::overloaded && code != ec::type_waiting)
    give_up(published.error()); // the others are of this one row
  return published;
}

result<primary_status> primary_registry_state::status() {
  auto counts = parts.store->counts();
  if (!counts) {
    give_up(counts.error());
    return fail(std::move(counts).error());
  }
  auto sites = parts.store->sites(parts.time->wall());
  if (!sites) {
    give_up(sites.error());
    return fail(std::move(sites).error());
  }
  primary_status now{statuses, std::move(*counts), {}, {}, fold_lag, std::move(*sites), retention};
  for (const auto& [type, report] : reports)
    now.scans.push_back(report);
  for (const auto& [type, what] : checksum_troubles)
    now.checksum_troubles.push_back({type, what});
  return now;
}

void primary_registry_state::give_up(const error& why) {
  parts.on_fatal(why);
  self->quit(caf::exit_reason::unhandled_exception);
}

primary_registry_actor::behavior_type primary_registry(primary_registry_state::pointer self,
                                                       primary_parts parts) {
  auto& state = self->state;
  state.parts = std::move(parts);
  self->set_exit_handler([&state](const caf::exit_msg& end) { state.on_end(end); });
  return {
      [&state](atom::declare, const std::vector<replicable_type>& types,
               const log_retention& keep) { return state.declare(types, keep); },
      [&state](atom::publish, const std::string& type, const std::string& key, operation what) {
        return state.publish(type, key, what);
      },
      [&state](atom::status) { return state.status(); },
      [&state](atom::forget, const std::string& site) { return state.forget(site); },
      [&state](atom::approve, const std::string& type) { return state.approve(type); },
      [&state](atom::recheck, const std::string& type) { return state.recheck(type); },
      [&state](atom::look, const std::string& type, const std::string& path) {
        return state.look(type, path);
      },
      [&state](atom::list, const std::string& type) { return state.unsupported(type); },
      [&state](atom::reverify, const std::string& type, const record_selection& which) {
        return state.reverify(type, which);
      },
      [&state](const checksum_request& asked) { return state.claim(asked); },
      [&state](const checksum_report& report) { return state.finish(report); },
      [&state](const checksum_release& what) { state.release(what); },
      [&state](const checksum_trouble& trouble) { state.keep_trouble(trouble); },
      [&state](const scan_page_request& asked) { return state.scanned(asked); },
      [&state](const scan_lookup& asked) { return state.scanned_at(asked); },
      [&state](const scan_change& change) { return state.keep_scan(change); },
      [&state](const scan_report& report) { state.keep_report(report); },
      [&state](atom::step) { state.step(); },
      [&state](atom::tick) { state.tick(); },
  };
}

} // namespace farshore
