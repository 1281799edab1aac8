#include "config/logging.hpp"

#include <cstdio>
#include <regex>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <catch2/catch.hpp>

using namespace farshore;

namespace {

/// What `work` writes to standard error.
template <class Work>
std::string standard_error_of(Work work) {
  std::fflush(stderr);
  auto kept = dup(STDERR_FILENO);
  auto file = std::tmpfile();
  dup2(fileno(file), STDERR_FILENO);
  work();
  std::fflush(stderr);
  dup2(kept, STDERR_FILENO);
  close(kept);
  std::rewind(file);
  std::string out;
  char chunk[4096];
  while (auto got = std::fread(chunk, 1, sizeof chunk, file))
    out.append(chunk, got);
  std::fclose(file);
  return out;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    auto end = text.find('\n', at);
    REQUIRE(end != std::string::npos);
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

} // namespace

TEST_CASE("a text line has time, level and message", "[logging]") {
  auto out = standard_error_of([] {
    set_up_logging("text", "info");
    spdlog::warn("disk {} is full", "sda");
    spdlog::debug("not shown");
  });
  CHECK(std::regex_match(
      out, std::regex{R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z warn disk sda is full\n)"}));
}

TEST_CASE("a message of several lines can't pass for further log lines", "[logging]") {
  auto out = standard_error_of([] {
    set_up_logging("text", "info");
    spdlog::error("first\n2026-01-02T03:04:05.678Z info forged");
  });
  auto lines = lines_of(out);
  REQUIRE(lines.size() == 2);
  CHECK(lines[1].starts_with("  2026"));
}

TEST_CASE("a JSON line is one object, whatever the message holds", "[logging]") {
  auto out = standard_error_of([] {
    set_up_logging("json", "debug");
    spdlog::debug("quote \" backslash \\ newline \n tab \t bell \a del \x7f bad \xff\xc3 end");
    spdlog::error("ü");
  });
  auto lines = lines_of(out);
  REQUIRE(lines.size() == 2);
  CHECK(std::regex_search(lines[0], std::regex{R"(^\{"time":"[^"]{24}","level":"debug",)"}));
  CHECK_THAT(lines[0],
             Catch::EndsWith(R"("message":"quote \" backslash \\ newline \n tab \t bell \u0007 )"
                             R"(del \u007f bad \ufffd\ufffd end"})"));
  CHECK_THAT(lines[1], Catch::Contains("\"level\":\"error\",\"message\":\"ü\"}"));
}

TEST_CASE("JSON strings hold only well-formed UTF-8", "[logging]") {
  CHECK(json_string("") == "\"\"");
  CHECK(json_string("\xe2\x82\xac \xf0\x9f\x98\x80") == "\"\xe2\x82\xac \xf0\x9f\x98\x80\"");
  // Cut, overlong, surrogate, beyond the last code point, stray continuation.
  CHECK(json_string("\xe2\x82") == "\"\\ufffd\\ufffd\"");
  CHECK(json_string("\xc0\xaf") == "\"\\ufffd\\ufffd\"");
  CHECK(json_string("\xe0\x80\xaf") == "\"\\ufffd\\ufffd\\ufffd\"");
  CHECK(json_string("\xed\xa0\x80") == "\"\\ufffd\\ufffd\\ufffd\"");
  CHECK(json_string("\xf4\x90\x80\x80") == "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
  CHECK(json_string("\x80") == "\"\\ufffd\"");
}

TEST_CASE("lines of several threads do not mix", "[logging]") {
  auto out = standard_error_of([] {
    set_up_logging("text", "info");
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([t] {
        for (int i = 0; i < 200; ++i)
          spdlog::info("<{}>", std::string(100, static_cast<char>('a' + t)));
      });
    for (auto& thread : threads)
      thread.join();
  });
  auto lines = lines_of(out);
  CHECK(lines.size() == 800);
  const std::regex whole{R"(.* info <(a+|b+|c+|d+)>)"};
  for (const auto& line : lines)
    CHECK(std::regex_match(line, whole));
}

TEST_CASE("the level can be changed while running", "[logging]") {
  auto out = standard_error_of([] {
    set_up_logging("text", "error");
    spdlog::warn("hidden");
    set_up_logging("text", "debug");
    spdlog::debug("shown");
  });
  CHECK(lines_of(out).size() == 1);
  CHECK_THAT(out, Catch::Contains("debug shown"));
}

TEST_CASE("an audit line is written whatever the level, as text and with fields in JSON",
          "[logging]") {
  const std::vector<log_field> fields{{"user", std::string{"a\"b"}}, {"records", std::int64_t{5}}};
  auto text = standard_error_of([&] {
    set_up_logging("text", "error");
    log_audit("ada did resync\non file", fields);
  });
  CHECK(std::regex_match(text, std::regex{R"(\S+Z audit ada did resync\n  on file\n)"}));
  auto json = standard_error_of([&] {
    set_up_logging("json", "error");
    log_audit("ada did resync", fields);
  });
  CHECK(std::regex_match(
      json,
      std::regex{
          R"re(\{"time":"\S+Z","level":"audit","message":"ada did resync","user":"a\\"b","records":5\}\n)re"}));
}
