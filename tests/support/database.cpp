#include "tests/support/database.hpp"

#include "registry/managed_cluster.hpp"

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include <unistd.h>

/// Read by LeakSanitizer, where the tests are built with it: libpqxx 6 keeps the last answer of a
/// connection that broke.
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libpqxx";
}

namespace farshore::test {

namespace {

/// In memory where there is room: what these tests are about does not depend on how long a busy
/// disk takes to flush. TMPDIR overrides it.
std::string temporary_place() {
  if (const char* place = std::getenv("TMPDIR"))
    return place;
  constexpr std::uintmax_t room = std::uintmax_t{4} << 30;
  std::error_code ignored;
  const auto memory = std::filesystem::space("/dev/shm", ignored);
  return !ignored && memory.available >= room && ::access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm"
                                                                                        : "/tmp";
}

class cluster {
public:
  cluster() {
    auto folder = temporary_place() + "/farshore-test-XXXXXX";
    if (::mkdtemp(folder.data()) == nullptr)
      throw std::runtime_error{"cannot make " + folder};
    folder_ = folder;
    auto started = managed_cluster::start(folder_ / "database");
    if (!started)
      throw std::runtime_error{started.error().message};
    server_ = std::move(*started);
  }
  ~cluster() {
    server_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  cluster(const cluster&) = delete;
  cluster& operator=(const cluster&) = delete;

  /// Of a database of this cluster.
  [[nodiscard]] std::string url(const std::string& name) const {
    auto text = server_->url();
    return text.replace(text.find("/farshore?"), 10, "/" + name + "?");
  }

  std::string next_name() { return "test_" + std::to_string(++made_); }

  void exec(const std::string& sql) {
    pqxx::connection db{server_->url()};
    pqxx::nontransaction{db}.exec(sql);
  }

private:
  std::filesystem::path folder_;
  std::unique_ptr<managed_cluster> server_;
  int made_ = 0;
};

cluster& the_cluster() {
  static cluster made;
  return made;
}

} // namespace

database::database() : name_{the_cluster().next_name()}, url_{the_cluster().url(name_)} {
  the_cluster().exec("CREATE DATABASE " + name_);
  db_ = std::make_unique<pqxx::connection>(url_);
  exec("SET client_min_messages = 'warning'");
}

database::~database() {
  db_.reset();
  try {
    the_cluster().exec("DROP DATABASE " + name_ + " WITH (FORCE)");
  } catch (const std::exception&) { // the cluster goes at the end, and this with it
  }
}

void database::exec(const std::string& sql) {
  pqxx::work tx{*db_};
  tx.exec(sql);
  tx.commit();
}

std::string database::query_value(const std::string& sql) {
  pqxx::work tx{*db_};
  const auto value = tx.exec1(sql)[0];
  std::string text = value.is_null() ? "NULL" : value.as<std::string>();
  tx.commit();
  return text;
}

} // namespace farshore::test
