#include "config/scope.hpp"

#include <catch2/catch.hpp>

#include <limits>

using namespace farshore;
using Catch::Contains;

namespace {

using texts = std::vector<std::string>;

site_scope of_projects(texts values) {
  site_scope scope;
  scope.columns["project_id"] = std::move(values);
  make_canonical(scope);
  return scope;
}

std::vector<value_range> ranges(const texts& values) {
  std::string bad;
  const auto found = ranges_of(values, bad);
  REQUIRE(found);
  return *found;
}

} // namespace

TEST_CASE("a value is a whole number or a range of them", "[scope]") {
  CHECK(parse_range("7") == value_range{7, 7});
  CHECK(parse_range("-3") == value_range{-3, -3});
  CHECK(parse_range("10-20") == value_range{10, 20});
  CHECK(parse_range("-5--1") == value_range{-5, -1});
  CHECK(parse_range("-9223372036854775808-9223372036854775807") ==
        value_range{INT64_MIN, INT64_MAX});
  for (const auto* wrong : {"", "-", "x", "1-", "1-x", "20-10", "1 - 2", "1-2-3", "1.5", "+1",
                            "9223372036854775808", "1-9223372036854775808", "0x10"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_range(wrong));
  }
}

TEST_CASE("ranges are sorted, and those that touch are one", "[scope]") {
  CHECK(ranges({"5", "1-3", "4", "10-20", "15-30", "12"}) ==
        std::vector<value_range>{{1, 5}, {10, 30}});
  CHECK(ranges({"9223372036854775807", "-9223372036854775808"}) ==
        std::vector<value_range>{{INT64_MIN, INT64_MIN}, {INT64_MAX, INT64_MAX}});
  CHECK(ranges({"0-9223372036854775807", "-9223372036854775808--1"}).size() == 1);
  std::string bad;
  CHECK_FALSE(ranges_of(texts{"1", "north"}, bad));
  CHECK(bad == "north");
}

TEST_CASE("equal scopes have equal digests, others have others", "[scope]") {
  CHECK(digest_of({}).empty());
  const auto one = of_projects({"2", "1", "2"});
  CHECK(is_scope_digest(digest_of(one)));
  CHECK(digest_of(one) == digest_of(of_projects({"1", "2"})));
  CHECK(digest_of(one) != digest_of(of_projects({"12"})));
  CHECK(digest_of(of_projects({"1\nvalue 1:2"})) != digest_of(one));
  auto with_predicate = one;
  with_predicate.predicates["file"] = "recent";
  CHECK(digest_of(with_predicate) != digest_of(one));
  // Sites of different versions have to agree.
  CHECK(digest_of(one) == "ebfd22e46e8e2410ef6d8a271416655c9c41cdef184a6d76f0e0456e409b8164");
}

TEST_CASE("a hostile scope is refused", "[scope]") {
  CHECK(check_scope(of_projects({"1", "10-20"})).empty());
  CHECK_THAT(check_scope(of_projects({""})), Contains("empty"));
  CHECK_THAT(check_scope(of_projects({})), Contains("empty"));
  CHECK_THAT(check_scope(of_projects({std::string(256, 'x')})), Contains("255"));
  CHECK_THAT(check_scope(of_projects({std::string("a\0b", 3)})), Contains("control"));
  CHECK_THAT(check_scope({{{"id\" OR true --", {"1"}}}, {}}), Contains("column"));
  CHECK_FALSE(check_scope({{}, {{"file", "true); DROP TABLE x"}}}).empty());
  texts many;
  for (std::size_t n = 0; n <= scope_values_max; ++n)
    many.push_back(std::to_string(n));
  CHECK_THAT(check_scope(of_projects(many)), Contains("10000"));
  texts long_ones;
  for (int n = 0; n < 2'000; ++n)
    long_ones.push_back(std::string(250, 'x') + std::to_string(n));
  CHECK_THAT(check_scope(of_projects(long_ones)), Contains("bytes"));
}
