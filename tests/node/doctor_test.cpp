#include "node/doctor.hpp"

#include "config/clock.hpp"
#include "net/health.hpp"
#include "net/http_server.hpp"
#include "node/commands.hpp"
#include "node/exit_codes.hpp"
#include "site_folder.hpp"

#include <sstream>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <boost/json.hpp>
#include <catch2/catch.hpp>

using namespace farshore;
using Catch::Contains;
using namespace std::chrono_literals;

namespace {

using kind = doctor_finding::kind;

struct shifted_time final : time_source {
  explicit shifted_time(std::chrono::seconds by) : shift{by} {}
  [[nodiscard]] steady_time now() const override { return system_time().now(); }
  [[nodiscard]] wall_time wall() const override { return system_time().wall() + shift; }
  std::chrono::seconds shift;
};

api_answer nobody(const api_request&) {
  return tl::make_unexpected(
      api_failure{api_failure::kind::unreachable,
                  {ec::primary_unreachable, "no node answers at 127.0.0.1:7400"}});
}

/// A secondary without a node, before a primary that may be anything.
struct doctor_fixture {
  patient secondary_of(const std::string& url) {
    auto settings = folder.settings();
    settings.primary_url = url;
    return patient{std::move(settings), folder.config_file, node};
  }
  /// A node's server, that knows health and a position.
  std::string serve(const std::string& secret, std::chrono::seconds clock = 0s,
                    bool is_primary = true) {
    time = std::make_unique<shifted_time>(clock);
    router routes;
    add_health_routes(
        routes, []() -> boost::asio::awaitable<result<readiness>> { co_return readiness{}; },
        *time);
    if (is_primary)
      routes.add("GET", "/v1/position",
                 [](const http_request&) -> boost::asio::awaitable<result<http_answer>> {
                   co_return http_answer{200, "{}"};
                 });
    auto started = http_server::start({.listen = "127.0.0.1:0", .time = time.get()},
                                      std::move(routes), {secret});
    REQUIRE(started);
    server = std::move(*started);
    return "http://" + server->address();
  }

  site_folder folder;
  node_api node = nobody;
  std::unique_ptr<shifted_time> time;
  std::unique_ptr<http_server> server;
};

const std::string our_secret(64, 's');

/// Answers one connection with a fixed text.
class fixed_server {
public:
  explicit fixed_server(std::string text)
      : acceptor_{context_, {boost::asio::ip::make_address("127.0.0.1"), 0}},
        thread_{[this, text = std::move(text)] {
          boost::asio::ip::tcp::socket socket{context_};
          boost::system::error_code ignored;
          acceptor_.accept(socket, ignored);
          boost::asio::streambuf request;
          boost::asio::read_until(socket, request, "\r\n\r\n", ignored);
          boost::asio::write(socket, boost::asio::buffer(text), ignored);
        }} {}
  ~fixed_server() { thread_.join(); }
  fixed_server(const fixed_server&) = delete;
  fixed_server& operator=(const fixed_server&) = delete;
  std::string url() const {
    return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
  }

private:
  boost::asio::io_context context_;
  boost::asio::ip::tcp::acceptor acceptor_;
  std::thread thread_;
};

} // namespace

TEST_CASE_METHOD(doctor_fixture, "a good primary passes every check", "[doctor]") {
  auto of = secondary_of(serve(our_secret));
  for (auto check :
       {check_primary_address, check_primary_answers, check_clock, check_secret, check_versions}) {
    const auto found = check(of);
    CAPTURE(found.text);
    CHECK(found.how == kind::ok);
  }
  CHECK_THAT(check_versions(of).text, Contains("the primary 0."));
}

TEST_CASE_METHOD(doctor_fixture,
                 "a primary that is not there is told from a name that leads nowhere", "[doctor]") {
  auto nowhere = secondary_of("http://farshore.invalid:7400");
  CHECK(check_primary_address(nowhere).how == kind::wrong);
  CHECK_THAT(check_primary_address(nowhere).text, Contains("leads nowhere"));
  CHECK(check_primary_answers(nowhere).how == kind::skipped);
  CHECK(check_clock(nowhere).how == kind::skipped);
  CHECK(check_secret(nowhere).how == kind::skipped);

  auto url = serve(our_secret);
  server.reset();
  auto away = secondary_of(url);
  CHECK(check_primary_address(away).how == kind::wrong);
  CHECK_THAT(check_primary_address(away).text, Contains("no connection to " + url));
}

TEST_CASE_METHOD(doctor_fixture, "what answers but is no primary of Farshore's is recognised",
                 "[doctor]") {
  SECTION("another web server") {
    fixed_server other{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"};
    auto of = secondary_of(other.url());
    CHECK(check_primary_address(of).how == kind::ok);
    const auto found = check_primary_answers(of);
    CHECK(found.how == kind::wrong);
    CHECK_THAT(found.text, Contains("is not Farshore (HTTP status 200)"));
    CHECK(check_secret(of).how == kind::skipped);
  }
  SECTION("something that speaks no HTTP") {
    fixed_server other{"SSH-2.0-OpenSSH_9.2\r\n"};
    auto of = secondary_of(other.url());
    CHECK(check_primary_address(of).how == kind::ok);
    CHECK(check_primary_answers(of).how == kind::wrong);
  }
  SECTION("a secondary") {
    auto of = secondary_of(serve(our_secret, 0s, false));
    CHECK(check_primary_answers(of).how == kind::wrong);
    CHECK_THAT(check_primary_answers(of).text, Contains("no primary"));
  }
}

TEST_CASE_METHOD(doctor_fixture, "clocks that are apart are found before requests are refused",
                 "[doctor]") {
  for (const auto apart : {30s, -30s}) {
    auto of = secondary_of(serve(our_secret, apart));
    const auto found = check_clock(of);
    CHECK(found.how == kind::wrong);
    CHECK_THAT(found.text, Contains(apart > 0s ? "s behind the primary's" : "s ahead of the") &&
                               Contains("set the clocks"));
    CHECK(check_secret(of).how == kind::ok);
  }
}

TEST_CASE_METHOD(doctor_fixture, "a secret that the primary does not have is found", "[doctor]") {
  auto of = secondary_of(serve(std::string(64, 'x')));
  CHECK(check_primary_answers(of).how == kind::ok);
  const auto found = check_secret(of);
  CHECK(found.how == kind::wrong);
  CHECK_THAT(found.text, Contains("the secret files of the two sites differ"));
}

TEST_CASE_METHOD(doctor_fixture, "a node that is degraded or of another version is found",
                 "[doctor]") {
  node = [](const api_request& request) -> api_answer {
    if (request.target == "/api/v1/doctor")
      return boost::json::parse(R"({"open_files":{"used":9,"limit":100}})");
    return boost::json::parse(R"({"health":"degraded","problems":["a","b"],"version":"9.9"})");
  };
  auto of = secondary_of("http://127.0.0.1:1");
  CHECK(check_node(of).how == kind::wrong);
  CHECK_THAT(check_node(of).text, Contains("a; b"));
  CHECK(check_versions(of).how == kind::wrong);
  CHECK_THAT(check_versions(of).text, Contains("restart the node"));
  const auto files = check_open_files(of);
  CHECK(files.how == kind::wrong);
  CHECK_THAT(files.text, Contains("limit is 100") && Contains("LimitNOFILE="));
}

TEST_CASE_METHOD(doctor_fixture, "folders that are not there are found", "[doctor]") {
  auto settings = folder.settings();
  settings.data = "/nowhere/data";
  replicable_type type;
  type.name = "file";
  type.store = "/nowhere/store";
  settings.types.push_back(type);
  patient of{settings, folder.config_file, node};
  CHECK(check_data(of).how == kind::wrong);
  CHECK(check_stores(of).how == kind::wrong);
  CHECK_THAT(check_stores(of).text, Contains("file: store \"/nowhere/store\": No such file"));
  CHECK(check_space(of).how == kind::wrong);
}

TEST_CASE_METHOD(doctor_fixture, "the doctor ends with 1 if anything is wrong, and says all of it",
                 "[doctor]") {
  std::ostringstream out;
  std::ostringstream err;
  const auto call = [this](const config&) { return node; };
  CHECK(doctor_command(folder.config_file, call, true, {out, err}) == exit_code::no);
  const auto said = boost::json::parse(out.str());
  CHECK_FALSE(said.at("ok").as_bool());
  std::size_t at_secondaries = 0;
  for (const auto& check : doctor_checks())
    at_secondaries += check.where != doctor_check::at::primary ? 1 : 0;
  CHECK(said.at("checks").as_array().size() == at_secondaries + 1);

  out.str("");
  std::ofstream{folder.config_file, std::ios::app} << "[limits]\ncapacity = 0\n";
  CHECK(doctor_command(folder.config_file, call, false, {out, err}) == exit_code::no);
  CHECK_THAT(out.str(),
             Catch::StartsWith("configuration         wrong    ") && Contains("capacity = 0"));
}
