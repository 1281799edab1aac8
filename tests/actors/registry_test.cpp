// Registry actor: what queued up is one transaction; nothing is answered before its commit; a store
// that failed once is not used again.

#include "actors/registry.hpp"

#include "tests/support/actor_fixture.hpp"

#include <catch2/catch.hpp>

using namespace farshore;
using namespace std::chrono_literals;

namespace {

/// Notes the calls; fails where the test says so; each call takes as long as the test says.
class scripted_store final : public registry_store {
public:
  std::vector<std::string> calls;
  std::string failing;
  ec failure = ec::database_unavailable;
  std::function<void(const std::string&)> on_call = [](const std::string&) {};
  int resync_slices = 0;

  result<void> begin() override { return note("begin"); }
  result<void> commit() override { return note("commit"); }
  result<void> declare_types(std::span<const store_type>) override { return note("declare"); }
  result<cursor_state> cursor() override {
    return note("cursor").map([] { return cursor_state{}; });
  }
  result<std::vector<backfill_state>> backfills() override { return std::vector<backfill_state>{}; }
  result<epoch_number> start_epoch(const std::string&, const event_position&) override {
    return note("epoch").map([] { return epoch_number{2}; });
  }
  result<void> skip_to(const event_position&) override { return note("skip"); }
  result<void> set_scope(const scope_digest&) override { return note("scope"); }
  result<std::vector<record_id>> suspects(const std::string&, std::size_t) override {
    return note("suspects").map([] { return std::vector<record_id>{7}; });
  }
  result<applied> apply_records(const records_page&) override {
    return note("records").map([] { return applied{}; });
  }
  result<held_digests> digests(const held_request&) override {
    return note("digests").map([] { return held_digests{}; });
  }
  result<std::vector<registry_row>> rows_in(const std::string&, std::span<const record_range>,
                                            std::size_t) override {
    return note("rows").map([] { return std::vector<registry_row>{}; });
  }
  result<std::vector<bool>> named(const std::string&,
                                  std::span<const std::string> locators) override {
    return note("named").map([&] { return std::vector<bool>(locators.size()); });
  }
  result<applied> apply_compared(const compared_ranges&) override {
    return note("compared").map([] { return applied{}; });
  }
  result<std::size_t> approve(const std::string&) override {
    return note("approve").map([] { return std::size_t{4}; });
  }
  result<applied> apply_events(const events_page&) override {
    return note("events").map([] { return applied{{"widget"}, 1}; });
  }
  result<applied> apply_catalogue(const catalogue_page&) override {
    return note("catalogue").map([] { return applied{}; });
  }
  result<claimed> claim_due(const std::string& type, std::size_t, claim_scope) override {
    return note("claim " + type).map([] { return claimed{}; });
  }
  result<std::vector<bool>> finish(std::span<const outcome> outcomes) override {
    std::vector<bool> counted;
    for (const auto& one : outcomes)
      counted.push_back(one.token % 2 == 1);
    return note("finish " + std::to_string(outcomes.size())).map([&] { return counted; });
  }
  result<std::vector<claim_token>> renew(std::span<const claim_token> tokens) override {
    return note("renew").map([&] { return std::vector(tokens.begin(), tokens.end()); });
  }
  result<std::size_t> resync(const std::string&, const record_selection&) override {
    return note("resync").map([] { return std::size_t{3}; });
  }
  result<void> end_resync(const std::string&) override { return note("end resync"); }
  result<void> end_reverify(const std::string&) override { return note("end reverify"); }
  result<bool> continue_resync(std::size_t) override {
    if (resync_slices == 0)
      return false;
    return note("slice").map([&] { return --resync_slices > 0; });
  }
  result<verification_round> claim_verifications(const verification_request& what) override {
    return note("verify " + what.type).map([] { return verification_round{}; });
  }
  result<std::size_t> finish_verifications(std::span<const verification_outcome> found) override {
    return note("verified").map([&] { return found.size(); });
  }
  result<std::size_t> reverify(const std::string&, const record_selection&) override {
    return note("reverify").map([] { return std::size_t{5}; });
  }
  result<orders_of_all> orders() override { return orders_of_all{}; }
  result<store_standing> standing_of(const std::string& store) override {
    return note("standing " + store).map([] { return store_standing{}; });
  }
  result<void> note_store(const known_store& store) override { return note("note " + store.path); }
  result<void> distrust_store(const std::string& store, store_verdict) override {
    return note("distrust " + store);
  }
  result<void> set_paused(const std::string&, bool) override { return note("pause"); }
  result<std::vector<std::string>> paused_types() override { return std::vector<std::string>{}; }
  result<void> note_horizon(std::uint64_t, std::optional<wall_time>) override {
    return note("horizon");
  }
  result<registry_counts> counts(const std::string&) override { return registry_counts{}; }
  result<std::vector<recovery_point>> recovery_points() override {
    return std::vector<recovery_point>{};
  }

private:
  result<void> note(const std::string& call) {
    calls.push_back(call);
    on_call(call);
    if (call == failing)
      return fail(failure, "scripted failure of " + call);
    return {};
  }
};

struct registry_fixture : test::actor_fixture {
  std::shared_ptr<scripted_store> store = std::make_shared<scripted_store>();
  std::vector<std::string> failures;
  registry_actor testee;

  registry_fixture() {
    registry_parts parts;
    parts.store = store;
    parts.time = &time;
    parts.on_failure = [this](const error& why) { failures.push_back(why.message); };
    testee = spawn(registry, parts);
  }

  /// Sends without delivering anything yet.
  template <class T, class... Ts>
  std::shared_ptr<const test::answer<T>> post(Ts... args) {
    auto out = std::make_shared<test::answer<T>>();
    auto sender = spawn([=, this](caf::event_based_actor* self) {
      self->request(testee, caf::infinite, args...)
          .then([=](const T& x) { out->arrived = true, out->value = x; },
                [=](const caf::error& e) { out->arrived = true, out->lost = e; });
    });
    return out;
  }

  outcome an_outcome(claim_token token) {
    outcome one;
    one.token = token;
    return one;
  }
};

} // namespace

TEST_CASE_METHOD(registry_fixture, "what arrives together is one transaction", "[registry]") {
  auto a = post<result<bool>>(atom::finish_v, an_outcome(1));
  auto b = post<result<bool>>(atom::finish_v, an_outcome(2));
  auto c =
      post<result<claimed>>(atom::claim_v, std::string{"widget"}, std::size_t{4}, claim_scope::all);
  auto d = post<result<applied>>(atom::apply_v, events_page{});
  deliver_all();
  // Outcomes first: the claim may take what they set free.
  CHECK(store->calls ==
        std::vector<std::string>{"begin", "finish 2", "claim widget", "events", "commit"});
  CHECK(**a->value);
  CHECK_FALSE(**b->value); // each is told whether its own counted
  CHECK(c->value->has_value());
  CHECK(d->value->has_value());
}

TEST_CASE_METHOD(registry_fixture, "nothing is answered before the commit", "[registry]") {
  auto a = post<result<bool>>(atom::finish_v, an_outcome(1));
  auto b = post<result<applied>>(atom::apply_v, events_page{});
  bool early = false;
  store->on_call = [&](const std::string&) { early = early || a->arrived || b->arrived; };
  deliver_all();
  CHECK_FALSE(early);
  CHECK(a->arrived);
  CHECK(b->arrived);
}

TEST_CASE_METHOD(registry_fixture, "live changes overtake bulk work", "[registry]") {
  auto bulk = post<result<applied>>(atom::apply_v, catalogue_page{});
  auto live = post<result<applied>>(atom::apply_v, events_page{});
  deliver_all();
  CHECK(store->calls == std::vector<std::string>{"begin", "events", "catalogue", "commit"});
}

TEST_CASE_METHOD(registry_fixture,
                 "bulk work ends its batch after 50 ms, live work never waits for it",
                 "[registry]") {
  store->on_call = [&](const std::string& call) {
    if (call == "catalogue")
      scheduler.clock().current_time += 60ms;
  };
  auto first = post<result<applied>>(atom::apply_v, catalogue_page{});
  auto second = post<result<applied>>(atom::apply_v, catalogue_page{});
  deliver_all();
  // Last comes a look for resync jobs, for which there was no time before.
  CHECK(store->calls == std::vector<std::string>{"begin", "catalogue", "commit", "begin",
                                                 "catalogue", "commit", "begin", "commit"});
  CHECK(second->value->has_value());
}

TEST_CASE_METHOD(registry_fixture, "a resync goes on in slices until it is through", "[registry]") {
  store->resync_slices = 3;
  post<result<std::size_t>>(atom::resync_v, std::string{"widget"}, record_selection{});
  deliver_all();
  CHECK(std::count(store->calls.begin(), store->calls.end(), "slice") == 3);
}

TEST_CASE_METHOD(registry_fixture, "a question that has no answer harms nobody else's work",
                 "[registry]") {
  store->failing = "resync";
  store->failure = ec::not_found;
  auto refused = post<result<std::size_t>>(atom::resync_v, std::string{"x"}, record_selection{});
  auto other = post<result<applied>>(atom::apply_v, events_page{});
  deliver_all();
  CHECK(refused->value->error().code == ec::not_found);
  CHECK(other->value->has_value());
  CHECK(failures.empty());
  CHECK(store->calls.back() == "commit");
}

TEST_CASE_METHOD(registry_fixture,
                 "a store that fails answers everybody with the error and ends it all",
                 "[registry]") {
  store->failing = GENERATE("begin", "finish 1", "events", "catalogue", "claim widget", "commit");
  CAPTURE(store->failing);
  auto a = post<result<bool>>(atom::finish_v, an_outcome(1));
  auto b = post<result<applied>>(atom::apply_v, events_page{});
  auto c = post<result<applied>>(atom::apply_v, catalogue_page{});
  auto d =
      post<result<claimed>>(atom::claim_v, std::string{"widget"}, std::size_t{4}, claim_scope::all);
  deliver_all();
  CHECK_FALSE(*a->value);
  CHECK_FALSE(*b->value);
  CHECK_FALSE(*c->value);
  CHECK_FALSE(*d->value);
  REQUIRE(failures.size() == 1);
  CHECK_THAT(failures.front(), Catch::Contains("scripted failure"));
  const auto calls = store->calls.size();
  auto later =
      post<result<claimed>>(atom::claim_v, std::string{"widget"}, std::size_t{4}, claim_scope::all);
  deliver_all();
  CHECK(store->calls.size() == calls); // it is gone
  CHECK(later->lost);
}
