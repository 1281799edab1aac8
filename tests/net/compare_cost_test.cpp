// What it costs to find ten differing records among very many: bytes that the sites exchange, and
// time, with both sides on PostgreSQL. FARSHORE_ROWS says how many (100,000 without it).

#include "actors/range_bisection.hpp"
#include "net/feed_json.hpp"
#include "registry/catalogue_digest.hpp"
#include "tests/registry/pg_registry.hpp"
#include "tests/registry/primary_fixture.hpp"
#include "tests/registry/registry_fixture.hpp"

#include <chrono>
#include <cstdlib>
#include <set>

using namespace farshore;
using namespace farshore::test;

namespace {

/// More than the headers of a question and its answer have, signature and all.
constexpr std::size_t header_bytes = 1'200;

double seconds_since(std::chrono::steady_clock::time_point begun) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
}

} // namespace

TEST_CASE("ten of very many differing records are found with few bytes, in seconds", "[slow]") {
  const auto* given = std::getenv("FARSHORE_ROWS");
  const auto rows = std::to_string(given != nullptr ? std::stoll(given) : 100'000);
  primary_fixture primary;
  held_time time;
  pg_registry registry{time};
  primary.db.exec("CREATE TABLE widgets (id bigint PRIMARY KEY, path text);"
                  "INSERT INTO widgets SELECT n, 'share/doc/package' || n % 700 || '/file' || n || "
                  "'.gz' FROM generate_series(1, " +
                  rows + ") n");
  primary.types = {make_type("widget", "widgets")};
  primary.install();
  while (must(primary.store->fold(50'000)) > 0 || must(primary.store->seed(50'000)))
    ;
  primary.install();
  primary.db.exec("UPDATE farshore.state SET verification_state = 2,"
                  " verification_checksum = sha256(record_id::text::bytea)");
  const auto floor = primary.db.query_value("SELECT revision_floor FROM farshore.replicable_type");
  must(registry.store().begin());
  const std::vector<store_type> types{{"widget", "widgets", "/srv/a", true}};
  must(registry.store().declare_types(types));
  must(registry.store().commit());
  registry.db.exec(
      "INSERT INTO farshore.registry (type_id, record_id, key, locator, target_revision,"
      " synced_revision, size, created_at, state, primary_checksum, verification_checksum)"
      " SELECT (SELECT id FROM farshore.replicable_type WHERE name = 'widget'), n, n,"
      " 'share/doc/package' || n % 700 || '/file' || n || '.gz', " +
      floor + ", " + floor +
      ", 1000, now(), 2, sha256(n::text::bytea), sha256(n::text::bytea)"
      " FROM generate_series(1, " +
      rows + ") n");

  const auto compare = [&](std::size_t& bytes) {
    range_bisection through{"widget", digest_view::held, std::stoll(rows), {}};
    const auto begun = std::chrono::steady_clock::now();
    double there = 0;
    while (!through.done()) {
      if (const auto here = through.here()) {
        must(registry.store().begin());
        through.held(must(registry.store().digests(*here)));
        must(registry.store().commit());
        continue;
      }
      const auto question = through.question();
      REQUIRE(question);
      const auto asked = std::chrono::steady_clock::now();
      const auto page = must(digest_catalogue(
          [&](auto after, auto limit) { return primary.reader->catalogue("widget", after, limit); },
          *question));
      there += seconds_since(asked);
      const auto text = to_json(page);
      bytes += to_json(*question).size() + text.size() + header_bytes;
      must(through.told(must(parse_digest_page(text))));
    }
    WARN(rows << " records: " << bytes << " bytes, " << seconds_since(begun) << " s, of which "
              << there << " s on the primary; " << through.unequal().size() << " unequal ranges");
    return through;
  };

  std::size_t bytes = 0;
  CHECK(compare(bytes).unequal().empty());

  // Far apart, of every kind.
  registry.db.exec("DELETE FROM farshore.widget_registry WHERE record_id % (" + rows +
                   "/4) = 17;"
                   "UPDATE farshore.widget_registry SET locator = 'x' WHERE record_id % (" +
                   rows +
                   "/4) = 5000;"
                   "UPDATE farshore.widget_registry SET state = 3 WHERE record_id IN (77, 99)");
  bytes = 0;
  const auto found = compare(bytes);
  CHECK(found.unequal().size() == 10);
  records_request ids{"widget", {}};
  for (const auto& one : found.unequal())
    if (one.on_primary)
      ids.records.push_back(one.range.upto);
  CHECK(ids.records.size() == 10);
  const auto named = must(primary.reader->look_up("widget", ids.records));
  // Twice more, as a comparison does: with a position before each.
  bytes += 2 * (to_json(ids).size() + to_json(named).size() + 3 * header_bytes);
  WARN("with the records themselves, looked at twice more: " << bytes << " bytes");
  CHECK(bytes < 200'000);
}
