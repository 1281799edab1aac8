// How long do status and lists take, whatever a site holds?
//
// A secondary with so many rows in its registry, of which some failed, and nothing to do. Pages of
// lists are asked for one after the other, at random depths, with each filter; the status while all
// rows are marked to be synced again, which keeps the registry's writer at work. Each question is
// one over a connection of its own, signed, as the command line asks it.

#include "bench/support/two_sites.hpp"

#include <chrono>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

namespace farshore::bench {
namespace {

using namespace std::chrono_literals;
using watch = std::chrono::steady_clock;

constexpr int questions = 100;

template <class Work>
double milliseconds_of(Work work) {
  const auto begun = watch::now();
  work();
  return std::chrono::duration<double, std::milli>(watch::now() - begun).count();
}

/// One row in 50 failed, one in 500 of those that are missing on the primary; the rest is synced.
constexpr auto rows_sql = R"(
  INSERT INTO farshore.registry (type_id, record_id, key, locator, target_revision,
                                 synced_revision, size, created_at, state, retry_at,
                                 missing_on_primary, primary_checksum, verification_checksum)
  SELECT (SELECT id FROM farshore.replicable_type WHERE name = 'document'), n, n,
         'some/folder/' || n % 1000 || '/file' || n || '.txt', 1,
         CASE WHEN n % 50 > 0 THEN 1 END, 1000, now(),
         CASE WHEN n % 50 > 0 THEN 2 ELSE 3 END,
         CASE WHEN n % 50 > 0 THEN NULL ELSE now() + interval '1 hour' END, n % 500 = 0,
         sha256(n::text::bytea), CASE WHEN n % 50 > 0 THEN sha256(n::text::bytea) END
  FROM generate_series(1, {}) AS n
)";

std::vector<measure> measure_api(const options& chosen, std::int64_t rows) {
  if (chosen.smoke)
    rows = 2'000;
  two_sites sites{chosen};
  sites.start_primary();
  sites.make_secondary();
  auto& secondary = sites.secondary();
  {
    const auto db = secondary.sql();
    pqxx::work tx{*db};
    tx.exec(fmt::format(rows_sql, rows));
    tx.commit();
    pqxx::nontransaction{*db}.exec("VACUUM ANALYZE farshore.registry");
  }

  std::vector<measure> all;
  std::minstd_rand random{7};
  std::uniform_int_distribution<std::int64_t> depth{0, rows};
  for (const auto* filter :
       {"", "&state=failed", "&missing=true", "&state=pending", "&text=file77"}) {
    measure one{fmt::format("page of a list{}", filter), "ms", {}, 50};
    for (int i = 0; i < questions; ++i)
      one.values.push_back(milliseconds_of([&] {
        secondary.ask(
            fmt::format("/api/v1/registry/document?limit=100&after={}{}", depth(random), filter));
      }));
    all.push_back(std::move(one));
  }

  measure status{"status, while all rows are marked", "ms", {}, 10};
  secondary.order("/api/v1/resync", {{"type", "document"}, {"all", true}});
  for (int i = 0; i < questions; ++i) {
    status.values.push_back(milliseconds_of([&] { secondary.status(); }));
    pause(100ms);
  }
  measure worst{"status, the slowest of 100 in 20", "ms", {quantile(status.values, 0.95)}};
  all.push_back(std::move(status));
  all.push_back(std::move(worst));
  return all;
}

} // namespace
} // namespace farshore::bench

int main(int argc, char** argv) {
  using namespace farshore::bench;
  std::int64_t rows = 1'000'000;
  return benchmark_main(argc, argv,
                        {"api", "How long do status and lists take at a million rows?",
                         [&](CLI::App& app) { app.add_option("--rows", rows, "In the registry"); },
                         [&](const options& chosen) { return measure_api(chosen, rows); }});
}
