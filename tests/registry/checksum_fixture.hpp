// The primary's verification, as its verifier drives it: claims, and results that the test makes
// up.

#pragma once

#include "registry/checksum_rules.hpp"
#include "registry/count_check.hpp"
#include "tests/registry/primary_fixture.hpp"

#include <chrono>

namespace farshore::test {

inline checksum sum_of(std::uint8_t byte) {
  checksum sum{};
  sum.fill(byte);
  return sum;
}

class checksum_fixture : public primary_fixture {
public:
  checksum_fixture() {
    db.exec("CREATE TABLE widgets (id integer PRIMARY KEY, path text)");
    db.exec("CREATE TABLE notes (name text PRIMARY KEY, path text)");
  }
  ~checksum_fixture() {
    for (const auto& one : must(check_primary_counts(db.url())))
      FAIL_CHECK(one.type << ": " << one.counter << " is kept as " << one.kept << ", counted "
                          << one.counted);
  }

  void ready_widgets(int rows) {
    ready({make_type("widget", "widgets")});
    db.exec("INSERT INTO widgets SELECT n, 'p/' || n FROM generate_series(1, " +
            std::to_string(rows) + ") AS n");
    settle();
  }

  std::vector<checksum_claim> claim(const std::string& type = "widget", std::size_t limit = 100,
                                    std::vector<record_id> held = {}) {
    return must(store->claim_checksums({type, limit, std::move(held)}));
  }

  static checksum_result good(const checksum_claim& of, std::uint8_t byte,
                              std::chrono::milliseconds next = std::chrono::hours{1}) {
    return {of, checksum_result::kind::succeeded, sum_of(byte), {}, next};
  }
  static checksum_result bad(const checksum_claim& of, checksum_result::kind how,
                             std::chrono::milliseconds next = std::chrono::hours{1}) {
    return {of, how, {}, "widget/" + std::to_string(of.record) + " at \"p\": no; do this", next};
  }
  std::size_t finish(std::vector<checksum_result> results, const std::string& type = "widget") {
    return must(store->finish_checksums({type, std::move(results)}));
  }
  /// Claims everything that is due, and gives each the checksum of that byte.
  std::size_t verify_all(std::uint8_t byte, const std::string& type = "widget") {
    std::size_t counted = 0;
    for (auto claims = claim(type); !claims.empty(); claims = claim(type)) {
      std::vector<checksum_result> results;
      for (const auto& one : claims)
        results.push_back(good(one, byte));
      counted += finish(std::move(results), type);
    }
    return counted;
  }

  /// One value of a record's state row.
  std::string state(record_id record, const std::string& what) {
    return db.query_value("SELECT " + what +
                          " FROM farshore.state WHERE record_id = " + std::to_string(record));
  }
  void set(record_id record, const std::string& what) {
    db.exec("UPDATE farshore.state SET " + what + " WHERE record_id = " + std::to_string(record));
  }
  std::string checksum_events() {
    return db.query_value("SELECT count(*) FROM farshore.event_log WHERE operation = 5");
  }
};

} // namespace farshore::test
