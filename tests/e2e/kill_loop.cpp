#include "tests/e2e/kill_loop.hpp"

#include "tests/e2e/application.hpp"

#include <csignal>
#include <cstdlib>
#include <iostream>

#include <catch2/catch.hpp>

namespace farshore::test {

namespace {

void kill_database(site& of) {
  pid_t database = 0;
  // It may be starting after the last kill.
  REQUIRE(eventually([&] { return (database = of.postmaster()) > 0; }, 60s));
  ::kill(database, SIGKILL);
  CHECK(eventually(
      [&] {
        const auto now = of.postmaster();
        return now > 0 && now != database;
      },
      60s));
}

} // namespace

void kill_again_and_again(int kills) {
  const char* given = std::getenv("FARSHORE_SEED");
  const auto seed =
      given != nullptr
          ? static_cast<unsigned>(std::strtoul(given, nullptr, 10))
          : static_cast<unsigned>(std::chrono::system_clock::now().time_since_epoch().count());
  std::cout << "FARSHORE_SEED=" << seed << std::endl;
  CAPTURE(seed);
  std::mt19937_64 random{seed};
  two_sites sites;
  sites.start(application::table);
  application load{sites, seed, 4, 200};
  std::string history;
  for (int i = 0; i < kills; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds{100 + random() % 900}); // the moment
    auto& victim = random() % 2 == 0 ? sites.primary : sites.secondary;
    const bool database = random() % 2 == 0;
    history += std::string{&victim == &sites.primary ? "primary" : "secondary"} +
               (database ? "'s database, " : ", ");
    CAPTURE(history);
    if (database) {
      kill_database(victim);
    } else {
      victim.kill();
    }
    CHECK(load.damage_in(sites.secondary.store()) == "");
    if (!database)
      victim.start();
    int code = 0;
    for (auto* one : {&sites.primary, &sites.secondary})
      REQUIRE_FALSE(has_ended(one->pid(), code));
  }
  sites.primary.wait_until_it_answers();
  sites.secondary.wait_until_it_answers();
  load.stop();
  CAPTURE(history);
  CHECK(load.troubles() == "");
  std::cout << load.changes() << " changes, " << kills << " kills: " << history << std::endl;
  CHECK(sites.difference() == "");
  CHECK(load.damage_in(sites.secondary.store()) == "");
  CHECK(sites.secondary.stop() == 0);
  CHECK(sites.primary.stop() == 0);
}

} // namespace farshore::test
