// The registry in a fresh PostgreSQL database.

#pragma once

#include "registry/pg_store.hpp"
#include "registry/registry_view.hpp"
#include "tests/registry/registry_fixture.hpp"
#include "tests/support/database.hpp"

#include <algorithm>
#include <iterator>
#include <stdexcept>

namespace farshore::test {

template <class T>
T value_or_throw(result<T> got) {
  if (!got)
    throw std::runtime_error{got.error().message};
  return std::move(*got);
}

class pg_registry {
public:
  explicit pg_registry(const time_source& time) : time_{time} {
    // Nothing here survives the process: waiting for the disk would be most of the time.
    pqxx::nontransaction{db.connection()}.exec0("ALTER SYSTEM SET fsync = off");
    db.exec("SELECT pg_reload_conf()");
    reopen();
  }

  void reopen() {
    store_.reset();
    store_ = value_or_throw(pg_store::open(db.url(), time_, lease));
    if (!view_)
      view_ = value_or_throw(registry_view::open(db.url()));
  }
  registry_store& store() { return *store_; }
  /// What is committed.
  std::vector<registry_row> rows(const std::string& type) {
    std::vector<registry_row> all;
    for (std::optional<record_id> after = record_id_before_all; after;) {
      auto page = value_or_throw(view_->list(type, {}, *after, 10'000'000));
      std::ranges::move(page.rows, std::back_inserter(all));
      after = page.next;
    }
    return all;
  }
  registry_view& view() { return *view_; }

  database db;

private:
  const time_source& time_;
  std::unique_ptr<registry_store> store_;
  std::unique_ptr<registry_view> view_;
};

} // namespace farshore::test
