// Random sequences on real processes: an application, its changes told and untold, damage on either
// side, nodes killed. When they stop, and everything was looked at, both sites are equal, by bytes.
// FARSHORE_SEQUENCES sets how many, FARSHORE_SEED which one.

#include "tests/e2e/sites.hpp"

#include "config/clock.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace farshore::test {

namespace {

int setting(const char* name, int otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::atoi(text) : otherwise;
}

class sequence {
public:
  explicit sequence(std::uint64_t seed) : random_{seed} {
    sites_.start("CREATE TABLE files (id bigint PRIMARY KEY, path text, version bigint)");
    for (int i = 0; i < 25; ++i)
      put();
    REQUIRE(sites_.wait().code == 0);
  }

  void step() {
    switch (random_.below(16)) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
      return put();
    case 5:
    case 6:
      return drop();
    case 7:
    case 8:
      return damage();
    case 9:
      return rewrite_untold();
    case 10:
      return forget_row();
    case 11:
      return invent_row();
    case 12:
      return come_and_go_untold();
    case 13:
      return restart(sites_.secondary);
    case 14:
      return restart(sites_.primary);
    default:
      (void)sites_.secondary.command({"reverify", "file", "--all"});
    }
  }

  /// Everything is looked at, on both sides, and nobody changes anything any more.
  void settle() {
    REQUIRE(sites_.primary.command({"reverify", "file", "--all"}).code == 0);
    REQUIRE(sites_.primary.command({"wait", "--timeout", "60"}).code == 0);
    REQUIRE(eventually([&] { return sites_.secondary.number("/types/0/generation") > 0; }));
    REQUIRE(sites_.secondary.command({"recheck", "file"}).code == 0);
    REQUIRE(sites_.secondary.command({"reverify", "file", "--all"}).code == 0);
    // So few rows that a check nearly always wants to hear somebody's word.
    CHECK(eventually([&] {
      (void)sites_.secondary.command({"approve", "file"});
      return sites_.wait(5).code == 0 && sites_.difference() == "";
    }));
    CHECK(sites_.difference() == "");
    for (const auto* site : {&sites_.primary, &sites_.secondary})
      CHECK(site->command({"check", "--counts"}).out == "every count is right\n");
  }

private:
  std::string fresh_content() { return noise(100 + random_.below(5000), ++contents_); }

  /// None while there are none, and none whose registry row was deleted: where its file lies nobody
  /// knows any more, should it move or go before a check has found it.
  std::optional<std::int64_t> any_record() {
    if (rows_.empty())
      return std::nullopt;
    const auto id =
        std::next(rows_.begin(), static_cast<std::ptrdiff_t>(random_.below(rows_.size())))->first;
    return forgotten_.contains(id) ? std::nullopt : std::optional{id};
  }

  /// A row with its file, new, changed or moved.
  void put() {
    const auto id = random_.below(3) == 0 ? any_record().value_or(++last_id_) : ++last_id_;
    const bool moves = random_.below(3) == 0;
    auto& path = rows_[id];
    const auto former = path;
    if (path.empty() || moves)
      path = "d" + std::to_string(random_.below(4)) + "/" + std::to_string(++contents_);
    sites_.write(path, fresh_content());
    sites_.primary.sql("INSERT INTO files VALUES (" + std::to_string(id) + ", '" + path +
                       "', 1) ON CONFLICT (id) DO UPDATE SET path = excluded.path, version = "
                       "files.version + 1");
    if (!former.empty() && former != path)
      sites_.remove(former);
  }

  void drop() {
    const auto id = any_record();
    if (!id || rows_.size() < 10)
      return;
    sites_.primary.sql("DELETE FROM files WHERE id = " + std::to_string(*id));
    sites_.remove(rows_[*id]);
    rows_.erase(*id);
  }

  /// What lies on the secondary changes, or goes.
  void damage() {
    const auto id = any_record();
    if (!id)
      return;
    const auto file = sites_.secondary.store() / rows_[*id];
    std::error_code missing;
    if (!std::filesystem::is_regular_file(file, missing))
      return;
    if (random_.below(2) == 0)
      std::filesystem::remove(file, missing);
    else
      std::filesystem::resize_file(file, random_.below(50), missing);
  }

  /// The file changes under its row.
  void rewrite_untold() {
    if (const auto id = any_record())
      sites_.write(rows_[*id], fresh_content());
  }

  void forget_row() {
    const auto id = any_record();
    if (!id)
      return;
    forgotten_.insert(*id);
    sites_.secondary.sql("DELETE FROM farshore.registry WHERE record_id = " + std::to_string(*id));
  }

  /// A registry row whose record never was.
  void invent_row() {
    const auto number = ++contents_;
    sites_.secondary.sql("INSERT INTO farshore.registry (type_id, record_id, key, locator, "
                         "target_revision, created_at) SELECT id, " +
                         std::to_string(100'000 + number) + ", 'x', 'invented/" +
                         std::to_string(number) +
                         "', 1, now() FROM farshore.replicable_type WHERE name = 'file'");
  }

  /// In the application's database, while nothing notes what happens.
  void come_and_go_untold() {
    const auto id = ++last_id_;
    rows_[id] = "untold/" + std::to_string(id);
    sites_.write(rows_[id], fresh_content());
    const auto triggers = [](const std::string& verb) {
      return "DO $$ DECLARE name text; BEGIN FOR name IN SELECT tgname FROM pg_trigger "
             "WHERE tgrelid = 'files'::regclass AND NOT tgisinternal LOOP "
             "EXECUTE format('ALTER TABLE files " +
             verb + " TRIGGER %I', name); END LOOP; END $$; ";
    };
    sites_.primary.sql(triggers("DISABLE") + "INSERT INTO files VALUES (" + std::to_string(id) +
                       ", '" + rows_[id] + "', 1); " + triggers("ENABLE ALWAYS"));
  }

  void restart(site& which) {
    if (random_.below(2) == 0)
      which.kill();
    else
      REQUIRE(which.stop() == 0);
    which.start();
  }

  two_sites sites_;
  random_source random_;
  /// By id: where its file lies.
  std::map<std::int64_t, std::string> rows_;
  std::set<std::int64_t> forgotten_;
  std::int64_t last_id_ = 0;
  unsigned contents_ = 0;
};

} // namespace

TEST_CASE("random sequences on real sites end equal", "[e2e][slow]") {
  const auto only = setting("FARSHORE_SEED", 0);
  const auto first = only > 0 ? only : 1;
  const auto last = only > 0 ? only : setting("FARSHORE_SEQUENCES", 20);
  for (auto seed = first; seed <= last; ++seed) {
    INFO("FARSHORE_SEED=" << seed);
    sequence one{static_cast<std::uint64_t>(seed)};
    for (int i = 0; i < 40; ++i)
      one.step();
    one.settle();
  }
}

} // namespace farshore::test
