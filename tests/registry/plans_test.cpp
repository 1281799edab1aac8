// What the registry costs at a million rows: the plans of its statements, and what a record's way
// from backfill to synced writes.

#include "registry/registry_rows.hpp"
#include "tests/registry/pg_registry.hpp"
#include "tests/registry/registry_fixture.hpp"

#include <chrono>
#include <string>
#include <vector>

using namespace farshore;
using namespace farshore::test;

namespace {

/// 1,000,000 rows of type "file": 900,000 synced, 60,000 bulk, 10,000 live, 30,000 that failed; as
/// many changes as there are live ones hold the recovery point back.
constexpr auto million_sql = R"(
  INSERT INTO farshore.registry (type_id, record_id, key, locator, target_revision,
                                 synced_revision, size, created_at, state, retry_at, due_since,
                                 primary_checksum, verification_checksum)
  SELECT (SELECT id FROM farshore.replicable_type WHERE name = 'file'), n, n,
         'some/folder/' || n % 1000 || '/file' || n || '.txt', 1,
         CASE WHEN n % 100 < 91 THEN 1 END, 1000, now(),
         CASE WHEN n % 100 < 90 THEN 2 WHEN n % 100 < 97 THEN 0 ELSE 3 END,
         CASE WHEN n % 100 < 91 THEN NULL WHEN n % 100 < 97 THEN now() - interval '1 minute'
              ELSE now() + interval '1 hour' END,
         CASE WHEN n % 100 = 90 THEN now() END,
         sha256(n::text::bytea), CASE WHEN n % 100 < 91 THEN sha256(n::text::bytea) END
  FROM generate_series(1, 1000000) AS n
)";

std::string place_of(record_id n) {
  return "share/doc/package" + std::to_string(n % 700) + "/file" + std::to_string(n) + ".gz";
}

std::string plan_of(pqxx::work& tx, const std::string& execute) {
  std::string plan;
  for (const auto& row : tx.exec("EXPLAIN " + execute))
    plan += row[0].as<std::string>().substr(0, 200) + "\n"; // not each of a thousand constants
  return plan;
}

/// As many elements as a full batch has.
std::string batch_of(const std::string& element) {
  std::string text = "'{" + element;
  for (int n = 1; n < 1'000; ++n)
    text += "," + element;
  return text + "}'";
}

struct planned {
  std::string statement;
  std::string arguments;
  std::string index;
};

/// Every statement that a running node needs often, on the partition of type 1, "file".
const std::vector<planned>& statements() {
  static const auto ids = batch_of("7");
  static const auto texts = batch_of("a");
  static const auto sums = batch_of("aa");
  static const auto nulls = batch_of("NULL");
  static const auto flags = batch_of("t");
  static const std::string of_key = "file_registry_pkey";
  static const std::string of_due = "using file_registry_retry_at_record_id_idx";
  static const std::string c = ", ";
  static const std::vector<planned> all = {
      {"registry due 1", "1, 4102444800000000, 1, false", of_due},
      {"registry due 1", "1024, 4102444800000000, 1024, false", of_due},
      {"registry due 1", "100000, 4102444800000000, 100000, false", of_due},
      {"registry due 1", "1024, 4102444800000000, 0, false", of_due},
      {"registry due 1", "1024, 4102444800000000, 1024, true", of_due},
      {"registry waiting 1", "1, 0", of_due},
      {"registry events 1",
       "0, 0, 0, " + ids + c + ids + c + flags + c + flags + c + texts + c + texts + c + nulls + c +
           nulls + c + nulls,
       of_key},
      {"registry catalogue 1",
       "0, " + ids + c + ids + c + texts + c + texts + c + nulls + c + nulls + ", true, " + nulls,
       of_key},
      {"registry suspect differing 1", ids + c + ids + c + texts + c + sums, of_key},
      {"registry held 1", "5, 900000, 8192", of_key},
      {"registry in ranges 1", ids + c + ids + ", 100", of_key},
      {"registry suspect unequal 1", ids + c + ids + c + flags, of_key},
      {"registry suspect gone 1", "5, 5005, " + ids, of_key},
      {"registry next suspects 1", "5, 5000", "suspect_pkey"},
      {"registry let go 1", "0, " + ids, of_key},
      {"registry settle suspects 1", ids + c + ids, of_key},
      {"registry confirm suspects 1", ids + ", '{}'", "suspect_pkey"},
      {"registry release suspects 1", ids, "suspect_pkey"},
      {"registry wanted elsewhere", "1, " + ids + c + texts + ", '{1,2}'",
       "file_registry_hashtextextended_idx"},
      {"registry synced 1",
       "0, " + ids + c + ids + c + sums + c + ids + c + ids + c + flags + c + texts + ", true",
       of_key},
      {"registry marked 1", "5, 1024", "using file_registry_record_id_idx"},
      {"registry walk at rest 1", "5, 1024, 0", of_key},
      {"registry verified 1", "0, " + ids + c + texts + c + sums + c + ids + c + ids + c + nulls,
       of_key},
      {"registry damaged 1",
       "0, " + ids + c + texts + c + sums + c + ids + c + ids + c + texts + c + sums, of_key},
      {"registry reverify records 1", "0, " + ids, of_key},
      {"registry reverify all 1", "5, 900000, 5000", of_key},
      {"registry removed 1", ids + c + ids + c + ids, of_key},
      {"registry failed 1",
       ids + c + ids + c + flags + c + ids + c + texts + c + flags + c + flags + c + nulls, of_key},
      {"registry given back 1", ids + c + ids + c + nulls, of_key},
      {"registry started 1", ids + ", 0", of_key},
      {"registry resync records 1", "0, " + ids, of_key},
      {"registry resync slice 1", "0, 5, 1000000, 5000", of_key},
      {"registry lag 1", "", "file_registry_due_since_idx"},
      {"registry last record 1", "", of_key},
  };
  return all;
}

std::string execute(const planned& one) {
  const auto arguments = one.arguments.empty() ? "" : "(" + one.arguments + ")";
  return "EXECUTE \"" + one.statement + "\"" + arguments;
}

/// Statements are prepared at their first use; this is one for each.
void use_statements(pqxx::work& tx) {
  for (const auto& one : statements())
    if (tx.exec_params("SELECT FROM pg_prepared_statements WHERE name = $1", one.statement).empty())
      tx.conn().prepare_now(one.statement);
}

} // namespace

TEST_CASE_METHOD(registry_fixture<pg_registry>,
                 "a full batch looks each record up, also while the table is small and unknown",
                 "[registry]") {
  auto& db = backend.db;
  db.exec("ALTER TABLE farshore.file_registry SET (autovacuum_enabled = off)");
  prepare_registry_statements(db.connection());
  prepare_registry_statements(db.connection(), 1, "file");
  pqxx::work tx{db.connection()};
  use_statements(tx);
  std::int64_t rows = 0;
  for (const std::int64_t more : {100, 900, 4'000, 15'000}) {
    tx.exec_params("INSERT INTO farshore.registry (type_id, record_id, key, locator,"
                   " target_revision, created_at)"
                   " SELECT 1, n, n, 'folder/file' || n, 0, now()"
                   " FROM generate_series($1::bigint, $2::bigint) AS n",
                   rows + 1, rows + more);
    rows += more;
    for (const auto& one : statements()) {
      const auto plan = plan_of(tx, execute(one));
      INFO(rows << " rows, " << one.statement << "\n" << plan);
      CHECK(plan.find("Join Filter: (r") == std::string::npos);
      CHECK(plan.find("Join Filter: ((r") == std::string::npos);
    }
  }
}

TEST_CASE_METHOD(registry_fixture<pg_registry>,
                 "at a million rows every statement goes by its index", "[.][slow]") {
  auto& db = backend.db;
  const bool has_statistics = GENERATE(false, true); // a backfill outruns autovacuum
  CAPTURE(has_statistics);
  db.exec("ALTER TABLE farshore.file_registry SET (autovacuum_enabled = off)");
  db.exec(million_sql);
  if (has_statistics)
    db.exec("ANALYZE farshore.file_registry");

  prepare_registry_statements(db.connection());
  prepare_registry_statements(db.connection(), 1, "file");
  pqxx::work tx{db.connection()};
  use_statements(tx);
  for (const auto& one : statements()) {
    const auto plan = plan_of(tx, execute(one));
    INFO(one.statement << "\n" << plan);
    CHECK(plan.find("Seq Scan on file_registry") == std::string::npos);
    CHECK(plan.find("Bitmap") == std::string::npos);
    if (one.index.starts_with("using")) // in its order
      CHECK(plan.find("Sort") == std::string::npos);
    CHECK(plan.find(one.index) != std::string::npos);
  }
}

TEST_CASE_METHOD(registry_fixture<pg_registry>, "at a million rows a small batch takes little time",
                 "[.][slow]") {
  auto& db = backend.db;
  db.exec(million_sql);
  CHECK(counts().registry == 1'000'000);
  CHECK(counts().synced == 900'000);
  CHECK(counts().failed == 30'000);

  const auto begun = std::chrono::steady_clock::now();
  const auto got = claim_all(1000);
  CHECK(got.claims.size() == 1000);
  std::vector<outcome> outcomes;
  for (const auto& one : got.claims)
    outcomes.push_back(synced(one));
  finish_all(outcomes);
  events({present(10, 5, "moved"), gone(11, 6)});
  recovery();
  resync({record_selection::kind::all, {}});
  continue_resync(1000);
  const auto took = std::chrono::steady_clock::now() - begun;
  // Far above what it takes, far below one look at every row for each of them.
  CHECK(took < 2s);

  // One change at a time: what each step of its way costs.
  constexpr int rounds = 100;
  std::chrono::duration<double, std::milli> applying{0}, claiming{0}, finishing{0};
  const auto timed = [](auto& total, auto&& call) {
    const auto start = std::chrono::steady_clock::now();
    auto value = call();
    total += std::chrono::steady_clock::now() - start;
    return value;
  };
  for (int n = 1; n <= rounds; ++n) {
    timed(applying, [&] { return events({present(1'000 + n, 2'000'000 + n, place_of(n))}); });
    const auto one = timed(claiming, [&] { return claim_all(1); });
    REQUIRE(one.claims.size() == 1);
    timed(finishing, [&] { return finish(synced(one.claims.front())); });
  }
  WARN("milliseconds a single change: apply " << applying.count() / rounds << ", claim "
                                              << claiming.count() / rounds << ", finish "
                                              << finishing.count() / rounds);
}

TEST_CASE_METHOD(registry_fixture<pg_registry>, "a check of a million rows reads each page once",
                 "[.][slow]") {
  auto& db = backend.db;
  db.exec(million_sql);
  catalogue({}, 1, true, "file"); // all of them are gone, and more than may go
  CHECK(db.query_value("SELECT count(*) FROM farshore.suspect") == "1000000");
  constexpr record_id page_rows = 5'000;
  const auto check = [&](record_id last) {
    for (record_id first = 1; first <= last; first += page_rows) {
      std::vector<catalogue_row> rows;
      for (auto n = first; n < first + page_rows; ++n)
        rows.push_back(listed(n, place_of(n), 1));
      catalogue(std::move(rows), 1, false);
    }
  };
  const auto begun = std::chrono::steady_clock::now();
  check(1'000'000);
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begun;
  WARN("milliseconds a page of " << page_rows << ": " << took.count() * page_rows / 1'000'000);
  CHECK(took < 60s);
}

TEST_CASE_METHOD(registry_fixture<pg_registry>,
                 "a record's way from backfill to synced writes little", "[.][slow]") {
  constexpr record_id all = 100'000;
  constexpr record_id page_rows = 5'000;
  constexpr std::size_t claims = 1'024;
  auto& db = backend.db;
  backend.reopen();
  db.exec("CHECKPOINT");
  const auto wal = [&] { return db.query_value("SELECT pg_current_wal_insert_lsn()"); };
  const auto since = [&](const std::string& before) {
    return std::stod(db.query_value("SELECT pg_current_wal_insert_lsn() - '" + before + "'")) / all;
  };
  const auto seconds = [](auto begun) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  };

  const auto at_start = wal();
  auto begun = std::chrono::steady_clock::now();
  for (record_id first = 1; first <= all; first += page_rows) {
    std::vector<catalogue_row> rows;
    for (auto n = first; n < first + page_rows; ++n)
      rows.push_back(listed(n, place_of(n), n, std::uint8_t{1}));
    catalogue(std::move(rows), 1, first + page_rows > all);
  }
  const auto backfill_seconds = seconds(begun);
  const auto backfill_bytes = since(at_start);

  const auto at_backfilled = wal();
  begun = std::chrono::steady_clock::now();
  std::size_t done = 0;
  for (auto got = claim_all(claims); !got.claims.empty(); got = claim_all(claims)) {
    std::vector<outcome> outcomes;
    for (const auto& one : got.claims)
      outcomes.push_back(synced(one));
    finish_all(outcomes);
    done += outcomes.size();
  }
  const auto sync_seconds = seconds(begun);
  const auto sync_bytes = since(at_backfilled);

  const auto at_synced = wal();
  std::vector<served_event> sums;
  for (record_id n = 1; n <= all; ++n) {
    sums.push_back(checksummed(all + n, n, place_of(n), 1));
    if (sums.size() == 2'000)
      events(std::exchange(sums, {}));
  }
  const auto sum_bytes = since(at_synced);

  WARN("WAL bytes a record: backfill " << backfill_bytes << ", sync " << sync_bytes
                                       << ", checksum event " << sum_bytes << "; records a second: "
                                       << "backfill " << all / backfill_seconds << ", sync "
                                       << all / sync_seconds);
  CHECK(done == static_cast<std::size_t>(all));
  CHECK(counts().synced == all);
  CHECK(backfill_bytes < 700);
  CHECK(sync_bytes < 1'000);
  CHECK(sum_bytes < 500);
}
