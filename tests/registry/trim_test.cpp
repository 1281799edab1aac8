// What the primary knows of its readers, and what it keeps of the log for them.

#include "tests/registry/primary_fixture.hpp"

#include <chrono>

using namespace farshore;
using namespace farshore::test;
using namespace std::chrono_literals;
using Catch::Contains;

namespace {

class trim_fixture : public primary_fixture {
public:
  trim_fixture() {
    db.exec("CREATE TABLE widgets (id integer PRIMARY KEY, path text)");
    ready({make_type("widget", "widgets")});
  }

  /// So many events more, folded, and noted a while ago.
  void write(int events) {
    for (int i = 0; i < events; ++i)
      db.exec("INSERT INTO widgets VALUES (" + std::to_string(++made) + ", 'p')");
    settle();
    must(store->observe_log(now, keep));
    now += 10min;
  }

  /// A site has asked from this place.
  std::vector<std::string> asks(const std::string& site, const event_position& from) {
    return must(store->note_sites(std::vector{site_note{site, from, now, "0.1.0", "1", "::1"}}));
  }

  std::size_t trim(std::size_t limit = 1000) {
    last = must(store->trim(now, keep, limit));
    return last.events;
  }

  std::int64_t kept() {
    return std::stoll(db.query_value("SELECT count(*) FROM farshore.event_log"));
  }

  site_standing standing(const std::string& site) {
    for (const auto& one : must(store->sites(now)))
      if (one.last.name == site)
        return one;
    FAIL("no site " << site);
    return {};
  }

  void restart() {
    store.reset();
    store = must(primary_store::open(db.url()));
    must(store->install(types));
  }

  ec refusal(const event_position& from) {
    const auto page = reader->events(from, 10);
    return page ? ec::internal : page.error().code;
  }

  /// The place behind so many events from the beginning.
  event_position behind(std::size_t events) { return must(reader->events({}, events)).upto; }

  log_retention keep;
  wall_time now = wall_time{} + 500'000h;
  int made = 0;
  trimmed_slice last;
};

} // namespace

TEST_CASE_METHOD(trim_fixture, "what every site has read goes, but the row of a place stays",
                 "[trim]") {
  write(10);
  const auto third = behind(3);
  const auto seventh = behind(7);
  CHECK(asks("lisbon", third) == std::vector<std::string>{"lisbon"});
  CHECK(asks("porto", seventh) == std::vector<std::string>{"porto"});
  CHECK(asks("porto", seventh).empty());
  CHECK(trim() == 2);
  CHECK(must(reader->events(third, 100)).events.size() == 7);
  asks("lisbon", seventh);
  CHECK(trim() == 4);
  CHECK(must(reader->events(seventh, 100)).events.size() == 3);
  CHECK(trim() == 0);
  CHECK(last.cut_off.empty());
}

TEST_CASE_METHOD(trim_fixture, "with no site known the log goes up to where it is folded",
                 "[trim]") {
  write(10);
  const auto folded = must(reader->folded_place());
  db.exec("INSERT INTO widgets VALUES (1000, 'not folded')");
  CHECK(trim() == 9);
  CHECK(must(reader->folded_place()) == folded);
  CHECK(must(reader->events(folded, 100)).events.size() == 1);
}

TEST_CASE_METHOD(trim_fixture, "a place that was just given out stays good for a while", "[trim]") {
  write(10);
  const auto given = must(reader->folded_place());
  write(5);
  now -= 10min - 30s; // the newer five are half a minute old
  CHECK(trim() == 9);
  CHECK(must(reader->events(given, 100)).events.size() == 5);
  now += 2min;
  CHECK(trim() == 5);
}

TEST_CASE_METHOD(trim_fixture, "the log is trimmed in slices, and goes on after a restart",
                 "[trim]") {
  write(10);
  CHECK(trim(4) == 4);
  CHECK(last.more);
  restart();
  CHECK(trim(4) == 4);
  CHECK(trim(4) == 1);
  CHECK_FALSE(last.more);
}

TEST_CASE_METHOD(trim_fixture, "nothing is kept beyond its age, and who is behind it is cut off",
                 "[trim]") {
  keep.age = 1h;
  write(10);
  const auto third = behind(3);
  const auto folded = must(reader->folded_place());
  asks("lisbon", third);
  asks("porto", folded);
  write(5);
  CHECK(trim() == 2);
  now += 50min; // ten are 70 minutes old by now, five 60
  now -= 1min;
  CHECK(trim() == 7);
  CHECK(last.cut_off == std::vector<std::string>{"lisbon"});
  CHECK(standing("lisbon").cut_off);
  CHECK_FALSE(standing("lisbon").slowest);
  CHECK_FALSE(standing("porto").cut_off);
  CHECK(standing("porto").slowest);
  CHECK(standing("porto").lag_events == 5);
  CHECK(refusal(third) == ec::log_trimmed);
  CHECK(refusal({}) == ec::log_trimmed);
  CHECK(must(reader->events(folded, 100)).events.size() == 5);
  SECTION("and holds nothing back any more") {
    asks("porto", must(reader->folded_place()));
    CHECK(trim() == 5);
    CHECK(last.cut_off.empty());
  }
  SECTION("until it comes again") {
    asks("lisbon", folded);
    asks("porto", must(reader->folded_place()));
    CHECK(trim() == 0);
    CHECK(standing("lisbon").slowest);
  }
}

TEST_CASE_METHOD(trim_fixture, "nothing is kept beyond its size", "[trim]") {
  for (int i = 0; i < 10; ++i)
    write(1);
  asks("lisbon", behind(1));
  CHECK(trim() == 0);
  const auto held = standing("lisbon").held_bytes;
  CHECK(held > 9 * 70);
  CHECK(held < 9 * 150);
  SECTION("as it is counted") {
    keep.bytes = static_cast<std::uint64_t>(held) / 3;
  }
  SECTION("also after a restart") {
    keep.bytes = static_cast<std::uint64_t>(held) / 3;
    restart();
  }
  CHECK(trim() == 6);
  CHECK(kept() == 4); // the place's own row, and three behind it
  CHECK(last.cut_off == std::vector<std::string>{"lisbon"});
}

TEST_CASE_METHOD(trim_fixture,
                 "a place that the log never held is another thing than one that went", "[trim]") {
  write(10);
  auto other = behind(5);
  const auto folded = must(reader->folded_place());
  CHECK(trim() == 9);
  CHECK(refusal(other) == ec::log_trimmed);
  CHECK(refusal({}) == ec::log_trimmed);
  other = folded;
  ++other.token;
  CHECK(refusal(other) == ec::position_unknown);
  other = folded;
  ++other.id;
  CHECK(refusal(other) == ec::position_unknown);
  CHECK(reader->events(folded, 10));
}

TEST_CASE_METHOD(trim_fixture, "a forgotten site keeps nothing, and one that is unknown is no site",
                 "[trim]") {
  write(10);
  asks("lisbon", behind(1));
  CHECK(trim() == 0);
  CHECK(must(store->forget_site("lisbon")));
  CHECK_FALSE(must(store->forget_site("lisbon")));
  CHECK(must(store->sites(now)).empty());
  CHECK(trim() == 9);
  restart();
  CHECK(must(store->sites(now)).empty());
}

TEST_CASE_METHOD(trim_fixture, "how far a site is behind is told, also after a restart", "[trim]") {
  write(10);
  const auto third = behind(3);
  asks("lisbon", third);
  asks("porto", must(reader->folded_place()));
  CHECK(standing("lisbon").lag_events == 7);
  write(5);
  db.exec("INSERT INTO widgets VALUES (1000, 'not folded')");
  const auto look = [&] {
    CHECK(standing("lisbon").lag_events == 13);
    CHECK(standing("lisbon").slowest);
    CHECK(standing("porto").lag_events == 6);
    CHECK_FALSE(standing("porto").slowest);
    REQUIRE(standing("porto").lag);
    CHECK(*standing("porto").lag >= 10min);
    CHECK(*standing("porto").lag <= 20min);
    CHECK(standing("porto").last.program == "0.1.0");
    CHECK(standing("porto").last.address == "::1");
  };
  look();
  restart();
  look();
  asks("porto", must(reader->newest_place()));
  CHECK(standing("porto").lag_events == 0);
  CHECK(standing("porto").lag == 0ms);
}

TEST_CASE_METHOD(trim_fixture, "places of another server's log keep nothing from being read",
                 "[trim]") {
  write(3);
  asks("lisbon", behind(1));
  // As after a dump was loaded: numbers that this server has not given out yet.
  db.exec("UPDATE farshore.site SET xid = '900000000'; UPDATE farshore.log_trim SET xid = "
          "'800000000', id = 5; UPDATE farshore.log_cursor SET xid = '900000000'");
  restart();
  CHECK(refusal({}) == ec::internal);
  write(3);
  CHECK(standing("lisbon").lag_events == 3);
  CHECK(trim() == 0);
}

TEST_CASE_METHOD(trim_fixture,
                 "what is not folded yet is behind the place that a new reader is given",
                 "[trim]") {
  db.exec("INSERT INTO widgets VALUES (1, 'a')");
  settle();
  // Committed, but the fold is held back.
  db.exec("UPDATE widgets SET path = 'b' WHERE id = 1");
  const auto changed = newest();
  // A reader that has the old revision already learns of a new one by the catalogue or the log.
  const auto learns = [&](const event_position& from) {
    revision known = 0;
    for (const auto& row : must(reader->catalogue("widget", record_id_before_all, 10)).rows)
      known = std::max(known, row.rev);
    for (const auto& event : must(reader->events(from, 10)).events)
      known = std::max(known, event.id);
    return known;
  };
  CHECK(learns(must(reader->folded_place())) == changed);
  CHECK(learns(must(reader->newest_place())) < changed); // what beginning there would lose
  settle();
  CHECK(must(reader->folded_place()) == must(reader->newest_place()));
  CHECK(learns(must(reader->folded_place())) == changed);
}
