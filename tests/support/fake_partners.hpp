// Partners of the actor under test, played by the test: they note what they are asked, and answer
// when and what the test says.

#pragma once

#include "actors/interfaces.hpp"

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

namespace farshore::test {

/// A promise that the test keeps from outside the actor that gave it.
template <class T>
struct held_promise {
  caf::local_actor* owner;
  caf::typed_response_promise<T> promise;

  void deliver(T value) {
    owner->context(nullptr); // it points into the owner's last turn, which is over
    promise.deliver(std::move(value));
  }
  void deliver(caf::error why) {
    owner->context(nullptr);
    promise.deliver(std::move(why));
  }
};

/// A request that waits for the test's answer.
template <class Request, class T>
struct open_request {
  Request what;
  held_promise<T> answer;
};

/// A registry whose every answer is the test's.
struct fake_registry {
  std::deque<open_request<std::size_t, result<claimed>>> claims;
  /// Of every claim so far.
  std::vector<claim_scope> scopes;
  std::deque<open_request<outcome, result<bool>>> outcomes;
  std::deque<open_request<std::vector<claim_token>, result<std::vector<claim_token>>>> renewals;
  std::deque<open_request<events_page, result<applied>>> events;
  std::deque<open_request<catalogue_page, result<applied>>> catalogues;
  std::deque<open_request<std::string, result<std::vector<record_id>>>> suspects;
  std::deque<open_request<records_page, result<applied>>> records;
  std::deque<open_request<held_request, result<held_digests>>> digests;
  std::deque<open_request<rows_request, result<std::vector<registry_row>>>> rows;
  std::deque<open_request<compared_ranges, result<applied>>> compared;
  std::deque<
      open_request<std::pair<std::string, std::vector<std::string>>, result<std::vector<bool>>>>
      look_ups;
  std::deque<open_request<std::string, result<std::size_t>>> approvals;
  std::deque<open_request<event_position, result<cursor_status>>> epochs;
  std::deque<open_request<event_position, result<cursor_status>>> skips;
  std::deque<open_request<verification_request, result<verification_round>>> verifications;
  /// All that was told of, and how many of them are due again.
  std::vector<verification_outcome> verified;
  std::size_t verified_due = 0;
  std::vector<record_id> reverified;
  std::vector<std::uint64_t> horizons;
  cursor_status stored;
  registry_status status;
};

inline registry_actor::behavior_type play_registry(registry_actor::pointer self,
                                                   std::shared_ptr<fake_registry> fake) {
  return {
      [](atom::stop, atom::resync, const std::string&) { return result<done>{}; },
      [](atom::stop, atom::reverify, const std::string&) { return result<done>{}; },
      [](atom::declare, const std::vector<store_type>&) { return result<done>{}; },
      [=](atom::scope, const scope_digest& scope) {
        fake->stored.cursor.scope = scope;
        return result<done>{};
      },
      [=](atom::apply, const events_page& page) -> caf::result<result<applied>> {
        fake->events.push_back({page, {self, self->make_response_promise<result<applied>>()}});
        return fake->events.back().answer.promise;
      },
      [=](atom::apply, const catalogue_page& page) -> caf::result<result<applied>> {
        fake->catalogues.push_back({page, {self, self->make_response_promise<result<applied>>()}});
        return fake->catalogues.back().answer.promise;
      },
      [=](atom::suspects, const std::string& type,
          std::size_t) -> caf::result<result<std::vector<record_id>>> {
        fake->suspects.push_back(
            {type, {self, self->make_response_promise<result<std::vector<record_id>>>()}});
        return fake->suspects.back().answer.promise;
      },
      [=](atom::apply, const records_page& page) -> caf::result<result<applied>> {
        fake->records.push_back({page, {self, self->make_response_promise<result<applied>>()}});
        return fake->records.back().answer.promise;
      },
      [=](const held_request& what) -> caf::result<result<held_digests>> {
        fake->digests.push_back(
            {what, {self, self->make_response_promise<result<held_digests>>()}});
        return fake->digests.back().answer.promise;
      },
      [=](const rows_request& what) -> caf::result<result<std::vector<registry_row>>> {
        fake->rows.push_back(
            {what, {self, self->make_response_promise<result<std::vector<registry_row>>>()}});
        return fake->rows.back().answer.promise;
      },
      [=](atom::list, const std::string& store,
          const std::vector<std::string>& locators) -> caf::result<result<std::vector<bool>>> {
        fake->look_ups.push_back(
            {{store, locators}, {self, self->make_response_promise<result<std::vector<bool>>>()}});
        return fake->look_ups.back().answer.promise;
      },
      [=](atom::apply, const compared_ranges& what) -> caf::result<result<applied>> {
        fake->compared.push_back({what, {self, self->make_response_promise<result<applied>>()}});
        return fake->compared.back().answer.promise;
      },
      [=](atom::approve, const std::string& type) -> caf::result<result<std::size_t>> {
        fake->approvals.push_back(
            {type, {self, self->make_response_promise<result<std::size_t>>()}});
        return fake->approvals.back().answer.promise;
      },
      [=](atom::skip, const event_position& place) -> caf::result<result<cursor_status>> {
        fake->skips.push_back(
            {place, {self, self->make_response_promise<result<cursor_status>>()}});
        return fake->skips.back().answer.promise;
      },
      [=](atom::epoch, const std::string&,
          const event_position& place) -> caf::result<result<cursor_status>> {
        fake->epochs.push_back(
            {place, {self, self->make_response_promise<result<cursor_status>>()}});
        return fake->epochs.back().answer.promise;
      },
      [=](atom::cursor) -> result<cursor_status> { return fake->stored; },
      [=](atom::horizon, std::uint64_t covered, const std::optional<wall_time>&) {
        fake->horizons.push_back(covered);
      },
      [=](atom::claim, const std::string&, std::size_t limit,
          claim_scope scope) -> caf::result<result<claimed>> {
        fake->claims.push_back({limit, {self, self->make_response_promise<result<claimed>>()}});
        fake->scopes.push_back(scope);
        return fake->claims.back().answer.promise;
      },
      [=](atom::finish, const outcome& how) -> caf::result<result<bool>> {
        fake->outcomes.push_back({how, {self, self->make_response_promise<result<bool>>()}});
        return fake->outcomes.back().answer.promise;
      },
      [=](atom::renew,
          const std::vector<claim_token>& tokens) -> caf::result<result<std::vector<claim_token>>> {
        fake->renewals.push_back(
            {tokens, {self, self->make_response_promise<result<std::vector<claim_token>>>()}});
        return fake->renewals.back().answer.promise;
      },
      [](atom::resync, const std::string&, const record_selection&) {
        return result<std::size_t>{0};
      },
      [=](const verification_request& what) -> caf::result<result<verification_round>> {
        fake->verifications.push_back(
            {what, {self, self->make_response_promise<result<verification_round>>()}});
        return fake->verifications.back().answer.promise;
      },
      [=](const verification_report& found) {
        fake->verified.insert(fake->verified.end(), found.outcomes.begin(), found.outcomes.end());
        return result<std::size_t>{fake->verified_due};
      },
      [=](atom::reverify, const std::string&, const record_selection& which) {
        fake->reverified.insert(fake->reverified.end(), which.ids.begin(), which.ids.end());
        return result<std::size_t>{which.ids.size()};
      },
      [](atom::pause, const std::string&, bool) { return result<done>{}; },
      [](atom::store, const std::string&) { return result<store_standing>{}; },
      [](atom::store, const known_store&) { return result<done>{}; },
      [](atom::distrust, const std::string&, store_verdict) { return result<done>{}; },
      [=](atom::status) { return result<registry_status>{fake->status}; },
      [](atom::flush) {},
  };
}

struct fake_primary {
  std::deque<open_request<events_request, result<events_page>>> events;
  std::deque<open_request<catalogue_request, result<catalogue_page>>> catalogues;
  std::deque<open_request<records_request, result<records_page>>> records;
  /// One that can't compare digests says so.
  bool can_digest = false;
  std::deque<open_request<digest_request, result<digest_page>>> digests;
  std::deque<open_request<done, result<primary_position>>> positions;
  std::vector<site_scope> told_scopes;
  std::deque<open_request<fetch_request, result<done>>> fetches;
};

inline primary_client_actor::behavior_type play_primary(primary_client_actor::pointer self,
                                                        std::shared_ptr<fake_primary> fake) {
  return {
      [=](const events_request& what) -> caf::result<result<events_page>> {
        fake->events.push_back({what, {self, self->make_response_promise<result<events_page>>()}});
        return fake->events.back().answer.promise;
      },
      [=](const catalogue_request& what) -> caf::result<result<catalogue_page>> {
        fake->catalogues.push_back(
            {what, {self, self->make_response_promise<result<catalogue_page>>()}});
        return fake->catalogues.back().answer.promise;
      },
      [=](const records_request& what) -> caf::result<result<records_page>> {
        fake->records.push_back(
            {what, {self, self->make_response_promise<result<records_page>>()}});
        return fake->records.back().answer.promise;
      },
      [=](const digest_request& what) -> caf::result<result<digest_page>> {
        if (!fake->can_digest)
          return result<digest_page>{fail(ec::not_found, "no such route")};
        fake->digests.push_back({what, {self, self->make_response_promise<result<digest_page>>()}});
        return fake->digests.back().answer.promise;
      },
      [=](atom::position) -> caf::result<result<primary_position>> {
        fake->positions.push_back(
            {{}, {self, self->make_response_promise<result<primary_position>>()}});
        return fake->positions.back().answer.promise;
      },
      [=](atom::scope, const site_scope& scope) { fake->told_scopes.push_back(scope); },
      [=](const fetch_request& what) -> caf::result<result<done>> {
        fake->fetches.push_back({what, {self, self->make_response_promise<result<done>>()}});
        return fake->fetches.back().answer.promise;
      },
  };
}

struct fake_disk {
  site_space space{disk_space{100, 100}, disk_space{100, 100}};
  int asked_for_space = 0;
  std::deque<open_request<place_request, result<landed>>> places;
  std::deque<open_request<remove_request, result<done>>> removals;
};

inline disk_actor::behavior_type play_disk(disk_actor::pointer self,
                                           std::shared_ptr<fake_disk> fake) {
  return {
      [=](const place_request& what) -> caf::result<result<landed>> {
        fake->places.push_back({what, {self, self->make_response_promise<result<landed>>()}});
        return fake->places.back().answer.promise;
      },
      [=](const remove_request& what) -> caf::result<result<done>> {
        fake->removals.push_back({what, {self, self->make_response_promise<result<done>>()}});
        return fake->removals.back().answer.promise;
      },
      [=](atom::space) {
        ++fake->asked_for_space;
        return fake->space;
      },
      [](atom::flush) {},
  };
}

/// A strategy whose receivers are never fed: the partners around it are fakes as well.
class idle_strategy : public strategy {
public:
  class idle_receiver final : public receiver {
  public:
    std::optional<content_offer> offer() override { return {}; }
    result<void> matched(const file_attributes&) override { return {}; }
    result<void> begin(std::uint64_t, std::uint64_t, const file_attributes&) override { return {}; }
    result<void> write(std::span<const std::byte>) override { return {}; }
    result<void> finish() override { return {}; }
  };

  result<store_look> look() override { return store_look{}; }
  result<void> prepare() override { return {}; }
  result<void> write_mark(const store_mark&) override { return {}; }
  result<std::shared_ptr<receiver>> receive(std::shared_ptr<sync_job> job) override {
    if (job->locator == "refused")
      return fail(ec::bad_locator, "refused by the test");
    return std::make_shared<idle_receiver>();
  }
  result<disk_space> space() override { return disk_space{100, 100}; }
  void place(std::span<placement> batch) override {
    batches.push_back(batch.size());
    for (auto& one : batch)
      one.to = landed{};
  }
  void remove(std::span<removal> batch) override {
    for (auto& one : batch)
      one.done = {};
  }
  result<std::unique_ptr<resource_reader>> open(std::string_view) override {
    return fail(ec::missing_on_primary, "nothing here");
  }
  result<content_offer> checksum_of(std::string_view, const std::atomic<bool>*) override {
    return content_offer{};
  }

  std::vector<std::size_t> batches;
};

} // namespace farshore::test
