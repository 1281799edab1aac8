#include "wire_fixture.hpp"

#include "config/version.hpp"
#include "net/blob_request.hpp"
#include "net/frames.hpp"

#include <catch2/catch.hpp>

#include <list>

using namespace farshore;
using namespace farshore::test;
using namespace std::chrono_literals;
using Catch::Contains;

namespace {

constexpr auto long_wait = 25'000ms;

} // namespace

TEST_CASE_METHOD(wire_fixture, "events behind a place are served, and the next place", "[routes]") {
  database->add_event(5);
  database->add_event(6);
  database->add_event(7);
  const auto page = events({{}, 2, 0ms});
  REQUIRE(page);
  CHECK(page->events.size() == 2);
  CHECK(page->more);
  CHECK(page->identity == "a primary");
  const auto rest = events({page->upto, 100, 0ms});
  REQUIRE(rest);
  REQUIRE(rest->events.size() == 1);
  CHECK(rest->events[0].record == 7);
  CHECK_FALSE(rest->more);
}

TEST_CASE_METHOD(wire_fixture, "who does not want to wait is told at once that nothing is new",
                 "[routes]") {
  const auto page = events({{}, 100, 0ms});
  REQUIRE(page);
  CHECK(page->events.empty());
  CHECK(page->covered_xid == 100);
}

TEST_CASE_METHOD(wire_fixture, "digests of ranges of the catalogue are served", "[routes]") {
  for (record_id record = 1; record <= 9; ++record)
    database->rows[record] = {record, true, "w/" + std::to_string(record), {}};
  answer<digest_page> page;
  link().digests({"widget", 2, {{0, 3}, {5, INT64_MAX}}}, page.taker());
  const auto told = page.get();
  REQUIRE(told);
  CHECK(told->generation == 1);
  REQUIRE(told->ranges.size() == 2);
  const auto one = [](record_id record) {
    return digest_of(record, "w/" + std::to_string(record), 0, {});
  };
  auto first = one(1);
  first += one(2);
  CHECK(told->ranges[0] == std::vector<digest_slice>{{2, first}, {3, one(3)}});
  CHECK(told->ranges[1].size() == 3);
  CHECK(told->ranges[1].back() == digest_slice{INT64_MAX, {}});
  answer<digest_page> unknown;
  link().digests({"gadget", 2, {{}}}, unknown.taker());
  CHECK(unknown.get().error().code == ec::not_found);
}

TEST_CASE_METHOD(wire_fixture, "who waits is told of an event as it comes", "[routes]") {
  REQUIRE(events({{}, 100, 0ms}));
  answer<events_page> page;
  link().events({{}, 100, long_wait}, page.taker());
  // The position has a connection of its own, so its answer says that time has passed.
  answer<primary_position> position;
  link().position(position.taker());
  REQUIRE(position.get());
  database->add_event(5);
  const auto told = page.get();
  REQUIRE(told);
  CHECK(told->events.size() == 1);
}

TEST_CASE_METHOD(wire_fixture, "who waits is told when the time is over", "[routes]") {
  REQUIRE(events({{}, 100, 0ms}));
  const auto page = events({{}, 100, 30ms});
  REQUIRE(page);
  CHECK(page->events.empty());
}

TEST_CASE_METHOD(wire_fixture, "events that can't be served yet are no news", "[routes]") {
  REQUIRE(events({{}, 100, 0ms}));
  database->add_event(5);
  {
    const std::scoped_lock lock{database->mutex};
    database->held_back = true;
  }
  const auto page = events({{}, 100, 30ms});
  REQUIRE(page);
  CHECK(page->events.empty());
  CHECK(page->more);
}

TEST_CASE_METHOD(wire_fixture, "who waits is told when a type's status changes, even in between",
                 "[routes]") {
  REQUIRE(events({{}, 100, 0ms}));
  routes->set_type_statuses({{"widget", 1, ""}, {"gadget", 0, "table does not exist"}});
  auto page = events({{}, 100, long_wait});
  REQUIRE(page);
  REQUIRE(page->types.size() == 2);
  CHECK(page->types[1].name == "gadget");
  CHECK(page->types[1].waiting == "table does not exist");

  answer<events_page> waiting;
  link().events({{}, 100, long_wait}, waiting.taker());
  routes->set_type_statuses({{"widget", 1, ""}, {"gadget", 0, "its table is locked"}});
  page = waiting.get();
  REQUIRE(page);
  CHECK(page->types[1].waiting == "its table is locked");
}

TEST_CASE_METHOD(wire_fixture, "an unchanged status wakes nobody", "[routes]") {
  start_primary();
  routes->set_type_statuses({{"widget", 1, ""}});
  REQUIRE(events({{}, 100, 0ms}));
  routes->set_type_statuses({{"widget", 1, ""}});
  const auto before = std::chrono::steady_clock::now();
  REQUIRE(events({{}, 100, 40ms}));
  CHECK(std::chrono::steady_clock::now() - before >= 40ms);
}

TEST_CASE_METHOD(wire_fixture, "who waits is told as soon as a mark that was given out is covered",
                 "[routes]") {
  REQUIRE(events({{}, 100, 0ms}));
  {
    const std::scoped_lock lock{database->mutex};
    database->xmax = 105;
  }
  answer<primary_position> position;
  link().position(position.taker());
  const auto now = position.get();
  REQUIRE(now);
  CHECK(now->mark_xid == 105);
  answer<events_page> page;
  link().events({{}, 100, long_wait}, page.taker());
  {
    const std::scoped_lock lock{database->mutex};
    database->xmin = 105;
  }
  const auto told = page.get();
  REQUIRE(told);
  CHECK(told->covered_xid == 105);
}

TEST_CASE_METHOD(wire_fixture, "several who wait share their looks at the log", "[routes]") {
  routes_settings.poll = 5ms;
  REQUIRE(events({{}, 100, 0ms}));
  answer<events_page> first;
  link().events({{}, 100, 50ms}, first.taker());
  const auto other = primary_link::make(link_settings);
  answer<events_page> second;
  other->events({{}, 100, 50ms}, second.taker());
  REQUIRE(first.get());
  REQUIRE(second.get());
  const std::scoped_lock lock{database->mutex};
  CHECK(database->event_queries == 5); // two each, however long they waited
}

TEST_CASE_METHOD(wire_fixture, "a stopping server ends the waiting", "[routes]") {
  REQUIRE(events({{}, 100, 0ms}));
  http_client client{server->address()};
  client.send(http_client::signed_request("GET", "/v1/events?wait_ms=30000"));
  // Once another request has been through, the first one waits.
  answer<primary_position> position;
  link().position(position.taker());
  REQUIRE(position.get());
  server->stop();
  (void)client.read(); // an answer or an end, but now
  SUCCEED("it came back");
}

TEST_CASE_METHOD(wire_fixture, "a horizon is named once a sample lies below what is covered",
                 "[routes]") {
  routes_settings.sample_every = 1ms;
  {
    const std::scoped_lock lock{database->mutex};
    database->blocker = horizon_blocker{12, 60s};
  }
  start_primary();
  // Samples come by themselves; whoever asks often enough sees the first of them.
  result<events_page> page = fail(ec::internal, "");
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  do
    page = events({{}, 100, 0ms});
  while (page && !(page->horizon && page->blocker) && std::chrono::steady_clock::now() < deadline);
  REQUIRE(page);
  CHECK(page->horizon);
  REQUIRE(page->blocker);
  CHECK(page->blocker->pid == 12);
}

TEST_CASE_METHOD(wire_fixture, "a place that the log does not have is refused", "[routes]") {
  const auto page = events({{1, 1, 666}, 100, long_wait});
  REQUIRE_FALSE(page);
  CHECK(page.error().code == ec::position_unknown);
  CHECK_THAT(page.error().message, Contains("no such place"));
}

TEST_CASE_METHOD(wire_fixture, "parameters that are no numbers are refused", "[routes]") {
  start_primary();
  http_client client{server->address()};
  for (const auto* query : {"xid=-1", "xid=18446744073709551616", "id=x", "token=2147483648",
                            "limit=1.5", "wait_ms=", "id=1%20"}) {
    const auto answer =
        client.ask(http_client::signed_request("GET", std::string{"/v1/events?"} + query));
    REQUIRE(answer);
    CHECK(answer->result_int() == 400);
  }
}

TEST_CASE_METHOD(wire_fixture, "the catalogue is served page by page", "[routes]") {
  for (int i = 1; i <= 5; ++i)
    database->add_row(i, "f" + std::to_string(i));
  answer<catalogue_page> first;
  link().catalogue({"widget", record_id_before_all, 3}, first.taker());
  const auto page = first.get();
  REQUIRE(page);
  CHECK(page->rows.size() == 3);
  CHECK_FALSE(page->last);
  answer<catalogue_page> second;
  link().catalogue({"widget", page->next_after, 3}, second.taker());
  const auto rest = second.get();
  REQUIRE(rest);
  CHECK(rest->rows.size() == 2);
  CHECK(rest->rows[0].locator == "f4");
  CHECK(rest->last);
  answer<catalogue_page> unknown;
  link().catalogue({"nonsense", 0, 3}, unknown.taker());
  CHECK(unknown.get().error().code == ec::not_found);
}

TEST_CASE_METHOD(wire_fixture, "records are looked up by id", "[routes]") {
  for (int i = 1; i <= 3; ++i)
    database->add_row(i, "f" + std::to_string(i));
  answer<records_page> some;
  link().records({"widget", {-1, 2, 3, 77}}, some.taker());
  const auto page = some.get();
  REQUIRE(page);
  CHECK(page->generation == 1);
  CHECK(page->asked == std::vector<record_id>{-1, 2, 3, 77});
  REQUIRE(page->rows.size() == 2);
  CHECK(page->rows[0].record == 2);
  CHECK(page->rows[1].locator == "f3");
  answer<records_page> unknown;
  link().records({"nonsense", {1}}, unknown.taker());
  CHECK(unknown.get().error().code == ec::not_found);
  answer<records_page> disordered;
  link().records({"widget", {2, 1}}, disordered.taker());
  CHECK(disordered.get().error().code == ec::protocol);
}

TEST_CASE_METHOD(wire_fixture, "a connection to the database that broke is replaced unnoticed",
                 "[routes]") {
  REQUIRE(events({{}, 100, 0ms}));
  {
    const std::scoped_lock lock{database->mutex};
    database->failures = {{ec::database_unavailable, "terminated"}};
  }
  REQUIRE(events({{}, 100, 0ms}));
  const std::scoped_lock lock{database->mutex};
  CHECK(database->opened == 2);
}

TEST_CASE_METHOD(wire_fixture, "a database that stays away is a primary that can't be asked",
                 "[routes]") {
  start_primary();
  {
    const std::scoped_lock lock{database->mutex};
    database->failures.assign(2, {ec::database_unavailable, "the database is starting up"});
  }
  const auto page = events({{}, 100, 0ms});
  REQUIRE_FALSE(page);
  CHECK(page.error().code == ec::primary_unreachable);
  CHECK_THAT(page.error().message, Contains("starting up"));
}

TEST_CASE_METHOD(wire_fixture, "readers hear of new declarations", "[routes]") {
  REQUIRE(events({{}, 100, 0ms}));
  replicable_type gadget;
  gadget.name = "gadget";
  routes->configure({gadget}, {});
  REQUIRE(events({{}, 100, 0ms}));
  const std::scoped_lock lock{database->mutex};
  CHECK(database->declared == std::vector<std::string>{"gadget"});
}

TEST_CASE_METHOD(wire_fixture, "blobs of a type that is not replicated are refused", "[routes]") {
  start_primary();
  http_client client{server->address()};
  const auto body = to_json(blob_request{"nonsense", {{1, "a", std::nullopt}}});
  const auto answer = client.ask(http_client::signed_request("POST", "/v1/blobs", body));
  REQUIRE(answer);
  CHECK(answer->result_int() == 404);
  const auto broken = client.ask(http_client::signed_request("POST", "/v1/blobs", "{}"));
  REQUIRE(broken);
  CHECK(broken->result_int() == 400);
}

TEST_CASE_METHOD(wire_fixture, "a place that the log does not reach back to is 410", "[routes]") {
  http_client client{url().substr(7)};
  const auto answer =
      client.ask(http_client::signed_request("GET", "/v1/events?xid=1&id=1&token=777"));
  REQUIRE(answer);
  CHECK(answer->result_int() == 410);
  CHECK_THAT(answer->body(), Contains("log_trimmed"));
  const auto page = events({{1, 1, 777}, 100, 0ms});
  REQUIRE_FALSE(page);
  CHECK(page.error().code == ec::log_trimmed);
  CHECK(routes->take_site_notes().empty());
}

TEST_CASE_METHOD(wire_fixture, "a new reader is given the folded place, not the newest",
                 "[routes]") {
  database->add_event(5);
  {
    const std::scoped_lock lock{database->mutex};
    database->folded = {3, 2, 1};
  }
  answer<primary_position> position;
  link().position(position.taker());
  const auto now = position.get();
  REQUIRE(now);
  CHECK(now->place == event_position{3, 2, 1});
}

TEST_CASE_METHOD(wire_fixture, "who asks for events is noted with its proved place, once",
                 "[routes]") {
  database->add_event(5);
  const auto first = events({{}, 100, 0ms});
  REQUIRE(first);
  REQUIRE(events({first->upto, 100, 0ms}));
  const auto notes = routes->take_site_notes();
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].name == "lisbon");
  CHECK(notes[0].place == first->upto);
  CHECK(notes[0].address == "127.0.0.1");
  CHECK(notes[0].program == program_version());
  CHECK(routes->take_site_notes().empty());
}

TEST_CASE_METHOD(wire_fixture, "who waits is noted when it begins to", "[routes]") {
  answer<events_page> page;
  REQUIRE(events({{}, 100, 0ms}));
  routes->take_site_notes();
  link().events({{}, 100, long_wait}, page.taker());
  std::vector<site_note> notes;
  while (notes.empty() && !page.arrived())
    notes = routes->take_site_notes();
  CHECK_FALSE(page.arrived());
  CHECK(notes.size() == 1);
  database->add_event(5);
  CHECK(page.get());
}

TEST_CASE_METHOD(wire_fixture, "one site that asks for what takes long does not keep the others",
                 "[routes]") {
  const auto slow = std::make_shared<gate>();
  for (record_id record = 1; record <= 8; ++record) {
    memory_file file{to_bytes("slow")};
    file.hold = slow;
    add_blob(record, "slow" + std::to_string(record), file);
  }
  add_blob(100, "quick", {to_bytes("quick")});
  const auto ask_for = [&](http_client& client, const std::string& site, record_id record,
                           const std::string& locator) {
    client.send(http_client::signed_request("POST", "/v1/blobs",
                                            R"({"type":"widget","blobs":[{"id":)" +
                                                std::to_string(record) + R"(,"locator":")" +
                                                locator + R"("}]})",
                                            test_secret, system_time().wall(), site));
  };
  const auto where = url().substr(7);
  std::list<http_client> greedy;
  for (record_id record = 1; record <= 8; ++record)
    ask_for(greedy.emplace_back(where), "lisbon", record, "slow" + std::to_string(record));
  slow->wait_until_reached();
  http_client other{where};
  ask_for(other, "porto", 100, "quick");
  const auto answer = other.read();
  slow->open();
  REQUIRE(answer);
  CHECK_THAT(answer->body(), Contains("quick"));
  for (auto& one : greedy)
    CHECK(one.read());
}
