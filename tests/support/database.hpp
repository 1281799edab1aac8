// Real PostgreSQL for tests: one private cluster for the test process, started by the first test
// that needs it and removed at the end; a fresh, empty database for each object.
//
// Use it on the thread that runs the test cases: the server ends with the thread that started it.

#pragma once

#include <memory>
#include <string>

#include <pqxx/pqxx>

namespace farshore::test {

class database {
public:
  /// Throws std::runtime_error where PostgreSQL does not start.
  database();
  /// Drops the database, whoever is still connected.
  ~database();
  database(const database&) = delete;
  database& operator=(const database&) = delete;

  [[nodiscard]] const std::string& url() const { return url_; }

  /// Runs statements in a transaction of their own, on a connection that is not Farshore's (the
  /// application's, as it were). Throws what libpqxx throws.
  void exec(const std::string& sql);
  /// The one value of the one row, as text; "NULL" for a null.
  std::string query_value(const std::string& sql);
  /// The connection of exec and query_value.
  pqxx::connection& connection() { return *db_; }

private:
  std::string name_;
  std::string url_;
  std::unique_ptr<pqxx::connection> db_;
};

} // namespace farshore::test
