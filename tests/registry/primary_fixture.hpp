// An application's database with Farshore's primary side at work on it.

#pragma once

#include "registry/primary_reader.hpp"
#include "registry/primary_store.hpp"
#include "tests/support/database.hpp"

#include <algorithm>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

namespace farshore::test {

/// The value, or a failed test that says why there is none.
template <class T>
T must(result<T> what) {
  if (!what)
    FAIL(to_string(what.error().code) << ": " << what.error().message);
  if constexpr (!std::is_void_v<T>)
    return std::move(*what);
}

inline replicable_type make_type(std::string name, std::string table, std::string key = "id",
                                 std::string locator = "path") {
  replicable_type type;
  type.name = std::move(name);
  type.strategy = "blob";
  type.model = model_declaration{std::move(table), std::move(key), std::move(locator), "", ""};
  return type;
}

class primary_fixture {
public:
  primary_fixture()
      : store{must(primary_store::open(db.url()))}, reader{must(primary_reader::open(db.url()))} {}

  /// What a node does each second.
  std::vector<type_status> install() {
    reader->declare(types);
    return must(store->install(types));
  }

  type_status status(const std::string& type) {
    for (auto& one : install())
      if (one.name == type)
        return one;
    throw std::runtime_error{"no status of " + type};
  }

  /// What a node does in between, until nothing is left.
  void settle() {
    while (must(store->fold(1000)) > 0 || must(store->seed(1000)))
      ;
    install();
  }

  /// Declares and settles; every type must come out ready.
  void ready(std::vector<replicable_type> wanted) {
    types = std::move(wanted);
    install();
    settle();
    for (const auto& one : install()) {
      INFO(one.name << " " << one.waiting);
      REQUIRE(one.waiting.empty());
      REQUIRE(one.generation > 0);
    }
  }

  /// The next page behind `place`, which moves along.
  events_page page(std::size_t limit = 1000) {
    auto got = must(reader->events(place, limit));
    place = got.upto;
    return got;
  }

  /// All that is new, in one line each: "created widget/7 a.txt", "deleted widget/7 -".
  std::vector<std::string> news() {
    std::vector<std::string> out;
    for (bool more = true; more;) {
      auto got = page();
      for (const auto& event : got.events)
        out.push_back(std::string{to_string(event.op)} + " " + event.type + "/" + event.key + " " +
                      (event.present ? event.locator : "-"));
      more = got.more;
    }
    return out;
  }

  std::map<std::string, std::string> catalogue(const std::string& type, std::size_t limit = 1000) {
    std::map<std::string, std::string> out;
    record_id after = record_id_before_all;
    for (bool last = false; !last;) {
      auto got = must(reader->catalogue(type, after, limit));
      for (const auto& row : got.rows)
        out[row.key] = row.locator;
      after = got.next_after;
      last = got.last;
    }
    return out;
  }

  /// Of the state table: "record:revision" for each of the type's rows.
  std::string state_of(const std::string& type) {
    return db.query_value("SELECT coalesce(string_agg(record_id || ':' || revision, ' '"
                          " ORDER BY record_id), '') FROM farshore.state JOIN"
                          " farshore.replicable_type USING (type_id) WHERE name = '" +
                          type + "'");
  }

  primary_counts counts_of(const std::string& type) {
    for (auto& one : must(store->counts()))
      if (one.type == type)
        return one;
    return {};
  }

  /// The log's newest event.
  revision newest() {
    return std::stoll(db.query_value("SELECT coalesce(max(id), 0) FROM farshore.event_log"));
  }

  database db;
  std::unique_ptr<primary_store> store;
  std::unique_ptr<primary_reader> reader;
  std::vector<replicable_type> types;
  event_position place;
};

} // namespace farshore::test
