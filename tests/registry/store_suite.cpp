// One suite of behaviours for both implementations of the registry.

#include "registry/row_rules.hpp"
#include "tests/registry/pg_registry.hpp"
#include "tests/registry/registry_fixture.hpp"

#include <algorithm>
#include <map>

using namespace farshore;
using namespace farshore::test;

namespace {

std::vector<record_id> records_of(const claimed& got) {
  std::vector<record_id> records;
  for (const auto& one : got.claims)
    records.push_back(one.id.record);
  return records;
}

using texts = std::vector<std::string>;
using records = std::vector<record_id>;

/// What the primary lists when it has just what is here.
template <class Fixture>
std::vector<catalogue_row> listed_all(Fixture& t) {
  std::vector<catalogue_row> all;
  for (const auto& row : t.backend.rows("file"))
    all.push_back(listed(row.record, row.locator, row.target_revision));
  return all;
}

} // namespace

#define REGISTRY_TEST(sentence)                                                                    \
  TEMPLATE_TEST_CASE_METHOD(registry_fixture, sentence, "[registry]", memory_registry, pg_registry)

// -- events ---------------------------------------------------------------------------------------

REGISTRY_TEST("an event of a new record makes a row that is due at once") {
  auto& t = *this;
  auto e = present(7, 1, "a/b", 3);
  e.size = 12;
  const auto done = t.events({e});
  CHECK(done.changed == 1);
  CHECK(done.due_types == texts{"file"});
  const auto row = t.row(1);
  CHECK(row.key == "1");
  CHECK(row.locator == "a/b");
  CHECK(row.wanted);
  CHECK(row.target_revision == 7);
  CHECK_FALSE(row.synced_revision);
  CHECK(row.state == sync_state::pending);
  CHECK_FALSE(row.retry_at);
  CHECK(row.size == 12u);
  CHECK(row.primary_checksum == sum_of(3));
  CHECK(row.created_at == t.wall());
}

REGISTRY_TEST("an event at or below the target changes nothing") {
  auto& t = *this;
  t.events({present(7, 1, "new")});
  CHECK(t.events({present(7, 1, "other")}).changed == 0);
  const auto older = t.events({present(6, 1, "older"), gone(5, 1), truncated(4)});
  CHECK(older.changed == 0);
  CHECK(older.due_types.empty());
  CHECK(t.row(1).locator == "new");
  CHECK(t.row(1).stale_locators.empty());
  CHECK(t.row(1).wanted);
}

REGISTRY_TEST("of several events of a record the highest id wins, in whatever order") {
  auto& t = *this;
  t.events({present(3, 1, "three"), present(9, 1, "nine"), present(5, 1, "five")});
  CHECK(t.row(1).locator == "nine");
  CHECK(t.row(1).target_revision == 9);
  CHECK(t.row(1).stale_locators.empty());
}

REGISTRY_TEST("events of types that were never declared are skipped") {
  auto& t = *this;
  const auto done = t.events({of_type("unheard", present(1, 1, "a")), present(2, 2, "b")});
  CHECK(done.changed == 1);
  CHECK(done.due_types == texts{"file"});
}

REGISTRY_TEST("a type that is no longer declared keeps its rows, and hears of changes") {
  auto& t = *this;
  t.events({present(1, 1, "a"), present(2, 2, "b")});
  t.declare({t.type("scan", "/srv/a")});
  CHECK(t.events({present(3, 1, "c")}).changed == 1);
  CHECK(t.claim_all().claims.empty());
  t.declare({t.type("file", "/srv/a")});
  CHECK(records_of(t.claim_all()) == records{1, 2});
  CHECK(t.row(1).locator == "c");
}

REGISTRY_TEST("a record that is gone and was never here needs no row") {
  auto& t = *this;
  const auto done = t.events({gone(1, 1)});
  CHECK(done.changed == 0);
  CHECK(done.due_types.empty());
  CHECK_FALSE(t.has_row(1));
}

REGISTRY_TEST("a delete makes the row due for removal, and keeps it until that is done") {
  auto& t = *this;
  t.make_synced(1, "a");
  const auto done = t.events({gone(50, 1)});
  CHECK(done.changed == 1);
  CHECK(done.due_types == texts{"file"});
  const auto row = t.row(1);
  CHECK_FALSE(row.wanted);
  CHECK(row.locator == "a");
  CHECK(row.target_revision == 50);
  CHECK(row.state == sync_state::pending);
  CHECK_FALSE(row.retry_at);
  const auto to_remove = t.claim_one();
  CHECK_FALSE(to_remove.wanted);
  CHECK(to_remove.remove == texts{"a"});
  CHECK(t.finish(removed(to_remove)));
  CHECK_FALSE(t.has_row(1));
}

REGISTRY_TEST("a delete of a record that is present again counts as present") {
  auto& t = *this;
  t.make_synced(1, "a");
  auto e = present(50, 1, "b");
  e.op = operation::deleted;
  t.events({e});
  CHECK(t.row(1).wanted);
  CHECK(t.row(1).locator == "b");
}

REGISTRY_TEST("a record that comes back before its removal is wanted again") {
  auto& t = *this;
  t.make_synced(1, "a");
  t.events({gone(50, 1)});
  t.events({present(51, 1, "b")});
  CHECK(t.row(1).wanted);
  CHECK(t.row(1).locator == "b");
  CHECK(t.row(1).stale_locators == texts{"a"});
  CHECK(t.claim_one().remove == texts{"a"});
}

REGISTRY_TEST("former locators are remembered once each, whatever the row's state") {
  auto& t = *this;
  t.events({present(1, 1, "a")});
  t.events({present(2, 1, "b")});
  t.events({present(3, 1, "a")});
  t.events({present(4, 1, "c")});
  CHECK(t.row(1).stale_locators == texts{"a", "b"});
  t.events({present(5, 1, "b")});
  CHECK(t.row(1).stale_locators == texts{"a", "b", "c"});
  // Its present place is not to be removed.
  CHECK(t.claim_one().remove == texts{"a", "c"});
}

REGISTRY_TEST("a changed record keeps its count of failures, but is tried at once") {
  auto& t = *this;
  t.events({present(1, 1, "a")});
  t.finish(failed(t.claim_one(), ec::disk, 1h));
  CHECK(t.claim_all().claims.empty());
  t.events({present(2, 1, "a")});
  CHECK(t.row(1).retry_count == 1);
  CHECK(t.row(1).state == sync_state::pending);
  const auto again = t.claim_one();
  CHECK(again.retry_count == 1);
  t.finish(synced(again));
  CHECK(t.row(1).retry_count == 0);
  CHECK(t.row(1).last_sync_failure.empty());
}

REGISTRY_TEST("an event that brings the checksum of what is on disk makes no work") {
  auto& t = *this;
  t.make_synced(1, "a", 5);
  const auto done = t.events({checksummed(50, 1, "a", 5)});
  CHECK(done.changed == 1);
  CHECK(done.due_types.empty());
  const auto row = t.row(1);
  CHECK(row.state == sync_state::synced);
  CHECK(row.target_revision == 50);
  CHECK(row.synced_revision == 50);
  CHECK(row.primary_checksum == sum_of(5));
  CHECK(t.claim_all().claims.empty());
}

REGISTRY_TEST("an event with another checksum, another place or none makes work") {
  auto& t = *this;
  t.make_synced(1, "a", 5);
  t.make_synced(2, "b", 5);
  t.make_synced(3, "c", 5);
  t.make_synced(4, "d", 5);
  t.events({checksummed(50, 1, "a", 6), present(51, 2, "moved", 5), present(52, 3, "c"),
            checksummed(53, 4, "d", 5)});
  CHECK(t.row(1).state == sync_state::pending);
  CHECK(t.row(1).synced_revision != 50);
  CHECK(t.row(2).state == sync_state::pending);
  CHECK(t.row(3).state == sync_state::pending);
  CHECK(t.row(4).state == sync_state::synced);
}

REGISTRY_TEST("a checksum lets bulk work keep its place behind live changes") {
  auto& t = *this;
  t.catalogue({listed(1, "a"), listed(2, "b")});
  t.events({checksummed(50, 1, "a", 5), present(51, 3, "c")});
  CHECK(t.row(1).target_revision == 50);
  CHECK(t.row(1).primary_checksum == sum_of(5));
  CHECK(t.row(1).retry_at == bulk_due(t.wall(), t.row(1).size, 1));
  CHECK(records_of(t.claim_all()) == records{3, 2, 1});
}

REGISTRY_TEST("a first checksum makes a record that was missing on the primary due at once") {
  auto& t = *this;
  t.events({present(1, 1, "a")});
  t.finish(failed(t.claim_one(), ec::missing_on_primary, 1h));
  CHECK(t.row(1).missing_on_primary);
  CHECK(t.claim_all().claims.empty());
  t.events({checksummed(2, 1, "a", 5)});
  CHECK(t.row(1).missing_on_primary); // until it is here
  const auto again = t.claim_one();
  CHECK(again.expected == sum_of(5));
  t.finish(synced(again, 5));
  CHECK_FALSE(t.row(1).missing_on_primary);
}

REGISTRY_TEST("truncation makes every row below its id unwanted") {
  auto& t = *this;
  t.make_synced(1, "a");
  t.catalogue({listed(2, "b")});
  t.events({present(60, 3, "c")});
  t.events({of_type("scan", present(1, 1, "s"))});
  const auto done = t.events({truncated(50)});
  CHECK(done.changed == 2);
  CHECK(done.due_types == texts{"file"});
  CHECK_FALSE(t.row(1).wanted);
  CHECK(t.row(1).target_revision == 50);
  CHECK_FALSE(t.row(2).wanted);
  CHECK_FALSE(t.row(2).retry_at);
  CHECK(t.row(3).wanted);
  CHECK(t.row(1, "scan").wanted);
  CHECK(t.events({truncated(50)}).changed == 0);
}

REGISTRY_TEST("truncation counts after the other events of its page") {
  auto& t = *this;
  // 10 was served as present because the row came back after 12; its own event is yet to come.
  t.events({truncated(12), present(10, 1, "a"), present(13, 2, "b")});
  CHECK_FALSE(t.row(1).wanted);
  CHECK(t.row(2).wanted);
}

REGISTRY_TEST("text that no database takes is mended, not refused") {
  auto& t = *this;
  auto e = present(1, 1, "a");
  e.key = std::string{"k\0y\xFF", 4};
  t.events({e});
  CHECK(t.row(1).key == "k\xEF\xBF\xBDy\xEF\xBF\xBD");
  t.events({present(2, 2, "it's {\"quoted\"}, with \\ and %")});
  CHECK(t.row(2).locator == "it's {\"quoted\"}, with \\ and %");
  auto huge = present(3, 3, "c");
  huge.size = UINT64_MAX;
  t.events({huge});
  CHECK_FALSE(t.row(3).size);
}

// -- the cursor -----------------------------------------------------------------------------------

REGISTRY_TEST("the cursor moves with its page, and never back") {
  auto& t = *this;
  t.new_epoch("the primary");
  events_page page;
  page.upto = {20, 200, -7};
  page.covered_xid = 21;
  page.horizon = t.wall();
  t.in_batch([&] { return t.store().apply_events(page); });
  events_page older;
  older.upto = {20, 199, 3};
  older.covered_xid = 19;
  older.horizon = t.wall() - 5s;
  t.in_batch([&] { return t.store().apply_events(older); });
  t.backend.reopen();
  const auto cursor = t.in_batch([&] { return t.store().cursor(); });
  CHECK(cursor.identity == "the primary");
  CHECK(cursor.epoch == 1);
  CHECK(cursor.place == page.upto);
  CHECK(cursor.covered_xid == 21);
  CHECK(cursor.horizon == t.wall());
}

REGISTRY_TEST("what was not committed never happened") {
  auto& t = *this;
  t.make_synced(1, "a");
  t.make_synced(2, "b");
  REQUIRE(t.store().begin());
  events_page page;
  page.events = {present(50, 1, "moved"), gone(51, 2), present(52, 3, "c")};
  page.upto = {90, 90, 90};
  REQUIRE(t.store().apply_events(page));
  REQUIRE(t.store().set_paused("file", true));
  REQUIRE(t.store().claim_due("file", 10, claim_scope::all));
  t.backend.reopen();
  CHECK(t.row(1).locator == "a");
  CHECK(t.row(2).wanted);
  CHECK_FALSE(t.has_row(3));
  CHECK(t.in_batch([&] { return t.store().cursor(); }).place.xid < 90);
  CHECK(t.in_batch([&] { return t.store().paused_types(); }).empty());
  CHECK(t.counts().synced == 2);
}

// -- backfill -------------------------------------------------------------------------------------

REGISTRY_TEST("what a record shares objects with goes with its claim") {
  auto& t = *this;
  auto e = present(7, 1, "fork.git");
  e.pool = "pool.git";
  t.events({e});
  CHECK(t.row(1).pool == "pool.git");
  const auto first = t.claim_one();
  CHECK(first.pool == "pool.git");
  CHECK(t.finish(synced(first)));
  e.id = 8;
  e.pool = "other.git";
  t.events({e});
  CHECK(t.claim_one().pool == "other.git");
  t.events({gone(9, 1)});
  CHECK(t.row(1).pool == "other.git");
  auto again = listed(1, "fork.git", 10);
  t.catalogue({again});
  CHECK(t.row(1).pool.empty());
}

REGISTRY_TEST("a backfill brings what has a pool after everything else") {
  auto& t = *this;
  auto fork = listed(9, "fork.git");
  fork.size = 1;
  fork.pool = "pool.git";
  auto large = listed(1, "pool.git");
  large.size = std::uint64_t{5} << 30;
  t.catalogue({large, fork});
  CHECK(t.row(9).retry_at == late_bulk_due(t.wall(), 9));
  CHECK(records_of(t.claim_all()) == records{1, 9});
}

REGISTRY_TEST("a backfill makes rows that are due behind live changes") {
  auto& t = *this;
  auto found = listed(1, "a", 4, 9);
  found.size = 77;
  const auto done = t.catalogue({found, listed(2, "b")}, 3, false);
  CHECK(done.changed == 2);
  CHECK(done.due_types == texts{"file"});
  const auto row = t.row(1);
  CHECK(row.target_revision == 4);
  CHECK(row.primary_checksum == sum_of(9));
  CHECK(row.size == 77u);
  CHECK(row.retry_at == bulk_due(t.wall(), row.size, 1));
  CHECK_FALSE(row.due_since);
  t.events({present(50, 9, "live")});
  CHECK(records_of(t.claim_all()) == records{9, 1, 2});
}

REGISTRY_TEST("a backfill's place is kept with its rows") {
  auto& t = *this;
  t.catalogue({listed(1, "a"), listed(5, "b")}, 3, false);
  t.backend.reopen();
  auto states = t.in_batch([&] { return t.store().backfills(); });
  auto of = [&](const std::string& type) {
    return *std::ranges::find(states, type, &backfill_state::type);
  };
  CHECK(of("file").generation == 3);
  CHECK(of("file").after == 5);
  CHECK_FALSE(of("file").complete);
  CHECK(of("scan").generation == 0);
  CHECK(of("scan").after == record_id_before_all);
  t.catalogue({}, 3, true);
  states = t.in_batch([&] { return t.store().backfills(); });
  CHECK(of("file").complete);
  t.catalogue({listed(1, "a")}, 4, false);
  states = t.in_batch([&] { return t.store().backfills(); });
  CHECK(of("file").generation == 4);
  CHECK_FALSE(of("file").complete);
}

REGISTRY_TEST("a backfill raises a target, and never lowers one") {
  auto& t = *this;
  t.make_synced(1, "a");
  t.events({present(20, 2, "b")});
  t.events({gone(30, 2)});
  const auto done = t.catalogue({listed(1, "moved", 10), listed(2, "b", 20)});
  CHECK(done.changed == 1);
  CHECK(t.row(1).target_revision == 10);
  CHECK(t.row(1).locator == "moved");
  CHECK(t.row(1).stale_locators == texts{"a"});
  CHECK(t.row(1).state == sync_state::pending);
  CHECK(t.row(1).retry_at == bulk_due(t.wall(), t.row(1).size, 1));
  CHECK_FALSE(t.row(2).wanted);
  CHECK(t.row(2).target_revision == 30);
  CHECK(t.catalogue({listed(1, "moved", 10)}).changed == 0);
}

REGISTRY_TEST("a backfill does not send a live change to the back of the queue") {
  auto& t = *this;
  t.events({present(1, 1, "a")});
  t.catalogue({listed(1, "a", 2), listed(2, "b")});
  CHECK(t.row(1).target_revision == 2);
  CHECK_FALSE(t.row(1).retry_at);
}

REGISTRY_TEST("a backfill that names what is on disk makes no work") {
  auto& t = *this;
  t.make_synced(1, "a", 5);
  const auto done = t.catalogue({listed(1, "a", 10, 5)});
  CHECK(done.due_types.empty());
  CHECK(t.row(1).state == sync_state::synced);
  CHECK(t.row(1).synced_revision == 10);
}

REGISTRY_TEST("a record that is listed twice on a page counts once") {
  auto& t = *this;
  CHECK(t.catalogue({listed(1, "a"), listed(1, "b")}).changed == 1);
  CHECK(t.row(1).locator == "b");
}

// -- checks ---------------------------------------------------------------------------------------

REGISTRY_TEST("a check writes no row before it has asked for what differs") {
  auto& t = *this;
  t.make_synced(1, "a");
  t.make_synced(2, "b");
  t.make_synced(3, "c");
  t.backfilled();
  t.events({gone(50, 3)});
  const auto before = t.backend.rows("file");
  // 1 is as it was; 2 is gone; 3 has come back, 4 is new and 1's change is ahead of its event.
  const auto done = t.catalogue({listed(1, "a", 60), listed(3, "c"), listed(4, "d")});
  CHECK(done.changed == 0);
  CHECK(done.due_types.empty());
  CHECK(t.backend.rows("file") == before);
  REQUIRE(done.walk);
  CHECK(done.walk->stage == walk_stage::confirming);
  CHECK(done.walk->complete); // as it was: nothing waits for a check
  CHECK(done.walk->seen == 3);
  CHECK(t.suspects() == records{1, 2, 3, 4});
}

REGISTRY_TEST("a check that finds nothing ends with its last page") {
  auto& t = *this;
  t.make_synced(1, "a");
  t.backfilled();
  t.time.advance(1s);
  const auto done = t.catalogue({listed(1, "a")});
  REQUIRE(done.walk);
  CHECK(done.walk->stage == walk_stage::none);
  CHECK(done.walk->ended_at == t.wall());
  CHECK(t.suspects().empty());
}

REGISTRY_TEST("what is missing twice is made, and holds the recovery point until it is here") {
  auto& t = *this;
  t.backfilled();
  t.horizon(t.wall());
  t.catalogue({listed(1, "a", 7, 3)});
  CHECK(t.recovery() == t.wall()); // a walk alone changes nothing
  const auto done = t.records({1}, {listed(1, "a", 7, 3)});
  CHECK(done.changed == 1);
  CHECK(done.due_types == texts{"file"});
  CHECK(done.walk->found_missing == 1);
  CHECK(t.row(1).target_revision == 7);
  CHECK(t.row(1).primary_checksum == sum_of(3));
  CHECK_FALSE(t.recovery());
  t.finish(synced(t.claim_one(), 3));
  CHECK(t.recovery() == t.wall());
}

REGISTRY_TEST("a change that no event told of is made when it was asked for") {
  auto& t = *this;
  t.make_synced(1, "a");
  t.backfilled();
  t.catalogue({listed(1, "moved", 60)});
  CHECK(t.row(1).locator == "a");
  t.confirm({listed(1, "moved", 60)});
  CHECK(t.row(1).target_revision == 60);
  CHECK(t.row(1).locator == "moved");
  CHECK(t.row(1).stale_locators == texts{"a"});
  CHECK(t.walk().found_missing == 1);
}

REGISTRY_TEST("a record that is there by id is wanted again, whatever the log said") {
  auto& t = *this;
  t.make_synced(1, "a");
  t.make_synced(2, "b");
  t.backfilled();
  t.events({gone(50, 1)});
  const auto removal = t.claim_one();
  t.catalogue({listed(1, "elsewhere", 20), listed(2, "b")});
  t.confirm({listed(1, "elsewhere", 20), listed(2, "b")});
  CHECK(t.row(1).wanted);
  CHECK(t.row(1).target_revision == 50); // never lowered
  CHECK(t.row(1).locator == "elsewhere");
  CHECK(t.row(1).stale_locators == texts{"a"});
  // The removal that was under way ends, and the record is fetched again.
  CHECK(t.finish(removed(removal)));
  CHECK(t.row(1).state == sync_state::pending);
  CHECK(t.claim_one().wanted);
}

REGISTRY_TEST("a download that was under way does not keep a row whose record is gone") {
  auto& t = *this;
  for (record_id n = 1; n <= 30; ++n)
    t.make_synced(n, "f" + std::to_string(n));
  t.backfilled();
  t.resync({record_selection::kind::ids, {1}});
  const auto download = t.claim_one();
  auto there = listed_all(t);
  std::erase_if(there, [](const auto& row) { return row.record == 1; });
  t.catalogue(there);
  t.confirm(there);
  CHECK_FALSE(t.row(1).wanted);
  CHECK(t.finish(synced(download)));
  CHECK(t.row(1).state == sync_state::pending);
  const auto removal = t.claim_one();
  CHECK_FALSE(removal.wanted);
  CHECK(removal.remove == texts{"f1"});
  t.finish(removed(removal));
  CHECK_FALSE(t.has_row(1));
}

REGISTRY_TEST("few that are gone are asked for twice, then removed") {
  auto& t = *this;
  for (record_id n = 1; n <= 30; ++n)
    t.make_synced(n, "f" + std::to_string(n));
  t.backfilled();
  auto there = listed_all(t);
  std::erase_if(there, [](const auto& row) { return row.record % 10 == 0; });
  t.catalogue(there);
  CHECK(t.suspects() == records{10, 20, 30});
  // 20 was created again meanwhile.
  t.records({10, 20, 30}, {listed(20, "f20")});
  CHECK(t.row(10).wanted);
  CHECK(t.suspects() == records{10, 30});
  const auto done = t.records({10, 30}, {});
  CHECK(done.changed == 2);
  CHECK(done.due_types == texts{"file"});
  CHECK(done.walk->found_gone == 2);
  CHECK(done.walk->stage == walk_stage::none);
  CHECK_FALSE(t.row(10).wanted);
  CHECK(t.row(20).wanted);
  const auto got = t.claim_all();
  REQUIRE(records_of(got) == records{30, 10});
  CHECK(got.claims.back().remove == texts{"f10"});
}

REGISTRY_TEST("a row that is due as live stays so when its record is gone") {
  auto& t = *this;
  for (record_id n = 1; n <= 30; ++n)
    t.events({present(n, n, "f" + std::to_string(n))});
  t.backfilled();
  auto there = listed_all(t);
  there.pop_back();
  t.catalogue(there);
  t.confirm(there);
  CHECK_FALSE(t.row(30).wanted);
  CHECK_FALSE(t.row(30).retry_at);
}

REGISTRY_TEST("a wave is held until it is approved, also over a restart") {
  auto& t = *this;
  for (record_id n = 1; n <= 30; ++n)
    t.make_synced(n, "f" + std::to_string(n));
  t.backfilled();
  auto there = listed_all(t);
  there.resize(20);
  t.catalogue(there);
  t.confirm(there);
  CHECK(t.walk().held == 10);
  CHECK(t.walk().found_gone == 0);
  CHECK(t.counts().removing == 0);
  t.backend.reopen();
  CHECK(t.walk().held == 10);
  SECTION("then what is still gone goes") {
    CHECK(t.approve() == 10);
    CHECK(t.walk().held == 0);
    CHECK(t.counts().removing == 0); // asked for once more
    there.push_back(listed(25, "f25"));
    t.confirm(there);
    CHECK(t.counts().removing == 9);
    CHECK(t.row(25).wanted);
    CHECK(t.walk().found_gone == 9);
    CHECK(t.approve() == 0);
  }
  SECTION("a check that finds them again lifts it") {
    for (record_id n = 21; n <= 30; ++n)
      there.push_back(listed(n, "f" + std::to_string(n)));
    t.catalogue(there);
    t.confirm(there);
    CHECK(t.walk().held == 0);
    CHECK(t.approve() == 0);
    CHECK(t.counts().removing == 0);
  }
  SECTION("a check that finds them gone again holds them again") {
    t.catalogue(there);
    CHECK(t.walk().held == 10); // meanwhile, too
    t.confirm(there);
    CHECK(t.walk().held == 10);
    CHECK(t.counts().removing == 0);
  }
  SECTION("a check that finds most of them again lets the others go") {
    for (record_id n = 22; n <= 30; ++n)
      there.push_back(listed(n, "f" + std::to_string(n)));
    t.catalogue(there);
    t.confirm(there);
    CHECK(t.walk().held == 0);
    CHECK(t.counts().removing == 1);
  }
  SECTION("events settle what they tell of") {
    t.events({present(80, 21, "f21"), gone(81, 22)});
    CHECK(t.walk().held == 8);
    CHECK(t.approve() == 8);
    t.confirm(there);
    CHECK(t.row(21).wanted);
    CHECK(t.counts().removing == 9);
  }
  SECTION("truncation settles all of them") {
    t.events({truncated(90)});
    CHECK(t.walk().held == 0);
    CHECK(t.approve() == 0);
  }
  SECTION("an approval while a check runs counts at its end") {
    t.catalogue({there.begin(), there.begin() + 5}, 1, false);
    CHECK(t.approve() == 10);
    CHECK(t.walk().stage == walk_stage::reading);
    t.catalogue({there.begin() + 5, there.end()});
    t.confirm(there);
    CHECK(t.counts().removing == 10);
  }
  SECTION("a new epoch forgets it") {
    t.new_epoch();
    CHECK(t.walk().held == 0);
    CHECK(t.approve() == 0);
  }
}

REGISTRY_TEST("nothing is removed of a type whose every record is gone, without a word") {
  auto& t = *this;
  t.make_synced(1, "a");
  t.backfilled();
  t.catalogue({});
  t.confirm({});
  CHECK(t.walk().held == 1);
  CHECK(t.row(1).wanted);
  CHECK(t.row(1).state == sync_state::synced);
}

REGISTRY_TEST("9 of 30 are no wave, and 5 % of 400 are none") {
  auto& t = *this;
  const auto [rows, gone_rows] = GENERATE(std::pair{30, 9}, std::pair{400, 20});
  CAPTURE(rows);
  std::vector<served_event> made;
  for (record_id n = 1; n <= rows; ++n)
    made.push_back(present(n, n, "f" + std::to_string(n)));
  t.events(made);
  t.backfilled();
  auto there = listed_all(t);
  there.resize(static_cast<std::size_t>(rows - gone_rows));
  t.catalogue(there);
  t.confirm(there);
  CHECK(t.walk().held == 0);
  CHECK(t.counts().removing == gone_rows);
}

REGISTRY_TEST("21 of 400 are a wave") {
  auto& t = *this;
  std::vector<served_event> made;
  for (record_id n = 1; n <= 400; ++n)
    made.push_back(present(n, n, "f" + std::to_string(n)));
  t.events(made);
  t.backfilled();
  auto there = listed_all(t);
  there.resize(379);
  t.catalogue(there);
  t.confirm(there);
  CHECK(t.walk().held == 21);
  CHECK(t.counts().removing == 0);
}

REGISTRY_TEST("what is outside of the scope goes without a word, in whatever number") {
  auto& t = *this;
  for (record_id n = 1; n <= 30; ++n)
    t.make_synced(n, "f" + std::to_string(n));
  t.backfilled();
  auto there = listed_all(t);
  there.resize(2);
  t.catalogue(there);
  records outside;
  for (record_id n = 3; n <= 30; ++n)
    outside.push_back(n);
  SECTION("asked for twice, as ever") {
    t.records(outside, {}, "file", outside);
    CHECK(t.counts().removing == 0);
    CHECK(t.suspects() == outside);
    SECTION("and it goes") {
      t.records(outside, {}, "file", outside);
      CHECK(t.counts().removing == 28);
      CHECK(t.walk().held == 0);
      CHECK(t.walk().found_gone == 28);
      CHECK(t.row(1).wanted);
    }
    SECTION("and what is in it by now stays") {
      outside.pop_back();
      t.records(t.suspects(), {listed(30, "f30")}, "file", outside);
      CHECK(t.counts().removing == 27);
      CHECK(t.row(30).wanted);
    }
  }
  SECTION("beside a few that are gone") {
    outside.resize(27);
    t.records(t.suspects(), {}, "file", outside);
    t.records(t.suspects(), {}, "file", outside);
    CHECK(t.counts().removing == 28);
    CHECK(t.walk().held == 0);
  }
  SECTION("beside a wave of what is gone, which is held") {
    outside.resize(8);
    t.records(t.suspects(), {}, "file", outside);
    while (t.walk().stage == walk_stage::confirming)
      t.records(t.suspects(), {}, "file", outside);
    CHECK(t.counts().removing == 8);
    CHECK(t.walk().held == 20);
    CHECK_FALSE(t.row(3).wanted);
    CHECK(t.row(11).wanted);
    SECTION("until it is known to be outside, too") {
      t.catalogue(there);
      while (t.walk().stage == walk_stage::confirming) {
        const auto asked = t.suspects();
        t.records(asked, {}, "file", asked);
      }
      CHECK(t.counts().removing == 28);
      CHECK(t.walk().held == 0);
    }
  }
}

REGISTRY_TEST("a scope that leaves nothing is held, until something is left or it is approved") {
  auto& t = *this;
  for (record_id n = 1; n <= 3; ++n)
    t.make_synced(n, "f" + std::to_string(n));
  t.backfilled();
  t.catalogue({});
  t.records({1, 2, 3}, {}, "file", {1, 2, 3});
  CHECK(t.walk().stage == walk_stage::none);
  CHECK(t.walk().held == 3);
  CHECK(t.counts().removing == 0);
  SECTION("approved") {
    CHECK(t.approve() == 3);
    t.records({1, 2, 3}, {}, "file", {1, 2, 3});
    CHECK(t.counts().removing == 3);
  }
  SECTION("the slip is mended") {
    t.set_scope("another");
    t.catalogue({listed(9, "f9")});
    while (t.walk().stage == walk_stage::confirming) {
      const auto asked = t.suspects();
      t.records(asked, {}, "file", asked);
    }
    CHECK(t.walk().held == 0);
    CHECK(t.counts().removing == 3);
    CHECK(t.row(9).wanted);
  }
}

REGISTRY_TEST("a new scope begins every walk anew, and what was read under another is dropped") {
  auto& t = *this;
  t.make_synced(1, "a");
  t.make_synced(2, "b");
  t.backfilled();
  REQUIRE(t.walk().complete);
  const auto before = t.in_batch([&] { return t.store().cursor(); });
  t.set_scope("one");
  CHECK_FALSE(t.walk().complete);
  CHECK(t.row(1).state == sync_state::synced); // nothing is fetched again for it
  auto cursor = t.in_batch([&] { return t.store().cursor(); });
  CHECK(cursor.scope == "one");
  CHECK(cursor.place == before.place);

  events_page page;
  page.events = {present(50, 3, "c")};
  page.upto = {90, 90, 90};
  const auto ignored = t.in_batch([&] { return t.store().apply_events(page); });
  CHECK(ignored.other_scope);
  CHECK_FALSE(t.has_row(3));
  CHECK(t.in_batch([&] { return t.store().cursor(); }).place == before.place);
  page.scope = "one";
  CHECK_FALSE(t.in_batch([&] { return t.store().apply_events(page); }).other_scope);
  CHECK(t.has_row(3));

  catalogue_page listed_page{"file", 1, record_id_before_all, {listed(4, "d")}, 4, true};
  CHECK(t.in_batch([&] { return t.store().apply_catalogue(listed_page); }).other_scope);
  CHECK_FALSE(t.has_row(4));
  listed_page.scope = "one";
  t.in_batch([&] { return t.store().apply_catalogue(listed_page); });
  CHECK(t.has_row(4));
  CHECK(t.suspects() == records{1, 2, 3});
  records_page found{"file", 1, {1, 2, 3}, {}, {1}};
  CHECK(t.in_batch([&] { return t.store().apply_records(found); }).other_scope);
  CHECK(t.suspects() == records{1, 2, 3});

  SECTION("it outlives the node, and a new epoch") {
    t.backend.reopen();
    CHECK(t.in_batch([&] { return t.store().cursor(); }).scope == "one");
    t.new_epoch();
    CHECK(t.in_batch([&] { return t.store().cursor(); }).scope == "one");
  }
  SECTION("the same again changes nothing") {
    const auto walk = t.walk();
    t.set_scope("one");
    CHECK(t.walk() == walk);
  }
}

REGISTRY_TEST("an event of a record outside removes what was there, and makes nothing") {
  auto& t = *this;
  t.make_synced(1, "a");
  served_event left;
  left.id = 50;
  left.type = "file";
  left.record = 1;
  left.outside = true;
  auto never = left;
  never.record = 2;
  CHECK(t.events({left, never}).changed == 1);
  CHECK_FALSE(t.has_row(2));
  CHECK_FALSE(t.row(1).wanted);
  CHECK(t.row(1).key == "1");
  CHECK(t.claim_one().remove == texts{"a"});
  t.events({present(51, 2, "b")}); // it enters
  CHECK(t.row(2).wanted);
}

REGISTRY_TEST("a backfill makes what is missing at once, and finds what is gone") {
  auto& t = *this;
  for (record_id n = 1; n <= 30; ++n)
    t.make_synced(n, "f" + std::to_string(n));
  t.new_epoch();
  std::vector<catalogue_row> there;
  for (record_id n = 2; n <= 31; ++n)
    there.push_back(listed(n, "f" + std::to_string(n)));
  t.catalogue(there);
  CHECK(t.has_row(31));
  CHECK_FALSE(t.walk().complete); // until what is gone is known
  CHECK(t.suspects() == records{1});
  t.confirm(there);
  CHECK(t.walk().complete);
  CHECK_FALSE(t.row(1).wanted);
}

REGISTRY_TEST("pages and answers of another walk change nothing") {
  auto& t = *this;
  t.make_synced(1, "a");
  t.backfilled();
  t.catalogue({listed(5, "e")}, 1, false);
  catalogue_page page;
  page.type = "file";
  page.generation = 1;
  page.after = 77;
  page.next_after = 90;
  page.last = true;
  t.in_batch([&] { return t.store().apply_catalogue(page); });
  CHECK(t.walk().stage == walk_stage::reading);
  CHECK(t.walk().after == 5);
  CHECK(t.suspects().empty()); // not before the catalogue is read
  CHECK(t.records({1}, {}).changed == 0);
  CHECK(t.walk().stage == walk_stage::reading);
  page.after = 5;
  page.generation = 2;
  t.in_batch([&] { return t.store().apply_catalogue(page); });
  CHECK(t.walk().generation == 1);
}

REGISTRY_TEST("a gap in the log begins every walk anew, and forgets no revision") {
  auto& t = *this;
  t.make_synced(1, "a");
  t.backfilled();
  t.catalogue({listed(1, "a")}, 1, false);
  const auto before = t.row(1);
  t.in_batch([&] { return t.store().skip_to({500, 50, 5}); });
  t.backend.reopen();
  CHECK(t.in_batch([&] { return t.store().cursor(); }).place == event_position{500, 50, 5});
  CHECK_FALSE(t.walk().complete);
  CHECK(t.walk().stage == walk_stage::none);
  CHECK(t.walk().generation == 1);
  CHECK(t.row(1) == before);
}

REGISTRY_TEST("walks know no unknown type") {
  auto& t = *this;
  REQUIRE(t.store().begin());
  CHECK(t.store().suspects("unheard", 1).error().code == ec::not_found);
  CHECK(t.store().apply_records({"unheard", 1, {}, {}}).error().code == ec::not_found);
  CHECK(t.store().approve("unheard").error().code == ec::not_found);
}

// -- claims ---------------------------------------------------------------------------------------

REGISTRY_TEST("claims come in order: live changes, then by due time") {
  auto& t = *this;
  t.catalogue({listed(1, "a"), listed(2, "b")}, 1, false);
  t.time.advance(10min);
  t.catalogue({listed(3, "c")});
  t.events({present(50, 9, "i"), present(51, 8, "h")});
  CHECK(records_of(t.claim_all(3)) == records{8, 9, 2});
  CHECK(records_of(t.claim_all(3)) == records{1, 3});
  CHECK(t.claim_all(3).claims.empty());
}

REGISTRY_TEST("a claim says all that its worker needs") {
  auto& t = *this;
  t.new_epoch();
  auto e = present(7, 1, "a", 3);
  e.size = 5;
  e.key = "the key";
  t.events({e});
  const auto got = t.claim_all();
  REQUIRE(got.claims.size() == 1);
  CHECK(got.lease == lease);
  const auto& one = got.claims.front();
  CHECK(one.token > 0);
  CHECK(one.id == replicable_id{"file", 1});
  CHECK(one.epoch == 1);
  CHECK(one.key == "the key");
  CHECK(one.target == 7);
  CHECK(one.wanted);
  CHECK(one.locator == "a");
  CHECK(one.remove.empty());
  CHECK(one.stale_settled == 0);
  CHECK(one.expected == sum_of(3));
  CHECK(one.size == 5u);
  CHECK(one.retry_count == 0);
}

REGISTRY_TEST("a record is under one claim at a time, and a token is never used twice") {
  auto& t = *this;
  t.events({present(1, 1, "a")});
  const auto first = t.claim_one();
  const auto none = t.claim_all();
  CHECK(none.claims.empty());
  CHECK_FALSE(none.passed_over);
  t.finish(given_back(first));
  const auto second = t.claim_one();
  t.backend.reopen();
  const auto third = t.claim_one();
  CHECK(first.token < second.token);
  CHECK(second.token < third.token);
}

REGISTRY_TEST("what is under claims does not hide what is due behind it") {
  auto& t = *this;
  std::vector<served_event> many;
  for (record_id n = 1; n <= 30; ++n)
    many.push_back(present(n, n, "place" + std::to_string(n)));
  t.events(many);
  CHECK(t.claim_all(20).claims.size() == 20);
  CHECK(records_of(t.claim_all(2)) == records{21, 22});
  CHECK(t.claim_all(20).claims.size() == 8);
}

REGISTRY_TEST("records that share a place are claimed one after the other") {
  auto& t = *this;
  std::vector<served_event> many;
  for (record_id n = 1; n <= 12; ++n)
    many.push_back(present(n, n, "shared"));
  many.push_back(present(13, 13, "alone"));
  t.events(many);
  const auto first = t.claim_all(2);
  CHECK(records_of(first) == records{1, 13}); // the others do not stand in its way
  CHECK(first.passed_over);
  t.finish_all({synced(first.claims[0]), synced(first.claims[1])});
  CHECK(records_of(t.claim_all()) == records{2});
}

REGISTRY_TEST("a place is under one claim over all types of its store, and of no other") {
  auto& t = *this;
  t.events({present(1, 1, "a"), of_type("scan", present(2, 1, "a")),
            of_type("image", present(3, 1, "a"))});
  const auto held = t.claim_one();
  const auto passed = t.claim_all(10, "scan");
  CHECK(passed.claims.empty());
  CHECK(passed.passed_over);
  CHECK(records_of(t.claim_all(10, "image")) == records{1});
  t.finish(synced(held));
  CHECK(records_of(t.claim_all(10, "scan")) == records{1});
}

REGISTRY_TEST("a former place is locked like the present one") {
  auto& t = *this;
  t.make_synced(1, "a");
  t.events({present(50, 1, "b")});
  t.events({present(51, 2, "a")});
  const auto held = t.claim_one();
  CHECK(held.id.record == 1);
  CHECK(held.remove.empty()); // record 2 wants it
  CHECK(held.stale_settled == 1);
  CHECK(t.claim_all().passed_over);
  t.finish(synced(held));
  CHECK(t.row(1).stale_locators.empty());
  CHECK(records_of(t.claim_all()) == records{2});
}

REGISTRY_TEST("nothing is removed that another live record of the store has") {
  auto& t = *this;
  t.make_synced(1, "shared");
  t.make_synced(2, "alone");
  t.make_synced(3, "elsewhere");
  t.events({of_type("scan", present(50, 1, "shared")),
            of_type("image", present(51, 1, "elsewhere")),
            of_type("scan", present(52, 2, "alone"))});
  t.events({of_type("scan", gone(53, 2))}); // not live any more
  t.events({gone(60, 1), gone(61, 2), gone(62, 3)});
  const auto got = t.claim_all();
  REQUIRE(records_of(got) == records{1, 2, 3});
  CHECK(got.claims[0].remove.empty());
  CHECK(got.claims[1].remove == texts{"alone"});
  CHECK(got.claims[2].remove == texts{"elsewhere"});
}

REGISTRY_TEST("of two records that leave a shared place one removes it") {
  auto& t = *this;
  t.make_synced(1, "shared");
  t.make_synced(2, "shared");
  t.events({gone(50, 1), gone(51, 2)});
  const auto first = t.claim_one();
  CHECK(first.remove == texts{"shared"});
  CHECK(t.claim_all().passed_over);
  t.finish(removed(first));
  CHECK(t.claim_one().remove == texts{"shared"}); // idempotent
}

REGISTRY_TEST("what can't lie in a store is neither locked nor removed") {
  auto& t = *this;
  t.events({present(1, 1, ""), present(2, 2, ""), present(3, 3, "../out")});
  CHECK(t.claim_all().claims.size() == 3);
  t.backend.reopen();
  t.events({gone(4, 1), gone(5, 2), gone(6, 3)});
  const auto got = t.claim_all();
  REQUIRE(got.claims.size() == 3);
  for (const auto& one : got.claims)
    CHECK(one.remove.empty());
}

REGISTRY_TEST("paused, disabled and undeclared types yield nothing") {
  auto& t = *this;
  t.events({present(1, 1, "a"), of_type("scan", present(2, 1, "b"))});
  t.in_batch([&] { return t.store().set_paused("file", true); });
  CHECK(t.claim_all().claims.empty());
  CHECK_FALSE(t.claim_all().next_due);
  CHECK(t.claim_all(1, "scan").claims.size() == 1);
  t.backend.reopen();
  CHECK(t.in_batch([&] { return t.store().paused_types(); }) == texts{"file"});
  t.in_batch([&] { return t.store().set_paused("", true); });
  CHECK(t.in_batch([&] { return t.store().paused_types(); }) == texts{"file", "image", "scan"});
  CHECK(t.claim_all(1, "scan").claims.empty());
  t.in_batch([&] { return t.store().set_paused("", false); });
  t.declare({t.type("file", "/srv/a", false)});
  CHECK(t.claim_all().claims.empty());
  CHECK(t.claim_all(1, "scan").claims.empty());
  t.declare({t.type("file", "/srv/a", true)});
  CHECK(t.claim_all().claims.size() == 1);
}

REGISTRY_TEST("the time of the next due record is told, and what is not due is not claimed") {
  auto& t = *this;
  t.events({present(1, 1, "a"), present(2, 2, "b"), present(3, 3, "c")});
  const auto got = t.claim_all();
  t.finish_all({failed(got.claims[0], ec::disk, 9s), failed(got.claims[1], ec::disk, 4s)});
  t.time.advance(1s);
  auto next = t.claim_all();
  CHECK(next.claims.empty());
  CHECK(next.next_due == 3s);
  t.time.advance(3s);
  next = t.claim_all();
  CHECK(records_of(next) == records{2});
  CHECK(next.next_due == 5s);
  t.time.advance(5s - 1ms);
  CHECK(t.claim_all().claims.empty());
  t.time.advance(1ms);
  CHECK(records_of(t.claim_all()) == records{1});
  CHECK_FALSE(t.claim_all().next_due);
}

REGISTRY_TEST("questions about a type that was never declared harm nobody else's work") {
  auto& t = *this;
  REQUIRE(t.store().begin());
  catalogue_page page;
  page.type = "unheard";
  page.rows = {listed(1, "a")};
  CHECK(t.store().apply_catalogue(page).error().code == ec::not_found);
  CHECK(t.store().claim_due("unheard", 1, claim_scope::all).error().code == ec::not_found);
  CHECK(t.store().counts("unheard").error().code == ec::not_found);
  CHECK(t.store().resync("unheard", {}).error().code == ec::not_found);
  CHECK(t.store().set_paused("unheard", true).error().code == ec::not_found);
  events_page events;
  events.events = {present(1, 1, "a")};
  CHECK(t.store().apply_events(events));
  REQUIRE(t.store().commit());
  CHECK(t.has_row(1));
}

// -- outcomes -------------------------------------------------------------------------------------

REGISTRY_TEST("synced is recorded with what is on the disk") {
  auto& t = *this;
  t.events({present(7, 1, "a", 4)});
  t.time.advance(2s);
  CHECK(t.finish(synced(t.claim_one(), 4, 99)));
  const auto row = t.row(1);
  CHECK(row.state == sync_state::synced);
  CHECK(row.synced_revision == 7);
  CHECK(row.size == 99u);
  CHECK(row.sum == sum_of(4));
  CHECK(row.verification == verification_state::succeeded);
  CHECK(row.verified_at == t.wall());
  CHECK(row.last_synced_at == t.wall());
  CHECK_FALSE(row.retry_at);
  CHECK(t.claim_all().claims.empty());
}

REGISTRY_TEST("a change that lands during a download leaves the record due") {
  auto& t = *this;
  t.events({present(7, 1, "a", 1)});
  const auto held = t.claim_one();
  auto e = present(8, 1, "a", 2);
  e.size = 1000;
  t.events({e});
  CHECK(t.claim_all().passed_over);
  CHECK(t.finish(synced(held, 1, 10)));
  const auto row = t.row(1);
  CHECK(row.synced_revision == 7);
  CHECK(row.target_revision == 8);
  CHECK(row.state == sync_state::pending);
  CHECK_FALSE(row.retry_at);
  CHECK(row.size == 1000u);
  CHECK(row.sum == sum_of(1));
  const auto again = t.claim_one();
  CHECK(again.target == 8);
  CHECK(again.expected == sum_of(2));
}

REGISTRY_TEST("an event that brings what the download brought makes no further work") {
  auto& t = *this;
  t.catalogue({listed(1, "a"), listed(2, "b"), listed(3, "c")});
  const auto got = t.claim_all();
  t.events({checksummed(8, 1, "a", 1), checksummed(9, 2, "b", 2), checksummed(10, 3, "moved", 1)});
  t.finish_all({synced(got.claims[0], 1), synced(got.claims[1], 1), synced(got.claims[2], 1)});
  CHECK(t.row(1).state == sync_state::synced);
  CHECK(t.row(1).synced_revision == 8);
  CHECK(t.row(2).state == sync_state::pending);
  CHECK(t.row(3).state == sync_state::pending);
  CHECK(t.row(3).stale_locators == texts{"c"});
}

REGISTRY_TEST("a record that moved away and back during a download is looked at again") {
  auto& t = *this;
  t.events({present(7, 1, "a", 1)});
  const auto held = t.claim_one();
  t.events({present(8, 1, "b", 1)});
  t.events({present(9, 1, "a", 1)});
  CHECK(t.finish(synced(held, 1)));
  CHECK(t.row(1).state == sync_state::pending); // nobody has looked at "b"
  CHECK(t.claim_one().remove == texts{"b"});
}

REGISTRY_TEST("a delete that lands during a download leaves the record due for removal") {
  auto& t = *this;
  t.events({present(7, 1, "a", 1)});
  const auto held = t.claim_one();
  t.events({gone(8, 1)});
  CHECK(t.finish(synced(held, 1)));
  CHECK(t.row(1).state == sync_state::pending);
  CHECK_FALSE(t.row(1).wanted);
  const auto again = t.claim_one();
  CHECK_FALSE(again.wanted);
  CHECK(again.remove == texts{"a"});
}

REGISTRY_TEST("only the former places that the claim settled are forgotten") {
  auto& t = *this;
  t.make_synced(1, "a");
  t.events({present(50, 1, "b")});
  const auto held = t.claim_one();
  CHECK(held.remove == texts{"a"});
  t.events({present(51, 1, "c")});
  t.finish(synced(held));
  CHECK(t.row(1).stale_locators == texts{"b"});
  CHECK(t.claim_one().remove == texts{"b"});
}

REGISTRY_TEST("a place that was settled and filled by the same claim is not forgotten") {
  auto& t = *this;
  t.make_synced(1, "a");
  t.events({present(50, 1, "b")});
  t.events({present(51, 1, "a")});
  const auto held = t.claim_one();
  CHECK(held.locator == "a");
  CHECK(held.stale_settled == 2); // a, b
  t.events({present(52, 1, "c")});
  t.finish(synced(held));
  CHECK(t.row(1).stale_locators == texts{"a"});
  t.finish(synced(t.claim_one()));
  CHECK(t.row(1).stale_locators.empty());
}

REGISTRY_TEST("a record that is wanted again when its removal ends has nothing on the disk") {
  auto& t = *this;
  t.make_synced(1, "a");
  t.events({gone(50, 1)});
  const auto held = t.claim_one();
  t.events({present(51, 1, "a")});
  CHECK(t.finish(removed(held)));
  const auto row = t.row(1);
  CHECK(row.wanted);
  CHECK_FALSE(row.synced_revision);
  CHECK(row.state == sync_state::pending);
  CHECK(t.claim_one().target == 51);
}

REGISTRY_TEST("a record that came and went again during its removal is removed once more") {
  auto& t = *this;
  t.make_synced(1, "a");
  t.events({gone(50, 1)});
  const auto held = t.claim_one();
  t.events({present(51, 1, "b")});
  t.events({gone(52, 1)});
  CHECK(t.finish(removed(held)));
  CHECK_FALSE(t.row(1).wanted);
  CHECK(t.row(1).state == sync_state::pending);
  const auto again = t.claim_one();
  CHECK(again.remove == texts{"a", "b"});
  CHECK(t.finish(removed(again)));
  CHECK_FALSE(t.has_row(1));
}

REGISTRY_TEST("a failure waits as long as it is told, and says why") {
  auto& t = *this;
  t.events({present(1, 1, "a")});
  CHECK(t.finish(failed(t.claim_one(), ec::disk, 3s, "no space left")));
  auto row = t.row(1);
  CHECK(row.state == sync_state::failed);
  CHECK(row.retry_at == t.wall() + 3s);
  CHECK(row.retry_count == 1);
  CHECK(row.last_sync_failure == "no space left");
  CHECK_FALSE(row.missing_on_primary);
  t.time.advance(3s);
  const auto again = t.claim_one();
  CHECK(again.retry_count == 1);
  t.finish(failed(again));
  CHECK(t.row(1).retry_count == 2);
}

REGISTRY_TEST("a failure's text is cut where a character begins") {
  auto& t = *this;
  t.events({present(1, 1, "a"), present(2, 2, "b")});
  const auto got = t.claim_all();
  t.finish_all({failed(got.claims[0], ec::disk, 1s, std::string(254, 'x') + "\xC3\xA9 and more"),
                failed(got.claims[1], ec::disk, 1s, std::string{"a\0b\x80z", 5})});
  CHECK(t.row(1).last_sync_failure == std::string(254, 'x'));
  CHECK(t.row(2).last_sync_failure == "a\xEF\xBF\xBD"
                                      "b\xEF\xBF\xBDz");
}

REGISTRY_TEST("missing on the primary is a state of its own until something else happens") {
  auto& t = *this;
  t.events({present(1, 1, "a")});
  t.finish(failed(t.claim_one(), ec::missing_on_primary, 1s));
  CHECK(t.row(1).missing_on_primary);
  CHECK(t.counts().missing_on_primary == 1);
  t.time.advance(1s);
  t.finish(failed(t.claim_one(), ec::unreadable_on_primary, 1s));
  CHECK_FALSE(t.row(1).missing_on_primary);
  CHECK(t.counts().missing_on_primary == 0);
}

REGISTRY_TEST("a checksum that does not match is kept beside the failure") {
  auto& t = *this;
  t.events({present(1, 1, "a", 1), present(2, 2, "b", 1)});
  const auto got = t.claim_all();
  auto how = failed(got.claims[0], ec::checksum_mismatch);
  how.sum = sum_of(9);
  t.finish_all({how, failed(got.claims[1], ec::checksum_mismatch)});
  CHECK(t.row(1).checksum_mismatch);
  CHECK(t.row(1).verification_checksum_mismatched == sum_of(9));
  CHECK(t.row(2).checksum_mismatch);
  CHECK_FALSE(t.row(2).verification_checksum_mismatched); // nobody knew it
  t.time.advance(2s);
  t.finish(synced(t.claim_one()));
  CHECK_FALSE(t.row(1).checksum_mismatch);
  CHECK_FALSE(t.row(1).verification_checksum_mismatched);
}

REGISTRY_TEST("a failure of what is no longer wanted leaves the record due at once") {
  auto& t = *this;
  t.events({present(1, 1, "a")});
  const auto held = t.claim_one();
  t.events({present(2, 1, "b")});
  CHECK(t.finish(failed(held, ec::missing_on_primary, 1h)));
  const auto row = t.row(1);
  CHECK(row.state == sync_state::pending);
  CHECK(row.retry_count == 0);
  CHECK_FALSE(row.missing_on_primary);
  CHECK(t.claim_one().target == 2);
}

REGISTRY_TEST("a claim that is given back leaves the record as it was") {
  auto& t = *this;
  t.catalogue({listed(1, "a")});
  t.events({present(1, 2, "b")});
  auto got = t.claim_all();
  t.finish(failed(got.claims[0], ec::disk, 1s));
  t.finish(given_back(got.claims[1]));
  t.time.advance(1s);
  const auto bulk = t.row(1);
  const auto failing = t.row(2);
  got = t.claim_all();
  REQUIRE(records_of(got) == records{1, 2});
  t.renew({got.claims[0].token, got.claims[1].token}); // writes started
  CHECK(t.row(1) != bulk);
  CHECK(t.finish_all({given_back(got.claims[0]), given_back(got.claims[1])}) ==
        std::vector<bool>{true, true});
  CHECK(t.row(1) == bulk);
  CHECK(t.row(2) == failing);
  CHECK(t.claim_all().claims.size() == 2);
}

REGISTRY_TEST("a change under a claim outlives its being given back") {
  auto& t = *this;
  t.catalogue({listed(1, "a")});
  const auto held = t.claim_one();
  t.renew({held.token});
  t.events({present(5, 1, "b")});
  t.finish(given_back(held));
  CHECK(t.row(1).state == sync_state::pending);
  CHECK_FALSE(t.row(1).retry_at);
  CHECK(t.claim_one().target == 5);
}

REGISTRY_TEST("an outcome that is not the live claim's changes nothing") {
  auto& t = *this;
  t.events({present(1, 1, "a"), present(2, 2, "b")});
  const auto got = t.claim_all();
  const auto before = t.row(1);
  auto how = synced(got.claims[0]);
  SECTION("of a token that was never given") {
    how.token += 1000;
  }
  SECTION("of another record's token") {
    how.token = got.claims[1].token;
  }
  SECTION("of another record") {
    how.id.record = 2;
  }
  SECTION("of another type") {
    how.id.type = "scan";
  }
  SECTION("of another epoch") {
    how.epoch += 1;
  }
  CHECK_FALSE(t.finish(how));
  CHECK(t.row(1) == before);
  CHECK(t.finish_all({synced(got.claims[0]), synced(got.claims[1])}) ==
        std::vector<bool>{true, true});
}

REGISTRY_TEST("a claim ends once") {
  auto& t = *this;
  t.events({present(1, 1, "a")});
  const auto held = t.claim_one();
  CHECK(t.finish_all({failed(held), synced(held)}) == std::vector<bool>{true, false});
  CHECK(t.row(1).state == sync_state::failed);
  CHECK_FALSE(t.finish(synced(held)));
  CHECK(t.finish_all({}).empty());
}

REGISTRY_TEST("a late worker changes nothing") {
  auto& t = *this;
  t.events({present(1, 1, "a")});
  const auto late = t.claim_one();
  t.time.advance(lease);
  const auto next = t.claim_one();
  CHECK(next.token > late.token);
  CHECK_FALSE(t.finish(synced(late)));
  CHECK(t.renew({late.token}).empty());
  CHECK_FALSE(t.row(1).synced_revision);
  CHECK(t.finish(synced(next)));
}

REGISTRY_TEST("a lease runs from the call that claimed or renewed") {
  auto& t = *this;
  t.events({present(1, 1, "a")});
  const auto held = t.claim_one();
  t.time.advance(lease - 1ms);
  CHECK(t.claim_all().claims.empty());
  CHECK(t.renew({held.token, 424242}) == std::vector<claim_token>{held.token});
  t.time.advance(lease - 1ms);
  CHECK(t.claim_all().claims.empty());
  t.time.advance(1ms);
  CHECK(t.renew({held.token}).empty());
  CHECK(t.claim_all().claims.size() == 1);
}

REGISTRY_TEST("renewing writes started, which a new node finds due again") {
  auto& t = *this;
  t.catalogue({listed(1, "a"), listed(2, "b")});
  const auto got = t.claim_all();
  REQUIRE(records_of(got) == records{2, 1});
  CHECK(t.row(1).state == sync_state::pending);
  t.renew({got.claims[1].token});
  CHECK(t.row(1).state == sync_state::started);
  CHECK(t.row(1).retry_at == t.wall() + lease);
  CHECK(t.row(2).state == sync_state::pending);
  CHECK(t.counts().started == 1);
  t.backend.reopen();
  CHECK(t.row(1).state == sync_state::pending);
  CHECK(t.counts().started == 0);
  CHECK(t.claim_all().claims.size() == 2);
  CHECK_FALSE(t.finish(synced(got.claims[1]))); // the old node's
}

// -- epochs ---------------------------------------------------------------------------------------

REGISTRY_TEST("a new epoch forgets the place and the backfills, and looks at every row again") {
  auto& t = *this;
  CHECK(t.new_epoch("one") == 1);
  t.catalogue({}, 7);
  t.events({present(50, 1, "a", 3), present(51, 2, "b")}, t.wall());
  auto got = t.claim_all();
  t.finish_all({synced(got.claims[0], 3), failed(got.claims[1], ec::missing_on_primary, 1h)});
  t.resync({record_selection::kind::all, {}});
  CHECK(t.new_epoch("two") == 2);
  const auto cursor = t.in_batch([&] { return t.store().cursor(); });
  CHECK(cursor.identity == "two");
  CHECK(cursor.epoch == 2);
  CHECK(cursor.place == event_position{});
  CHECK(cursor.covered_xid == 0);
  CHECK_FALSE(cursor.horizon);
  CHECK(t.in_batch([&] { return t.store().backfills(); })[0].generation == 0);
  CHECK_FALSE(t.continue_resync(10));
  const auto row = t.row(1);
  CHECK(row.target_revision == 0);
  CHECK_FALSE(row.synced_revision);
  CHECK_FALSE(row.primary_checksum);
  CHECK(row.sum == sum_of(3));
  CHECK(row.state == sync_state::pending);
  CHECK(row.retry_at == bulk_due(t.wall(), row.size, 1));
  CHECK(t.counts().never_synced == 2);
  CHECK(t.counts().missing_on_primary == 0);
  got = t.claim_all();
  REQUIRE(got.claims.size() == 2);
  t.finish(synced(got.claims[0], 3));
  CHECK(t.row(1).state == sync_state::synced);
  CHECK(t.row(1).synced_revision == 0);
}

REGISTRY_TEST("results of the old epoch are dropped, but hold their places until they end") {
  auto& t = *this;
  t.events({present(1, 1, "a"), present(2, 2, "b")});
  const auto old = t.claim_all();
  t.new_epoch();
  CHECK(t.claim_all().claims.empty()); // their workers may still write
  CHECK(t.claim_all().passed_over);
  CHECK(t.renew({old.claims[0].token}).empty());
  CHECK_FALSE(t.finish(synced(old.claims[0])));
  CHECK_FALSE(t.row(1).synced_revision);
  CHECK(records_of(t.claim_all()) == records{1});
  t.time.advance(lease);
  CHECK(t.claim_all().claims.size() == 2);
}

// -- what operators ask for -----------------------------------------------------------------------

REGISTRY_TEST("a resync makes the named records due as bulk work") {
  auto& t = *this;
  for (record_id n = 1; n <= 3; ++n)
    t.make_synced(n, "place" + std::to_string(n));
  t.time.advance(5s);
  CHECK(t.resync({record_selection::kind::ids, {3, 1, 1, 77}}) == 2);
  CHECK(t.row(1).state == sync_state::pending);
  CHECK(t.row(1).retry_at == bulk_due(t.wall(), t.row(1).size, 1));
  CHECK(t.row(1).synced_revision == t.row(1).target_revision);
  CHECK(t.row(2).state == sync_state::synced);
  t.events({present(50, 4, "live")});
  CHECK(records_of(t.claim_all()) == records{4, 3, 1});
}

REGISTRY_TEST("a resync of what failed forgets the failures in a row") {
  auto& t = *this;
  t.make_synced(1, "a");
  t.events({present(50, 2, "b")});
  t.finish(failed(t.claim_one(), ec::disk, 1h));
  CHECK(t.resync({record_selection::kind::failed, {}}) == 1);
  CHECK(t.row(2).retry_count == 0);
  CHECK(records_of(t.claim_all()) == records{2});
  CHECK(t.resync({record_selection::kind::failed, {}}) == 0);
}

REGISTRY_TEST("a resync does not send what is due to the back of the queue") {
  auto& t = *this;
  t.catalogue({listed(1, "a")});
  t.events({present(1, 2, "b")});
  t.time.advance(1s);
  const auto bulk = t.row(1);
  const auto live = t.row(2);
  CHECK(t.resync({record_selection::kind::ids, {1, 2}}) == 2);
  CHECK(t.row(1) == bulk);
  CHECK(t.row(2) == live);
}

REGISTRY_TEST("a resync during a transfer leaves the record due when that ends") {
  auto& t = *this;
  t.events({present(1, 1, "a")});
  const auto held = t.claim_one();
  t.renew({held.token});
  t.resync({record_selection::kind::ids, {1}});
  CHECK(t.row(1).state == sync_state::started);
  t.finish(synced(held));
  CHECK(t.row(1).state == sync_state::pending);
  CHECK(t.claim_all().claims.size() == 1);
}

REGISTRY_TEST("a resync of all goes on in slices, also after a restart") {
  auto& t = *this;
  for (record_id n = -2; n <= 3; ++n)
    t.make_synced(n, "place" + std::to_string(n));
  t.events({of_type("scan", present(60, 1, "s"))});
  t.finish(synced(t.claim_one("scan")));
  CHECK_FALSE(t.continue_resync(10));
  CHECK(t.resync({record_selection::kind::all, {}}) == 6);
  CHECK(t.counts().synced == 6); // nothing yet
  t.make_synced(9, "later");
  CHECK(t.continue_resync(4));
  CHECK(t.counts().pending == 4);
  t.backend.reopen();
  CHECK(t.resync({record_selection::kind::all, {}}, "image") == 0);
  CHECK_FALSE(t.continue_resync(4));
  CHECK(t.counts().pending == 6);
  CHECK(t.row(9).state == sync_state::synced);
  CHECK(t.counts("scan").synced == 1);
}

REGISTRY_TEST("resyncs of several types are worked off one after the other") {
  auto& t = *this;
  t.make_synced(1, "a");
  t.events({of_type("scan", present(60, 1, "s"))});
  t.finish(synced(t.claim_one("scan")));
  t.resync({record_selection::kind::all, {}}, "scan");
  t.resync({record_selection::kind::all, {}}, "file");
  CHECK(t.continue_resync(100));
  CHECK_FALSE(t.continue_resync(100));
  CHECK(t.counts("file").pending == 1);
  CHECK(t.counts("scan").pending == 1);
}

// -- counts and recovery points -------------------------------------------------------------------

REGISTRY_TEST("counts follow every change") {
  auto& t = *this;
  CHECK(t.counts() == registry_counts{});
  t.catalogue({listed(1, "a"), listed(2, "b"), listed(3, "c")});
  t.events({present(50, 4, "d"), present(51, 5, "e"), of_type("scan", present(52, 1, "s"))});
  auto got = t.claim_all();
  std::map<record_id, claim> by;
  for (const auto& one : got.claims)
    by[one.id.record] = one;
  t.finish_all({synced(by[1]), failed(by[2], ec::missing_on_primary), synced(by[4])});
  t.events({gone(60, 4)});
  t.renew({by[5].token});
  registry_counts expected;
  expected.registry = 5;
  expected.pending = 2; // 3, 4
  expected.started = 1; // 5
  expected.synced = 1;  // 1
  expected.failed = 1;  // 2
  expected.missing_on_primary = 1;
  expected.removing = 1;
  expected.never_synced = 1;         // 3
  expected.verification_pending = 1; // 1
  expected.never_verified = 1;       // 3
  CHECK(t.counts() == expected);
  CHECK(t.counts("scan").registry == 1);
  t.finish(removed(t.claim_one()));
  CHECK(t.counts().registry == 4);
  CHECK(t.counts().removing == 0);
}

REGISTRY_TEST("there is no recovery point before a backfill is through and its rows are here") {
  auto& t = *this;
  const auto now = t.wall();
  t.horizon(now);
  CHECK_FALSE(t.recovery());
  t.catalogue({listed(1, "a"), listed(2, "b")}, 1, false);
  CHECK_FALSE(t.recovery());
  t.catalogue({listed(3, "c")}, 1, true);
  CHECK_FALSE(t.recovery());
  const auto got = t.claim_all();
  t.finish_all({synced(got.claims[0]), synced(got.claims[1])});
  CHECK_FALSE(t.recovery());
  SECTION("all of them") {
    t.finish(synced(got.claims[2]));
  }
  SECTION("or missing on the primary") {
    t.finish(failed(got.claims[2], ec::missing_on_primary));
  }
  CHECK(t.recovery() == now);
  CHECK_FALSE(t.recovery("scan"));
}

REGISTRY_TEST("there is no recovery point before the primary has told its time") {
  auto& t = *this;
  t.catalogue({});
  CHECK_FALSE(t.recovery());
  t.events({present(1, 1, "a")}, t.wall());
  CHECK_FALSE(t.recovery()); // its change is older than that time, by how much nobody knows
  t.finish(synced(t.claim_one()));
  CHECK(t.recovery() == t.wall());
}

REGISTRY_TEST("the recovery point stands still at the oldest change that is not here") {
  auto& t = *this;
  const auto start = t.wall();
  t.backfilled();
  t.horizon(start);
  CHECK(t.recovery() == start);
  t.events({present(1, 1, "a")}, start + 1s);
  CHECK(t.row(1).due_since == start);
  t.events({present(2, 2, "b")}, start + 2s);
  CHECK(t.row(2).due_since == start + 1s);
  t.events({present(3, 1, "a")}, start + 3s);
  CHECK(t.row(1).due_since == start); // it lacks the first change, too
  CHECK(t.recovery() == start);
  CHECK(t.recovery("scan") == start + 3s);
  const auto got = t.claim_all();
  t.finish(synced(got.claims[0]));
  CHECK(t.recovery() == start + 1s);
  t.finish(failed(got.claims[1], ec::disk));
  CHECK(t.recovery() == start + 1s);
  t.time.advance(2s);
  t.finish(failed(t.claim_one(), ec::missing_on_primary));
  CHECK(t.recovery() == start + 3s);
}

REGISTRY_TEST("a removal that is not done holds the recovery point back like any change") {
  auto& t = *this;
  const auto start = t.wall();
  t.backfilled();
  t.make_synced(1, "a");
  t.horizon(start);
  t.events({gone(50, 1)}, start + 5s);
  CHECK(t.recovery() == start);
  t.finish(removed(t.claim_one()));
  CHECK(t.recovery() == start + 5s);
}

REGISTRY_TEST("a recovery point never goes back within an epoch, also over a restart") {
  auto& t = *this;
  const auto start = t.wall();
  t.backfilled();
  t.horizon(start);
  t.events({present(1, 1, "a")}, start + 10s);
  t.finish(failed(t.claim_one(), ec::missing_on_primary, 1s));
  CHECK(t.recovery() == start + 10s);
  t.time.advance(1s);
  t.finish(failed(t.claim_one(), ec::disk, 1s)); // counts again
  CHECK(t.recovery() == start + 10s);
  t.horizon(start + 11s);
  t.backend.reopen();
  CHECK(t.recovery() == start + 10s);
  t.new_epoch();
  CHECK_FALSE(t.recovery());
}

REGISTRY_TEST("a resync does not move the recovery point") {
  auto& t = *this;
  t.backfilled();
  t.make_synced(1, "a");
  t.horizon(t.wall());
  CHECK(t.recovery() == t.wall());
  t.resync({record_selection::kind::ids, {1}});
  t.horizon(t.wall() + 1s);
  CHECK(t.recovery() == t.wall() + 1s);
}

REGISTRY_TEST("a change of a record that was never here does not make it look younger") {
  auto& t = *this;
  const auto start = t.wall();
  t.catalogue({listed(1, "a")});
  t.horizon(start);
  t.events({present(50, 1, "a")}, start + 1s);
  CHECK_FALSE(t.row(1).due_since);
  CHECK(t.counts().never_synced == 1);
  const auto held = t.claim_one();
  t.events({present(51, 1, "a")}, start + 2s);
  t.finish(synced(held)); // an older state of it is here now
  CHECK(t.counts().never_synced == 0);
  CHECK_FALSE(t.recovery());
  t.finish(synced(t.claim_one()));
  CHECK(t.recovery() == start + 2s);
}

REGISTRY_TEST("a record first heard of during the backfill may be older than its event") {
  auto& t = *this;
  t.horizon(t.wall());
  t.catalogue({listed(1, "a")}, 1, false);
  t.finish(synced(t.claim_one()));
  t.events({present(50, 9, "b")});
  CHECK_FALSE(t.row(9).due_since);
  t.catalogue({}, 1, true);
  CHECK(t.counts().never_synced == 1);
  CHECK_FALSE(t.recovery());
}

REGISTRY_TEST("what a backfill finds changed holds the recovery point back") {
  auto& t = *this;
  t.catalogue({}, 1);
  t.make_synced(1, "a");
  t.horizon(t.wall());
  CHECK(t.recovery() == t.wall());
  t.catalogue({listed(1, "a", 50, 9)}, 2);
  CHECK_FALSE(t.recovery()); // since when is not known
  t.finish(synced(t.claim_one(), 9));
  CHECK(t.recovery() == t.wall());
}

// -- order ---------------------------------------------------------------------------------------

REGISTRY_TEST("of what is found together the small goes first, and of equals the recent") {
  auto& t = *this;
  const auto sized = [](record_id record, std::optional<std::uint64_t> size) {
    auto row = listed(record, "place" + std::to_string(record));
    row.size = size;
    return row;
  };
  t.catalogue({sized(-5, 1), sized(1, 5'000'000'000), sized(2, 65'536), sized(3, 65'537),
               sized(4, {}), sized(5, 1u << 20), sized(6, (1u << 20) + 1), sized(7, 0),
               sized(8, 300'000'000), sized(9, 17u << 20)});
  t.events({present(50, 20, "live")});
  CHECK(records_of(t.claim_all()) == records{20, 7, 2, -5, 5, 4, 3, 6, 9, 8, 1});
}

REGISTRY_TEST("age wins in the end: the large waits for an hour of small ones, not longer") {
  auto& t = *this;
  const auto sized = [](record_id record, std::uint64_t size) {
    auto row = listed(record, "place" + std::to_string(record));
    row.size = size;
    return row;
  };
  t.catalogue({sized(1, 10'000'000'000)}, 1, false);
  t.time.advance(40min);
  t.catalogue({sized(2, 1)}, 1, false);
  t.time.advance(30min);
  t.catalogue({sized(3, 1)});
  CHECK(records_of(t.claim_all()) == records{2, 1, 3});
}

REGISTRY_TEST("a resync and a new epoch put the small before the large, too") {
  auto& t = *this;
  for (record_id n = 1; n <= 2; ++n) {
    t.events({present(n, n, "place" + std::to_string(n))});
    auto how = synced(t.claim_one(), 3);
    how.size = n == 1 ? 100 : 100'000'000;
    t.finish(how);
  }
  SECTION("resync of some") {
    t.resync({record_selection::kind::ids, {1, 2}});
  }
  SECTION("resync of all") {
    t.resync({record_selection::kind::all, {}});
    while (t.continue_resync(1)) {
    }
  }
  SECTION("epoch") {
    t.new_epoch();
  }
  CHECK(records_of(t.claim_all()) == records{1, 2});
}

REGISTRY_TEST("a claim for live changes leaves bulk work alone") {
  auto& t = *this;
  t.catalogue({listed(1, "a"), listed(2, "b")});
  CHECK(t.claim_all(10, "file", claim_scope::live).claims.empty());
  t.events({present(50, 3, "c"), present(51, 4, "d")});
  const auto got = t.claim_all(10, "file", claim_scope::live);
  CHECK(records_of(got) == records{3, 4});
  CHECK(got.claims.front().live);
  CHECK_FALSE(got.next_due);
  const auto rest = t.claim_all();
  CHECK(records_of(rest) == records{2, 1});
  CHECK_FALSE(rest.claims.front().live);
}

REGISTRY_TEST("a claim for removals passes by everything that is to be fetched") {
  auto& t = *this;
  t.make_synced(1, "a");
  t.make_synced(2, "b");
  t.catalogue({listed(5, "bulk")});
  CHECK(t.claim_all(10, "file", claim_scope::removals).claims.empty());
  t.events({present(50, 3, "c"), gone(51, 2)});
  CHECK(records_of(t.claim_all(1, "file", claim_scope::removals)) == records{2});
  CHECK(records_of(t.claim_all()) == records{3, 5});
}
