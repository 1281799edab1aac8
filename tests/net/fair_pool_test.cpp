#include "net/fair_pool.hpp"

#include "fakes.hpp"

#include <catch2/catch.hpp>

#include <latch>

using namespace farshore;
using namespace farshore::test;

TEST_CASE("sites take turns, however much one of them asks", "[fair_pool]") {
  fair_pool pool{1};
  gate held;
  std::latch all{4};
  std::string order; // one thread: nobody else is at it
  const auto noted = [&](const std::string& site) {
    pool.post(site, [&order, &all, site] {
      order += site;
      all.count_down();
    });
  };
  pool.post("a", [&] { held.pass(); });
  held.wait_until_reached();
  noted("a");
  noted("a");
  noted("b");
  noted("c");
  held.open();
  all.wait();
  CHECK(order == "bcaa");
}

TEST_CASE("one site leaves a thread to the others", "[fair_pool]") {
  fair_pool pool{2};
  gate held;
  std::latch both{2};
  for (int i = 0; i < 2; ++i)
    pool.post("a", [&] {
      held.pass();
      both.count_down();
    });
  held.wait_until_reached();
  std::latch other{1};
  pool.post("b", [&] { other.count_down(); });
  other.wait(); // while the first still holds its thread
  held.open();
  both.wait();
}

TEST_CASE("a site that is alone has all threads but one, and none waits for nothing",
          "[fair_pool]") {
  fair_pool pool{3};
  std::latch together{2};
  std::latch done{3};
  for (int i = 0; i < 2; ++i)
    pool.post("a", [&] {
      together.arrive_and_wait();
      done.count_down();
    });
  pool.post("a", [&] { done.count_down(); });
  done.wait();
}

TEST_CASE("what waits when the pool stops is dropped", "[fair_pool]") {
  gate held;
  const auto kept = std::make_shared<int>(0);
  {
    fair_pool pool{1};
    pool.post("a", [&] { held.pass(); });
    held.wait_until_reached();
    pool.post("a", [kept] { ++*kept; });
    held.open();
    pool.stop();
  }
  CHECK(kept.use_count() == 1);
}
