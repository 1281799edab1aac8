// Disk: what queues up while a batch is under way becomes one batch, and everybody is answered.

#include "actors/disk.hpp"

#include "tests/support/actor_fixture.hpp"
#include "tests/support/fake_partners.hpp"

#include <catch2/catch.hpp>

using namespace farshore;

TEST_CASE_METHOD(test::actor_fixture, "requests that arrive together are placed as one batch",
                 "[disk]") {
  auto store = std::make_shared<test::idle_strategy>();
  auto testee = spawn(disk, store, [] { return result<disk_space>{disk_space{7, 70}}; });
  auto placed = std::make_shared<int>(0);
  auto removed = std::make_shared<int>(0);
  spawn([=](caf::event_based_actor* self) {
    for (int i = 0; i < 5; ++i)
      self->request(testee, caf::infinite, place_request{}).then([=](const result<landed>& to) {
        *placed += to ? 1 : 0;
      });
    self->request(testee, caf::infinite, remove_request{}).then([=](const result<done>& ok) {
      *removed += ok ? 1 : 0;
    });
  });
  deliver_all();
  CHECK(*placed == 5);
  CHECK(*removed == 1);
  CHECK(store->batches == std::vector<std::size_t>{5});
}

TEST_CASE_METHOD(test::actor_fixture, "it tells what is free in the store and in the data folder",
                 "[disk]") {
  auto store = std::make_shared<test::idle_strategy>();
  auto testee = spawn(disk, store, [] { return result<disk_space>{disk_space{7, 70}}; });
  const auto answer = ask<site_space>(testee, atom::space_v);
  REQUIRE(answer->value);
  CHECK(answer->value->store->free_bytes == 100);
  CHECK(answer->value->data->total_bytes == 70);
}
