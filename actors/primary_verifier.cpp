#include "actors/primary_verifier.hpp"

#include "actors/hasher.hpp"
#include "config/backoff.hpp"
#include "registry/checksum_rules.hpp"

#include <algorithm>
#include <thread>
#include <utility>

#include <caf/exit_reason.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace farshore {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds tick_period{100};
constexpr std::chrono::minutes answer_deadline{5};
/// Claimed at once; what lies ready is half of it at most before more is claimed.
constexpr std::size_t batch_records = 500;
constexpr std::size_t held_max = 2000;
/// Given to a hasher at once.
constexpr std::size_t order_records = 32;
/// Read from the catalogue at once to be glanced at, and given to a hasher at once.
constexpr std::size_t glance_page_records = 1000;
constexpr std::size_t glance_order_records = 250;
/// Results are recorded when so many are there, or the first is so old.
constexpr std::size_t report_records = 500;
constexpr std::chrono::milliseconds report_age{100};

/// Where nothing is due, is to be tried again, or its store is away.
constexpr std::chrono::milliseconds idle_rest{500};
constexpr std::chrono::milliseconds retry_rest{1'000};
constexpr std::chrono::milliseconds store_rest{5'000};
constexpr std::chrono::milliseconds changed_pause{1'000};
constexpr std::chrono::minutes release_period{1};

/// Whose turn it is: the first behind `last` of which `may` says yes, from the beginning again
/// where there is none. Or nullptr.
template <class Lines, class May>
auto next_turn(Lines& lines, std::string& last, May may) -> typename Lines::mapped_type* {
  const auto behind = lines.upper_bound(last);
  const auto take = [&](auto from, auto to) -> typename Lines::mapped_type* {
    const auto found = std::find_if(from, to, [&](auto& one) { return may(one.second); });
    if (found == to)
      return nullptr;
    last = found->first;
    return &found->second;
  };
  if (auto* found = take(behind, lines.end()))
    return found;
  return take(lines.begin(), behind);
}

} // namespace

void primary_verifier_state::start(primary_verifier_parts with) {
  parts_ = std::move(with);
  random_.emplace(parts_.seed);
  auto count = parts_.hashers;
  if (count == 0)
    count = std::max(1u, std::thread::hardware_concurrency());
  for (std::size_t i = 0; i < count; ++i) {
    hasher_parts parts{primary_verifier_actor{self}, stop_, parts_.threads, parts_.time};
    auto one = parts_.threads ? self->spawn<caf::detached>(hasher, std::move(parts))
                              : self->spawn(hasher, std::move(parts));
    self->link_to(one);
    idle_.push_back(std::move(one));
  }
  // However this actor ends, nobody waits for a large file to be read to its end.
  self->attach_functor([stop = stop_] { *stop = true; });
  released_at_ = parts_.time->now();
  self->delayed_send(self, tick_period, atom::tick_v);
}

void primary_verifier_state::declare(const std::vector<replicable_type>& types) {
  declared_ = types;
  reader_.reset(); // the next look-up declares anew
  std::erase_if(lines_, [&](const auto& one) {
    const auto same = std::ranges::find(types, one.second.declared);
    return same == types.end() || same->verification == verification_place::off;
  });
  for (const auto& type : types) {
    if (lines_.contains(type.name) || type.verification == verification_place::off)
      continue;
    auto& fresh = lines_[type.name];
    fresh.number = ++numbers_;
    fresh.declared = type;
    open_store(fresh);
    release(fresh); // of a former life
  }
  for (const auto& [type, of] : lines_)
    self->send(parts_.desk, checksum_trouble{type, of.trouble});
  pump();
}

void primary_verifier_state::open_store(line& of) {
  auto opened = parts_.open_store(of.declared);
  if (!opened)
    return set_trouble(of, opened.error().message);
  const auto look = (*opened)->look();
  if (!look || !look->there)
    return set_trouble(of, "its store " + of.declared.store.string() +
                               " is not there: nothing of it can be verified; mount it, or bring "
                               "the folder back");
  of.store = std::move(*opened);
  set_trouble(of, "");
}

void primary_verifier_state::wake() {
  for (auto& [type, of] : lines_)
    if (of.may_be_woken)
      of.rests_until = {};
  pump();
}

void primary_verifier_state::tick() {
  self->delayed_send(self, tick_period, atom::tick_v);
  const auto now = parts_.time->now();
  for (auto& [type, of] : lines_)
    if (!of.store && now >= of.rests_until) {
      open_store(of);
      of.rests_until = of.store ? now : now + store_rest;
      of.may_be_woken = of.store != nullptr;
    }
  // Nothing should be in nobody's hands; if it is, not for ever.
  if (!claiming_ && now - released_at_ >= release_period) {
    released_at_ = now;
    for (auto& [type, of] : lines_)
      release(of);
  }
  pump();
}

void primary_verifier_state::pump() {
  if (!glanced_before_)
    glance();
  dispatch();
  glance();
  for (auto& [type, of] : lines_)
    report(of);
  claim();
}

auto primary_verifier_state::find(const std::string& type, std::uint64_t number) -> line* {
  const auto found = lines_.find(type);
  return found == lines_.end() || found->second.number != number ? nullptr : &found->second;
}

bool primary_verifier_state::line::holds(const checksum_claim& one) const {
  const auto found = held.find(one.record);
  return found != held.end() && found->second == one.started;
}

std::vector<record_id> primary_verifier_state::line::records_held() const {
  std::vector<record_id> all;
  all.reserve(held.size());
  for (const auto& [record, _] : held)
    all.push_back(record);
  return all;
}

// -- claims ---------------------------------------------------------------------------------------

void primary_verifier_state::claim() {
  if (claiming_)
    return;
  std::size_t held = 0;
  for (const auto& [type, of] : lines_)
    held += of.held.size();
  if (held + batch_records > held_max)
    return;
  const auto now = parts_.time->now();
  auto* of = next_turn(lines_, claimed_last_, [&](const line& one) {
    return one.store && now >= one.rests_until && one.waiting.size() <= batch_records / 2;
  });
  if (of == nullptr)
    return;
  claiming_ = true;
  const auto type = of->declared.name;
  const auto number = of->number;
  self->request(parts_.desk, answer_deadline,
                checksum_request{type, batch_records, of->records_held()})
      .then(
          [this, type, number](const result<std::vector<checksum_claim>>& claims) {
            claiming_ = false;
            if (!claims) // the registry has given up by now, and the node starts over
              return self->quit(caf::exit_reason::user_shutdown);
            receive(type, number, *claims);
            pump();
          },
          [this](const caf::error&) { self->quit(caf::exit_reason::user_shutdown); });
}

void primary_verifier_state::receive(const std::string& type, std::uint64_t number,
                                     const std::vector<checksum_claim>& claims) {
  auto* of = find(type, number);
  if (of == nullptr) // declared anew meanwhile
    return;
  if (claims.empty()) {
    const auto now = parts_.time->now();
    if (now < of->rests_until) // given up meanwhile, and for longer
      return;
    of->rests_until = now + idle_rest;
    of->may_be_woken = true;
    return;
  }
  for (const auto& one : claims)
    of->held.insert_or_assign(one.record, one.started);
  look_up(*of, claims);
}

result<primary_reader*> primary_verifier_state::reader() {
  if (!reader_) {
    auto opened = parts_.open_reader();
    if (!opened)
      return fail(std::move(opened).error());
    reader_ = std::move(*opened);
    reader_->declare(declared_);
  }
  return reader_.get();
}

void primary_verifier_state::look_up(line& of, const std::vector<checksum_claim>& claims) {
  if (const auto opened = reader(); !opened)
    return give_up(of, opened.error().message, retry_rest);
  std::vector<record_id> records;
  for (const auto& one : claims)
    records.push_back(one.record);
  const auto found = reader_->resolve(of.declared.name, records);
  if (!found) {
    // The registry says already what a type waits for.
    const bool waits = found.error().code == ec::type_waiting;
    if (!waits)
      reader_.reset();
    return give_up(of, waits ? "" : found.error().message, retry_rest);
  }
  for (std::size_t i = 0; i < claims.size(); ++i) {
    const auto& there = (*found)[i];
    if (!there.present)
      add_result(of, {claims[i], checksum_result::kind::unavailable, {}, {}, 0ms});
    else if (there.locator.empty())
      add_result(
          of, {claims[i],
               checksum_result::kind::unreadable,
               {},
               fmt::format("{}/{}: its row yields no locator (an expression of the "
                           "declaration fails on it); correct the row",
                           of.declared.name, claims[i].record),
               backoff(claims[i].retry_count + 1, parts_.retry_base, parts_.retry_cap, *random_)});
    else
      of.waiting.push_back({claims[i], there.locator});
  }
}

void primary_verifier_state::give_up(line& of, const std::string& why,
                                     std::chrono::milliseconds rest) {
  if (!why.empty())
    spdlog::warn("{}: verification rests for {} ms: {}", of.declared.name, rest.count(), why);
  of.rests_until = parts_.time->now() + rest;
  of.may_be_woken = false;
  of.waiting.clear();
  // What hashers and reports still hold comes back, and no longer counts: it is claimed anew.
  of.held.clear();
  for (const auto& one : of.results)
    of.held.insert_or_assign(one.of.record, one.of.started);
  release(of);
}

void primary_verifier_state::release(line& of) {
  self->send(parts_.desk, checksum_release{of.declared.name, of.records_held()});
}

// -- hashing --------------------------------------------------------------------------------------

void primary_verifier_state::dispatch() {
  while (!idle_.empty()) {
    auto* of = next_turn(lines_, dispatched_last_,
                         [](const line& one) { return one.store && !one.waiting.empty(); });
    if (of == nullptr)
      return;
    hash_order order{of->declared.name, of->number, of->store, {}};
    // All hashers come to something where there is little.
    const auto share = of->waiting.size() / (idle_.size() + 1) + 1;
    for (auto n = std::min(share, order_records); n > 0; --n) {
      order.items.push_back(std::move(of->waiting.front()));
      of->waiting.pop_front();
    }
    self->send(idle_.back(), std::move(order));
    idle_.pop_back();
    glanced_before_ = false;
  }
}

void primary_verifier_state::lose_store(line& of) {
  if (!of.store) // another hasher has said so already
    return;
  of.store.reset();
  of.glancing.reset();
  set_trouble(of, "its store " + of.declared.store.string() +
                      " is not there any more: what it holds is not taken for missing; mount "
                      "it, or bring the folder back");
  give_up(of, of.trouble, store_rest);
}

void primary_verifier_state::take(hash_answer answer) {
  idle_.push_back(caf::actor_cast<hasher_actor>(self->current_sender()));
  auto* of = find(answer.type, answer.line);
  if (of != nullptr && answer.store_gone) {
    lose_store(*of);
  } else if (of != nullptr) {
    for (const auto& item : answer.done)
      if (of->holds(item.of.of)) // not given up, nor claimed again, meanwhile
        add_result(*of, judge(*of, item));
    for (auto item = answer.left.rbegin(); item != answer.left.rend(); ++item)
      if (of->holds(item->of))
        of->waiting.push_front(std::move(*item));
  }
  pump();
}

// -- glances --------------------------------------------------------------------------------------

void primary_verifier_state::glance() {
  if (glance_out_ || idle_.empty())
    return;
  const auto now = parts_.time->now();
  auto* of = next_turn(lines_, glanced_last_, [now](const line& one) {
    return one.declared.refs_check > 0ms && one.store && now >= one.glances_from;
  });
  if (of == nullptr)
    return;
  if (!of->glancing)
    of->glancing.emplace().began = now;
  auto& pass = *of->glancing;
  if (pass.waiting.empty() && !pass.last_page)
    read_glances(*of);
  if (pass.waiting.empty()) { // where the page had none the next one is read at the next tick
    if (pass.last_page) {
      of->glances_from = std::max(pass.began + of->declared.refs_check, now);
      of->glancing.reset();
    }
    return;
  }
  glance_order order{of->declared.name, of->number, of->store, {}};
  for (auto n = std::min(pass.waiting.size(), glance_order_records); n > 0; --n) {
    order.items.push_back(std::move(pass.waiting.front()));
    pass.waiting.pop_front();
  }
  glance_out_ = glanced_before_ = true;
  self->send(idle_.back(), std::move(order));
  idle_.pop_back();
}

/// A page of records that have a checksum.
void primary_verifier_state::read_glances(line& of) {
  auto& pass = *of.glancing;
  const auto rest = [&](const error& why) {
    if (why.code != ec::type_waiting) { // the registry says already what a type waits for
      reader_.reset();
      spdlog::warn("{}: its refs are looked at later: {}", of.declared.name, why.message);
    }
    of.glances_from = parts_.time->now() + retry_rest;
  };
  const auto opened = reader();
  if (!opened)
    return rest(opened.error());
  auto page = (*opened)->catalogue(of.declared.name, pass.at, glance_page_records);
  if (!page)
    return rest(page.error());
  pass.at = page->next_after;
  pass.last_page = page->last;
  for (auto& row : page->rows)
    if (row.sum && !row.locator.empty())
      pass.waiting.push_back({row.record, std::move(row.locator), *row.sum});
}

void primary_verifier_state::take(glance_answer answer) {
  idle_.push_back(caf::actor_cast<hasher_actor>(self->current_sender()));
  glance_out_ = false;
  auto* of = find(answer.type, answer.line);
  if (of == nullptr)
    return pump();
  if (answer.store_gone)
    lose_store(*of);
  for (auto item = answer.left.rbegin(); of->glancing && item != answer.left.rend(); ++item)
    of->glancing->waiting.push_front(std::move(*item));
  if (!answer.differing.empty()) {
    glance_out_ = true; // no more than the registry can take
    self->request(parts_.desk, answer_deadline, atom::reverify_v, answer.type,
                  record_selection{record_selection::kind::ids, std::move(answer.differing)})
        .then(
            [this](const result<std::int64_t>&) {
              glance_out_ = false;
              pump();
            },
            [this](const caf::error&) { self->quit(caf::exit_reason::user_shutdown); });
  }
  pump();
}

checksum_result primary_verifier_state::judge(const line& of, const hash_answer::item& item) {
  const auto& claim = item.of.of;
  if (item.found)
    return {claim,
            checksum_result::kind::succeeded,
            item.found->sum,
            {},
            reverify_delay(of.declared.reverify_after, *random_)};
  const auto& why = item.found.error();
  if (why.code == ec::changed)
    return {claim, checksum_result::kind::changed, {}, {}, changed_pause};
  const auto what = fmt::format("{}/{} at \"{}\": {}", of.declared.name, claim.record,
                                item.of.locator, why.message);
  const auto tries = claim.retry_count + 1;
  if (why.code == ec::missing_on_primary)
    return {claim,
            checksum_result::kind::missing,
            {},
            what +
                "; bring the file back, or correct or delete the row; looked for again by itself",
            missing_backoff(tries, parts_.retry_cap, *random_)};
  return {claim,
          checksum_result::kind::unreadable,
          {},
          what + "; then: farshore reverify " + of.declared.name + " --id " +
              std::to_string(claim.record),
          backoff(tries, parts_.retry_base, parts_.retry_cap, *random_)};
}

// -- results --------------------------------------------------------------------------------------

void primary_verifier_state::add_result(line& of, checksum_result one) {
  if (of.results.empty())
    of.first_result = parts_.time->now();
  of.results.push_back(std::move(one));
}

void primary_verifier_state::report(line& of) {
  const auto now = parts_.time->now();
  const bool all = of.results.size() >= of.held.size();
  if (of.reporting || of.results.empty() || now < of.reports_from ||
      (!all && of.results.size() < report_records && now - of.first_result < report_age))
    return;
  of.reporting = true;
  auto results = std::exchange(of.results, {});
  const auto type = of.declared.name;
  const auto number = of.number;
  self->request(parts_.desk, answer_deadline, checksum_report{type, results})
      .then(
          [this, type, number, results](const result<done>& answer) {
            reported(type, number, results, answer);
            pump();
          },
          [this](const caf::error&) { self->quit(caf::exit_reason::user_shutdown); });
}

void primary_verifier_state::reported(const std::string& type, std::uint64_t number,
                                      std::vector<checksum_result> results,
                                      const result<done>& answer) {
  auto* of = find(type, number);
  if (of == nullptr)
    return;
  of->reporting = false;
  if (!answer && answer.error().code == ec::overloaded) {
    // The model's table is locked: a little later, with what has come meanwhile.
    for (auto& one : results)
      of->results.push_back(std::move(one));
    of->reports_from = parts_.time->now() + retry_rest;
    return;
  }
  for (const auto& one : results)
    if (of->holds(one.of))
      of->held.erase(one.of.record);
  if (!answer && answer.error().code != ec::type_waiting)
    return self->quit(caf::exit_reason::user_shutdown);
  if (!answer)
    give_up(*of, answer.error().message, retry_rest);
}

void primary_verifier_state::set_trouble(line& of, const std::string& what) {
  if (of.trouble == what)
    return;
  of.trouble = what;
  self->send(parts_.desk, checksum_trouble{of.declared.name, what});
}

primary_verifier_actor::behavior_type
primary_verifier(primary_verifier_actor::stateful_pointer<primary_verifier_state> self,
                 primary_verifier_parts parts) {
  auto& state = self->state;
  state.start(std::move(parts));
  return {
      [&state](atom::declare, const std::vector<replicable_type>& types) { state.declare(types); },
      [&state](atom::wake) { state.wake(); },
      [&state](hash_answer& answer) { state.take(std::move(answer)); },
      [&state](glance_answer& answer) { state.take(std::move(answer)); },
      [&state](atom::tick) { state.tick(); },
  };
}

} // namespace farshore
