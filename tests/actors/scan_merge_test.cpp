// What a walk and a table come to, side by side.

#include "actors/scan_merge.hpp"

#include <algorithm>
#include <map>
#include <random>

#include <catch2/catch.hpp>

using namespace farshore;
using namespace std::chrono_literals;
using kind = folder_entry::kind;

namespace {

using paths = std::vector<std::string>;

constexpr wall_time now{std::chrono::hours{500'000}};

std::int64_t before(std::chrono::nanoseconds age) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch()).count() -
         age.count();
}

folder_entry entry(std::string path, kind what = kind::regular, std::uint64_t size = 1,
                   std::int64_t ctime_ns = 12'345) {
  folder_entry e;
  e.path = std::move(path);
  e.what = what;
  e.size = size;
  e.ctime_ns = ctime_ns;
  e.looked_at = now;
  return e;
}

scanned_row row(std::int64_t id, std::string path, std::uint64_t size = 1,
                std::int64_t ctime_ns = 12'345) {
  scanned_file file;
  file.path = std::move(path);
  file.size = size;
  file.ctime_ns = ctime_ns;
  return {id, std::move(file)};
}

/// All of it, with rows in pages of `page` and `steps` at a time.
scan_findings compare(std::vector<folder_entry> seen, const std::vector<scanned_row>& rows,
                      std::size_t page = 3, std::size_t steps = 4) {
  std::size_t at = 0;
  scan_merge merge{[&]() -> std::optional<folder_entry> {
                     if (at == seen.size())
                       return std::nullopt;
                     return seen[at++];
                   },
                   true};
  scan_findings found;
  std::size_t read = 0;
  for (;;) {
    switch (merge.run(steps, found)) {
    case scan_merge::pause::needs_rows: {
      scanned_page next;
      for (; next.rows.size() < page && read < rows.size(); ++read)
        next.rows.push_back(rows[read]);
      next.last = next.rows.size() < page;
      merge.add(std::move(next));
      break;
    }
    case scan_merge::pause::interrupted:
      break;
    case scan_merge::pause::done:
      CHECK(merge.rows() == rows.size());
      return found;
    }
  }
}

paths created(const scan_findings& found) {
  paths out;
  for (const auto& file : found.differences.created)
    out.push_back(file.path);
  return out;
}

paths changed(const scan_findings& found) {
  paths out;
  for (const auto& one : found.differences.changed)
    out.push_back(one.file.path);
  return out;
}

} // namespace

TEST_CASE("what is equal is no difference, what is not is told apart", "[scan_merge]") {
  const auto found =
      compare({entry("a"), entry("b", kind::regular, 2), entry("d"), entry("link", kind::link)},
              {row(1, "a"), row(2, "b"), row(3, "c"), row(4, "link")});
  CHECK(created(found) == paths{"d"});
  CHECK(changed(found) == paths{"b", "link"});
  CHECK(found.differences.gone == std::vector<std::int64_t>{3});
  CHECK(found.young.empty());
}

TEST_CASE("any random folder and table end up equal", "[scan_merge]") {
  std::mt19937_64 random{3};
  for (int round = 0; round < 500; ++round) {
    std::map<std::string, folder_entry> folder;
    std::map<std::string, scanned_row> table;
    for (int i = 0; i < 40; ++i) {
      const auto path = std::string(1 + random() % 2, static_cast<char>(random() % 256)) +
                        (random() % 2 ? "/x" : "");
      if (random() % 2)
        folder[path] = entry(path, kind::regular, random() % 2);
      if (random() % 2)
        table[path] = row(i + 1, path, random() % 2);
    }
    std::vector<folder_entry> seen;
    for (const auto& [_, one] : folder)
      seen.push_back(one);
    std::vector<scanned_row> rows;
    for (const auto& [_, one] : table)
      rows.push_back(one);
    const auto found = compare(seen, rows, 1 + random() % 50, 1 + random() % 50);
    for (const auto id : found.differences.gone)
      std::erase_if(table, [id](const auto& one) { return one.second.id == id; });
    for (const auto& one : found.differences.changed) {
      REQUIRE(table.at(one.file.path).id == one.id);
      REQUIRE_FALSE(table.at(one.file.path).file == one.file);
      table[one.file.path] = one;
    }
    for (const auto& file : found.differences.created)
      REQUIRE(table.emplace(file.path, scanned_row{99, file}).second);
    REQUIRE(table.size() == folder.size());
    for (const auto& [path, one] : folder)
      REQUIRE(table.at(path).file.size == one.size);
  }
}

TEST_CASE("nothing beneath a closed folder counts as gone", "[scan_merge]") {
  const auto found = compare(
      {entry("a"), entry("p", kind::closed), entry("q/1")},
      {row(1, "p"), row(2, "p-"), row(3, "p/1"), row(4, "p/2/3"), row(5, "p0"), row(6, "q/0")});
  CHECK(created(found) == paths{"a", "q/1"});
  CHECK(found.differences.gone == std::vector<std::int64_t>{1, 2, 5, 6});
  CHECK(found.closed.size() == 1);
  const auto root = compare({entry("", kind::closed)}, {row(1, "\n"), row(2, "b/c")});
  CHECK(root.differences.size() == 0);
}

TEST_CASE("a pipe where a file was: the file is gone, the pipe is named", "[scan_merge]") {
  const auto found = compare({entry("a", kind::unsupported)}, {row(1, "a")});
  CHECK(found.differences.gone == std::vector<std::int64_t>{1});
  CHECK(found.unsupported.size() == 1);
}

TEST_CASE("a young file is looked at again, and told again where that alone is safe",
          "[scan_merge]") {
  struct {
    const char* what;
    std::chrono::nanoseconds age;
    bool exact;
    bool young;
    bool settled;
  } cases[] = {
      {"within one step of the clock", 5ms + 1ns, true, true, false},
      {"later than that", 100ms + 1ns, true, true, true},
      {"of whole seconds", 1s, true, true, false},
      {"by another machine's clock", 100ms + 1ns, false, true, false},
      {"old", 2s, false, false, true},
      {"of the future", -1s, false, false, true},
  };
  for (const auto& one : cases) {
    CAPTURE(one.what);
    scan_findings found;
    const auto seen = entry("a", kind::regular, 1, before(one.age));
    compare_place(seen, nullptr, one.exact, found);
    CHECK(found.young.size() == (one.young ? 1u : 0u));
    REQUIRE(found.differences.created.size() == 1);
    CHECK(found.differences.created[0].settled == one.settled);
  }
}

TEST_CASE("an unsettled row waits while it is young, and is settled once", "[scan_merge]") {
  auto unsettled = row(1, "a", 1, before(1s + 1ns));
  unsettled.file.settled = false;
  scan_findings young;
  compare_place(entry("a", kind::regular, 1, before(1s + 1ns)), &unsettled, true, young);
  CHECK(young.differences.size() == 0);
  CHECK(young.young == paths{"a"});

  auto later = entry("a", kind::regular, 1, before(1s + 1ns));
  later.looked_at += 2s;
  scan_findings old;
  compare_place(later, &unsettled, true, old);
  REQUIRE(old.differences.changed.size() == 1);
  const auto settled = old.differences.changed[0];
  CHECK(settled.file.settled);
  scan_findings again;
  compare_place(later, &settled, true, again);
  CHECK(again.differences.size() == 0);
}
