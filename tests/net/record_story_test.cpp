#include "net/record_story.hpp"

#include <catch2/catch.hpp>

using namespace farshore;
using namespace std::chrono_literals;
using Catch::Contains;

namespace {

const wall_time now{std::chrono::sys_days{std::chrono::year{2026} / 11 / 24} + 12h};

registry_row synced_row() {
  registry_row row;
  row.record = 7;
  row.state = sync_state::synced;
  row.verification = verification_state::succeeded;
  row.created_at = now - 3h;
  row.last_synced_at = now - 2h;
  row.verified_at = now - 1h;
  row.target_revision = 5;
  row.synced_revision = 5;
  row.primary_checksum = checksum{};
  return row;
}

record_story story(const registry_row& row, const type_hindrance& hindrance = {}) {
  return story_of("file", row, hindrance, now);
}

} // namespace

TEST_CASE("what happened to a record is told in its order", "[story]") {
  const auto told = story(synced_row());
  REQUIRE(told.events.size() == 3);
  CHECK(told.events[0].at == now - 3h);
  CHECK_THAT(told.events[1].what, Contains("synced, at revision 5"));
  CHECK(told.events[2].at == now - 1h);
  CHECK(told.summary == "It is synced and verified.");
  CHECK(told.cause.empty());
  CHECK_THAT(told.next_step, Contains("nothing is to be done"));
}

TEST_CASE("what failed says why, and when it is tried again", "[story]") {
  auto row = synced_row();
  row.state = sync_state::failed;
  row.retry_count = 2;
  row.retry_at = now + 90s;
  row.last_sync_failure = "no space";
  const auto told = story(row);
  CHECK_THAT(told.summary, Contains("2 failures in a row"));
  CHECK(told.cause == "no space");
  CHECK_THAT(told.next_step, Contains("tried again at 2026-11-24T12:01:30.000Z, in 90s") &&
                                 Contains("farshore resync file --id 7"));
}

TEST_CASE("what is missing on the primary is to be mended there", "[story]") {
  auto row = synced_row();
  row.state = sync_state::failed;
  row.missing_on_primary = true;
  CHECK_THAT(story(row).next_step, Contains("bring the content back at the primary"));
}

TEST_CASE("what is held up says by what", "[story]") {
  auto row = synced_row();
  row.state = sync_state::pending;
  CHECK_THAT(story(row, {true, false, {}}).next_step, Contains("farshore resume file"));
  CHECK_THAT(story(row, {false, true, {}}).next_step, Contains("disabled"));
  CHECK_THAT(story(row, {false, false, "the disk is full"}).next_step,
             Contains("the disk is full"));
  CHECK_THAT(story(row).next_step, Contains("fetched as soon as its turn comes"));
}

TEST_CASE("what was found damaged is fetched anew, and what is to go says so", "[story]") {
  auto row = synced_row();
  row.state = sync_state::pending;
  row.verification = verification_state::failed;
  row.verification_failure = "found ab…, not cd…";
  CHECK_THAT(story(row).summary, Contains("damaged"));
  CHECK(story(row).cause == "found ab…, not cd…");
  row.verification = verification_state::pending;
  row.wanted = false;
  CHECK_THAT(story(row).summary, Contains("removed"));
}

TEST_CASE("what is not verified yet says what it waits for", "[story]") {
  auto row = synced_row();
  row.verification = verification_state::pending;
  CHECK_THAT(story(row).next_step, Contains("farshore reverify file --id 7"));
  row.primary_checksum.reset();
  CHECK_THAT(story(row).cause, Contains("has not told its checksum"));
}

TEST_CASE("a primary's record says whether it can be read", "[story]") {
  checksum_row row;
  row.record = 7;
  row.state = verification_state::failed;
  row.missing = true;
  row.failure = "file 7: nothing at a/b";
  row.retry_at = now + 4s;
  const auto told = story_of("file", row, now);
  CHECK_THAT(told.summary, Contains("no content where its row says"));
  CHECK(told.cause == row.failure);
  CHECK_THAT(told.next_step, Contains("in 4s") && Contains("farshore reverify file --id 7"));
}
