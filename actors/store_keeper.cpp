#include "actors/store_keeper.hpp"

#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>

namespace farshore {

namespace {

constexpr std::chrono::seconds look_period{1};
constexpr std::chrono::minutes raise_period{1};
constexpr std::chrono::minutes registry_deadline{30};
constexpr std::chrono::milliseconds reopen_base{1'000};
constexpr std::chrono::milliseconds reopen_cap{30'000};

constexpr int failed_looks_max = 3;

bool has_store(const site_type& type) {
  return type.store != nullptr;
}

} // namespace

template <class T, class Next, class... Question>
void store_keeper_state::ask(Next next, Question... question) {
  self->request(parts.registry, registry_deadline, std::move(question)...)
      .then([next](result<T>& answer) {
        if (answer)
          next(*answer);
      });
}

void store_keeper_state::declare(const std::vector<replicable_type>& declared) {
  std::vector<site_type> now;
  for (const auto& type : declared) {
    const auto known_type =
        std::ranges::find_if(types, [&](const site_type& one) { return one.declared == type; });
    now.push_back(known_type == types.end() ? site_type{type, nullptr, {}} : *known_type);
  }
  types = std::move(now);
  retry_at_ = {};
  if (!busy)
    look();
}

void store_keeper_state::accept() {
  accepted = view.now == store_view::condition::away;
  if (accepted && !busy)
    look();
}

void store_keeper_state::tick() {
  self->delayed_send(self, look_period, atom::tick_v);
  if (!busy)
    look();
}

void store_keeper_state::look() {
  if (types.empty())
    return;
  busy = true;
  if (!known)
    return load();
  auto files = parts.open(types.front().declared);
  auto seen = files ? (*files)->look() : result<store_look>{fail(files.error())};
  if (!seen) {
    // One bad moment is no reason to break off what is in flight.
    if (is_open() && ++failed_looks_ < failed_looks_max)
      return rest();
    return close(seen.error().message);
  }
  failed_looks_ = 0;
  judge_now(*seen);
}

void store_keeper_state::load() {
  ask<store_standing>(
      [this](const store_standing& found) {
        known = found.known;
        view.known = found.known;
        look();
      },
      atom::store_v, parts.path);
}

void store_keeper_state::judge_now(const store_look& seen) {
  auto verdict = judge(*known, seen);
  // What was opened has been moved away, and a copy of it, mark and all, lies in its place.
  if (verdict == store_verdict::good && is_open() &&
      std::pair{seen.device, seen.inode} != std::pair{device_, inode_})
    verdict = store_verdict::replaced;
  if (verdict == store_verdict::away && std::exchange(accepted, false))
    verdict = store_verdict::emptied;
  switch (verdict) {
  case store_verdict::away:
    return ask_whether_empty();
  case store_verdict::good:
    // Opened, and the site was told: a raise that broke off before that begins again.
    if (view.now == store_view::condition::good && std::ranges::all_of(types, has_store))
      return raise_after_work(seen);
    [[fallthrough]];
  case store_verdict::unknown:
    return parts.time->now() < retry_at_ ? rest() : open();
  default:
    return heal(verdict);
  }
}

/// Where nothing is recorded there is nothing that could be fetched beneath a mount point by
/// mistake.
void store_keeper_state::ask_whether_empty() {
  ask<store_standing>(
      [this](const store_standing& found) {
        if (!found.has_rows) {
          known->mark = {};
          for (auto& type : types)
            type.store.reset(); // what was opened is the folder that lay there before
          return open();
        }
        const auto& type = types.front().declared.name;
        close(
            "the store " + parts.path + ' ' + std::string{sentence(store_verdict::away)} +
            "; nothing is fetched until it is back; if it was moved on purpose: farshore resync " +
            type + " --all");
      },
      atom::store_v, parts.path);
}

// -- not as expected -----------------------------------------------------------------------------

void store_keeper_state::heal(store_verdict why) {
  spdlog::warn("the store {} {}: every record of its types is looked at again, what is there with "
               "the right content is kept",
               parts.path, sentence(why));
  for (auto& type : types) {
    type.store.reset();
    type.trouble.clear();
  }
  view.now = store_view::condition::opening;
  self->send(parts.site, store_report{view, types});
  ask<done>(
      [this](const done&) {
        known.reset(); // as the registry has it now
        retry_at_ = {};
        load();
      },
      atom::distrust_v, parts.path, why);
}

/// Stops the types until a later look.
void store_keeper_state::close(const std::string& why) {
  if (std::exchange(said_, why) != why)
    spdlog::error("{}", why);
  for (auto& type : types) {
    type.store.reset();
    type.trouble = why;
  }
  view.now = store_view::condition::away;
  self->send(parts.site, store_report{view, types});
  rest();
}

// -- opening -------------------------------------------------------------------------------------

bool store_keeper_state::is_open() const {
  return std::ranges::any_of(types, has_store);
}

void store_keeper_state::open() {
  for (auto& type : types) {
    if (type.store)
      continue;
    type.trouble.clear();
    auto files = parts.open(type.declared);
    auto ready = files ? (*files)->prepare() : result<void>{fail(files.error())};
    if (ready)
      type.store = *files;
    else
      type.trouble = ready.error().message;
  }
  if (!is_open()) {
    view.now = store_view::condition::away;
    return opened();
  }
  auto files = parts.open(types.front().declared);
  auto seen = files ? (*files)->look() : result<store_look>{fail(files.error())};
  if (seen && !seen->mark)
    seen = fail(ec::disk,
                "the store " + parts.path + " lost its .farshore/identity while it was opened");
  if (!seen)
    return close(seen.error().message);
  const auto verdict = judge(*known, *seen);
  if (verdict != store_verdict::good && verdict != store_verdict::unknown) {
    for (auto& type : types)
      type.store.reset();
    return rest(); // it was exchanged a moment ago: the next look says so
  }
  if (known->mark.id.empty())
    known->mark = *seen->mark;
  raise(*seen);
}

void store_keeper_state::raise_after_work(const store_look& seen) {
  if (parts.time->now() - raised_at_ < raise_period)
    return rest();
  raised_at_ = parts.time->now();
  ask<store_standing>(
      [this, seen](const store_standing& found) {
        if (!found.worked)
          return rest();
        raise(seen);
      },
      atom::store_v, parts.path);
}

/// The database notes the intent, the file says it, the database confirms.
void store_keeper_state::raise(const store_look& seen) {
  device_ = seen.device;
  inode_ = seen.inode;
  raised_at_ = parts.time->now();
  known->device = seen.device;
  if (seen.mark)
    known->mark.counter = seen.mark->counter;
  known->pending = true;
  ask<done>(
      [this](const done&) {
        const auto files = std::ranges::find_if(types, has_store);
        const store_mark next{known->mark.id, known->mark.counter + 1};
        if (files == types.end())
          return rest();
        // Never over the mark of another store that came to lie there meanwhile.
        const auto still = files->store->look();
        if (!still || judge(*known, *still) != store_verdict::good)
          return rest();
        if (auto written = files->store->write_mark(next); !written) {
          spdlog::warn("{}", written.error().message);
          return opened(); // the next minute tries again; until then either number is right
        }
        known->mark = next;
        known->pending = false;
        ask<done>([this](const done&) { opened(); }, atom::store_v, *known);
      },
      atom::store_v, *known);
}

void store_keeper_state::opened() {
  view.known = *known;
  if (is_open())
    view.now = store_view::condition::good;
  const auto failed =
      std::ranges::find_if(types, [](const site_type& type) { return !type.trouble.empty(); });
  failures_ = failed == types.end() ? 0 : failures_ + 1;
  if (failures_ == 0)
    said_.clear();
  if (failures_ > 0) {
    retry_at_ = parts.time->now() + backoff(failures_, reopen_base, reopen_cap, random);
    if (std::exchange(said_, failed->trouble) != failed->trouble)
      spdlog::error("{}: {}", failed->declared.name, failed->trouble);
  }
  self->send(parts.site, store_report{view, types});
  rest();
}

void store_keeper_state::rest() {
  busy = false;
}

store_keeper_actor::behavior_type store_keeper(store_keeper_state::pointer self,
                                               store_keeper_parts parts) {
  auto& state = self->state;
  state.random = random_source{parts.seed};
  state.view.known.path = parts.path;
  state.parts = std::move(parts);
  self->delayed_send(self, look_period, atom::tick_v);
  return {
      [&state](atom::declare, const std::vector<replicable_type>& types) { state.declare(types); },
      [&state](atom::resync) { state.accept(); },
      [&state](atom::tick) { state.tick(); },
  };
}

} // namespace farshore
