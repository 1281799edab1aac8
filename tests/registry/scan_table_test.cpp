// The tables of scanned types, on a real PostgreSQL.

#include "tests/registry/primary_fixture.hpp"

using namespace farshore;
using namespace farshore::test;
using namespace std::chrono_literals;

namespace {

using lines = std::vector<std::string>;

scanned_file file(std::string path, std::uint64_t size = 1) {
  scanned_file f;
  f.path = std::move(path);
  f.size = size;
  f.mtime_ns = -5;
  f.ctime_ns = 1'700'000'000'123'456'789;
  f.inode = UINT64_MAX;
  f.mode = 04755;
  return f;
}

class scanned_fixture : public primary_fixture {
public:
  scanned_fixture() {
    auto type = make_type("manual", "");
    type.scan = 30s;
    type.model = scanned_model(type);
    ready({type});
  }

  void create(const std::vector<scanned_file>& files) {
    must(store->keep_scan("manual", {files, {}, {}}));
  }
  lines paths(const std::string& after = "", const std::string& until = path_after_all(),
              std::size_t limit = 1000) {
    lines out;
    for (auto& row : must(store->scanned("manual", after, until, limit)).rows)
      out.push_back(row.file.path);
    return out;
  }
  scanned_place at(const std::string& path) {
    return must(store->scanned_at("manual", std::vector{path})).at(0);
  }
};

} // namespace

TEST_CASE_METHOD(scanned_fixture, "a scanned file is a record like any other", "[scan_table]") {
  create({file("a\n'\"\\\xff", 7), file("b")});
  CHECK(news() == lines{"created manual/1 a%0A%27%22%5C%FF", "created manual/2 b"});
  CHECK(catalogue("manual").at("1") == "a%0A%27%22%5C%FF");
  auto changed = at("b").row;
  CHECK(changed.file == file("b"));
  changed.file.size = 9;
  must(store->keep_scan("manual", {{}, {changed}, {1}}));
  CHECK(news() == lines{"deleted manual/1 -", "updated manual/2 b"});
  CHECK(at("b").row.file.size == 9);
  CHECK(at("a").row.id == 0);
  settle();
  CHECK(counts_of("manual").records == 1);
}

TEST_CASE_METHOD(scanned_fixture, "pages come in the order of the paths' bytes", "[scan_table]") {
  const std::string deep = std::string(2000, 'd') + "/";
  const lines sorted{"\x01",  "A",        "a",        "a-b",      "a/b",
                     "a/b/c", "a0",       deep + "a", deep + "b", deep + std::string(2000, 'e'),
                     "z",     "\xc3\xa4", "\xff"};
  std::vector<scanned_file> files;
  for (auto at = sorted.rbegin(); at != sorted.rend(); ++at)
    files.push_back(file(*at));
  create(files);
  CHECK(paths() == sorted);
  lines all;
  for (std::string after;;) {
    const auto page = must(store->scanned("manual", after, path_after_all(), 2));
    for (const auto& row : page.rows)
      all.push_back(after = row.file.path);
    if (page.last)
      break;
  }
  CHECK(all == sorted);
  CHECK(paths("a/", "a0") == lines{"a/b", "a/b/c"});
  CHECK(paths("nothing/", "nothing0").empty());
}

TEST_CASE_METHOD(scanned_fixture, "a path is there once, however long it is", "[scan_table]") {
  const std::string one = std::string(3000, 'x') + "1";
  const std::string two = std::string(3000, 'x') + "2";
  create({file(one), file(two), file(one, 99)});
  CHECK(paths() == lines{one, two});
  create({file(two, 99), file("new")});
  CHECK(at(two).row.file.size == 1);
  CHECK(paths() == lines{"new", one, two});
}

TEST_CASE_METHOD(scanned_fixture, "a lookup tells what lies at a path and whether any lies beneath",
                 "[scan_table]") {
  create({file("a"), file("b/c"), file("b-"), file("d/e/f")});
  const auto places = must(
      store->scanned_at("manual", lines{"b", "a", "d", "d/e", "none", "b/c", "d/e/f", "\xff"}));
  REQUIRE(places.size() == 8);
  const std::vector<bool> beneath{true, false, true, true, false, false, false, false};
  const std::vector<bool> there{false, true, false, false, false, true, true, false};
  for (std::size_t i = 0; i < places.size(); ++i) {
    CAPTURE(i);
    CHECK(places[i].has_beneath == beneath[i]);
    CHECK((places[i].row.id != 0) == there[i]);
  }
}

TEST_CASE_METHOD(scanned_fixture, "reading writes nothing", "[scan_table]") {
  create({file("a"), file("b")});
  const auto next_transaction = [&] {
    return db.query_value("SELECT pg_snapshot_xmax(pg_current_snapshot())::text");
  };
  const auto before = next_transaction();
  (void)paths();
  (void)at("a");
  install();
  CHECK(next_transaction() == before);
}

TEST_CASE_METHOD(scanned_fixture, "pages and lookups of a large table are quick", "[scan_table]") {
  db.exec("INSERT INTO farshore.scanned_manual"
          " (path, kind, size, mtime_ns, ctime_ns, inode, mode, settled)"
          " SELECT ('d' || i % 100 || '/' || i)::bytea, 1, 1, 1, 1, 1, 1, true"
          " FROM generate_series(1, 200000) i");
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 20; ++i) {
    CHECK(paths("d50/", "d500", 10).size() == 10);
    CHECK(at("d7/7").row.id != 0);
    CHECK(at("d7").has_beneath);
  }
  // Sixty questions; one that read the table would take longer than all of them.
  CHECK(std::chrono::steady_clock::now() - began < 3s);
}

TEST_CASE_METHOD(scanned_fixture, "a type that is declared again finds its rows", "[scan_table]") {
  create({file("a")});
  const auto type = types.front();
  must(store->install({}));
  must(store->install(std::vector{type}));
  CHECK(paths() == lines{"a"});
}

TEST_CASE_METHOD(primary_fixture, "a repository's row keeps all of its refs' checksum, and no size",
                 "[scan_table]") {
  auto type = make_type("repo", "");
  type.strategy = "repository";
  type.scan = 30s;
  type.model = scanned_model(type);
  ready({type});
  scanned_file row;
  row.path = "group/one.git";
  row.kind = scanned_kind::repository;
  row.size = UINT64_MAX - 1;
  row.mtime_ns = INT64_MIN;
  row.ctime_ns = -1;
  row.inode = UINT64_MAX;
  must(store->keep_scan("repo", {{row}, {}, {}}));
  const auto page = must(store->scanned("repo", "", path_after_all(), 10));
  REQUIRE(page.rows.size() == 1);
  CHECK(page.rows[0].file == row);
  must(store->fold(100));
  const auto listed = must(reader->catalogue("repo", record_id_before_all, 10));
  REQUIRE(listed.rows.size() == 1);
  CHECK(listed.rows[0].locator == "group/one.git");
  CHECK_FALSE(listed.rows[0].size);
}
