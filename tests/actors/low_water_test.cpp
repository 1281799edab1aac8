// The low-water mark as a plain object; what a supervisor makes of it is in supervisor_test.cpp.

#include "actors/low_water.hpp"

#include <catch2/catch.hpp>

using namespace farshore;

TEST_CASE("there is room above the mark, and none is known of before it was asked", "[low_water]") {
  low_water store{{10, UINT64_MAX}, "store /x"};
  CHECK(store.is_low());
  store.update(disk_space{10, 100});
  CHECK_FALSE(store.is_low());
  CHECK(store.room() == 0);
  store.update(disk_space{75, 100});
  CHECK(store.room() == 65);
}

TEST_CASE("it wavers at the mark no more than a tenth", "[low_water]") {
  low_water store{{100, 1'000}, "store /x"};
  store.update(disk_space{999, 100'000});
  CHECK(store.is_low());
  store.update(disk_space{1'099, 100'000});
  CHECK(store.is_low());
  CHECK(store.room() == 99);
  store.update(disk_space{1'100, 100'000});
  CHECK_FALSE(store.is_low());
  store.update(disk_space{1'001, 100'000});
  CHECK_FALSE(store.is_low());
}

TEST_CASE("a mark of nothing never stops anything", "[low_water]") {
  low_water store{{0, UINT64_MAX}, "store /x"};
  store.update(disk_space{0, 100});
  CHECK_FALSE(store.is_low());
}

TEST_CASE("what can't be asked is low, and says why", "[low_water]") {
  low_water store{{}, "store /x"};
  store.update(fail(ec::disk, "cannot ask"));
  CHECK(store.is_low());
  CHECK(store.room() == 0);
  CHECK(store.why().find("store /x: cannot ask") == 0);
}

TEST_CASE("just above the mark it is low once something did not fit", "[low_water]") {
  low_water store{{100, 1'000}, "store /x"};
  store.update(disk_space{1'099, 100'000});
  CHECK_FALSE(store.is_low());
  store.update(disk_space{1'099, 100'000}, true);
  CHECK(store.is_low());
  store.update(disk_space{1'100, 100'000}, true);
  CHECK_FALSE(store.is_low()); // that was merely too large
}
