#include "actors/verifier.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace farshore {

namespace {

constexpr std::size_t batch_rows = 1024;
constexpr std::size_t part_rows = 32;
/// One is read while the other is claimed or told of.
constexpr std::size_t batches_max = 2;
constexpr std::chrono::minutes registry_deadline{5};
/// A reader is patient: large files take their time, and so does a slow disk.
constexpr std::chrono::minutes reading_deadline{24 * 60};
constexpr std::chrono::seconds second_look_pause{2};
constexpr std::chrono::milliseconds tick_min{100};
constexpr std::chrono::milliseconds tick_max{5'000};

} // namespace

std::size_t walk_pace::take(std::int64_t rows, steady_time now, std::size_t rows_max) {
  const std::chrono::duration<double> passed = now - std::exchange(counted_to_, now);
  const std::chrono::duration<double> whole = interval_;
  earned_ += static_cast<double>(rows) * (passed / whole);
  earned_ = std::min({earned_, static_cast<double>(rows), static_cast<double>(rows_max)});
  const auto due = static_cast<std::size_t>(earned_);
  earned_ -= static_cast<double>(due);
  return due;
}

void verifier_state::look() {
  if (claiming_ || batches.size() >= batches_max) {
    look_again_ = true;
    return;
  }
  claiming_ = true;
  look_again_ = false;
  verification_request what;
  what.type = parts.type;
  what.marked_after = marked_after_;
  what.marked_max = batch_rows;
  what.walk_rows = pace.take(rows_, parts.time->now(), batch_rows);
  what.recent = parts.reverify_after / 10;
  what.all_order = all_order_;
  what.all_told = all_told();
  what.all_claimed = all_claimed_;
  self->request(parts.registry, registry_deadline, what)
      .then(
          [this](const result<verification_round>& round) {
            claiming_ = false;
            if (round) // else the registry ends, and the node with it
              take(*round);
          },
          [this](const caf::error&) { claiming_ = false; });
}

record_id verifier_state::all_told() const {
  auto told = all_claimed_;
  for (const auto& [_, one] : batches)
    told = std::min(told, one.behind);
  return told;
}

void verifier_state::take(const verification_round& round) {
  rows_ = round.rows;
  const bool more_marked = round.marked == batch_rows;
  if (round.marked > 0)
    marked_after_ = round.claims[round.marked - 1].id.record;
  auto behind = std::exchange(all_claimed_, round.all_claimed);
  if (std::exchange(all_order_, round.all_order) != round.all_order) {
    behind = record_id_before_all;
    for (auto& [_, one] : batches) // of an earlier one: they say nothing of this one
      one.behind = INT64_MAX;
  }
  if (!round.claims.empty()) {
    const auto number = ++last_batch_;
    batches.emplace(number, batch{.suspects = {}, .behind = behind});
    read(number, round.claims);
  } else if (batches.empty() &&
             std::exchange(marked_after_, record_id_before_all) != record_id_before_all) {
    look_again_ = true; // what was marked behind our back
  }
  // At its end the registry is told so once nothing is in flight.
  const bool more_of_all = all_order_ != 0 && (!round.all_at_end || batches.empty());
  if (more_marked || more_of_all || look_again_)
    look();
}

void verifier_state::read(std::uint64_t number, const std::vector<verification_claim>& claims) {
  auto& reading = batches.at(number).reading;
  for (std::size_t at = 0; at < claims.size(); at += part_rows) {
    const auto from = claims.begin() + static_cast<std::ptrdiff_t>(at);
    const auto n = std::min(part_rows, claims.size() - at);
    ++reading;
    std::vector<record_id> asked;
    for (auto it = from; asked.size() < n; ++it)
      asked.push_back(it->id.record);
    self->request(
            parts.readers[next_reader_++ % parts.readers.size()], reading_deadline,
            reading_request{parts.store, {from, from + static_cast<std::ptrdiff_t>(n)}, cancelled})
        .then(
            [this, number, asked](result<verification_report>& found) {
              on_part(number, asked, found ? std::move(*found) : verification_report{});
            },
            [this, number, asked](const caf::error&) { on_part(number, asked, {}); });
  }
}

void verifier_state::on_part(std::uint64_t number, std::vector<record_id> asked,
                             verification_report&& found) {
  auto& of = batches.at(number);
  if (all_order_ != 0) {
    std::set<record_id> judged;
    for (const auto& one : found.outcomes)
      judged.insert(one.of.id.record);
    std::erase_if(asked, [&](record_id id) { return judged.contains(id); });
    if (!asked.empty()) // those of a reverify of all would never be read
      self->request(parts.registry, registry_deadline, atom::reverify_v, parts.type,
                    record_selection{record_selection::kind::ids, std::move(asked)})
          .then([](const result<std::size_t>&) {}, [](const caf::error&) {});
  }
  if (!of.second_look)
    std::erase_if(found.outcomes, [&](const verification_outcome& one) {
      if (one.damage)
        of.suspects.push_back(one.of);
      return one.damage.has_value();
    });
  if (!found.outcomes.empty())
    tell(std::move(found));
  if (--of.reading > 0)
    return;
  if (of.second_look || of.suspects.empty())
    end(number);
  else
    self->delayed_send(self, second_look_pause, atom::confirm_v);
}

void verifier_state::confirm() {
  std::vector<std::uint64_t> ready;
  for (const auto& [number, of] : batches)
    if (of.reading == 0 && !of.second_look && !of.suspects.empty())
      ready.push_back(number);
  for (const auto number : ready) {
    auto& of = batches.at(number);
    of.second_look = true;
    read(number, of.suspects);
  }
}

void verifier_state::tell(verification_report found) {
  self->request(parts.registry, registry_deadline, std::move(found))
      .then([this](const result<std::size_t>& due) {
        if (due && *due > 0)
          self->send(parts.supervisor, atom::wake_v);
      });
}

void verifier_state::end(std::uint64_t number) {
  batches.erase(number);
  look();
}

void verifier_state::keep_up() {
  if (std::exchange(keeping_up_, true))
    return;
  self->request(parts.readers[next_reader_++ % parts.readers.size()], reading_deadline,
                upkeep_request{parts.store, cancelled})
      .then(
          [this](const result<bool>& more) {
            keeping_up_ = false;
            if (more && *more)
              keep_up();
          },
          [this](const caf::error&) { keeping_up_ = false; });
}

void verifier_state::tick() {
  look();
  keep_up();
  self->delayed_send(self, std::clamp(parts.reverify_after / 100, tick_min, tick_max),
                     atom::tick_v);
}

verifier_actor::behavior_type verifier(verifier_state::pointer self, verifier_parts parts) {
  auto& state = self->state;
  state.pace = {parts.reverify_after, parts.time->now()};
  state.parts = std::move(parts);
  self->send(self, atom::tick_v);
  return {
      [&state](atom::wake) { state.look(); },
      [&state](atom::tick) { state.tick(); },
      [&state](atom::confirm) { state.confirm(); },
  };
}

} // namespace farshore
