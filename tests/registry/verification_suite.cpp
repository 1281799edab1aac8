// Verification at rest, on both implementations of the registry: what is read when, and what comes
// of it.

#include "tests/registry/pg_registry.hpp"
#include "tests/registry/registry_fixture.hpp"

using namespace farshore;
using namespace farshore::test;

#define REGISTRY_CASE(sentence)                                                                    \
  TEMPLATE_TEST_CASE_METHOD(registry_fixture, sentence, "[registry][verification]",                \
                            memory_registry, pg_registry)

namespace {

const record_selection all{record_selection::kind::all, {}};
const record_selection failing{record_selection::kind::failed, {}};

record_selection ids(std::vector<record_id> records) {
  return {record_selection::kind::ids, std::move(records)};
}

} // namespace

REGISTRY_CASE("what has the primary's checksum when it arrives is verified") {
  this->make_verified(1, "a");
  CHECK(this->row(1).verification == verification_state::succeeded);
  CHECK(this->row(1).verified_at == this->wall());
  CHECK(this->counts().verified == 1);
}

REGISTRY_CASE("what arrives before its checksum is verified once the checksum comes") {
  this->make_synced(1, "a", 4);
  CHECK(this->row(1).verification == verification_state::pending);
  CHECK_FALSE(this->row(1).verified_at);
  CHECK(this->counts().verification_pending == 1);
  this->events({checksummed(this->next_id(), 1, "a", 4)});
  CHECK(this->row(1).state == sync_state::synced);
  CHECK(this->row(1).verification == verification_state::succeeded);
  CHECK(this->counts().verified == 1);
}

REGISTRY_CASE("what arrived is due again where another checksum comes") {
  this->make_synced(1, "a", 4);
  this->events({checksummed(this->next_id(), 1, "a", 5)});
  CHECK(this->row(1).state == sync_state::pending);
  REQUIRE(this->finish(synced(this->claim_one(), 5)));
  CHECK(this->row(1).verification == verification_state::succeeded);
}

REGISTRY_CASE("what is odd about a record, and no damage, is kept until it is verified again") {
  this->make_verified(1, "a.git");
  this->make_verified(2, "b.git");
  this->time.advance(1min);
  const auto verify = [this](const std::string& findings) {
    this->reverify(ids({1, 2}));
    std::vector<verification_outcome> found;
    for (const auto& claim : this->claim_marked().claims)
      found.push_back({claim, {}, {}, claim.id.record == 1 ? findings : ""});
    REQUIRE(found.size() == 2);
    this->in_batch([&] { return this->store().finish_verifications(found); });
  };
  verify("git fsck: error in commit 1234\ngit fsck: warning in tag 5678");
  CHECK(this->row(1).findings == "git fsck: error in commit 1234\ngit fsck: warning in tag 5678");
  CHECK(this->row(1).verification == verification_state::succeeded);
  CHECK(this->row(2).findings.empty());
  verify(std::string(3000, 'x'));
  CHECK(this->row(1).findings.size() == 2000);
  verify("");
  CHECK(this->row(1).findings.empty());
}

REGISTRY_CASE("what waits for the primary's checksum is not read at rest") {
  this->make_synced(1, "a");
  CHECK(this->claim_walk(10).claims.empty());
  this->reverify(ids({1}));
  CHECK(this->claim_marked().claims.empty());
}

REGISTRY_CASE("of a type that the primary does not checksum nothing waits, and all is read") {
  this->make_synced(1, "a");
  this->events({}, {}, false);
  CHECK(this->row(1).verification == verification_state::disabled);
  CHECK(this->counts().verification_disabled == 1);
  this->make_synced(2, "b");
  CHECK(this->row(2).verification == verification_state::disabled);
  CHECK(this->claim_walk(10).claims.size() == 2);
  this->events({}, {}, true);
  CHECK(this->row(1).verification == verification_state::pending);
  CHECK(this->claim_walk(10).claims.empty());
}

REGISTRY_CASE("the walk goes through all rows, passes over what is recent, and begins anew") {
  for (record_id record = 1; record <= 5; ++record)
    this->make_verified(record, "f" + std::to_string(record));
  this->time.advance(1min);
  this->make_verified(6, "f6");
  CHECK(this->claim_walk(2, 30s).claims.size() == 2);
  const auto rest = this->claim_walk(10, 30s).claims;
  REQUIRE(rest.size() == 3);
  CHECK(rest.front().id.record == 3);
  CHECK(this->claim_walk(10, 30s).rows == 6); // the end was reached: nothing
  CHECK(this->claim_walk(1, 30s).claims.front().id.record == 1);
}

REGISTRY_CASE("the walk goes on where it was after a restart") {
  for (record_id record = 1; record <= 4; ++record)
    this->make_verified(record, "f" + std::to_string(record));
  this->time.advance(1min);
  this->claim_walk(2);
  this->backend.reopen();
  CHECK(this->claim_walk(1).claims.front().id.record == 3);
}

REGISTRY_CASE("what was read and is right is verified anew") {
  this->make_verified(1, "a");
  this->time.advance(1min);
  const auto of = this->claim_walk(1).claims.front();
  CHECK(of.locator == "a");
  CHECK(of.expected == sum_of(1));
  CHECK(this->verified(of) == 0);
  CHECK(this->row(1).verified_at == this->wall());
  CHECK(this->row(1).state == sync_state::synced);
}

REGISTRY_CASE("what is damaged is due to be fetched anew, all of it, and keeps both checksums") {
  this->make_verified(1, "a");
  this->time.advance(1min);
  CHECK(this->damaged(this->claim_walk(1).claims.front(), 9) == 1);
  const auto row = this->row(1);
  CHECK(row.verification == verification_state::failed);
  CHECK(row.verification_failure == "it is damaged");
  CHECK(row.checksum_mismatch);
  CHECK(row.sum == sum_of(1));
  CHECK(row.verification_checksum_mismatched == sum_of(9));
  CHECK(this->counts().verification_failed == 1);
  CHECK(this->counts().synced == 0);
  const auto again = this->claim_one();
  CHECK(again.force);
  REQUIRE(this->finish(synced(again)));
  CHECK(this->row(1).verification == verification_state::succeeded);
  CHECK(this->row(1).verification_failure.empty());
  CHECK_FALSE(this->row(1).checksum_mismatch);
  CHECK_FALSE(this->row(1).force_to_redownload);
  CHECK(this->counts().verification_failed == 0);
}

REGISTRY_CASE("what can't be read is damaged without a checksum") {
  this->make_verified(1, "a");
  this->time.advance(1min);
  this->damaged(this->claim_walk(1).claims.front());
  CHECK_FALSE(this->row(1).checksum_mismatch);
  CHECK_FALSE(this->row(1).verification_checksum_mismatched);
  CHECK(this->row(1).state == sync_state::pending);
}

REGISTRY_CASE("what was found of a row that changed meanwhile changes nothing") {
  this->make_verified(1, "a");
  this->time.advance(1min);
  const auto late = this->claim_walk(1).claims.front();
  SECTION("it is due") {
    this->events({present(this->next_id(), 1, "a")});
  }
  SECTION("it was synced again") {
    this->resync(ids({1}));
    REQUIRE(this->finish(synced(this->claim_one())));
  }
  SECTION("it was verified again") {
    this->verified(late);
  }
  SECTION("another epoch has begun") {
    this->new_epoch();
  }
  const auto before = this->row(1);
  CHECK(this->damaged(late, 9) == 0);
  CHECK(this->row(1) == before);
}

REGISTRY_CASE("reverify marks what is synced, and fetches what is damaged") {
  this->make_verified(1, "a");
  this->make_verified(2, "b");
  this->make_verified(3, "c");
  this->time.advance(1min);
  this->damaged(this->claim_walk(1).claims.front());
  REQUIRE(this->finish(failed(this->claim_one())));
  CHECK(this->reverify(ids({1, 2, 77})) == 2);
  CHECK(this->counts().verification_pending == 1);
  CHECK(this->counts().marked == 1);
  const auto marked = this->claim_marked();
  REQUIRE(marked.claims.size() == 1);
  CHECK(marked.claims.front().id.record == 2);
  CHECK(this->claim_all().claims.size() == 1); // the damaged one is due at once
  this->verified(marked.claims.front());
  CHECK(this->counts().verification_pending == 0);
}

REGISTRY_CASE("reverify of what failed makes that due, and nothing else") {
  this->make_verified(1, "a");
  this->make_verified(2, "b");
  this->time.advance(1min);
  this->damaged(this->claim_walk(1).claims.front());
  REQUIRE(this->finish(failed(this->claim_one())));
  CHECK(this->claim_all().claims.empty());
  CHECK(this->reverify(failing) == 1);
  CHECK(this->claim_marked().claims.empty());
  CHECK(this->claim_all().claims.size() == 1);
}

REGISTRY_CASE("reverify of all goes through all rows, and after a restart where it was told of") {
  for (record_id record = 1; record <= 5; ++record)
    this->make_verified(record, "f" + std::to_string(record));
  const auto under_way = [&] {
    return this->in_batch([&] { return this->store().orders(); }).reverifies.size();
  };
  CHECK(this->reverify(all) == 5);
  CHECK(under_way() == 1);
  CHECK(this->counts().verified == 5); // so they are until something else is found
  const auto first = this->claim_of_all({}, 2);
  REQUIRE(first.claims.size() == 2);
  CHECK(first.marked == 0);
  CHECK(first.claims.back().id.record == 2);
  const auto second = this->claim_of_all(first, 2);
  REQUIRE(second.claims.size() == 2);
  CHECK_FALSE(second.all_at_end);
  for (const auto& one : first.claims)
    this->verified(one);
  const auto third = this->claim_of_all(second, 2, 2);
  REQUIRE(third.claims.size() == 1);
  CHECK(third.all_at_end);
  this->backend.reopen(); // what was not told of is claimed again
  const auto again = this->claim_of_all({}, 100);
  REQUIRE(again.claims.size() == 3);
  CHECK(again.claims.front().id.record == 3);
  CHECK(again.all_at_end);
  CHECK(under_way() == 1);
  CHECK(this->claim_of_all(again, 100, 4).claims.empty());
  CHECK(under_way() == 1);
  CHECK(this->claim_of_all(again, 100, again.all_claimed).all_order == 0);
  CHECK(under_way() == 0);
}

REGISTRY_CASE("a second reverify of all begins anew, whatever is told of the first") {
  for (record_id record = 1; record <= 3; ++record)
    this->make_verified(record, "f" + std::to_string(record));
  this->reverify(all);
  const auto first = this->claim_of_all({}, 100);
  REQUIRE(first.claims.size() == 3);
  this->reverify(all);
  const auto second = this->claim_of_all(first, 100, first.all_claimed);
  CHECK(second.claims.size() == 3);
  CHECK(second.all_order != first.all_order);
}

REGISTRY_CASE("reverify of all fetches what is damaged, and leaves out what is not synced") {
  this->make_verified(1, "a");
  this->make_verified(2, "b");
  this->make_verified(3, "c");
  this->time.advance(1min);
  this->damaged(this->claim_walk(1).claims.front());
  REQUIRE(this->finish(failed(this->claim_one())));
  this->resync(ids({2}));
  CHECK(this->claim_all().claims.size() == 1);
  this->reverify(all);
  const auto round = this->claim_of_all({}, 100);
  REQUIRE(round.claims.size() == 1);
  CHECK(round.claims.front().id.record == 3);
  CHECK(this->claim_all().claims.size() == 1); // the damaged one
}

REGISTRY_CASE("a paused type's reverify of all waits") {
  this->make_verified(1, "a");
  this->reverify(all);
  this->in_batch([&] { return this->store().set_paused("file", true); });
  CHECK(this->claim_of_all({}, 100).all_order == 0);
  this->in_batch([&] { return this->store().set_paused("file", false); });
  CHECK(this->claim_of_all({}, 100).claims.size() == 1);
}

REGISTRY_CASE("a paused or disabled type is not read") {
  this->make_verified(1, "a");
  this->reverify(ids({1}));
  this->in_batch([&] { return this->store().set_paused("file", true); });
  CHECK(this->claim_marked().claims.empty());
  this->in_batch([&] { return this->store().set_paused("file", false); });
  this->declare({this->type("file", "/srv/a", false)});
  CHECK(this->claim_marked().claims.empty());
}

REGISTRY_CASE("the recovery point of what is verified waits for the checksum") {
  this->backfilled();
  const auto before = this->wall();
  this->horizon(before);
  this->time.advance(1s);
  this->make_synced(1, "a", 3);
  const auto now = this->wall();
  this->horizon(now);
  CHECK(this->recovery() == now);
  CHECK(this->verified_point() == before);
  this->events({checksummed(this->next_id(), 1, "a", 3)}, now);
  CHECK(this->verified_point() == now);
}

REGISTRY_CASE("what is read again does not move the recovery points") {
  this->backfilled();
  this->make_verified(1, "a");
  const auto now = this->wall();
  this->horizon(now);
  CHECK(this->verified_point() == now);
  this->reverify(ids({1}));
  CHECK(this->verified_point() == now);
}
