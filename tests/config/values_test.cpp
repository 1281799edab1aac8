#include "config/values.hpp"

#include <array>

#include <catch2/catch.hpp>

using namespace farshore;
using namespace std::chrono_literals;

TEST_CASE("durations are a whole number and its unit", "[values]") {
  CHECK(parse_duration("500ms") == 500ms);
  CHECK(parse_duration("10s") == 10s);
  CHECK(parse_duration("10 s") == 10s);
  CHECK(parse_duration("5min") == 5min);
  CHECK(parse_duration("1h") == 1h);
  CHECK(parse_duration("7 days") == 168h);
  CHECK(parse_duration("1 day") == 24h);
  CHECK(parse_duration("0ms") == 0ms);
}

TEST_CASE("what is no duration is refused", "[values]") {
  for (auto text : {"", "10", "s", "-1s", "1.5s", "10 S", "10s ", " 10s", "10 weeks", "1h30min",
                    "99999999999999999999s", "9223372036854775807s"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_duration(text));
  }
}

TEST_CASE("sizes are bytes, with binary or decimal units", "[values]") {
  CHECK(parse_bytes("1") == 1u);
  CHECK(parse_bytes("1 MiB") == 1'048'576u);
  CHECK(parse_bytes("64KiB") == 65'536u);
  CHECK(parse_bytes("2 GB") == 2'000'000'000u);
  for (auto text : {"", "MiB", "1 mib", "1.5 MiB", "-1", "1 TiBB", "99999999999 GiB"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_bytes(text));
  }
}

TEST_CASE("what is shown of a value reads back as the value", "[values]") {
  for (auto value : {0ms, 1ms, 1'000ms, 1'500ms, 60'000ms, 90'000ms, 3'600'000ms, 604'800'000ms})
    CHECK(parse_duration(show_duration(value)) == value);
  CHECK(show_duration(168h) == "7 days");
  for (std::uint64_t value : {0u, 1u, 1'000u, 1'024u, 1'500u, 1u << 20, 3u << 20, 1u << 30})
    CHECK(parse_bytes(show_bytes(value)) == value);
  CHECK(show_bytes(1u << 20) == "1 MiB");
  CHECK(show_bytes(10'000'000'000) == "10 GB");
  CHECK(show_bytes(1500) == "1500");
}

TEST_CASE("permission bits are octal", "[values]") {
  CHECK(parse_mode("0644") == 0644u);
  CHECK(parse_mode("755") == 0755u);
  for (auto text : {"", "64", "0888", "01777", "0644 ", "rw-", "-644"})
    CHECK_FALSE(parse_mode(text));
}

TEST_CASE("an address is a host and a port", "[values]") {
  CHECK(parse_endpoint("127.0.0.1:7400") == endpoint{"127.0.0.1", 7400});
  CHECK(parse_endpoint("node-1.example.com:0") == endpoint{"node-1.example.com", 0});
  CHECK(parse_endpoint("[::1]:7400") == endpoint{"::1", 7400});
  CHECK(to_string(endpoint{"::1", 7400}) == "[::1]:7400");
  CHECK(to_string(endpoint{"localhost", 80}) == "localhost:80");
  for (auto text : {"", "7400", ":7400", "host", "host:", "host:65536", "host:-1", "host:1x",
                    "::1:7400", "[::1]", "[zz]:1", "ho st:1", "a/b:1", "user@host:1"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_endpoint(text));
  }
}

TEST_CASE("the primary's address is http or https with a host and a port alone", "[values]") {
  CHECK(parse_site_url("http://10.0.0.1:7400") == site_url{{"10.0.0.1", 7400}, false});
  CHECK(parse_site_url("http://[::1]:7400/") == site_url{{"::1", 7400}, false});
  CHECK(parse_site_url("https://harbour:7400") == site_url{{"harbour", 7400}, true});
  for (auto text : {"10.0.0.1:7400", "http://", "http://host", "http://host:0", "http://host:1/x",
                    "http://user:pw@host:1", "ftp://host:1", "https://host", "https://host:0",
                    "http://host:1?x", "HTTP://host:1"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_site_url(text));
  }
  CHECK(check_primary_url("https://host:1").empty());
  CHECK_THAT(check_primary_url("host:1"), Catch::Contains("write http://host:port or https://"));
}

TEST_CASE("an SQL expression may use quotes, brackets and casts freely", "[values]") {
  for (auto text : {"path", "status = 'ready'", "'a;b -- /* ' || path", "\"odd \"\"name; --\"",
                    "E'it\\'s; (' || path", "e'\\\\'", "lower(concat(a, ')'))", "tags[1]",
                    "size::bigint - -1", "a / b", "'it''s'", "name'x'", "((a))"}) {
    CAPTURE(text);
    CHECK(check_sql_expression(text).empty());
  }
}

TEST_CASE("an SQL expression that would not end where it should is refused", "[values]") {
  using Catch::Contains;
  CHECK_THAT(check_sql_expression("path; drop table x"), Contains("\";\""));
  CHECK_THAT(check_sql_expression("path -- all of it"), Contains("comment"));
  CHECK_THAT(check_sql_expression("path /* all */"), Contains("comment"));
  CHECK_THAT(check_sql_expression("status = 'ready"), Contains("single quote is not closed"));
  CHECK_THAT(check_sql_expression("\"path"), Contains("double quote is not closed"));
  CHECK_THAT(check_sql_expression("E'it\\'"), Contains("single quote"));
  CHECK_THAT(check_sql_expression("'it\\' ; x'"), Contains("\";\""));
  CHECK_THAT(check_sql_expression("typE'\\'; x'"), Contains("\";\""));
  CHECK_THAT(check_sql_expression("lower(path"), Contains("\")\" is missing"));
  CHECK_THAT(check_sql_expression("path)"), Contains("closes nothing"));
  CHECK_THAT(check_sql_expression("a[(1])"), Contains("closes nothing"));
  CHECK_THAT(check_sql_expression("$$;$$"), Contains("\"$\""));
}

TEST_CASE("tables and columns are plain identifiers", "[values]") {
  for (auto text : {"files", "app.files", "_f1", "App.Files"})
    CHECK(check_table(text).empty());
  for (auto text : {"", "a.b.c", ".a", "a.", "1a", "a b", "\"a\"", "a;", "a-b", "\xc3\xbc"})
    CHECK_FALSE(check_table(text).empty());
  CHECK_FALSE(check_table(std::string(64, 'a')).empty());
  CHECK(check_column("id").empty());
  CHECK_FALSE(check_column("a.id").empty());
}

TEST_CASE("names have their alphabet and their length", "[values]") {
  CHECK(check_site_name("lisbon-2").empty());
  CHECK(check_site_name("2").empty());
  for (const auto& text : {std::string{}, std::string{"-a"}, std::string{"Lisbon"},
                           std::string{"a_b"}, std::string{"a.b"}, std::string(64, 'a')})
    CHECK_FALSE(check_site_name(text).empty());
  CHECK(check_type_name("package_file2").empty());
  for (const auto& text : {std::string{}, std::string{"_a"}, std::string{"2a"}, std::string{"A"},
                           std::string{"a-b"}, std::string(41, 'a')})
    CHECK_FALSE(check_type_name(text).empty());
}

TEST_CASE("the nearest known name is found, a far one is not", "[values]") {
  constexpr std::array<std::string_view, 4> known{"name", "role", "listen", "secret_file"};
  CHECK(nearest("nmae", known) == "name");
  CHECK(nearest("secretfile", known) == "secret_file");
  CHECK(nearest("lisen", known) == "listen");
  CHECK(nearest("bandwidth", known).empty());
  CHECK(edit_distance("kitten", "sitting") == 3);
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("abc", "") == 3);
}

TEST_CASE("bytes are shown to people in a unit that suits them", "[values]") {
  CHECK(readable_bytes(0) == "0 bytes");
  CHECK(readable_bytes(1'023) == "1023 bytes");
  CHECK(readable_bytes(1'536) == "1.5 KiB");
  CHECK(readable_bytes(1u << 30) == "1.0 GiB");
  CHECK(readable_bytes(18446744073709551615u) == "16.0 EiB");
}
