#include "config/clock.hpp"
#include "net/blob_request.hpp"
#include "net/feed_json.hpp"
#include "net/http_error.hpp"
#include "net/scope_json.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <limits>
#include <string>

using namespace farshore;
using Catch::Contains;

namespace {

checksum some_sum() {
  checksum sum;
  std::ranges::generate(sum, [n = std::uint8_t{0}]() mutable { return n += 7; });
  return sum;
}

const wall_time some_time{std::chrono::nanoseconds{1'700'000'000'123'456'789}};
constexpr auto int_max = std::numeric_limits<std::int64_t>::max();
constexpr auto int_min = std::numeric_limits<std::int64_t>::min();

events_page full_page() {
  events_page page;
  page.events.push_back(
      {5, "package_file", 12, "12", operation::updated, true, "a/b%20c", 77, some_sum()});
  page.events.push_back({int_max,
                         "manual",
                         int_min,
                         "k\"e\\y\n\xE2\x82\xAC",
                         operation::checksum_succeeded,
                         true,
                         "",
                         std::uint64_t{1} << 63,
                         {}});
  page.events.back().pool = "of/forks.git";
  page.events.push_back({7, "manual", 0, "", operation::truncated, false, "", {}, {}});
  page.upto = {UINT64_MAX, int_max, INT32_MIN};
  page.more = true;
  page.covered_xid = UINT64_MAX - 1;
  page.horizon = some_time;
  page.identity = "7-1-16384-99";
  page.types = {{"package_file", 3, ""}, {"manual", 0, "table \"manuals\" does not exist"}};
  page.blocker = horizon_blocker{4711, std::chrono::seconds{99}};
  return page;
}

/// A page, with `from` (which stands in it) replaced by `to`.
std::string with(std::string from, const std::string& to) {
  auto text = to_json(full_page());
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

} // namespace

TEST_CASE("a page of events survives its JSON", "[json]") {
  const auto page = full_page();
  const auto back = parse_events_page(to_json(page));
  REQUIRE(back);
  REQUIRE(back->events.size() == page.events.size());
  for (std::size_t i = 0; i < page.events.size(); ++i) {
    const auto& a = page.events[i];
    const auto& b = back->events[i];
    CHECK(a.id == b.id);
    CHECK(a.type == b.type);
    CHECK(a.record == b.record);
    CHECK(a.key == b.key);
    CHECK(a.op == b.op);
    CHECK(a.present == b.present);
    CHECK(a.locator == b.locator);
    CHECK(a.pool == b.pool);
    CHECK(a.size == b.size);
    CHECK(a.sum == b.sum);
  }
  CHECK(back->upto == page.upto);
  CHECK(back->more == page.more);
  CHECK(back->covered_xid == page.covered_xid);
  CHECK(back->horizon == page.horizon);
  CHECK(back->identity == page.identity);
  REQUIRE(back->types.size() == 2);
  CHECK(back->types[1].name == "manual");
  CHECK(back->types[0].generation == 3);
  CHECK(back->types[1].waiting == page.types[1].waiting);
  REQUIRE(back->blocker);
  CHECK(back->blocker->pid == 4711);
  CHECK(back->blocker->age == std::chrono::seconds{99});
}

TEST_CASE("an empty page of events survives its JSON", "[json]") {
  const auto back = parse_events_page(to_json(events_page{}));
  REQUIRE(back);
  CHECK(back->events.empty());
  CHECK_FALSE(back->horizon);
  CHECK_FALSE(back->blocker);
}

TEST_CASE("a page of the catalogue survives its JSON", "[json]") {
  catalogue_page page{"widget", 2, record_id_before_all, {}, int_min, false};
  page.rows.push_back({int_min, "a", "x/y", 5, 9, some_sum()});
  page.rows.push_back({int_max, "b", "z", {}, 0, {}, "of/forks.git"});
  const auto back = parse_catalogue_page(to_json(page));
  REQUIRE(back);
  CHECK(back->type == "widget");
  CHECK(back->generation == 2);
  CHECK(back->next_after == int_min);
  CHECK_FALSE(back->last);
  REQUIRE(back->rows.size() == 2);
  CHECK(back->rows[0].record == int_min);
  CHECK(back->rows[0].key == "a");
  CHECK(back->rows[0].locator == "x/y");
  CHECK(back->rows[0].size == 5);
  CHECK(back->rows[0].rev == 9);
  CHECK(back->rows[0].sum == some_sum());
  CHECK_FALSE(back->rows[1].size);
  CHECK_FALSE(back->rows[1].sum);
  CHECK(back->rows[0].pool.empty());
  CHECK(back->rows[1].pool == "of/forks.git");
}

TEST_CASE("records asked for by id, and their answer, survive their JSON", "[json]") {
  const auto asked =
      parse_records_request(to_json(records_request{"widget", {int_min, 0, int_max}}));
  REQUIRE(asked);
  CHECK(asked->type == "widget");
  CHECK(asked->records == std::vector<record_id>{int_min, 0, int_max});
  records_page page{"widget", 2, {}, {{int_max, "a", "x/y", 5, 9, some_sum()}}};
  const auto back = parse_records_page(to_json(page));
  REQUIRE(back);
  CHECK(back->type == "widget");
  CHECK(back->generation == 2);
  REQUIRE(back->rows.size() == 1);
  CHECK(back->rows[0].record == int_max);
  CHECK(back->rows[0].locator == "x/y");
  CHECK(back->rows[0].sum == some_sum());
}

TEST_CASE("a request for records is refused unless it is short and in order", "[json]") {
  for (const auto* ids :
       {"[2,1]", "[1,1]", "[1.5]", "[\"1\"]", "[9223372036854775808]", "7", "{}"}) {
    CAPTURE(ids);
    const auto refused =
        parse_records_request(std::string{R"({"type":"widget","ids":)"} + ids + "}");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ec::protocol);
  }
  records_request many{"widget", {}};
  for (record_id id = 0; id <= static_cast<record_id>(records_asked_max); ++id)
    many.records.push_back(id);
  CHECK_FALSE(parse_records_request(to_json(many)));
  many.records.pop_back();
  CHECK(parse_records_request(to_json(many)));
  CHECK_FALSE(parse_records_request(R"({"type":"Widget!","ids":[]})"));
}

TEST_CASE("digests asked for, and their answer, survive their JSON", "[json]") {
  const digest_request request{"widget", 32, {{int_min, 0}, {0, 7}, {9, int_max}}};
  const auto asked = parse_digest_request(to_json(request));
  REQUIRE(asked);
  CHECK(asked->type == "widget");
  CHECK(asked->slice_records == 32);
  CHECK(asked->ranges == request.ranges);
  const digest_page page{
      "widget", 2, {{{5, {3, 1, UINT64_MAX}}, {int_max, {}}}, {{int_min + 1, {1, 0, 0}}}}};
  const auto back = parse_digest_page(to_json(page));
  REQUIRE(back);
  CHECK(back->type == "widget");
  CHECK(back->generation == 2);
  CHECK(back->ranges == page.ranges);
}

TEST_CASE("a request for digests is refused unless its ranges ascend and are few", "[json]") {
  const auto refused = [](const std::string& rest) {
    const auto parsed = parse_digest_request(R"({"type":"widget",)" + rest + "}");
    return !parsed && parsed.error().code == ec::protocol;
  };
  for (const auto* ranges : {"[]", "[[1]]", "[[1,2,3]]", "[[2,1]]", "[[1,1]]", "[[1,5],[4,9]]",
                             "[[1,2.5]]", "[[1,\"2\"]]", "7", "[7]", "[[1,9223372036854775808]]"}) {
    CAPTURE(ranges);
    CHECK(refused(std::string{R"("slice":1,"ranges":)"} + ranges));
  }
  for (const auto* slice : {"0", "-1", "8193", "1.5", "null"}) {
    CAPTURE(slice);
    CHECK(refused(std::string{R"("ranges":[[1,2]],"slice":)"} + slice));
  }
  digest_request many{"widget", 1, {}};
  for (record_id id = 0; id <= static_cast<record_id>(digest_ranges_max); ++id)
    many.ranges.push_back({id, id + 1});
  CHECK_FALSE(parse_digest_request(to_json(many)));
  many.ranges.pop_back();
  CHECK(parse_digest_request(to_json(many)));
}

TEST_CASE("digests with a value that can't be are refused", "[json]") {
  for (const auto* slice : {"[]", "[1,2]", "[1,2,3]", "[1,0,\"00000000000000000000000000000000\"]",
                            "[1,-1,\"00000000000000000000000000000000\"]", "[1,1,\"00\"]",
                            "[1,1,\"0000000000000000000000000000000G\"]", "[1.5]", "{}", "1"}) {
    CAPTURE(slice);
    const auto parsed = parse_digest_page(
        std::string{R"({"type":"widget","generation":1,"ranges":[[)"} + slice + "]]}");
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code == ec::protocol);
  }
  random_source random{4};
  const auto good = to_json(digest_page{"widget", 2, {{{5, {3, 1, 2}}, {int_max, {}}}}});
  for (int i = 0; i < 5'000; ++i) {
    auto text = good;
    for (auto changes = 1 + random.below(3); changes > 0; --changes)
      text[random.below(text.size())] = static_cast<char>(random.below(256));
    if (const auto parsed = parse_digest_page(text); !parsed)
      CHECK(parsed.error().code == ec::protocol);
  }
}

TEST_CASE("a position survives its JSON", "[json]") {
  const primary_position position{"who", {1, 2, 3}, 99, some_time};
  const auto back = parse_primary_position(to_json(position));
  REQUIRE(back);
  CHECK(back->identity == "who");
  CHECK(back->place == position.place);
  CHECK(back->mark_xid == 99);
  CHECK(back->horizon == some_time);
  CHECK_FALSE(parse_primary_position(to_json(primary_position{}))->horizon);
}

TEST_CASE("a request for blobs survives its JSON", "[json]") {
  const blob_request request{
      "widget", {{7, "a/b", content_offer{12, some_sum()}}, {int_min, "c", std::nullopt}}};
  const auto back = parse_blob_request(to_json(request));
  REQUIRE(back);
  CHECK(back->type == "widget");
  REQUIRE(back->blobs.size() == 2);
  CHECK(back->blobs[0].record == 7);
  CHECK(back->blobs[0].locator == "a/b");
  REQUIRE(back->blobs[0].offer);
  CHECK(back->blobs[0].offer->size == 12);
  CHECK(back->blobs[0].offer->sum == some_sum());
  CHECK(back->blobs[1].record == int_min);
  CHECK_FALSE(back->blobs[1].offer);
}

TEST_CASE("what a secondary has of a repository is told where that is asked for alone", "[json]") {
  const std::vector<std::string> have{std::string(40, 'a'), std::string(64, '0')};
  blob_request request{"project", {{7, "a.git", content_offer{0, some_sum(), have}}}};
  const auto back = parse_blob_request(to_json(request));
  REQUIRE(back);
  CHECK(back->blobs[0].offer->have == have);
  request.blobs.push_back(request.blobs[0]);
  const auto both = parse_blob_request(to_json(request));
  REQUIRE(both);
  CHECK(both->blobs[0].offer->have.empty());
  CHECK(both->blobs[0].offer->sum == some_sum());
}

TEST_CASE("what no secondary has of a repository is refused", "[json]") {
  const auto sum = ",\"size\":0,\"sum\":\"" + to_hex(some_sum()) + "\"";
  const auto with_have = [](const std::string& before, const std::string& have) {
    return "{\"type\":\"project\",\"blobs\":[{\"id\":1,\"locator\":\"a\"" + before +
           ",\"have\":" + have + "}]}";
  };
  const auto oid = "\"" + std::string(40, 'a') + "\"";
  std::string many = "[" + oid;
  for (std::size_t i = 0; i < have_in_request_max; ++i)
    many += "," + oid;
  CHECK(parse_blob_request(with_have(sum, "[" + oid + "]")));
  for (const auto& bad :
       {with_have("", "[" + oid + "]"), with_have(sum, "17"), with_have(sum, "[17]"),
        with_have(sum, "[\"\"]"), with_have(sum, "[\"--all\"]"),
        with_have(sum, "[\"" + std::string(40, 'A') + "\"]"),
        with_have(sum, "[\"" + std::string(41, 'a') + "\"]"), with_have(sum, many + "]")}) {
    INFO(bad.substr(0, 200));
    const auto parsed = parse_blob_request(bad);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code == ec::protocol);
  }
}

TEST_CASE("a page with a value that can't be is refused", "[json]") {
  const auto bad = GENERATE_COPY(values<std::string>({
      "",
      "[]",
      "null",
      "17",
      "{}",
      "{\"events\":17}",
      with("\"id\":5,", ""),
      with("\"id\":5", "\"id\":\"5\""),
      with("\"id\":5", "\"id\":5.5"),
      with("\"id\":5", "\"id\":9223372036854775808"),
      with("\"id\":5", "\"id\":1e5"),
      with("\"record\":12", "\"record\":null"),
      with("\"record\":12", "\"record\":true"),
      with("\"op\":\"updated\"", "\"op\":\"exploded\""),
      with("a/b%20c", "a/b c"),
      with("a/b%20c", "a/b%2"),
      with("a/b%20c", std::string(13'000, 'a')),
      with("\"size\":77", "\"size\":-1"),
      with("\"type\":\"package_file\"", "\"type\":\"Pack\""),
      with("\"type\":\"package_file\"", "\"type\":\"../etc\""),
      with("\"more\":true", "\"more\":1"),
      with("\"covered_xid\":", "\"covered_xid\":-"),
      with("\"token\":-2147483648", "\"token\":-2147483649"),
      with("\"pid\":4711", "\"pid\":4711000000"),
      with(to_hex(some_sum()), "abc"),
      with(to_hex(some_sum()), std::string(64, 'x')),
      with("7-1-16384-99", std::string(1'000, '7')),
      to_json(full_page()) + "x",
      to_json(full_page()).substr(0, 200),
      std::string(10'000, '['),
  }));
  INFO(bad.substr(0, 300));
  const auto parsed = parse_events_page(bad);
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().code == ec::protocol);
}

TEST_CASE("a request for blobs with a value that can't be is refused", "[json]") {
  const std::string sum = to_hex(some_sum());
  std::string too_many = R"({"type":"widget","blobs":[)";
  for (std::size_t i = 0; i <= blobs_in_request_max; ++i)
    too_many += (i ? "," : "") + std::string{R"({"id":1,"locator":"a"})"};
  too_many += "]}";
  const auto bad = GENERATE_COPY(values<std::string>({
      "",
      R"({"type":"widget"})",
      R"({"type":"widget","blobs":[]})",
      R"({"type":"","blobs":[{"id":1,"locator":"a"}]})",
      R"({"type":"widget","blobs":[{"id":1}]})",
      R"({"type":"widget","blobs":[{"locator":"a"}]})",
      R"({"type":"widget","blobs":[{"id":1,"locator":"a","size":1}]})",
      R"({"type":"widget","blobs":[{"id":1,"locator":"a","sum":")" + sum + "\"}]}",
      R"({"type":"widget","blobs":[1]})",
      too_many,
  }));
  INFO(bad.substr(0, 300));
  const auto parsed = parse_blob_request(bad);
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().code == ec::protocol);
}

TEST_CASE("random changes to a page never do more than be refused", "[json]") {
  random_source random{3};
  const auto good = to_json(full_page());
  for (int i = 0; i < 5'000; ++i) {
    auto text = good;
    for (auto changes = 1 + random.below(3); changes > 0; --changes)
      text[random.below(text.size())] = static_cast<char>(random.below(256));
    if (const auto parsed = parse_events_page(text); !parsed)
      CHECK(parsed.error().code == ec::protocol);
  }
}

TEST_CASE("an error survives its answer", "[json]") {
  for (const auto code : {ec::unauthorized, ec::position_unknown, ec::type_waiting, ec::not_found,
                          ec::protocol, ec::internal, ec::database_unavailable, ec::log_trimmed}) {
    const auto answer = error_answer({code, "what \"went\" wrong"});
    CHECK(answer.content_type == "application/problem+json");
    const auto back = parse_error_answer(answer.status, answer.body);
    CHECK(back.code == code);
    CHECK(back.message == "what \"went\" wrong");
  }
  CHECK(error_answer({ec::unauthorized, ""}).status == 401);
  CHECK(error_answer({ec::not_found, ""}).status == 404);
  CHECK(error_answer({ec::position_unknown, ""}).status == 409);
  CHECK(error_answer({ec::log_trimmed, ""}).status == 410);
  CHECK(error_answer({ec::type_waiting, ""}).status == 503);
  CHECK(error_answer({ec::internal, ""}).status == 500);
}

TEST_CASE("an answer that is not Farshore's is an error of the protocol", "[json]") {
  for (const std::string_view body :
       {"", "<html>Bad gateway</html>", "{}", R"({"error":"no"})", R"({"error":{"code":"no"}})",
        R"({"error":{"code":"exploded","message":"x"}})"}) {
    const auto error = parse_error_answer(502, body);
    CHECK(error.code == ec::protocol);
    CHECK_THAT(error.message, Contains("502"));
  }
}

// -- scopes ---------------------------------------------------------------------------------------

TEST_CASE("an event of a record outside is its id, and no more", "[json][scopes]") {
  served_event event{5, "file", 12, "12", operation::updated, false, "", 77, some_sum()};
  event.outside = true;
  events_page page;
  page.events = {event};
  page.scope = std::string(64, 'a');
  const auto text = to_json(page);
  for (const auto* kept : {"\"key\"", "locator", "size", "sum"})
    CHECK_THAT(text, !Contains(kept));
  const auto back = parse_events_page(text);
  REQUIRE(back);
  CHECK(back->events.at(0).outside);
  CHECK_FALSE(back->events.at(0).present);
  CHECK(back->events.at(0).record == 12);
  CHECK(back->events.at(0).key.empty());
  CHECK(back->scope == page.scope);
  auto both = text;
  both.replace(both.find("\"outside\":true"), 14,
               "\"outside\":true,\"present\":true,\"locator\":\"a\"");
  CHECK(parse_events_page(both).error().code == ec::protocol);
}

TEST_CASE("pages say what scope they are of, where they are of one", "[json][scopes]") {
  const std::string digest(64, '7');
  catalogue_page page{"file", 3, 0, {}, 12, true, digest};
  CHECK(parse_catalogue_page(to_json(page))->scope == digest);
  page.scope.clear();
  CHECK_THAT(to_json(page), !Contains("scope"));
  records_page found{"file", 3, {}, {}, {4, 9}, digest};
  const auto back = parse_records_page(to_json(found));
  REQUIRE(back);
  CHECK(back->outside == found.outside);
  CHECK(back->scope == digest);
  CHECK_FALSE(parse_records_page(R"({"type":"file","generation":1,"rows":[],"outside":[9,4]})"));
  CHECK_FALSE(parse_records_page(R"({"type":"file","generation":1,"rows":[],"scope":"x"})"));
}

TEST_CASE("a scope survives its JSON, and a hostile one is refused", "[json][scopes]") {
  site_scope scope;
  scope.columns["project_id"] = {"1", "10-20"};
  scope.columns["region"] = {"it's \"x\""};
  scope.predicates["file"] = "recent";
  const auto back = parse_site_scope(to_json(scope));
  REQUIRE(back);
  CHECK(*back == scope);
  const auto sorted = parse_site_scope(R"({"columns":{"a":["2","1","2"]},"predicates":{}})");
  REQUIRE(sorted);
  CHECK(sorted->columns.at("a") == std::vector<std::string>{"1", "2"});
  std::string many = R"({"predicates":{},"columns":{"a":["0")";
  for (int n = 0; n < 10'000; ++n)
    many += ",\"" + std::to_string(n) + "\"";
  for (const auto& wrong :
       {std::string{"{}"}, std::string{"[]"}, std::string{R"({"columns":{},"predicates":{}})"},
        std::string{R"({"columns":{"a":[1]},"predicates":{}})"},
        std::string{R"({"columns":{"a":[]},"predicates":{}})"},
        std::string{R"({"columns":{"a b":["1"]},"predicates":{}})"},
        std::string{R"({"columns":{"a":["\u0000"]},"predicates":{}})"},
        std::string{R"({"columns":[],"predicates":{}})"},
        std::string{R"({"columns":{},"predicates":{"file":"a b"}})"},
        R"({"columns":{"a":[")" + std::string(256, 'x') + R"("]},"predicates":{}})",
        many + "]}}"}) {
    CAPTURE(wrong.substr(0, 80));
    const auto refused = parse_site_scope(wrong);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ec::protocol);
  }
  CHECK(parse_scope_answer(scope_answer(digest_of(scope))) == digest_of(scope));
  CHECK_FALSE(parse_scope_answer(R"({"scope":"everything"})"));
}

TEST_CASE("how many records a type has is told where it is known", "[json][scopes]") {
  events_page page;
  page.types = {{"file", 1, "", true, 4711}, {"scan", 1, ""}};
  const auto back = parse_events_page(to_json(page));
  REQUIRE(back);
  CHECK(back->types.at(0).records == 4711);
  CHECK_FALSE(back->types.at(1).records);
}
