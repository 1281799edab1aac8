#include "net/http_session.hpp"

#include "config/values.hpp"
#include "config/version.hpp"
#include "net/http_error.hpp"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <exception>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/buffers_suffix.hpp>
#include <boost/beast/http.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <spdlog/spdlog.h>
#include <sys/socket.h>

namespace farshore {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

constexpr auto as_values = asio::as_tuple(asio::use_awaitable);
constexpr std::uint32_t header_bytes_max = 16 * 1024;
constexpr std::uint64_t body_bytes_max = 1 << 20;
/// Of a body that is taken piece by piece.
constexpr std::uint64_t exchange_bytes_max = 64u << 20;
constexpr std::size_t drain_bytes_max = 4 << 20;
constexpr std::chrono::seconds drain_patience{2};
constexpr std::chrono::milliseconds handshake_patience{10'000};
/// A TLS connection begins with a handshake record; no method of HTTP begins so.
constexpr char tls_handshake_record = 0x16;

http_answer refuse(unsigned status, ec code, std::string message) {
  return problem_answer(status, {code, std::move(message)});
}

/// What can still be said to who sent what can't be read; nothing where the connection just ended.
std::optional<http_answer> complain(beast::error_code failed) {
  if (failed == http::error::header_limit)
    return refuse(431, ec::protocol, "the request's header is longer than 16 KiB");
  if (failed == http::error::body_limit)
    return refuse(413, ec::protocol, "the request's body is longer than 1 MiB");
  const bool malformed =
      failed.category() == http::make_error_code(http::error::bad_method).category();
  if (malformed && failed != http::error::end_of_stream && failed != http::error::partial_message)
    return refuse(400, ec::protocol, "this is no HTTP request: " + failed.message());
  return std::nullopt;
}

/// The address of a repository may hold a link's token.
std::string_view loggable(const http_request& request) {
  return request.target.starts_with("/git") ? "/git…" : std::string_view{request.target};
}

bool parse_target(std::string_view target, std::vector<std::string>& segments,
                  http_request& request) {
  const auto parsed = boost::urls::parse_origin_form(target);
  if (!parsed)
    return false;
  for (const auto& segment : parsed->segments())
    segments.emplace_back(segment);
  for (const auto& parameter : parsed->params())
    request.query.emplace_back(parameter.key, parameter.value);
  return true;
}

std::string address_of(const asio::ip::tcp::socket& socket) {
  beast::error_code failed;
  const auto remote = socket.remote_endpoint(failed);
  return failed ? std::string{} : to_string(endpoint{remote.address().to_string(), remote.port()});
}

/// "Tue, 24 Nov 2026 22:10:21 GMT"
std::string http_date(wall_time now) {
  const auto seconds = std::chrono::system_clock::to_time_t(now);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[40];
  return {text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts)};
}

template <class Message>
void set_common_fields(Message& message, int wire, bool keep_alive) {
  message.set(http::field::server, program_name());
  message.set(wire_header, std::to_string(wire));
  message.set("X-Content-Type-Options", "nosniff");
  message.keep_alive(keep_alive);
}

/// Chunked; the header goes out with the first bytes. Also the exchange whose body `body` reads.
class chunked_stream final : public exchange {
public:
  using body_parser = http::request_parser<http::buffer_body>;

  chunked_stream(wire_stream& to, std::chrono::milliseconds patience, int wire, bool keep_alive)
      : to_{to}, patience_{patience}, wire_{wire}, keep_alive_{keep_alive} {}
  chunked_stream(wire_stream& to, std::chrono::milliseconds patience, int wire, bool keep_alive,
                 beast::flat_buffer& buffer, body_parser& body,
                 std::chrono::milliseconds body_patience)
      : to_{to},
        patience_{patience},
        wire_{wire},
        keep_alive_{keep_alive},
        buffer_{&buffer},
        body_{&body},
        body_patience_{body_patience} {}

  [[nodiscard]] bool begun() const { return begun_; }

  void set_content_type(std::string type) override { content_type_ = std::move(type); }

  asio::awaitable<result<void>> write(std::span<const std::byte> bytes) override {
    if (bytes.empty()) // an empty chunk would end the answer
      co_return result<void>{};
    if (!begun_)
      if (auto begun = co_await write_header(); !begun)
        co_return begun;
    const auto chunk = http::make_chunk(asio::buffer(bytes.data(), bytes.size()));
    boost::beast::buffers_suffix<std::decay_t<decltype(chunk)>> left{chunk};
    while (asio::buffer_size(left) > 0) { // each part that goes has a time of its own
      to_.expires_after(patience_);
      auto [failed, n] = co_await to_.async_write_some(left, as_values);
      if (failed)
        co_return sent(failed);
      left.consume(n);
    }
    co_return result<void>{};
  }

  asio::awaitable<result<std::span<const std::byte>>> read() override {
    if (!body_ || body_->is_done())
      co_return std::span<const std::byte>{};
    piece_.resize(piece_bytes);
    auto& into = body_->get().body();
    into.data = piece_.data();
    into.size = piece_.size();
    into.more = true;
    while (into.size == piece_.size() && !body_->is_done()) { // a chunk's header is no content
      to_.expires_after(body_patience_);
      auto [failed, n] = co_await http::async_read_some(to_, *buffer_, *body_, as_values);
      if (failed && failed != http::error::need_buffer)
        co_return fail(failed == http::error::body_limit ? ec::protocol : ec::stopping,
                       "the request's body ended: " + failed.message());
    }
    co_return std::span<const std::byte>{piece_}.first(piece_.size() - into.size);
  }

  asio::awaitable<bool> watch() override {
    auto& socket = to_.tcp().socket();
    watch_ended_ = false;
    if (!socket.is_open())
      co_return true;
    auto [failed] = co_await socket.async_wait(asio::socket_base::wait_read, as_values);
    if (failed)
      co_return !watch_ended_;
    char next = 0;
    const auto got = ::recv(socket.native_handle(), &next, 1, MSG_PEEK | MSG_DONTWAIT);
    // Bytes are the next request, or how TLS says goodbye: then a write will tell.
    co_return got == 0 || (got < 0 && errno != EAGAIN);
  }
  void end_watch() override {
    watch_ended_ = true;
    beast::error_code ignored;
    to_.tcp().socket().cancel(ignored);
  }

  asio::awaitable<result<void>> finish() {
    if (!begun_)
      if (auto begun = co_await write_header(); !begun)
        co_return begun;
    to_.expires_after(patience_);
    auto [failed, n] = co_await asio::async_write(to_, http::make_chunk_last(), as_values);
    co_return sent(failed);
  }

private:
  static constexpr std::size_t piece_bytes = 64 * 1024;

  asio::awaitable<result<void>> write_header() {
    begun_ = true;
    http::response<http::empty_body> header{http::status::ok, 11};
    header.set(http::field::content_type, content_type_);
    if (body_)
      header.set(http::field::cache_control, "no-cache");
    set_common_fields(header, wire_, keep_alive_);
    header.chunked(true);
    http::response_serializer<http::empty_body> serializer{header};
    to_.expires_after(patience_);
    auto [failed, n] = co_await http::async_write_header(to_, serializer, as_values);
    co_return sent(failed);
  }

  static result<void> sent(beast::error_code failed) {
    if (failed)
      return fail(ec::stopping, "the other side closed the connection: " + failed.message());
    return {};
  }

  wire_stream& to_;
  std::chrono::milliseconds patience_;
  int wire_;
  bool keep_alive_;
  /// Null: there is no body to read.
  beast::flat_buffer* buffer_ = nullptr;
  body_parser* body_ = nullptr;
  std::chrono::milliseconds body_patience_{};
  std::vector<std::byte> piece_;
  std::string content_type_ = "application/octet-stream";
  bool begun_ = false;
  bool watch_ended_ = false;
};

} // namespace

http_session::http_session(asio::ip::tcp::socket socket, const session_context& context)
    : stream_{std::move(socket)}, context_{context}, remote_{address_of(stream_.tcp().socket())} {}

http_session::~http_session() {
  if (of_reader_)
    --context_.sessions_of_readers;
  if (of_person_)
    --context_.sessions_of_people;
  if (site_.empty())
    return;
  const auto counted = context_.sessions_of_site.find(site_);
  if (--counted->second == 0)
    context_.sessions_of_site.erase(counted);
}

std::optional<error> http_session::count_for(const http_request& request) {
  if (!request.reader.empty() && !of_reader_) {
    if (context_.sessions_of_readers >= context_.sessions_of_readers_max)
      return error{ec::overloaded, "this site has all the readers' connections that it takes; try "
                                   "again later"};
    ++context_.sessions_of_readers;
    of_reader_ = true;
  }
  if (request.who && !of_person_) {
    if (context_.sessions_of_people >= context_.sessions_of_people_max)
      return error{ec::overloaded, "people and their programs have all the connections to this "
                                   "node that they may have together; try again later"};
    ++context_.sessions_of_people;
    of_person_ = true;
  }
  if (request.site.empty() || !site_.empty())
    return std::nullopt;
  auto& count = context_.sessions_of_site[request.site];
  if (count >= context_.sessions_of_site_max)
    return error{ec::overloaded, "site " + request.site +
                                     " has all the connections to this node that one site may "
                                     "have; lower its [limits] connections"};
  ++count;
  site_ = request.site;
  return std::nullopt;
}

void http_session::close() {
  beast::error_code ignored;
  auto& socket = stream_.tcp().socket();
  socket.shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
  socket.close(ignored);
}

asio::awaitable<void> http_session::run() {
  beast::error_code ignored;
  stream_.tcp().socket().set_option(asio::ip::tcp::no_delay{true}, ignored);
  if (!context_.tls || co_await shake_hands())
    while (!context_.stopping && co_await serve_one()) {
    }
  close();
}

asio::awaitable<bool> http_session::shake_hands() {
  // A copy: it may be replaced meanwhile.
  const auto tls = context_.tls;
  stream_.expires_after(std::min(context_.patience, handshake_patience));
  auto [unread, n] = co_await stream_.async_read_some(buffer_.prepare(4 * 1024), as_values);
  if (unread)
    co_return false;
  buffer_.commit(n);
  if (*static_cast<const char*>(buffer_.data().data()) != tls_handshake_record) {
    co_await send(
        refuse(400, ec::protocol, "this port speaks TLS only: write https:// instead of http://"),
        false);
    co_await drain();
    co_return false;
  }
  const auto [failed, used] = co_await stream_.accept_tls(*tls, buffer_.data());
  buffer_.consume(used);
  if (failed)
    spdlog::debug("a TLS handshake failed: {}", failed.message());
  co_return !failed;
}

asio::awaitable<bool> http_session::serve_one() {
  // What can't be read is told so in the version that every other side understands.
  wire_ = wire_oldest;
  request_parser parser;
  parser.header_limit(header_bytes_max);
  parser.body_limit(body_bytes_max);
  idle_ = true;
  stream_.expires_after(context_.patience);
  {
    auto [failed, n] = co_await http::async_read_header(stream_, buffer_, parser, as_values);
    idle_ = false;
    if (failed) {
      if (const auto answer = complain(failed)) {
        co_await send(*answer, false);
        co_await drain();
      }
      co_return false;
    }
  }
  http_request request;
  const auto admitted = admit(parser, request);
  if (!admitted.found) {
    // What is not there names its address, and that may hold a link's token.
    const bool names_address = admitted.refusal.status == 404 || admitted.refusal.status == 405;
    spdlog::debug("a request is refused with {}, of {}: {}", admitted.refusal.status, remote_,
                  names_address ? "no such route" : admitted.refusal.body);
    const bool keep_alive = parser.is_done() && parser.keep_alive();
    const bool sent = co_await send(admitted.refusal, keep_alive);
    if (!parser.is_done())
      co_await drain();
    co_return sent;
  }
  if (const auto too_many = count_for(request)) {
    // A name of its own: g++ 12 destroys such a temporary within a co_await twice.
    auto refusal = error_answer(*too_many);
    co_await send(std::move(refusal), false);
    co_await drain();
    co_return false;
  }
  if (const auto* exchanging = std::get_if<exchange_handler>(&admitted.found->handler))
    co_return co_await serve_exchange(*exchanging, request, parser);
  stream_.expires_after(context_.patience);
  auto [failed, n] = co_await http::async_read(stream_, buffer_, parser, as_values);
  if (failed) {
    if (const auto answer = complain(failed)) {
      co_await send(*answer, false);
      co_await drain();
    }
    co_return false;
  }
  request.body = std::move(parser.get().body());
  co_return co_await handle(*admitted.found, request, parser.keep_alive());
}

http_session::admission http_session::admit(const request_parser& parser, http_request& request) {
  const auto& header = parser.get();
  request.method = header.method_string();
  request.target = header.target();
  request.agent = header[http::field::user_agent];
  request.content_type = header[http::field::content_type];
  request.content_encoding = header[http::field::content_encoding];
  request.git_protocol = header["Git-Protocol"];
  request.browser = {.accept_encoding = std::string{header[http::field::accept_encoding]},
                     .if_none_match = std::string{header[http::field::if_none_match]},
                     .cookie = std::string{header[http::field::cookie]},
                     .csrf = std::string{header[csrf_header]},
                     .host = std::string{header[http::field::host]},
                     .origin = std::string{header[http::field::origin]},
                     .fetch_site = std::string{header["Sec-Fetch-Site"]}};
  request.over_tls = context_.tls != nullptr;
  request.remote = remote_;
  request.stopping = &context_.stopping;
  if (header.version() != 11)
    return {nullptr, refuse(400, ec::protocol, "Farshore speaks HTTP/1.1 only")};
  // The answer to a version that is not known here names the newest that is.
  wire_ = wire_newest;
  if (const auto named = header.find(wire_header); named != header.end()) {
    const auto wire = parse_wire(named->value());
    if (!wire || !wire_known(*wire))
      return {nullptr, refuse(426, ec::protocol,
                              no_wire_in_common(named->value(), header[http::field::user_agent]))};
    wire_ = *wire;
  }
  request.wire = wire_;
  if (const auto user = header.find(user_header); user != header.end()) {
    if (!is_user_name({user->value().data(), user->value().size()}))
      return {nullptr, refuse(400, ec::protocol,
                              std::string{user_header} + " is a name of at most 64 visible ASCII "
                                                         "characters")};
    request.user = user->value();
  }
  std::vector<std::string> segments;
  if (!parse_target(request.target, segments, request))
    return {nullptr, refuse(400, ec::protocol, "the request's target is no path")};
  auto match = context_.routes.match(request.method, segments);
  request.captured = std::move(match.captured);
  // Who may look at the API is told what is not there, others that they may not.
  const bool of_api = !segments.empty() && segments.front() == "api";
  const auto access = match.found ? match.found->access
                      : of_api    ? route_access::viewer
                                  : route_access::signed_only;
  if (auto refusal =
          context_.page->refuse_access(context_.keys, access, header[http::field::authorization],
                                       context_.time->wall(), request))
    return {nullptr, std::move(*refusal)};
  if (!match.found && match.other_method)
    return {nullptr, refuse(405, ec::not_found, request.target + " is not for " + request.method)};
  if (!match.found)
    return {nullptr, refuse(404, ec::not_found, "there is nothing at " + request.target)};
  return {match.found, {}};
}

asio::awaitable<bool> http_session::handle(const route& route, const http_request& request,
                                           bool keep_alive) {
  if (const auto* streaming = std::get_if<stream_handler>(&route.handler))
    co_return co_await stream(*streaming, request, keep_alive);
  result<http_answer> answer = fail(ec::internal, "the handler threw");
  try {
    answer = co_await std::get<answer_handler>(route.handler)(request);
  } catch (const std::exception& e) {
    spdlog::error("{} {}: a bug in Farshore: {}", request.method, loggable(request), e.what());
    answer = fail(ec::internal, "a bug in Farshore; its log says more");
  }
  // Not `answer ? … : …` within the co_await: g++ 12 destroys such a temporary twice.
  if (!answer)
    answer = error_answer(answer.error());
  co_return co_await send(std::move(*answer), keep_alive);
}

asio::awaitable<bool> http_session::stream(const stream_handler& handler,
                                           const http_request& request, bool keep_alive) {
  chunked_stream to{stream_, context_.stream_patience, request.wire, keep_alive};
  result<void> written;
  try {
    written = co_await handler(request, to);
  } catch (const std::exception& e) {
    spdlog::error("{} {}: a bug in Farshore: {}", request.method, loggable(request), e.what());
    written = fail(ec::internal, "a bug in Farshore; its log says more");
  }
  if (!written && !to.begun())
    co_return co_await send(error_answer(written.error()), keep_alive);
  if (!written)
    co_return false;
  co_return (co_await to.finish()) && keep_alive;
}

asio::awaitable<bool> http_session::serve_exchange(const exchange_handler& handler,
                                                   const http_request& request,
                                                   request_parser& parser) {
  const bool keep_alive = parser.keep_alive();
  chunked_stream::body_parser body{std::move(parser)};
  body.body_limit(exchange_bytes_max);
  chunked_stream to{stream_, context_.stream_patience, request.wire, keep_alive, buffer_,
                    body,    context_.patience};
  result<std::optional<http_answer>> exchanged = fail(ec::internal, "the handler threw");
  try {
    exchanged = co_await handler(request, to);
  } catch (const std::exception& e) {
    spdlog::error("{} {}: a bug in Farshore: {}", request.method, loggable(request), e.what());
    exchanged = fail(ec::internal, "a bug in Farshore; its log says more");
  }
  bool goes_on = false;
  if (!exchanged && to.begun())
    co_return false;
  // Names of their own: g++ 12 destroys such temporaries within a co_await twice.
  if (!exchanged) {
    auto refusal = error_answer(exchanged.error());
    goes_on = co_await send(std::move(refusal), keep_alive && body.is_done());
  } else if (*exchanged) {
    auto answer = std::move(**exchanged);
    goes_on = co_await send(std::move(answer), keep_alive && body.is_done());
  } else {
    const auto finished = co_await to.finish();
    goes_on = finished && keep_alive && body.is_done();
  }
  if (!body.is_done())
    co_await drain();
  co_return goes_on && !context_.stopping;
}

asio::awaitable<bool> http_session::send(http_answer answer, bool keep_alive) {
  keep_alive = keep_alive && !context_.stopping;
  http::response<http::string_body> message{static_cast<http::status>(answer.status), 11};
  message.set(http::field::content_type, answer.content_type);
  message.set(http::field::date, http_date(context_.time->wall()));
  for (const auto& [name, value] : answer.fields)
    message.set(name, value);
  set_common_fields(message, wire_, keep_alive);
  message.body() = std::move(answer.body);
  message.prepare_payload();
  stream_.expires_after(context_.patience);
  auto [failed, n] = co_await http::async_write(stream_, message, as_values);
  co_return !failed && keep_alive;
}

asio::awaitable<void> http_session::drain() {
  beast::error_code ignored;
  auto& beneath = stream_.tcp();
  beneath.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  beneath.expires_after(drain_patience);
  buffer_.clear();
  for (std::size_t drained = 0; drained < drain_bytes_max;) {
    auto [failed, n] = co_await beneath.async_read_some(buffer_.prepare(16 * 1024), as_values);
    if (failed)
      break;
    drained += n;
  }
}

} // namespace farshore
