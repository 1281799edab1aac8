// What a look at a store means beside what the database knows of it.

#include "registry/store_identity.hpp"

#include <catch2/catch.hpp>

using namespace farshore;

namespace {

known_store known(std::int64_t counter, bool pending = false) {
  known_store store;
  store.path = "/srv/a";
  store.mark = {"mine", counter};
  store.pending = pending;
  store.device = 1;
  return store;
}

store_look seen(std::optional<store_mark> mark, std::uint64_t device = 1) {
  return {true, device, 100, std::move(mark)};
}

} // namespace

TEST_CASE("a store that the database does not know is taken as it is", "[store_identity]") {
  CHECK(judge({}, seen({})) == store_verdict::unknown);
  CHECK(judge({}, seen(store_mark{"other", 9})) == store_verdict::unknown);
}

TEST_CASE("the same id with the same counter is good, on whatever file system",
          "[store_identity]") {
  CHECK(judge(known(3), seen(store_mark{"mine", 3})) == store_verdict::good);
  CHECK(judge(known(3), seen(store_mark{"mine", 3}, 2)) == store_verdict::good);
}

TEST_CASE("while a raise is under way either number is good, and no other", "[store_identity]") {
  CHECK(judge(known(3, true), seen(store_mark{"mine", 2})) == store_verdict::rolled_back);
  CHECK(judge(known(3, true), seen(store_mark{"mine", 3})) == store_verdict::good);
  CHECK(judge(known(3, true), seen(store_mark{"mine", 4})) == store_verdict::good);
  CHECK(judge(known(3, true), seen(store_mark{"mine", 5})) == store_verdict::database_rolled_back);
}

TEST_CASE("whichever of the two was put back is behind the other", "[store_identity]") {
  CHECK(judge(known(3), seen(store_mark{"mine", 2})) == store_verdict::rolled_back);
  CHECK(judge(known(3), seen(store_mark{"mine", 4})) == store_verdict::database_rolled_back);
}

TEST_CASE("another id is another store, whatever its counter", "[store_identity]") {
  CHECK(judge(known(3), seen(store_mark{"other", 3})) == store_verdict::replaced);
}

TEST_CASE("a store without its mark was emptied, or is away if its file system changed, too",
          "[store_identity]") {
  CHECK(judge(known(3), seen({})) == store_verdict::emptied);
  CHECK(judge(known(3), seen({}, 2)) == store_verdict::away);
  CHECK(judge(known(3), {false, 2, 0, {}}) == store_verdict::away);
}

TEST_CASE("every verdict has a name by which it is found again", "[store_identity]") {
  for (const auto one :
       {store_verdict::good, store_verdict::emptied, store_verdict::replaced,
        store_verdict::rolled_back, store_verdict::database_rolled_back, store_verdict::away}) {
    CHECK(verdict_of(to_string(one)) == one);
    CHECK_FALSE(sentence(one).empty());
  }
  CHECK(verdict_of("") == store_verdict::unknown);
}
