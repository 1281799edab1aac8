// An application at the primary site for end-to-end tests: threads that write files and commit rows
// at a bounded rate, and go on when their database goes away for a while.
//
// Files are written whole (by rename), each with its path, its version and a checksum, so that a
// mixture of two versions is recognised wherever it turns up. A change that may or may not have
// been committed is made again: all of them may be repeated.

#pragma once

#include "tests/e2e/sites.hpp"

#include <atomic>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace farshore::test {

class application {
public:
  static constexpr const char* table =
      "CREATE TABLE files (id bigint PRIMARY KEY, path text, version bigint)";

  /// Works until stop(). Throws nothing; see troubles().
  application(const two_sites& sites, unsigned seed, int threads, int changes_per_second);
  ~application() { stop(); }
  application(const application&) = delete;
  application& operator=(const application&) = delete;

  /// Ends the threads after the change that each is at; the database must be there.
  void stop();
  /// Committed changes so far.
  [[nodiscard]] int changes() const { return changes_; }
  /// What the application itself could not do; empty.
  [[nodiscard]] std::string troubles() const;
  /// Looks at every file of a store: empty, or which of them are no version that was ever written.
  [[nodiscard]] std::string damage_in(const std::filesystem::path& store) const;

private:
  struct record {
    std::int64_t id;
    std::string path;
  };
  struct worker {
    int number;
    std::mt19937_64 random;
    std::vector<record> records;
    std::int64_t made = 0;
    std::unique_ptr<pqxx::connection> db;
  };

  void work(worker& self);
  void change(worker& self);
  void create(worker& self);
  void commit(worker& self, const std::string& sql);
  void write(worker& self, const std::string& path);
  std::string free_path(worker& self);
  void complain(const std::string& what);

  const two_sites& sites_;
  std::string url_;
  std::chrono::microseconds period_;
  std::atomic<bool> stopping_{false};
  std::atomic<int> changes_{0};
  mutable std::mutex mutex_;
  /// The newest version that was begun to be written, by path.
  std::map<std::string, std::int64_t> versions_;
  std::string troubles_;
  std::vector<std::thread> threads_;
};

} // namespace farshore::test
