#include "actors/secondary_site.hpp"

#include "actors/capacity.hpp"
#include "actors/comparison.hpp"
#include "actors/disk.hpp"
#include "actors/log_cursor.hpp"
#include "actors/orphan_finder.hpp"
#include "actors/registry.hpp"
#include "actors/rest_reader.hpp"
#include "actors/store_keeper.hpp"
#include "actors/supervisor.hpp"
#include "actors/verifier.hpp"

#include <algorithm>
#include <thread>
#include <utility>

#include <caf/exit_reason.hpp>

namespace farshore {

namespace {

constexpr std::chrono::seconds status_deadline{30};
constexpr std::chrono::seconds stop_deadline{20};
constexpr std::chrono::seconds mark_deadline{30};
/// More would not read faster, and leave less for others.
constexpr unsigned readers_max = 8;

/// Answers that arrive one by one and are given as one.
template <class T>
struct gathering {
  T all;
  std::size_t missing = 0;
  caf::typed_response_promise<result<T>> answer;

  void arrived() {
    if (--missing == 0 && answer.pending())
      answer.deliver(result<T>{std::move(all)});
  }
  void failed(error why) {
    if (answer.pending())
      answer.deliver(result<T>{fail(std::move(why))});
  }
};

error lost(const caf::error& reason) {
  return {ec::stopping, "a part of the node does not answer: " + caf::to_string(reason)};
}

error not_declared(const std::string& type) {
  return {ec::not_found, "no replicable type \"" + type + "\" is declared here"};
}

/// A primary that was restored, or whose server crashed, may name a transaction that the cursor has
/// covered in another history. A wait for that would end at once, and mean nothing; the cursor's
/// next page tells.
result<std::uint64_t> mark_for(const primary_position& at, const cursor_status& log) {
  const auto& cursor = log.cursor;
  const std::pair there{at.place.xid, at.place.id};
  const std::pair here{cursor.place.xid, cursor.place.id};
  const bool same_event = here != there || at.place.token == cursor.place.token;
  const bool all_read = cursor.covered_xid == at.mark_xid;
  if (!log.reachable || cursor.identity != at.identity || cursor.covered_xid > at.mark_xid ||
      !same_event || (all_read && here < there))
    return fail(ec::overloaded, "the primary may not be the one that this site follows (it was not "
                                "heard of since it was gone, or it was restored); ask again");
  return at.mark_xid;
}

/// Every record that the primary has of the type has its row here, or an event that tells of it is
/// still to be read.
bool has_all_rows(const replicable_type& type, const cursor_status& log) {
  if (!type.enabled || !log.reachable)
    return false;
  const auto walk = std::ranges::find(log.backfills, type.name, &backfill_state::type);
  const auto there = std::ranges::find(log.primary_types, type.name, &type_status::name);
  return walk != log.backfills.end() && there != log.primary_types.end() && walk->complete &&
         there->waiting.empty() && walk->generation == there->generation;
}

std::string waiting_for(const secondary_status::type_line& type, const site_type& what,
                        const cursor_status& log) {
  if (!what.trouble.empty())
    return what.trouble;
  if (!log.reachable)
    return {};
  for (const auto& there : log.primary_types)
    if (there.name == type.declared.name)
      return there.waiting;
  return "the primary does not declare it (or has it disabled)";
}

} // namespace

template <class Spawned>
Spawned secondary_site_state::watch(Spawned handle, const char* role) {
  roles_.emplace(handle.id(), role);
  self->link_to(handle);
  return handle;
}

void secondary_site_state::start() {
  registry_parts for_registry{parts.store, parts.time, std::chrono::milliseconds{50},
                              parts.on_fatal, parts.measures};
  registry_handle =
      watch(parts.own_threads ? self->spawn<caf::detached>(registry, std::move(for_registry))
                              : self->spawn(registry, std::move(for_registry)),
            "registry");
  // Before anybody asks either of them anything.
  asked_scope = parts.settings.scope;
  self->send(parts.primary, atom::scope_v, parts.settings.scope);
  const auto scope = digest_of(parts.settings.scope);
  self->request(registry_handle, status_deadline, atom::scope_v, scope)
      .then([](const result<done>&) {}, [](const caf::error&) {}); // failing, it has said so
  capacity_handle =
      watch(self->spawn(capacity, parts.settings.capacity - live_capacity()), "capacity");
  if (live_capacity() > 0)
    live_capacity_handle =
        watch(self->spawn(capacity, live_capacity()), "capacity for live changes");
  const auto reading =
      parts.own_threads ? std::clamp(std::thread::hardware_concurrency(), 1u, readers_max) : 1u;
  for (unsigned i = 0; i < reading; ++i)
    readers.push_back(watch(parts.own_threads ? self->spawn<caf::detached>(rest_reader, true)
                                              : self->spawn(rest_reader, false),
                            "reader at rest"));
  watch(parts.primary, "primary client");
  log_cursor_parts for_cursor;
  for_cursor.primary = parts.primary;
  for_cursor.registry = registry_handle;
  for_cursor.time = parts.time;
  for_cursor.seed = parts.seed;
  for_cursor.compare_every = parts.settings.compare_every;
  for_cursor.scope = scope;
  // They run in the cursor's turn; a send is all they may do with our state.
  auto site = caf::actor_cast<secondary_site_actor>(self);
  for_cursor.on_due = [site](const std::vector<std::string>& due) {
    caf::anon_send(site, atom::wake_v, due);
  };
  for_cursor.on_reachable = [site] { caf::anon_send(site, atom::reachable_v); };
  cursor_handle = watch(self->spawn(log_cursor, std::move(for_cursor)), "log cursor");
  comparison_parts for_comparison{parts.primary, registry_handle, cursor_handle, parts.time};
  comparison_handle = watch(self->spawn(comparison, std::move(for_comparison)), "comparison");
  orphan_finder_parts for_orphans{registry_handle, parts.time};
  orphans_handle = watch(parts.own_threads ? self->spawn<caf::detached>(orphan_finder, for_orphans)
                                           : self->spawn(orphan_finder, for_orphans),
                         "orphan finder");
}

void secondary_site_state::run(running_type& running) {
  const auto& type = running.what;
  running.disk =
      watch(parts.own_threads ? self->spawn<caf::detached>(disk, type.store, parts.data_space)
                              : self->spawn(disk, type.store, parts.data_space),
            "disk");
  supervisor_parts with;
  with.policy.type = type.declared.name;
  with.policy.capacity = parts.settings.capacity - live_capacity();
  with.policy.live_capacity = live_capacity();
  with.policy.min_free = min_free;
  with.policy.store_name = "store " + type.declared.store.string();
  with.policy.lease = parts.settings.lease;
  with.policy.retry_base = parts.settings.retry_base;
  with.policy.retry_cap = parts.settings.retry_cap;
  with.policy.progress_deadline = type.declared.progress_deadline;
  with.store = type.store;
  with.registry = registry_handle;
  with.primary = parts.primary;
  with.disk = running.disk;
  with.capacity = capacity_handle;
  with.live_capacity = live_capacity_handle;
  with.time = parts.time;
  with.seed = parts.seed ^ std::hash<std::string>{}(type.declared.name);
  with.measures = parts.measures;
  running.supervisor = watch(self->spawn(supervisor, std::move(with)), "supervisor");
  self->send(running.supervisor, atom::wake_v);
  running.verifier =
      watch(self->spawn(verifier, verifier_parts{type.declared.name, type.store, registry_handle,
                                                 running.supervisor, readers,
                                                 type.declared.reverify_after, parts.time}),
            "verifier");
}

/// A report on a declaration that has been replaced meanwhile says nothing.
void secondary_site_state::on_store(const store_report& report) {
  for (const auto& opened : report.types) {
    const auto it = types.find(opened.declared.name);
    if (stopping || it == types.end() || it->second.what.declared != opened.declared)
      continue;
    auto& running = it->second;
    const bool as_it_was = running.what.store == opened.store;
    running.store = report.view;
    running.what = opened;
    if (as_it_was)
      continue;
    dismiss(running);
    if (opened.store)
      run(running);
  }
}

/// One keeper for each store that enabled types lie in.
void secondary_site_state::declare_to_keepers() {
  std::map<std::string, std::vector<replicable_type>> by_path;
  for (const auto& [_, type] : types)
    if (type.what.declared.enabled)
      by_path[type.what.declared.store.string()].push_back(type.what.declared);
  std::erase_if(keepers, [&](const auto& one) {
    if (by_path.contains(one.first))
      return false;
    dismissed.insert(one.second.id());
    self->send_exit(one.second, caf::exit_reason::user_shutdown);
    return true;
  });
  for (const auto& [path, declared] : by_path) {
    auto& keeper = keepers[path];
    if (!keeper) {
      store_keeper_parts with{path, parts.open_store, registry_handle,
                              self, parts.time,       parts.seed ^ std::hash<std::string>{}(path)};
      keeper = watch(parts.own_threads ? self->spawn<caf::detached>(store_keeper, std::move(with))
                                       : self->spawn(store_keeper, std::move(with)),
                     "store keeper");
    }
    self->send(keeper, atom::declare_v, declared);
  }
}

void secondary_site_state::keep_totals(const std::string& type, const transfer_totals& moved) {
  auto& sum = past[type];
  sum.records += moved.records;
  sum.bytes += moved.bytes;
  sum.adopted += moved.adopted;
}

/// Lets a type's actors end in order: first what is in flight, then they themselves.
void secondary_site_state::dismiss(running_type& type) {
  if (!type.supervisor)
    return;
  dismissed.insert(type.supervisor.id());
  dismissed.insert(type.disk.id());
  dismissed.insert(type.verifier.id());
  self->send_exit(type.verifier, caf::exit_reason::user_shutdown);
  type.verifier = verifier_actor{};
  auto end = [this, supervisor = type.supervisor, disk = type.disk] {
    self->send_exit(supervisor, caf::exit_reason::user_shutdown);
    self->send_exit(disk, caf::exit_reason::user_shutdown);
  };
  const auto on_lost = [end](const caf::error&) { end(); };
  auto count = [this, end, on_lost, name = type.what.declared.name, from = type.supervisor] {
    self->request(from, stop_deadline, atom::status_v)
        .then(
            [this, end, name](const transfer_totals& moved) {
              keep_totals(name, moved);
              end();
            },
            on_lost);
  };
  self->request(type.supervisor, stop_deadline, atom::stop_v)
      .then([count](const result<done>&) { count(); }, on_lost);
  type.supervisor = supervisor_actor{};
  type.disk = disk_actor{};
}

caf::result<result<done>> secondary_site_state::declare(const std::vector<replicable_type>& wanted,
                                                        const free_mark& free_at_least) {
  std::vector<store_type> rows;
  std::vector<std::string> names;
  for (const auto& d : wanted) {
    rows.push_back({d.name, d.plural, d.store.string(), d.enabled});
    if (d.enabled)
      names.push_back(d.name);
  }
  auto answer = self->make_response_promise<result<done>>();
  self->request(registry_handle, status_deadline, atom::declare_v, rows)
      .then(
          [this, wanted, names, free_at_least, answer](const result<done>& known) mutable {
            if (!known) {
              answer.deliver(result<done>{fail(known.error())});
              return;
            }
            const bool other_room = !(std::exchange(min_free, free_at_least) == free_at_least);
            std::set<std::string> declared;
            for (const auto& type : wanted) {
              declared.insert(type.name);
              auto& running = types[type.name];
              if (running.what.declared == type) { // what is in flight goes on
                if (other_room && running.supervisor) {
                  dismiss(running);
                  run(running);
                }
                continue;
              }
              dismiss(running);
              running = running_type{{type, nullptr, {}}, {}, {}, {}};
            }
            for (auto it = types.begin(); it != types.end();) {
              if (declared.contains(it->first)) {
                ++it;
                continue;
              }
              dismiss(it->second);
              it = types.erase(it);
            }
            declare_to_keepers();
            self->send(cursor_handle, atom::declare_v, names);
            answer.deliver(result<done>{});
          },
          [answer](const caf::error& reason) mutable {
            answer.deliver(result<done>{fail(lost(reason))});
          });
  return answer;
}

/// First the registry, so that nothing of the former scope is applied any more. What it was asked
/// for before may still be on its way, or have come through after its answer was given up.
caf::result<result<done>> secondary_site_state::set_scope(const site_scope& wanted) {
  if (wanted == parts.settings.scope && wanted == asked_scope)
    return result<done>{};
  asked_scope = wanted;
  auto answer = self->make_response_promise<result<done>>();
  const auto digest = digest_of(wanted);
  self->request(registry_handle, status_deadline, atom::scope_v, digest)
      .then(
          [this, wanted, digest, answer](const result<done>& known) mutable {
            if (known) {
              parts.settings.scope = wanted;
              self->send(parts.primary, atom::scope_v, wanted);
              self->send(cursor_handle, atom::scope_v, digest);
            }
            answer.deliver(known ? result<done>{} : result<done>{fail(known.error())});
          },
          [answer](const caf::error& reason) mutable {
            answer.deliver(result<done>{fail(lost(reason))});
          });
  return answer;
}

void secondary_site_state::wake(const std::vector<std::string>& due) {
  for (const auto& due_type : due)
    if (const auto it = types.find(due_type); it != types.end() && it->second.supervisor)
      self->send(it->second.supervisor, atom::wake_v);
}

caf::result<result<secondary_status>> secondary_site_state::status() {
  auto gathered = std::make_shared<gathering<secondary_status>>();
  gathered->answer = self->make_response_promise<result<secondary_status>>();
  auto promise = gathered->answer;
  auto on_lost = [gathered](const caf::error& reason) { gathered->failed(lost(reason)); };
  for (const auto& [_, type] : types) {
    auto& line = gathered->all.types.emplace_back();
    line.declared = type.what.declared;
    line.store = type.store;
    line.totals = past[line.declared.name];
    line.registry.type = line.declared.name;
  }
  auto with_line = [gathered](const std::string& type_name, auto&& set) {
    for (auto& line : gathered->all.types)
      if (line.declared.name == type_name)
        set(line);
  };
  gathered->missing = 2;
  self->request(registry_handle, status_deadline, atom::status_v)
      .then(
          [gathered, with_line](const result<registry_status>& rows) {
            if (!rows)
              return gathered->failed(rows.error());
            for (const auto& row : *rows)
              with_line(row.type, [&](auto& line) { line.registry = row; });
            gathered->arrived();
          },
          on_lost);
  self->request(cursor_handle, status_deadline, atom::status_v)
      .then(
          [this, gathered, with_line](const result<cursor_status>& log) {
            if (!log)
              return gathered->failed(log.error());
            gathered->all.log = *log;
            for (auto& line : gathered->all.types)
              if (const auto it = types.find(line.declared.name); it != types.end())
                line.waiting = waiting_for(line, it->second.what, *log);
            gathered->arrived();
          },
          on_lost);
  for (const auto& [_, type] : types) {
    if (!type.supervisor)
      continue;
    ++gathered->missing;
    self->request(type.supervisor, status_deadline, atom::status_v)
        .then(
            [gathered, with_line,
             type_name = type.what.declared.name](const transfer_totals& totals) {
              with_line(type_name, [&](auto& line) {
                line.totals.in_flight = totals.in_flight;
                line.totals.records += totals.records;
                line.totals.bytes += totals.bytes;
                line.totals.adopted += totals.adopted;
                line.totals.short_of_space = totals.short_of_space;
              });
              gathered->arrived();
            },
            on_lost);
  }
  return promise;
}

caf::result<result<std::size_t>> secondary_site_state::resync(const std::string& type,
                                                              const record_selection& which) {
  if (const auto it = types.find(type);
      it != types.end() && which.which == record_selection::kind::all)
    if (const auto keeper = keepers.find(it->second.what.declared.store.string());
        keeper != keepers.end())
      self->send(keeper->second, atom::resync_v);
  auto answer = self->make_response_promise<result<std::size_t>>();
  self->request(registry_handle, status_deadline, atom::resync_v, type, which)
      .then(
          [this, type, answer](const result<std::size_t>& marked) mutable {
            wake({type});
            answer.deliver(result<std::size_t>{marked});
          },
          [answer](const caf::error& reason) mutable {
            answer.deliver(result<std::size_t>{fail(lost(reason))});
          });
  return answer;
}

caf::result<result<std::size_t>> secondary_site_state::reverify(const std::string& type,
                                                                const record_selection& which) {
  auto answer = self->make_response_promise<result<std::size_t>>();
  self->request(registry_handle, status_deadline, atom::reverify_v, type, which)
      .then(
          [this, type, answer](const result<std::size_t>& marked) mutable {
            wake({type}); // what failed is fetched again
            if (const auto it = types.find(type); it != types.end() && it->second.verifier)
              self->send(it->second.verifier, atom::wake_v);
            answer.deliver(result<std::size_t>{marked});
          },
          [answer](const caf::error& reason) mutable {
            answer.deliver(result<std::size_t>{fail(lost(reason))});
          });
  return answer;
}

caf::result<result<done>> secondary_site_state::pause(const std::string& type, bool paused) {
  if (!type.empty() && !types.contains(type))
    return result<done>{fail(not_declared(type))};
  auto answer = self->make_response_promise<result<done>>();
  self->request(registry_handle, status_deadline, atom::pause_v, type, paused)
      .then(
          [this, answer](const result<done>& set) mutable {
            for (const auto& [type_name, _] : types)
              wake({type_name});
            answer.deliver(result<done>{set});
          },
          [answer](const caf::error& reason) mutable {
            answer.deliver(result<done>{fail(lost(reason))});
          });
  return answer;
}

template <class T, class Handle, class... Parts>
caf::result<result<T>> secondary_site_state::pass_on(const Handle& to, const Parts&... what) {
  auto answer = self->make_response_promise<result<T>>();
  self->request(to, status_deadline, what...)
      .then([answer](const result<T>& got) mutable { answer.deliver(result<T>{got}); },
            [answer](const caf::error& reason) mutable {
              answer.deliver(result<T>{fail(lost(reason))});
            });
  return answer;
}

template <class T, class Atom>
caf::result<result<T>> secondary_site_state::pass_to_cursor(Atom order, const std::string& type) {
  if (!type.empty() && !types.contains(type))
    return result<T>{fail(not_declared(type))};
  return pass_on<T>(cursor_handle, order, type);
}

caf::result<result<done>> secondary_site_state::compare(const comparison_order& given) {
  auto order = given;
  for (const auto& type : order.types) {
    const auto known = types.find(type);
    if (known == types.end())
      return result<done>{fail(not_declared(type))};
    if (!known->second.what.declared.enabled)
      return result<done>{fail(ec::not_found, "the type \"" + type + "\" is disabled here")};
  }
  if (order.types.empty())
    for (const auto& [type_name, type] : types)
      if (type.what.declared.enabled)
        order.types.push_back(type_name);
  return pass_on<done>(comparison_handle, atom::compare_v, order);
}

caf::result<result<comparison_status>> secondary_site_state::comparison_stands() {
  return pass_on<comparison_status>(comparison_handle, atom::status_v);
}

/// While rows are still to be made, what waits to be adopted would be taken for orphans.
caf::result<result<done>> secondary_site_state::find_orphans(const orphan_order& order) {
  const auto known = types.find(order.type);
  if (known == types.end())
    return result<done>{fail(not_declared(order.type))};
  const auto& what = known->second.what;
  if (!what.store || !known->second.disk)
    return result<done>{fail(ec::disk, "the store of " + order.type + " can't be used now" +
                                           (what.trouble.empty() ? "" : ": " + what.trouble))};
  const orphan_search search{order, what.declared.store.string(), what.store, known->second.disk};
  auto answer = self->make_response_promise<result<done>>();
  auto refuse = [answer](error why) mutable { answer.deliver(result<done>{fail(std::move(why))}); };
  auto on_lost = [refuse](const caf::error& reason) mutable { refuse(lost(reason)); };
  self->request(cursor_handle, status_deadline, atom::status_v)
      .then(
          [this, search, answer, refuse, on_lost](const result<cursor_status>& log) mutable {
            if (!log)
              return refuse(log.error());
            for (const auto& [type_name, type] : types)
              if (type.what.declared.store.string() == search.path &&
                  !has_all_rows(type.what.declared, *log))
                return refuse({ec::overloaded,
                               "not all records of " + type_name +
                                   ", which lie in that store, have a row yet (or the type is "
                                   "disabled here, or the primary is away): ask again when "
                                   "farshore status says that its backfill is complete"});
            self->request(orphans_handle, status_deadline, search)
                .then(
                    [answer](const result<done>& begun) mutable {
                      answer.deliver(result<done>{begun});
                    },
                    on_lost);
          },
          on_lost);
  return answer;
}

caf::result<result<orphan_status>> secondary_site_state::orphans() {
  return pass_on<orphan_status>(orphans_handle, atom::status_v);
}

caf::result<result<std::uint64_t>> secondary_site_state::mark() {
  auto answer = self->make_response_promise<result<std::uint64_t>>();
  const auto on_lost = [answer](const caf::error& reason) mutable {
    answer.deliver(result<std::uint64_t>{fail(lost(reason))});
  };
  self->request(parts.primary, mark_deadline, atom::position_v)
      .then(
          [this, answer, on_lost](const result<primary_position>& now) mutable {
            if (!now) {
              answer.deliver(result<std::uint64_t>{fail(now.error())});
              return;
            }
            self->request(cursor_handle, status_deadline, atom::status_v)
                .then(
                    [answer, at = *now](const result<cursor_status>& log) mutable {
                      answer.deliver(log ? mark_for(at, *log)
                                         : result<std::uint64_t>{fail(log.error())});
                    },
                    on_lost);
          },
          on_lost);
  return answer;
}

void secondary_site_state::reachable() {
  for (const auto& [_, type] : types)
    if (type.supervisor)
      self->send(type.supervisor, atom::reachable_v);
}

void secondary_site_state::on_end(const caf::exit_msg& end) {
  const auto known = roles_.extract(end.source.id());
  if (known.empty())
    return self->quit(end.reason); // an order from outside; what is linked ends with us
  if (dismissed.erase(known.key()) == 0 && !stopping && parts.on_fatal)
    parts.on_fatal({ec::internal,
                    "the actor \"" + known.mapped() + "\" ended: " + caf::to_string(end.reason)});
}

caf::result<result<done>> secondary_site_state::stop() {
  stopping = true;
  auto gathered = std::make_shared<gathering<done>>();
  gathered->answer = self->make_response_promise<result<done>>();
  auto promise = gathered->answer;
  gathered->missing = 1;
  for (auto& [_, type] : types) {
    if (!type.supervisor)
      continue;
    ++gathered->missing;
    self->request(type.supervisor, stop_deadline, atom::stop_v)
        .then([gathered](const result<done>&) { gathered->arrived(); },
              [gathered](const caf::error&) { gathered->arrived(); });
  }
  gathered->arrived();
  return promise;
}

secondary_site_actor::behavior_type secondary_site(secondary_site_state::pointer self,
                                                   secondary_parts parts) {
  auto& state = self->state;
  state.parts = std::move(parts);
  self->set_exit_handler([&state](const caf::exit_msg& end) { state.on_end(end); });
  state.start();
  return {
      [&state](atom::declare, const std::vector<replicable_type>& types,
               const free_mark& min_free) { return state.declare(types, min_free); },
      [&state](atom::scope, const site_scope& wanted) { return state.set_scope(wanted); },
      [&state](atom::status) { return state.status(); },
      [&state](atom::resync, const std::string& type, const record_selection& which) {
        return state.resync(type, which);
      },
      [&state](atom::reverify, const std::string& type, const record_selection& which) {
        return state.reverify(type, which);
      },
      [&state](atom::pause, const std::string& type, bool paused) {
        return state.pause(type, paused);
      },
      [&state](atom::recheck order, const std::string& type) {
        return state.pass_to_cursor<done>(order, type);
      },
      [&state](atom::approve order, const std::string& type) {
        return state.pass_to_cursor<std::size_t>(order, type);
      },
      [&state](atom::compare, const comparison_order& order) { return state.compare(order); },
      [&state](atom::compare) { return state.comparison_stands(); },
      [&state](const orphan_order& order) { return state.find_orphans(order); },
      [&state](atom::list) { return state.orphans(); },
      [&state](atom::stop order, atom::resync of, const std::string& type) {
        return state.pass_on<done>(state.registry_handle, order, of, type);
      },
      [&state](atom::stop order, atom::reverify of, const std::string& type) {
        return state.pass_on<done>(state.registry_handle, order, of, type);
      },
      [&state](atom::stop order, atom::recheck of, const std::string& type) {
        return state.pass_on<done>(state.cursor_handle, order, of, type);
      },
      [&state](atom::stop order, atom::compare) {
        return state.pass_on<done>(state.comparison_handle, order);
      },
      [&state](atom::stop order, atom::list) {
        return state.pass_on<done>(state.orphans_handle, order);
      },
      [&state](atom::mark) { return state.mark(); },
      [&state](const store_report& report) { state.on_store(report); },
      [&state](atom::wake, const std::vector<std::string>& due) { state.wake(due); },
      [&state](atom::reachable) { state.reachable(); },
      [&state](atom::stop) { return state.stop(); },
  };
}

} // namespace farshore
