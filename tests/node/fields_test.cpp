#include "node/fields.hpp"

#include <boost/json.hpp>

#include <catch2/catch.hpp>

using namespace farshore;

TEST_CASE("fields are found by path, and absent ones are empty", "[fields]") {
  auto json = boost::json::parse(
      R"({"a":{"b":[1,{"c":"text"}]},"big":18446744073709551615,"no":-4,"yes":true,"half":0.5})");
  CHECK(int_at(json, "/a/b/0") == 1);
  CHECK(text_at(json, "/a/b/1/c") == "text");
  CHECK(uint_at(json, "/big") == 18446744073709551615u);
  CHECK(int_at(json, "/no") == -4);
  CHECK(uint_at(json, "/no") == 0);
  CHECK(bool_at(json, "/yes"));
  CHECK(number_at(json, "/half") == 0.5);
  CHECK(number_at(json, "/no") == -4);
  CHECK(list_at(json, "/a/b").size() == 2);
  for (auto path : {"/x", "/a/x", "/a/b/9", "/a/b/x", "/yes/x", "broken", "/half"}) {
    CHECK(int_at(json, path) == 0);
    CHECK(text_at(json, path).empty());
    CHECK(list_at(json, path).empty());
  }
  CHECK_FALSE(bool_at(json, "/no"));
  CHECK(text_at(boost::json::value("itself"), "") == "itself");
}

TEST_CASE("an age is shown beside its time", "[fields]") {
  const std::string now = "2026-03-01T00:00:05.250Z";
  CHECK(with_age("2026-03-01T00:00:05.000Z", now) == "2026-03-01T00:00:05.000Z (0.2 s ago)");
  CHECK(with_age("2026-02-28T23:59:00.000Z", now) == "2026-02-28T23:59:00.000Z (65 s ago)");
  CHECK(with_age("2026-02-28T23:00:00.000Z", now) == "2026-02-28T23:00:00.000Z (60 min ago)");
  CHECK(with_age("2026-02-28T12:00:00.000Z", now) == "2026-02-28T12:00:00.000Z (12 h ago)");
  CHECK(with_age("2026-02-01T00:00:00.000Z", now) == "2026-02-01T00:00:00.000Z (28 days ago)");
  CHECK(with_age("2026-03-01T00:00:09.000Z", now) == "2026-03-01T00:00:09.000Z (0.0 s ago)");
  CHECK(with_age("", now) == "-");
  CHECK(with_age("yesterday", now) == "yesterday");
  CHECK(with_age("2026-13-45T00:00:00.000Z", now) == "2026-13-45T00:00:00.000Z");
}

TEST_CASE("text from elsewhere stays on its line", "[fields]") {
  CHECK(one_line("a\nb\tc\x1b[31m\x7f") == "a b c [31m ");
  CHECK(one_line("ü") == "ü");
}
