// Several secondaries of one primary: each at its own pace, and what the primary keeps for them.

#include "tests/e2e/sites.hpp"

#include <algorithm>
#include <csignal>

#include <catch2/catch.hpp>

using namespace farshore::test;
using Catch::Contains;

namespace {

constexpr const char* table = "CREATE TABLE files (id bigserial PRIMARY KEY, path text)";

class secondaries : public two_sites {
public:
  site& porto = add_secondary("porto");
  site& vigo = add_secondary("vigo");

  /// All four up; everybody has the first records. Events are counted here: those of checksums
  /// would come in between.
  void start_all() {
    // At different speeds: one takes a record at a time, over one connection.
    porto.more_settings = "capacity = 1\nconnections = 1\n";
    start(table, {{.more = "verification = \"off\"\n"}});
    for (auto* one : {&porto, &vigo}) {
      one->declare({{}});
      one->start();
      REQUIRE(eventually([&] { return serves(*one, "file"); }));
    }
    add("first", 20);
    for (auto* one : {&secondary, &porto, &vigo})
      REQUIRE(difference(*one) == "");
  }

  void add(const std::string& name, int files) const {
    std::string rows;
    for (int i = 0; i < files; ++i) {
      const auto path = name + std::to_string(i);
      write(path, "content of " + path);
      rows += (i == 0 ? "('" : ", ('") + path + "')";
    }
    primary.sql("INSERT INTO files (path) VALUES " + rows);
  }

  /// What `farshore site list --json` says of a site; null where it does not know it.
  [[nodiscard]] boost::json::value listed(const std::string& name) const {
    const auto answer = primary.command({"site", "list", "--json"});
    REQUIRE(answer.code == 0);
    const auto all = boost::json::parse(answer.out);
    for (const auto& one : all.at("sites").as_array())
      if (one.at("site").as_string() == name)
        return one;
    return nullptr;
  }

  [[nodiscard]] bool is_level(const std::string& name) const {
    const auto one = listed(name);
    return one.is_object() && one.at("lag_events") == 0; // null while it is cut off
  }

  [[nodiscard]] int kept() const {
    return std::stoi(primary.value("SELECT count(*) FROM farshore.event_log"));
  }
};

} // namespace

TEST_CASE_METHOD(secondaries, "three secondaries follow one primary, each at its own pace",
                 "[secondaries]") {
  start_all();
  for (const auto* name : {"lisbon", "porto", "vigo"}) {
    INFO(name);
    REQUIRE(eventually([&] { return is_level(name); }));
    CHECK(listed(name).at("address") == "127.0.0.1");
    CHECK(listed(name).at("version").is_string());
  }

  // One that is stopped holds the log, and nobody else up.
  vigo.send(SIGSTOP);
  add("second", 30);
  CHECK(difference(secondary) == "");
  CHECK(difference(porto) == "");
  REQUIRE(eventually([&] { return is_level("lisbon") && is_level("porto"); }));
  REQUIRE(eventually([&] { return listed("vigo").at("lag_events").as_int64() == 30; }));
  CHECK(listed("vigo").at("holds_log") == true);
  const auto shown = primary.command({"site", "list"});
  CHECK_THAT(shown.out, Contains("30 events behind") && Contains("holds the log"));
  CHECK_THAT(primary.command({"status"}).out, Contains("vigo: 30 events behind"));

  vigo.send(SIGCONT);
  CHECK(difference(vigo) == "");
  CHECK(eventually([&] { return is_level("vigo"); }));
}

TEST_CASE_METHOD(secondaries, "a secondary that is forgotten, or too far behind, keeps no events",
                 "[secondaries]") {
  primary.more_settings = "[events]\nretention = \"60s\"\n";
  start_all();
  REQUIRE(eventually([&] { return is_level("porto") && is_level("vigo"); }));
  porto.kill();
  vigo.kill();
  add("second", 30);
  CHECK(difference(secondary) == "");

  CHECK(primary.command({"site", "forget", "porto"}).code == 0);
  CHECK(listed("porto").is_null());
  const auto unknown = primary.command({"site", "forget", "nobody"});
  CHECK(unknown.code == 1);
  CHECK_THAT(unknown.err, Contains("nobody") && Contains("site list"));

  // The primary says so in good time, then lets go.
  CHECK(eventually([&] {
    return primary.command({"status"}).out.find("farshore site forget vigo") != std::string::npos;
  }));
  CHECK(listed("vigo").at("cut_off") == false);
  REQUIRE(eventually([&] { return listed("vigo").at("cut_off") == true; }, 120s));
  CHECK(kept() < 30);
  CHECK_THAT(primary.log(), Contains("site vigo is further behind"));
  CHECK_THAT(primary.command({"site", "list"}).out, Contains("a full check is due"));
  CHECK(primary.command({"status"}).out.find("site forget") == std::string::npos);

  // Told so, it goes on from where the primary stands and compares everything; it is a reader like
  // the others.
  vigo.start();
  REQUIRE(eventually([&] { return is_level("vigo"); }));
  CHECK(vigo.number("/epoch") == 1);
  CHECK(difference(vigo) == "");
  CHECK(difference(secondary) == "");
}
