// The disk is believed, not the table: what both registries make of a store that is not what it
// was.

#include "registry/row_rules.hpp"
#include "tests/registry/pg_registry.hpp"
#include "tests/registry/registry_fixture.hpp"

#include <vector>

using namespace farshore;
using namespace farshore::test;

#define TRUST_TEST(sentence)                                                                       \
  TEMPLATE_TEST_CASE_METHOD(registry_fixture, sentence, "[registry][trust]", memory_registry,      \
                            pg_registry)

TRUST_TEST("a distrusted store's records are all due again, with the targets that they had") {
  auto& t = *this;
  t.backfilled();
  t.make_synced(1, "a", 3);
  t.events({checksummed(50, 1, "a", 3)});
  t.distrust("/srv/a");
  const auto row = t.row(1);
  CHECK(row.state == sync_state::pending);
  CHECK(row.retry_at == bulk_due(t.wall(), row.size, row.record));
  CHECK(row.target_revision == 50);
  CHECK(row.primary_checksum == sum_of(3));
  CHECK(row.wanted);
  CHECK_FALSE(row.synced_revision);
  CHECK_FALSE(row.sum);
  CHECK_FALSE(row.verified_at);
  CHECK(row.verification == verification_state::pending);
  CHECK(t.counts().never_synced == 1);
  const auto again = t.claim_one();
  CHECK(again.target == 50);
  CHECK(again.expected == sum_of(3));
  CHECK(t.finish(synced(again, 3)));
  CHECK(t.row(1).state == sync_state::synced);
}

TRUST_TEST("types in another store believe what they believed") {
  auto& t = *this;
  t.events({of_type("image", present(7, 1, "a"))});
  REQUIRE(t.finish(synced(t.claim_one("image"))));
  t.distrust("/srv/a");
  CHECK(t.row(1, "image").state == sync_state::synced);
  t.distrust("/srv/b");
  CHECK(t.row(1, "image").state == sync_state::pending);
}

TRUST_TEST("distrust knows no difference between the types that share a store") {
  auto& t = *this;
  t.events({of_type("scan", present(7, 1, "a"))});
  REQUIRE(t.finish(synced(t.claim_one("scan"))));
  t.distrust("/srv/a");
  CHECK(t.row(1, "scan").state == sync_state::pending);
}

TRUST_TEST("a live change keeps its place before what is looked at again") {
  auto& t = *this;
  t.make_synced(1, "a");
  t.events({present(50, 2, "b")});
  t.distrust("/srv/a");
  CHECK_FALSE(t.row(2).retry_at);
  CHECK(t.claim_one().id.record == 2);
}

TRUST_TEST("what failed waits as before, whatever its store has come to") {
  auto& t = *this;
  t.events({present(50, 1, "a")});
  t.finish(failed(t.claim_one(), ec::missing_on_primary, 1h));
  const auto before = t.row(1);
  t.distrust("/srv/a");
  CHECK(t.row(1).state == sync_state::failed);
  CHECK(t.row(1).retry_at == before.retry_at);
  CHECK(t.row(1).retry_count == 1);
  CHECK(t.row(1).missing_on_primary);
}

TRUST_TEST("a removal that was due stays due") {
  auto& t = *this;
  t.make_synced(1, "a");
  t.events({gone(50, 1)});
  t.distrust("/srv/a");
  const auto removal = t.claim_one();
  CHECK_FALSE(removal.wanted);
  CHECK(removal.remove == std::vector<std::string>{"a"});
  CHECK(t.finish(removed(removal)));
  CHECK_FALSE(t.has_row(1));
}

TRUST_TEST(
    "a worker in the store that was lost changes nothing, but holds its place until it ends") {
  auto& t = *this;
  t.events({present(50, 1, "a")});
  const auto late = t.claim_one();
  t.distrust("/srv/a");
  CHECK(t.claim_all().claims.empty());
  CHECK(t.renew({late.token}).empty());
  CHECK_FALSE(t.finish(synced(late)));
  CHECK(t.row(1).state == sync_state::pending);
  CHECK(t.finish(synced(t.claim_one())));
}

TRUST_TEST("a worker in another store is not touched by distrust") {
  auto& t = *this;
  t.events({of_type("image", present(7, 1, "a"))});
  const auto of_image = t.claim_one("image");
  t.distrust("/srv/a");
  CHECK(t.finish(synced(of_image)));
}

TRUST_TEST("a recovery point is unknown from distrust until all is looked at, over a restart too") {
  auto& t = *this;
  t.backfilled();
  t.make_synced(1, "a");
  t.horizon(t.wall());
  REQUIRE(t.recovery() == t.wall());
  REQUIRE(t.recovery("image") == t.wall());
  t.horizon(t.wall()); // what was told is kept
  t.distrust("/srv/a");
  CHECK_FALSE(t.recovery());
  CHECK(t.recovery("image") == t.wall());
  t.backend.reopen();
  CHECK_FALSE(t.recovery());
  CHECK(t.finish(synced(t.claim_one())));
  CHECK(t.recovery() == t.wall());
}

TRUST_TEST("the cursor and the backfills stay where they are when a store is distrusted") {
  auto& t = *this;
  t.new_epoch("one");
  t.catalogue({listed(1, "a")}, 7);
  t.events({present(50, 2, "b")});
  const auto before = t.in_batch([&] { return t.store().cursor(); });
  t.distrust("/srv/a");
  const auto after = t.in_batch([&] { return t.store().cursor(); });
  CHECK(after.place == before.place);
  CHECK(after.epoch == before.epoch);
  for (const auto& one : t.in_batch([&] { return t.store().backfills(); }))
    if (one.type == "file")
      CHECK(one.complete);
}

TRUST_TEST("a type that moves to another store believes nothing of it") {
  auto& t = *this;
  t.make_synced(1, "a");
  t.declare({t.type("file", "/srv/a")});
  CHECK(t.row(1).state == sync_state::synced);
  t.declare({t.type("file", "/srv/elsewhere")});
  CHECK(t.row(1).state == sync_state::pending);
  CHECK_FALSE(t.row(1).sum);
}

TRUST_TEST("what is known of a store is kept, and is forgotten when it is distrusted") {
  auto& t = *this;
  CHECK(t.standing("/srv/a").known.mark.id.empty());
  CHECK(t.standing("/srv/a").known.path == "/srv/a");
  known_store known;
  known.path = "/srv/a";
  known.mark = {"id", 7};
  known.pending = true;
  known.device = UINT64_MAX;
  t.note(known);
  t.backend.reopen();
  CHECK(t.standing("/srv/a").known == known);
  CHECK(t.standing("/srv/b").known.mark.id.empty());

  t.distrust("/srv/a", store_verdict::rolled_back);
  t.backend.reopen();
  const auto after = t.standing("/srv/a").known;
  CHECK(after.mark.id.empty());
  CHECK_FALSE(after.pending);
  CHECK(after.noticed == "rolled_back");
  CHECK(after.noticed_at == t.wall());
}

TRUST_TEST("a store has worked once something was placed or removed there, until that is noted") {
  auto& t = *this;
  CHECK_FALSE(t.standing("/srv/a").worked);
  CHECK_FALSE(t.standing("/srv/a").has_rows);
  t.events({present(50, 1, "a"), present(51, 2, "b")});
  CHECK(t.standing("/srv/a").has_rows);
  auto got = t.claim_all();
  auto found = synced(got.claims[0]);
  found.adopted = true;
  t.finish_all({found, failed(got.claims[1])});
  CHECK_FALSE(t.standing("/srv/a").worked); // nothing was written
  t.make_synced(3, "c");
  CHECK(t.standing("/srv/a").worked);
  CHECK_FALSE(t.standing("/srv/b").worked);
  t.note(t.standing("/srv/a").known);
  CHECK_FALSE(t.standing("/srv/a").worked);
  t.events({gone(100, 3)});
  CHECK(t.finish(removed(t.claim_one())));
  CHECK(t.standing("/srv/a").worked);
}
