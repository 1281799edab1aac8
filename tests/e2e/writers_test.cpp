#include "tests/e2e/sites.hpp"

#include <mutex>
#include <random>
#include <thread>

#include <catch2/catch.hpp>

namespace farshore::test {

namespace {

constexpr int writers = 8;
constexpr int transactions = 60;
constexpr int records = 40;

/// What one transaction did to the store; each content has a name of its own, for ever.
struct written_files {
  std::vector<std::string> added;
  std::vector<std::string> replaced;
};

/// Changes one record: makes it, gives it another content, or deletes it.
void touch(const two_sites& sites, pqxx::work& tx, int id, const std::string& name,
           written_files& files, std::mt19937& random) {
  const auto where = " WHERE id = " + std::to_string(id);
  const auto found = tx.exec("SELECT path FROM files" + where + " FOR UPDATE");
  if (!found.empty())
    files.replaced.push_back(found[0][0].as<std::string>());
  if (!found.empty() && random() % 4 == 0) {
    tx.exec("DELETE FROM files" + where);
    return;
  }
  sites.write(name, name);
  files.added.push_back(name);
  // Where another writer inserts the same key meanwhile, this one is rolled back.
  if (found.empty())
    tx.exec("INSERT INTO files VALUES (" + std::to_string(id) + ", '" + name + "')");
  else
    tx.exec("UPDATE files SET path = '" + name + "'" + where);
}

/// Several records in any order, then a pause, then an ending; deadlocks are part of it.
void one_transaction(const two_sites& sites, pqxx::connection& db, const std::string& name,
                     std::mt19937& random) {
  written_files files;
  bool committed = false;
  try {
    pqxx::work tx{db};
    for (unsigned i = 0, count = 1 + random() % 4; i < count; ++i)
      touch(sites, tx, static_cast<int>(random() % records), name + "-" + std::to_string(i), files,
            random);
    // So that the order of commits is another than that of the changes.
    std::this_thread::sleep_for(std::chrono::milliseconds{random() % 30});
    if (random() % 4 != 0) {
      tx.commit();
      committed = true;
    }
  } catch (const pqxx::failure&) { // a deadlock, or two inserts of one key: rolled back
  }
  for (const auto& file : committed ? files.replaced : files.added)
    sites.remove(file);
}

} // namespace

TEST_CASE("of writers that commit out of order and roll back, the last states arrive", "[e2e]") {
  two_sites sites;
  sites.start("CREATE TABLE files (id bigint PRIMARY KEY, path text)");
  auto url = sites.primary.command({"database-url"}).out;
  url.erase(url.find_last_not_of('\n') + 1);

  std::mutex mutex;
  std::string troubles;
  std::vector<std::thread> threads;
  for (int number = 0; number < writers; ++number)
    threads.emplace_back([&, number] {
      try {
        std::mt19937 random{static_cast<unsigned>(number)};
        pqxx::connection db{url};
        pqxx::nontransaction{db}.exec("SET deadlock_timeout = '50ms'");
        for (int i = 0; i < transactions; ++i)
          one_transaction(sites, db, std::to_string(number) + "/" + std::to_string(i), random);
      } catch (const std::exception& e) {
        const std::lock_guard guard{mutex};
        troubles += std::string{e.what()} + '\n';
      }
    });
  for (auto& one : threads)
    one.join();
  CHECK(troubles == "");
  CHECK(sites.difference() == "");
}

} // namespace farshore::test
