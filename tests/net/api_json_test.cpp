#include "net/api_json.hpp"

#include <catch2/catch.hpp>

#include <boost/json.hpp>

using namespace farshore;
using namespace std::chrono_literals;
using Catch::Contains;

namespace {

struct sites_fixture {
  sites_fixture() {
    site_standing level;
    level.last.name = "lisbon";
    level.lag = 0ms;
    site_standing behind;
    behind.last.name = "porto";
    behind.lag_events = 5;
    behind.lag = 1h;
    behind.held_bytes = 1000;
    behind.slowest = true;
    site_standing gone;
    gone.last.name = "vigo";
    gone.cut_off = true;
    gone.lag_events = 0;
    status.sites = {level, behind, gone};
    settings.site_name = "harbour";
  }

  boost::json::value json() { return to_json(status, settings, "who", wall_time{} + 500'000h); }
  std::string problems() { return boost::json::serialize(json().at("problems")); }

  primary_status status;
  config settings;
};

} // namespace

TEST_CASE_METHOD(sites_fixture, "a primary's status has its sites, and no alarm without need",
                 "[api]") {
  const auto all = json();
  CHECK(all.at("health") == "ok");
  const auto& sites = all.at("sites").as_array();
  REQUIRE(sites.size() == 3);
  CHECK(sites[0].at("lag_events").as_int64() == 0);
  CHECK(sites[1].at("lag_seconds").as_double() == 3600);
  CHECK(sites[1].at("holds_log") == true);
  CHECK(sites[2].at("cut_off") == true);
  CHECK(sites[2].at("lag_events").is_null());
}

TEST_CASE_METHOD(sites_fixture, "at half of the retention's age the slowest site is named",
                 "[api]") {
  status.sites[1].lag = 84h;
  CHECK(json().at("health") == "degraded");
  CHECK_THAT(problems(),
             Contains("site porto") && Contains("84h") && Contains("farshore site forget porto"));
  status.sites[1].lag = 84h - 1ms;
  CHECK(json().at("health") == "ok");
}

TEST_CASE_METHOD(sites_fixture, "at half of the retention's size the slowest site is named",
                 "[api]") {
  status.sites[1].held_bytes = 5'000'000'000;
  CHECK_THAT(problems(), Contains("site porto") && Contains("5000 MB"));
  status.sites[1].held_bytes = 4'999'999'999;
  CHECK(json().at("health") == "ok");
}
