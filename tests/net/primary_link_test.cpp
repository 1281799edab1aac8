#include "wire_fixture.hpp"

#include "config/clock.hpp"
#include "net/feed_json.hpp"
#include "net/frames.hpp"
#include "net/link_connection.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <deque>
#include <functional>
#include <future>
#include <list>
#include <thread>

#include <boost/asio/ip/tcp.hpp>

using namespace farshore;
using namespace farshore::test;
using namespace std::chrono_literals;
using Catch::Contains;

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

bytes pattern(std::size_t size, unsigned seed = 0) {
  bytes content(size);
  for (std::size_t i = 0; i < size; ++i)
    content[i] = static_cast<std::byte>(i * 31 + i / 257 + seed);
  return content;
}

/// One fetch: its job, its receiver, and how it ended.
struct fetched {
  explicit fetched(std::shared_ptr<sync_job> of, std::optional<bytes> had = std::nullopt)
      : job{std::move(of)}, into{std::make_shared<memory_receiver>(job, std::move(had))} {}
  fetched(record_id record, const std::string& locator, std::optional<bytes> had = std::nullopt)
      : fetched{job_for(record, locator), std::move(had)} {}

  void start(primary_link& link) { link.fetch(job, into, ended.taker()); }
  result<void> get() {
    auto how = ended.get();
    CHECK(into->misuse == "");
    return how;
  }
  ec failure() {
    const auto how = get();
    REQUIRE_FALSE(how);
    return how.error().code;
  }

  std::shared_ptr<sync_job> job;
  std::shared_ptr<memory_receiver> into;
  answer<void> ended;
};

/// Answers what it is scripted to, one connection after another; a connection ends where its script
/// does. Reads one request before each answer.
class scripted_server {
public:
  explicit scripted_server(std::deque<std::vector<std::string>> connections)
      : script_{std::move(connections)}, thread_{[this] { run(); }} {}
  ~scripted_server() {
    asio::io_context context;
    tcp::socket knock{context};
    boost::system::error_code ignored;
    ended_ = true;
    knock.connect(acceptor_.local_endpoint(), ignored);
    thread_.join();
  }
  [[nodiscard]] std::string url() const {
    return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
  }
  [[nodiscard]] int requests() const { return requests_; }
  /// The versions of the protocol that it was asked in so far. Not while a question is under way.
  [[nodiscard]] const std::vector<std::string>& wires() const { return wires_; }

private:
  void run() {
    for (;;) {
      boost::system::error_code failed;
      tcp::socket socket = acceptor_.accept(failed);
      if (ended_ || failed)
        return;
      if (script_.empty())
        continue; // closes it
      const auto answers = script_.front();
      script_.pop_front();
      boost::beast::flat_buffer buffer;
      for (const auto& text : answers) {
        boost::beast::http::request<boost::beast::http::string_body> request;
        boost::beast::http::read(socket, buffer, request, failed);
        if (failed)
          break;
        wires_.emplace_back(request[wire_header]);
        ++requests_;
        asio::write(socket, asio::buffer(text), failed);
      }
    }
  }

  std::deque<std::vector<std::string>> script_;
  asio::io_context context_;
  tcp::acceptor acceptor_{context_, tcp::endpoint{asio::ip::address_v4::loopback(), 0}};
  std::atomic<bool> ended_{false};
  std::atomic<int> requests_{0};
  std::vector<std::string> wires_;
  std::thread thread_;
};

std::string http_text(unsigned status, const std::string& body, const std::string& more = {},
                      int wire = wire_newest) {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\nFarshore-Wire: " + std::to_string(wire) +
         "\r\n" + more + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

/// A streamed answer of hand-made frames.
std::string stream_text(const std::function<void(frame_encoder&)>& make) {
  bytes frames;
  frame_encoder to{frames};
  make(to);
  return http_text(200, to_text(frames));
}

blob_head head_of(std::uint32_t index, std::uint64_t size, blob_status status = blob_status::ok) {
  blob_head head;
  head.index = index;
  head.size = size;
  head.status = status;
  return head;
}

/// Stands between link and primary, and cuts each connection after so many bytes of its answers.
class cutting_proxy {
public:
  cutting_proxy(const std::string& primary, std::vector<std::size_t> cuts)
      : upstream_{asio::ip::address_v4::loopback(),
                  static_cast<std::uint16_t>(std::stoi(primary.substr(primary.rfind(':') + 1)))},
        cuts_{std::move(cuts)},
        thread_{[this] { run(); }} {}
  ~cutting_proxy() {
    ended_ = true;
    asio::io_context context;
    tcp::socket knock{context};
    boost::system::error_code ignored;
    knock.connect(acceptor_.local_endpoint(), ignored);
    thread_.join();
  }
  [[nodiscard]] std::string url() const {
    return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
  }

private:
  void run() {
    std::list<std::thread> pumps;
    for (std::size_t n = 0;; ++n) {
      boost::system::error_code failed;
      tcp::socket down = acceptor_.accept(failed);
      if (ended_ || failed)
        break;
      const auto cut = n < cuts_.size() ? cuts_[n] : SIZE_MAX;
      pumps.emplace_back([this, cut, socket = std::move(down)]() mutable { pump(socket, cut); });
    }
    for (auto& pump : pumps)
      pump.join();
  }

  void pump(tcp::socket& down, std::size_t cut) {
    tcp::socket up{context_};
    boost::system::error_code failed;
    up.connect(upstream_, failed);
    up.set_option(tcp::no_delay{true}, failed);
    down.set_option(tcp::no_delay{true}, failed);
    std::thread requests{[&] {
      std::array<char, 65'536> part;
      boost::system::error_code ended;
      for (std::size_t n = 0; (n = down.read_some(asio::buffer(part), ended)) > 0;)
        asio::write(up, asio::buffer(part, n), ended);
      up.shutdown(tcp::socket::shutdown_both, ended);
    }};
    std::array<char, 65'536> part;
    while (cut > 0) {
      const auto n = up.read_some(asio::buffer(part.data(), std::min(part.size(), cut)), failed);
      if (n == 0)
        break;
      asio::write(down, asio::buffer(part, n), failed);
      cut -= n;
    }
    down.shutdown(tcp::socket::shutdown_both, failed);
    requests.join();
  }

  tcp::endpoint upstream_;
  std::vector<std::size_t> cuts_;
  asio::io_context context_;
  tcp::acceptor acceptor_{context_, tcp::endpoint{asio::ip::address_v4::loopback(), 0}};
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

struct link_fixture : wire_fixture {
  /// The link speaks with a scripted primary.
  scripted_server& scripted(std::deque<std::vector<std::string>> connections) {
    script = std::make_unique<scripted_server>(std::move(connections));
    link_settings.url = script->url();
    return *script;
  }
  ~link_fixture() { link_.reset(); }

  std::unique_ptr<scripted_server> script;
};

} // namespace

// -- what a real primary says

TEST_CASE_METHOD(link_fixture, "a blob is fetched with what its file carries", "[link]") {
  add_blob(7, "a/b%20c", {to_bytes("hello")});
  fetched one{7, "a/b%20c"};
  one.start(link());
  REQUIRE(one.get());
  CHECK(to_text(one.into->content) == "hello");
  CHECK(one.into->carries.mode == 0640);
  CHECK(one.into->carries.mtime_ns == 1'700'000'000'123'456'789);
  CHECK(one.job->moving);
  CHECK(one.job->progress == 5);
}

TEST_CASE_METHOD(link_fixture, "empty, small and large blobs arrive as they are", "[link]") {
  const std::vector<std::size_t> sizes{0, 1, 1'000, 256 * 1024, 256 * 1024 + 1, 3'000'000};
  std::deque<fetched> all;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const auto id = static_cast<record_id>(i);
    add_blob(id, "f" + std::to_string(i), {pattern(sizes[i], static_cast<unsigned>(i))});
    const bool known = i % 2 == 0;
    all.emplace_back(job_for(id, "f" + std::to_string(i),
                             known ? std::optional<std::uint64_t>{sizes[i]} : std::nullopt));
  }
  for (auto& one : all)
    one.start(link());
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    INFO(sizes[i]);
    REQUIRE(all[i].get());
    CHECK(all[i].into->content == pattern(sizes[i], static_cast<unsigned>(i)));
  }
}

TEST_CASE_METHOD(link_fixture, "a thousand blobs of every kind end each in its own way", "[link]") {
  link_settings.large_blob_bytes = 5'000;
  routes_settings.large_blob_bytes = 5'000;
  std::deque<fetched> all;
  for (record_id id = 0; id < 1'000; ++id) {
    const auto name = "d" + std::to_string(id % 7) + "/f" + std::to_string(id);
    const auto content = pattern(static_cast<std::size_t>(id) * 3, static_cast<unsigned>(id));
    std::optional<bytes> had;
    switch (id % 10) {
    case 0:
      database->add_row(id, name); // missing
      break;
    case 1:
      add_blob(id, name + "-elsewhere", {content}); // moved on
      break;
    case 2:
      add_blob(id, name, {.content = content, .changes_at = 0});
      break;
    case 3:
      add_blob(id, name, {.content = content, .unreadable_at = 0});
      break;
    case 4:
      add_blob(id, name, {content});
      store->break_open(name, ec::bad_locator);
      break;
    case 5:
      had = content; // match
      add_blob(id, name, {content});
      break;
    case 6:
      had = bytes{content.begin(), content.begin() + static_cast<std::ptrdiff_t>(id)}; // resume
      add_blob(id, name, {content});
      break;
    case 7:
      add_blob(id, name, {pattern(6'000 + static_cast<std::size_t>(id))}); // large
      break;
    default:
      add_blob(id, name, {content});
    }
    all.emplace_back(id, name, had);
  }
  for (auto& one : all)
    one.start(link());
  for (record_id id = 0; id < 1'000; ++id) {
    INFO("record " << id);
    auto& one = all[static_cast<std::size_t>(id)];
    const auto content = pattern(static_cast<std::size_t>(id) * 3, static_cast<unsigned>(id));
    const auto how = one.get();
    const auto code = how ? std::optional<ec>{} : how.error().code;
    switch (id % 10) {
    case 0:
      CHECK(code == ec::missing_on_primary);
      break;
    case 1:
      CHECK(code == ec::moved_on);
      break;
    case 2:
      CHECK(code == ec::changed);
      break;
    case 3:
      CHECK(code == ec::unreadable_on_primary);
      break;
    case 4:
      CHECK(code == ec::bad_locator);
      break;
    case 5:
      CHECK_FALSE(code);
      CHECK(one.into->content == content);
      CHECK(one.job->progress == 0);
      break;
    case 6:
      CHECK_FALSE(code);
      CHECK(one.into->begun_at == static_cast<std::uint64_t>(id));
      CHECK(one.into->content == content);
      break;
    case 7:
      CHECK_FALSE(code);
      CHECK(one.into->content == pattern(6'000 + static_cast<std::size_t>(id)));
      break;
    default:
      CHECK_FALSE(code);
      CHECK(one.into->content == content);
    }
    if (how)
      continue;
    CHECK_THAT(how.error().message, Contains("widget/" + std::to_string(id)));
    CHECK_THAT(how.error().message, Contains(one.job->locator));
  }
}

TEST_CASE_METHOD(link_fixture, "blobs of several types do not mix", "[link]") {
  std::deque<fetched> all;
  for (record_id id = 0; id < 50; ++id) {
    const auto name = "f" + std::to_string(id);
    add_blob(id, name, {to_bytes(name)});
    all.emplace_back(job_for(id, name, std::nullopt, id % 3 == 0 ? "gadget" : "widget"));
  }
  for (auto& one : all)
    one.start(link());
  for (auto& one : all) {
    REQUIRE(one.get());
    CHECK(to_text(one.into->content) == one.job->locator);
  }
}

TEST_CASE_METHOD(link_fixture, "a wrong beginning is not built upon", "[link]") {
  add_blob(7, "a", {to_bytes("hello world")});
  fetched wrong{7, "a", to_bytes("hallo")};
  fetched longer{7, "a", to_bytes("hello world, and more")};
  wrong.start(link());
  longer.start(link());
  REQUIRE(wrong.get());
  CHECK(wrong.into->begun_at == 0);
  CHECK(to_text(wrong.into->content) == "hello world");
  REQUIRE(longer.get());
  CHECK(to_text(longer.into->content) == "hello world");
}

TEST_CASE_METHOD(link_fixture, "a receiver that fails fails alone", "[link]") {
  std::deque<fetched> all;
  using failing = memory_receiver::failing;
  for (record_id id = 0; id < 40; ++id) {
    const auto name = "f" + std::to_string(id);
    add_blob(id, name, {pattern(10'000)});
    all.emplace_back(id, name).into->fails_in =
        std::vector{failing::never, failing::begin, failing::write, failing::finish}[id % 4];
  }
  for (auto& one : all)
    one.start(link());
  for (record_id id = 0; id < 40; ++id) {
    const auto how = all[static_cast<std::size_t>(id)].get();
    if (id % 4 == 0)
      CHECK(how);
    else
      CHECK(how.error().code == (id % 4 == 3 ? ec::checksum_mismatch : ec::disk));
  }
}

TEST_CASE_METHOD(link_fixture, "a large blob that nobody can store is not read to its end",
                 "[link]") {
  add_blob(7, "a", {pattern(50'000'000)});
  fetched one{job_for(7, "a", 50'000'000)};
  one.into->fails_in = memory_receiver::failing::write;
  one.start(link());
  CHECK(one.failure() == ec::disk);
  fetched next{7, "a"}; // and the connection is good for the next
  next.start(link());
  CHECK(next.get());
}

TEST_CASE_METHOD(link_fixture, "a claim that was taken away ends its transfer", "[link]") {
  add_blob(7, "a", {pattern(5'000'000)});
  SECTION("before it began") {
    fetched one{7, "a"};
    one.job->held->revoke();
    one.start(link());
    CHECK(one.failure() == ec::lease_lost);
    CHECK(store->opened().empty());
  }
  SECTION("in its middle") {
    fetched one{7, "a"};
    one.into->hold_write = std::make_shared<gate>();
    one.start(link());
    one.into->hold_write->wait_until_reached();
    one.job->held->revoke();
    one.into->hold_write->open();
    CHECK(one.failure() == ec::lease_lost);
  }
}

TEST_CASE_METHOD(link_fixture, "neither a long poll nor bulk delays a question", "[link]") {
  REQUIRE(events({{}, 100, 0ms}));
  auto hold = std::make_shared<gate>();
  add_blob(7, "a", {.content = pattern(10), .hold = hold});
  answer<events_page> page;
  link().events({{}, 100, 25'000ms}, page.taker());
  fetched one{7, "a"};
  one.start(link());
  hold->wait_until_reached();
  answer<primary_position> position;
  link().position(position.taker());
  answer<catalogue_page> catalogue;
  link().catalogue({"widget", 0, 10}, catalogue.taker());
  CHECK(position.get());
  CHECK(catalogue.get());
  CHECK_FALSE(page.arrived());
  hold->open();
  CHECK(one.get());
  database->add_event(1);
  CHECK(page.get());
}

TEST_CASE_METHOD(link_fixture, "a large blob does not delay small ones", "[link]") {
  auto hold = std::make_shared<gate>();
  for (record_id id = 0; id < 2; ++id)
    add_blob(id, "large" + std::to_string(id), {.content = pattern(2 << 20), .hold = hold});
  add_blob(2, "small", {pattern(10)});
  routes_settings.disk_threads = 4; // one of them is left to other sites
  std::deque<fetched> large;
  for (record_id id = 0; id < 2; ++id)
    large.emplace_back(job_for(id, "large" + std::to_string(id), 2 << 20)).start(link());
  hold->wait_until_reached();
  fetched small{2, "small"};
  small.start(link());
  CHECK(small.get());
  hold->open();
  for (auto& one : large)
    CHECK(one.get());
}

// -- the bandwidth cap

TEST_CASE_METHOD(link_fixture, "what arrives keeps to the cap", "[link]") {
  link_settings.bandwidth.windows = {{.bytes_per_second = 2'000'000}};
  add_blob(7, "a", {pattern(3'000'000)});
  fetched one{7, "a"};
  const auto begun = std::chrono::steady_clock::now();
  one.start(link());
  CHECK(one.get());
  CHECK(std::chrono::steady_clock::now() - begun > 1350ms);
  CHECK(link().bandwidth().cap == 2'000'000);
  CHECK(one.into->content == pattern(3'000'000));
}

TEST_CASE_METHOD(link_fixture, "under a cap a small blob passes a large one, and a new cap counts",
                 "[link]") {
  link_settings.bandwidth.windows = {{.bytes_per_second = 100'000}};
  add_blob(7, "large", {pattern(20'000'000)});
  add_blob(8, "small", {pattern(1'000)});
  fetched large{job_for(7, "large", 20'000'000)};
  large.start(link());
  while (large.job->progress == 0)
    std::this_thread::yield();
  fetched small{8, "small"};
  small.start(link());
  CHECK(small.get());
  CHECK_FALSE(large.ended.arrived());
  // Held by the cap, it is not said to move: nobody takes it for dead.
  while (large.job->moving)
    std::this_thread::yield();
  link().set_bandwidth({});
  CHECK(large.get());
  CHECK(link().bandwidth().cap == 0);
}

TEST_CASE_METHOD(link_fixture, "a link that is stopped does not wait for its turn", "[link]") {
  link_settings.bandwidth.windows = {{.bytes_per_second = 10'000}};
  add_blob(7, "a", {pattern(20'000'000)});
  fetched one{job_for(7, "a", 20'000'000)};
  one.start(link());
  while (one.job->progress == 0)
    std::this_thread::yield();
  link().stop();
  CHECK(one.failure() == ec::stopping);
}

TEST_CASE_METHOD(link_fixture, "live changes go before bulk work that waits", "[link]") {
  link_settings.connections = 1;
  auto hold = std::make_shared<gate>();
  add_blob(1, "first", {.content = pattern(10), .hold = hold});
  for (record_id id = 2; id <= 4; ++id)
    add_blob(id, "f" + std::to_string(id), {pattern(10)});
  fetched first{1, "first"};
  first.start(link());
  hold->wait_until_reached();
  std::deque<fetched> rest;
  for (record_id id = 2; id <= 4; ++id) {
    auto job = job_for(id, "f" + std::to_string(id));
    job->live = id == 4;
    rest.emplace_back(job).start(link());
  }
  hold->open();
  CHECK(first.get());
  for (auto& one : rest)
    CHECK(one.get());
  CHECK(store->opened() == std::vector<std::string>{"first", "f4", "f2", "f3"});
}

// -- cuts

TEST_CASE_METHOD(link_fixture,
                 "a connection that is cut anywhere fails what was not through, "
                 "keeps what was, and a second try completes it",
                 "[link]") {
  constexpr int blobs = 12;
  for (record_id id = 0; id < blobs; ++id)
    add_blob(id, "f" + std::to_string(id),
             {pattern(static_cast<std::size_t>(id) * 777, static_cast<unsigned>(id))});
  const auto primary = url();
  random_source random{5};
  std::size_t failed = 0;
  std::size_t succeeded = 0;
  for (int round = 0; round < 60; ++round) {
    // Beyond the end of the answer at times: 51 KB of content, frames and header.
    const auto cut = random.below(round % 3 == 0 ? 600 : 60'000);
    INFO("round " << round << ", cut after " << cut);
    cutting_proxy proxy{primary, {cut}};
    link_settings.url = proxy.url();
    link_settings.connections = 1;
    link_ = primary_link::make(link_settings);
    std::deque<fetched> all;
    for (record_id id = 0; id < blobs; ++id)
      all.emplace_back(id, "f" + std::to_string(id));
    for (auto& one : all)
      one.start(*link_);
    for (record_id id = 0; id < blobs; ++id) {
      auto& one = all[static_cast<std::size_t>(id)];
      const auto content = pattern(static_cast<std::size_t>(id) * 777, static_cast<unsigned>(id));
      if (const auto how = one.get(); how) {
        ++succeeded;
        CHECK(one.into->content == content);
        continue;
      } else {
        ++failed;
        CHECK(how.error().code == ec::primary_unreachable);
      }
      const auto& begun = one.into->content;
      CHECK(std::equal(begun.begin(), begun.end(), content.begin()));
      fetched again{id, "f" + std::to_string(id), begun};
      again.start(*link_);
      REQUIRE(again.get());
      CHECK(again.into->content == content);
    }
    link_.reset();
  }
  CHECK(failed > 50);
  CHECK(succeeded > 50);
}

TEST_CASE_METHOD(link_fixture, "a connection that was closed while it lay idle is replaced",
                 "[link]") {
  const auto page = to_json(events_page{});
  auto& primary = scripted({{http_text(200, page)}, {http_text(200, page)}});
  REQUIRE(events({}));
  CHECK(events({})); // the first connection ended with its script
  CHECK(primary.requests() == 2);
}

TEST_CASE_METHOD(link_fixture, "a primary that breaks off twice is not asked for ever", "[link]") {
  auto& primary = scripted({{http_text(200, to_json(events_page{}))}, {}, {}, {}});
  REQUIRE(events({}));
  const auto page = events({});
  REQUIRE_FALSE(page);
  CHECK(page.error().code == ec::primary_unreachable);
  CHECK(primary.requests() == 1);
}

// -- a primary that is not there, or not what it should be

TEST_CASE_METHOD(link_fixture, "a refused connection is said with its address", "[link]") {
  {
    asio::io_context context;
    const tcp::acceptor taken{context, tcp::endpoint{asio::ip::address_v4::loopback(), 0}};
    link_settings.url = "http://127.0.0.1:" + std::to_string(taken.local_endpoint().port());
  }
  fetched one{7, "a"};
  one.start(link());
  const auto how = one.get();
  REQUIRE_FALSE(how);
  CHECK(how.error().code == ec::primary_unreachable);
  CHECK_THAT(how.error().message, Contains("connection refused by " + link_settings.url));
  CHECK(events({}).error().code == ec::primary_unreachable);
}

TEST_CASE_METHOD(link_fixture, "a primary that says nothing is given up in time", "[link]") {
  asio::io_context context;
  const tcp::acceptor silent{context, tcp::endpoint{asio::ip::address_v4::loopback(), 0}};
  link_settings.url = "http://127.0.0.1:" + std::to_string(silent.local_endpoint().port());
  link_settings.patience = 30ms;
  fetched one{7, "a"};
  one.start(link());
  const auto how = one.get();
  REQUIRE_FALSE(how);
  CHECK(how.error().code == ec::primary_unreachable);
  CHECK_THAT(how.error().message, Contains("said nothing for 30ms"));
}

TEST_CASE_METHOD(link_fixture, "another secret is told with the primary's own sentence", "[link]") {
  link_settings.url = url();
  link_settings.secret = std::string(32, 'x');
  add_blob(7, "a", {to_bytes("hello")});
  fetched one{7, "a"};
  one.start(link());
  const auto how = one.get();
  REQUIRE_FALSE(how);
  CHECK(how.error().code == ec::unauthorized);
  CHECK_THAT(how.error().message, Contains("secret files of the two sites differ"));
  CHECK(events({}).error().code == ec::unauthorized);

  link().set_secret(test_secret);
  fetched next{7, "a"};
  next.start(link());
  CHECK(next.get());
}

TEST_CASE_METHOD(link_fixture, "a clock that is off is told with the primary's own sentence",
                 "[link]") {
  struct late_clock : time_source {
    [[nodiscard]] steady_time now() const override { return system_time().now(); }
    [[nodiscard]] wall_time wall() const override { return system_time().wall() - 600s; }
  } late;
  link_settings.time = &late;
  const auto page = events({});
  REQUIRE_FALSE(page);
  CHECK(page.error().code == ec::unauthorized);
  CHECK_THAT(page.error().message, Contains("set the clocks (NTP)"));
  link_.reset(); // before its clock
}

TEST_CASE_METHOD(link_fixture, "errors of the primary come as what they mean here", "[link]") {
  struct expectation {
    unsigned status;
    const char* code;
    ec here;
  };
  const auto expected = GENERATE(values<expectation>({
      {409, "position_unknown", ec::position_unknown},
      {503, "type_waiting", ec::type_waiting},
      {404, "not_found", ec::not_found},
      {426, "protocol", ec::protocol},
      {503, "database_unavailable", ec::primary_unreachable},
      {503, "overloaded", ec::primary_unreachable},
      {500, "internal", ec::primary_unreachable},
      {500, "disk", ec::primary_unreachable},
      {400, "lease_lost", ec::primary_unreachable},
  }));
  scripted({{http_text(expected.status, std::string{R"({"error":{"code":")"} + expected.code +
                                            R"(","message":"because"}})")}});
  const auto page = events({});
  REQUIRE_FALSE(page);
  CHECK(page.error().code == expected.here);
  CHECK_THAT(page.error().message, Contains("because"));
}

TEST_CASE_METHOD(link_fixture, "what is no Farshore node is not taken for one", "[link]") {
  SECTION("a redirect is not followed") {
    auto& other = scripted({{http_text(302, "", "Location: http://127.0.0.1:1/\r\n")}});
    const auto page = events({});
    REQUIRE_FALSE(page);
    CHECK(page.error().code == ec::protocol);
    CHECK_THAT(page.error().message, Contains("redirect") && Contains("[primary] url"));
    CHECK(other.requests() == 1);
  }
  SECTION("another web server") {
    scripted({{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"}});
    CHECK(events({}).error().code == ec::protocol);
  }
  SECTION("another version than was asked in") {
    scripted({{http_text(200, to_json(events_page{}), {}, 1)}});
    CHECK(events({}).error().code == ec::protocol);
  }
  SECTION("a proxy whose node is away") {
    scripted({{"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 2\r\n\r\nhi"}});
    CHECK(events({}).error().code == ec::primary_unreachable);
  }
  SECTION("no HTTP") {
    scripted({{"SSH-2.0-OpenSSH_9.2\r\n\r\n"}});
    CHECK(events({}).error().code == ec::protocol);
  }
  SECTION("a page that is none") {
    scripted({{http_text(200, "{\"events\":7}")}});
    CHECK(events({}).error().code == ec::protocol);
  }
  SECTION("a header without end") {
    scripted({{"HTTP/1.1 200 OK\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n"}});
    CHECK(events({}).error().code == ec::protocol);
  }
}

// -- versions of the protocol

namespace {

/// As a site says it that knows no newer version than 1.
std::string too_new(const std::string& more = {}) {
  return http_text(426, R"({"error":{"code":"protocol","message":"this site speaks version 1"}})",
                   more, 1);
}

std::string page_of(int wire) {
  return http_text(200, to_json(events_page{}), {}, wire);
}

using wires = std::vector<std::string>;

} // namespace

TEST_CASE_METHOD(link_fixture, "a primary that knows only version 1 is spoken to in it", "[link]") {
  SECTION("over the same connection") {
    auto& primary = scripted({{too_new(), page_of(1), page_of(1)}});
    CHECK(events({}));
    CHECK(events({}));
    CHECK(primary.wires() == wires{"3", "1", "1"});
  }
  SECTION("over another one, where the primary closes with its refusal") {
    auto& primary = scripted({{too_new("Connection: close\r\n")}, {page_of(1), page_of(1)}});
    CHECK(events({}));
    CHECK(events({}));
    CHECK(primary.wires() == wires{"3", "1", "1"});
  }
  SECTION("blobs as well") {
    bytes frames;
    frame_encoder to{frames};
    to.head(head_of(0, 0, blob_status::missing));
    to.end();
    auto& primary =
        scripted({{too_new("Connection: close\r\n")}, {http_text(200, to_text(frames), {}, 1)}});
    fetched one{7, "a"};
    one.start(link());
    CHECK(one.failure() == ec::missing_on_primary);
    CHECK(primary.wires() == wires{"3", "1"});
  }
}

TEST_CASE_METHOD(link_fixture, "an upgraded primary is noticed with the next connection",
                 "[link]") {
  auto& primary = scripted({{too_new(), page_of(1)}, {page_of(1), page_of(3)}});
  CHECK(events({})); // then the connection ends with its script
  CHECK(events({})); // finds it closed, and speaks the old version still
  CHECK(events({}));
  CHECK(primary.wires() == wires{"3", "1", "1", "3"});
}

TEST_CASE_METHOD(link_fixture, "a primary is asked for the newest version again after minutes",
                 "[link]") {
  struct jumping_clock : time_source {
    [[nodiscard]] steady_time now() const override { return system_time().now() + ahead.load(); }
    [[nodiscard]] wall_time wall() const override { return system_time().wall(); }
    std::atomic<std::chrono::minutes> ahead{std::chrono::minutes{0}};
  } clock;
  link_settings.time = &clock;
  auto& primary = scripted({{too_new(), page_of(1), page_of(1), page_of(3), page_of(3)}});
  CHECK(events({}));
  clock.ahead = wire_memory - 1min;
  CHECK(events({}));
  CHECK(primary.wires() == wires{"3", "1", "1"});
  clock.ahead = wire_memory;
  CHECK(events({}));
  CHECK(events({}));
  CHECK(primary.wires() == wires{"3", "1", "1", "3", "3"});
  link_.reset(); // before its clock
}

TEST_CASE_METHOD(link_fixture, "two programs with no version in common say so plainly", "[link]") {
  const auto theirs = GENERATE(0, 4, 77);
  auto& primary = scripted({{http_text(426, R"({"error":{"code":"protocol","message":"no"}})",
                                       "Server: farshore/9.9.9\r\n", theirs)}});
  const auto page = events({});
  REQUIRE_FALSE(page);
  CHECK(page.error().code == ec::protocol);
  CHECK_THAT(page.error().message,
             Contains(program_name()) && Contains("versions 1 to 3") &&
                 Contains("farshore/9.9.9") && Contains("version " + std::to_string(theirs)) &&
                 Contains(theirs > wire_newest ? "upgrade Farshore at this site"
                                               : "upgrade Farshore at the other site"));
  CHECK(primary.requests() == 1);
}

TEST_CASE_METHOD(link_fixture, "a primary that refuses every version is not asked for ever",
                 "[link]") {
  auto& primary = scripted({{too_new(), too_new(), too_new()}});
  CHECK(events({}).error().code == ec::protocol);
  CHECK(primary.wires() == wires{"3", "1"});
}

TEST_CASE_METHOD(link_fixture, "a hostile stream fails what it had not finished", "[link]") {
  std::string answer;
  SECTION("an index that was not asked for") {
    answer = stream_text([](frame_encoder& to) { to.head(head_of(3, 5)); });
  }
  SECTION("more bytes than announced") {
    answer = stream_text([](frame_encoder& to) {
      to.head(head_of(0, 2));
      to.data(to_bytes("hello"));
    });
  }
  SECTION("a place that was not offered") {
    answer = stream_text([](frame_encoder& to) {
      auto head = head_of(0, 9);
      head.offset = 4;
      to.head(head);
    });
  }
  SECTION("a match of what was not offered") {
    answer = stream_text([](frame_encoder& to) { to.head(head_of(0, 5, blob_status::match)); });
  }
  SECTION("a single blob that is too large for a batch") {
    answer = stream_text([](frame_encoder& to) { to.head(head_of(0, 0, blob_status::large)); });
  }
  SECTION("an end before the blob") {
    answer = stream_text([](frame_encoder& to) { to.end(); });
  }
  SECTION("nothing at all") {
    answer = http_text(200, "");
  }
  SECTION("rubbish") {
    answer = http_text(200, std::string(1'000, 'x'));
  }
  SECTION("a blob without its end") {
    answer = stream_text([](frame_encoder& to) {
      to.head(head_of(0, 5));
      to.data(to_bytes("hello"));
    });
  }
  scripted({{answer}});
  fetched one{7, "a"};
  one.start(link());
  CHECK(one.failure() == ec::protocol);
}

TEST_CASE_METHOD(link_fixture, "a finished blob stays finished where the stream breaks later",
                 "[link]") {
  // Whether both are in one request is a matter of chance, so the second may meet an end instead.
  scripted({{stream_text([](frame_encoder& to) {
    to.head(head_of(0, 5));
    to.data(to_bytes("hello"));
    to.tail(blob_status::ok);
    to.tail(blob_status::ok);
  })}});
  fetched one{7, "a"};
  one.start(link());
  REQUIRE(one.get());
  CHECK(to_text(one.into->content) == "hello");
}

TEST_CASE_METHOD(link_fixture, "signs of life are no content", "[link]") {
  scripted({{stream_text([](frame_encoder& to) {
    to.busy();
    to.busy();
    to.head(head_of(0, 5));
    to.data(to_bytes("hello"));
    to.tail(blob_status::ok);
    to.busy();
    to.end();
  })}});
  fetched one{7, "a"};
  one.start(link());
  CHECK(one.get());
}

// -- the end

TEST_CASE_METHOD(link_fixture, "stopping calls back everybody, whatever they wait for", "[link]") {
  REQUIRE(events({{}, 100, 0ms}));
  auto hold = std::make_shared<gate>();
  add_blob(0, "held", {.content = pattern(10), .hold = hold});
  answer<events_page> page;
  link().events({{}, 100, 25'000ms}, page.taker());
  answer<events_page> queued_page;
  link().events({{}, 100, 25'000ms}, queued_page.taker());
  link_settings.connections = 1;
  std::deque<fetched> all;
  all.emplace_back(0, "held").start(link());
  hold->wait_until_reached();
  for (record_id id = 1; id < 600; ++id)
    all.emplace_back(id, "f" + std::to_string(id)).start(link());
  link().stop();
  CHECK(page.arrived());
  CHECK(page.get().error().code == ec::stopping);
  CHECK(queued_page.get().error().code == ec::stopping);
  std::size_t stopped = 0;
  for (auto& one : all) {
    REQUIRE(one.ended.arrived());
    const auto how = one.get();
    REQUIRE_FALSE(how);
    // The second connection may have had its answer already.
    CHECK((how.error().code == ec::stopping || how.error().code == ec::moved_on));
    stopped += how.error().code == ec::stopping ? 1 : 0;
  }
  CHECK(stopped > 0);
  hold->open();

  // Afterwards everybody is told so at once, and stopping again is no harm.
  answer<primary_position> late;
  link().position(late.taker());
  CHECK(late.get().error().code == ec::stopping);
  fetched later{7, "a"};
  later.start(link());
  CHECK(later.failure() == ec::stopping);
  link().stop();
}

TEST_CASE_METHOD(link_fixture, "stopping while a receiver is at work waits for it", "[link]") {
  add_blob(7, "a", {pattern(100)});
  fetched one{7, "a"};
  one.into->hold_offer = std::make_shared<gate>();
  one.start(link());
  one.into->hold_offer->wait_until_reached();
  auto stopped = std::async(std::launch::async, [this] { link().stop(); });
  answer<primary_position> refused;
  // The stop has begun once questions are refused.
  for (bool begun = false; !begun;) {
    answer<primary_position> asked;
    link().position(asked.taker());
    const auto how = asked.get();
    begun = !how && how.error().code == ec::stopping;
  }
  CHECK_FALSE(one.ended.arrived());
  one.into->hold_offer->open();
  stopped.get();
  CHECK(one.failure() == ec::stopping);
}
