#include "tests/e2e/application.hpp"

#include <algorithm>
#include <sstream>

namespace farshore::test {

namespace {

using clock = std::chrono::steady_clock;

constexpr std::size_t records_max = 300;
constexpr int places = 400;

std::uint64_t sum_of(const std::string& text) {
  std::uint64_t hash = 14695981039346656037u;
  for (const char c : text)
    hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return hash;
}

std::string content_of(const std::string& path, std::int64_t version, std::size_t bytes) {
  auto text = path + '\n' + std::to_string(version) + '\n' +
              noise(bytes, static_cast<unsigned>(version)) + '\n';
  return text + "sum " + std::to_string(sum_of(text)) + '\n';
}

/// The version in a file's content; -1 where it is a mixture, or of another file.
std::int64_t version_in(const std::string& content, const std::string& path) {
  const auto last = content.rfind("sum ");
  if (last == std::string::npos ||
      content.substr(last) != "sum " + std::to_string(sum_of(content.substr(0, last))) + '\n')
    return -1;
  std::istringstream in{content};
  std::string own;
  std::int64_t version = -1;
  std::getline(in, own);
  in >> version;
  return own == path ? version : -1;
}

} // namespace

application::application(const two_sites& sites, unsigned seed, int threads, int changes_per_second)
    : sites_{sites}, period_{1'000'000 * threads / changes_per_second} {
  url_ = sites.primary.command({"database-url"}).out;
  url_.erase(url_.find_last_not_of('\n') + 1);
  for (int i = 0; i < threads; ++i)
    threads_.emplace_back([this, i, seed] {
      worker self{i, std::mt19937_64{seed + static_cast<unsigned>(i)}, {}, 0, nullptr};
      try {
        work(self);
      } catch (const std::exception& e) {
        complain(e.what());
      }
    });
}

void application::stop() {
  stopping_ = true;
  for (auto& one : threads_)
    if (one.joinable())
      one.join();
}

void application::complain(const std::string& what) {
  const std::lock_guard guard{mutex_};
  troubles_ += what + '\n';
}

std::string application::troubles() const {
  const std::lock_guard guard{mutex_};
  return troubles_;
}

void application::work(worker& self) {
  for (auto next = clock::now(); !stopping_; next += period_) {
    std::this_thread::sleep_until(next); // the rate
    change(self);
    ++changes_;
    next = std::max(next, clock::now() - period_); // what was missed is not made up for
  }
}

void application::change(worker& self) {
  const auto dice = self.random() % 100;
  if (self.records.empty() || (dice < 40 && self.records.size() < records_max))
    return create(self);
  const auto at = self.random() % self.records.size();
  auto& chosen = self.records[at];
  const auto where = " WHERE id = " + std::to_string(chosen.id);
  if (dice < 80) {
    write(self, chosen.path);
    commit(self, "UPDATE files SET version = version + 1" + where);
  } else if (dice < 88) {
    const auto old = std::exchange(chosen.path, free_path(self));
    write(self, chosen.path);
    commit(self, "UPDATE files SET path = '" + chosen.path + "'" + where);
    sites_.remove(old);
  } else if (dice < 97) {
    commit(self, "DELETE FROM files" + where);
    sites_.remove(chosen.path);
    self.records.erase(self.records.begin() + static_cast<std::ptrdiff_t>(at));
  } else {
    commit(self, "SAVEPOINT s; DELETE FROM files" + where + "; ROLLBACK TO s");
  }
}

void application::create(worker& self) {
  const record made{self.made++ * 100 + self.number, free_path(self)};
  write(self, made.path);
  self.records.push_back(made);
  commit(self, "INSERT INTO files VALUES (" + std::to_string(made.id) + ", '" + made.path +
                   "', 1) ON CONFLICT (id) DO NOTHING");
}

/// A place of this thread's that no record has now; others had it, perhaps a moment ago.
std::string application::free_path(worker& self) {
  for (;;) {
    const auto place = self.random() % places;
    auto path = std::to_string(self.number) + "/" + std::to_string(place % 10) + "/" +
                std::to_string(place);
    if (std::ranges::find(self.records, path, &record::path) == self.records.end())
      return path;
  }
}

void application::write(worker& self, const std::string& path) {
  std::int64_t version = 0;
  {
    const std::lock_guard guard{mutex_};
    version = ++versions_[path];
  }
  const auto bytes = self.random() % 100 == 0 ? 2'000'000 : self.random() % 20'000;
  sites_.write(path, content_of(path, version, bytes));
}

void application::commit(worker& self, const std::string& sql) {
  const auto until = clock::now() + 60s;
  for (;;) {
    try {
      if (!self.db)
        self.db = std::make_unique<pqxx::connection>(url_);
      pqxx::work tx{*self.db};
      tx.exec(sql);
      tx.commit();
      return;
    } catch (const std::exception& e) {
      self.db.reset();
      if (clock::now() > until)
        throw std::runtime_error{"the application gave up: " + sql + ": " + e.what()};
      std::this_thread::sleep_for(20ms); // its database is away
    }
  }
}

std::string application::damage_in(const std::filesystem::path& store) const {
  std::string found;
  for (const auto& path : files_in(store)) {
    if (!std::filesystem::exists(store / path))
      continue; // removed meanwhile
    const auto content = read_file(store / path);
    const auto version = version_in(content, path.string());
    const std::lock_guard guard{mutex_};
    const auto newest = versions_.find(path.string());
    if (newest == versions_.end() || version < 1 || version > newest->second) {
      if (content.empty() && !std::filesystem::exists(store / path))
        continue;
      found += path.string() + ": " + std::to_string(content.size()) +
               " bytes that were never written, beginning with " + content.substr(0, 20) + '\n';
    }
  }
  return found;
}

} // namespace farshore::test
