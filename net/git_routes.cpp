#include "net/git_routes.hpp"

#include "config/locator.hpp"
#include "net/git_process.hpp"
#include "net/gunzip.hpp"
#include "net/http_error.hpp"
#include "net/on_pool.hpp"
#include "net/turnstile.hpp"
#include "strategies/beneath.hpp"

#include <array>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace farshore {

namespace {

namespace asio = boost::asio;
using namespace asio::experimental::awaitable_operators;

constexpr auto as_values = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t piece_bytes = 128 * 1024;
/// Of a request's body, unpacked.
constexpr std::size_t body_bytes_max = 64u << 20;
constexpr std::string_view advertisement = "application/x-git-upload-pack-advertisement";
constexpr std::string_view request_type = "application/x-git-upload-pack-request";
constexpr std::string_view result_type = "application/x-git-upload-pack-result";

/// A line of git's protocol: its length in four hex digits, that included, before it.
std::string packet(std::string_view text) {
  return fmt::format("{:04x}{}", text.size() + 4, text);
}

/// The one with which protocol 2 asks for the refs; of a body that is not packed.
bool lists_refs(std::span<const std::byte> body) {
  constexpr std::string_view command = "0014command=ls-refs";
  return body.size() >= command.size() &&
         std::memcmp(body.data(), command.data(), command.size()) == 0;
}

/// What a request is to a client's conversation: only what it begins with is refused.
enum class stage { begins, lists_refs, goes_on };

/// In plain text: git shows it to the person.
http_answer say(unsigned status, std::string_view sentence) {
  return {status, std::string{sentence} + "\n", "text/plain; charset=utf-8"};
}

/// A regular file, or nothing, where git looks for one of its own.
bool no_detour(int folder, const char* name) {
  struct stat there {};
  return ::fstatat(folder, name, &there, AT_SYMLINK_NOFOLLOW) == 0 ? S_ISREG(there.st_mode)
                                                                   : errno == ENOENT;
}

bool is_folder(int folder, const char* name) {
  struct stat there {};
  return ::fstatat(folder, name, &there, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(there.st_mode);
}

bool is_absent(int folder, const char* name) {
  struct stat there {};
  return ::fstatat(folder, name, &there, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT;
}

/// A bare repository that has its parts within itself. (A worktree's folder names another, in
/// "commondir". Objects may be borrowed from elsewhere: that is the application's to decide.)
bool is_repository(int folder) {
  return is_folder(folder, "objects") && is_folder(folder, "refs") && !is_absent(folder, "HEAD") &&
         no_detour(folder, "HEAD") && no_detour(folder, "config") &&
         no_detour(folder, "packed-refs") && is_absent(folder, "commondir");
}

/// The folder of the repository; ec::not_found where none lies there.
result<unique_fd> open_repository(const std::filesystem::path& store, const std::string& locator) {
  constexpr int flags = O_PATH | O_DIRECTORY;
  const unique_fd root{::open(store.c_str(), flags | O_CLOEXEC)};
  if (!root)
    return fail(ec::disk, "the store \"" + store.string() + "\" can't be opened");
  auto folder = open_beneath(root.get(), locator, flags, path_walk::by_kernel);
  if (!folder || !is_repository(folder->get()))
    return fail(ec::not_found, "there is no bare repository at " + encode_locator(locator));
  return std::move(*folder);
}

/// What is asked for.
struct wanted_repository {
  std::shared_ptr<const config> settings;
  std::string type;
  /// Decoded, and checked.
  std::string locator;
  std::filesystem::path store;

  [[nodiscard]] bool of_secondary() const { return settings->role == site_role::secondary; }
};

/// One run of git, between the two sides. On the server's thread.
class conversation {
public:
  conversation(exchange& with, git_process& git, const std::string& encoding,
               std::chrono::milliseconds silence_max)
      : with_{with},
        git_{git},
        silence_max_{silence_max},
        silence_{git.conversation().get_executor()} {
    if (!encoding.empty())
      packed_.emplace(body_bytes_max);
  }

  /// The whole of it; `first`, of the request's body, has been read already. What went wrong on the
  /// way, or nothing: git's own complaints are git's.
  asio::awaitable<result<void>> run(std::span<const std::byte> first) {
    co_await (feed(first) && carry());
    silence_.cancel();
    co_return failed_ ? result<void>{fail(std::move(*failed_))} : result<void>{};
  }
  [[nodiscard]] bool said_something() const { return said_something_; }

private:
  asio::awaitable<void> feed(std::span<const std::byte> first);
  asio::awaitable<void> carry();
  /// False: git takes nothing more.
  asio::awaitable<bool> hand_over(std::span<const std::byte> piece);

  void break_off(error why) {
    if (over_)
      return;
    failed_ = std::move(why);
    over_ = true;
    git_.kill();
  }

  void listen_for_silence() {
    // The first is what this is about: the timer may outlive it.
    silence_.expires_after(silence_max_);
    silence_.async_wait([this, alive = std::weak_ptr{alive_}](boost::system::error_code stopped) {
      if (!stopped && !alive.expired() && listening_)
        break_off({ec::internal, "git was silent for too long"});
    });
  }

  exchange& with_;
  git_process& git_;
  std::chrono::milliseconds silence_max_;
  asio::steady_timer silence_;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
  std::optional<gunzip> packed_;
  std::optional<error> failed_;
  bool listening_ = false;
  bool over_ = false;
  bool said_something_ = false;
};

asio::awaitable<bool> conversation::hand_over(std::span<const std::byte> piece) {
  auto [failed, n] = co_await asio::async_write(
      git_.conversation(), asio::buffer(piece.data(), piece.size()), as_values);
  if (!failed && listening_)
    listen_for_silence();
  co_return !failed;
}

asio::awaitable<void> conversation::feed(std::span<const std::byte> first) {
  for (;;) {
    result<std::span<const std::byte>> piece = std::exchange(first, {});
    if (piece->empty())
      piece = co_await with_.read();
    if (!piece) {
      break_off(std::move(piece).error());
      co_return;
    }
    if (piece->empty())
      break;
    if (!packed_) {
      if (!co_await hand_over(*piece))
        co_return; // it has ended, and carry() hears of it
      continue;
    }
    packed_->put(*piece);
    for (;;) {
      auto content = packed_->next();
      if (!content) {
        break_off(std::move(content).error());
        co_return;
      }
      if (content->empty())
        break;
      if (!co_await hand_over(*content))
        co_return;
    }
  }
  if (packed_ && !packed_->ended()) {
    break_off({ec::protocol, "the request's body ends within what gzip packed"});
    co_return;
  }
  boost::system::error_code ignored;
  git_.conversation().shutdown(asio::socket_base::shutdown_send, ignored);
  if (over_)
    co_return;
  const bool left = co_await with_.watch();
  if (left)
    break_off({ec::stopping, "the other side closed the connection"});
}

asio::awaitable<void> conversation::carry() {
  std::vector<std::byte> piece(piece_bytes);
  for (;;) {
    listening_ = true;
    listen_for_silence();
    auto [ended, n] = co_await git_.conversation().async_read_some(asio::buffer(piece), as_values);
    listening_ = false;
    if (ended)
      break;
    said_something_ = true;
    auto sent = co_await with_.write(std::span{piece}.first(n));
    if (!sent) {
      break_off(std::move(sent).error());
      break;
    }
  }
  // It may have closed its output, and not end: so much silence, and no more.
  listening_ = true;
  listen_for_silence();
  const bool content = co_await git_.end();
  listening_ = false;
  if (!over_ && !content && !said_something_)
    failed_ = error{ec::internal, "git can't read the repository"};
  over_ = true;
  with_.end_watch();
}

asio::awaitable<void> wait_in_line(turnstile::waiter& waiter, exchange& with) {
  co_await waiter.wait();
  with.end_watch();
}

asio::awaitable<void> look_whether_it_stays(turnstile::waiter& waiter, exchange& with) {
  const bool left = co_await with.watch();
  if (left)
    waiter.give_up();
}

} // namespace

struct git_routes::impl {
  explicit impl(git_serving given)
      : serving{std::move(given)}, line{std::max<std::size_t>(serving.at_once_max, 1)} {}
  ~impl() {
    pool.stop();
    pool.join();
  }

  asio::awaitable<result<std::optional<http_answer>>> info_refs(const http_request& request,
                                                                exchange& with);
  asio::awaitable<result<std::optional<http_answer>>> upload_pack(const http_request& request,
                                                                  exchange& with);
  asio::awaitable<result<http_answer>> receive_pack(const http_request& request);

  /// Or what to answer instead.
  tl::expected<wanted_repository, http_answer> wanted_by(const http_request& request) const;
  /// The answer where it is not served, or not now.
  asio::awaitable<std::optional<http_answer>> refuse(const wanted_repository& wanted,
                                                     const http_request& request, stage at);
  [[nodiscard]] http_answer redirect(const wanted_repository& wanted,
                                     const http_request& request) const;
  [[nodiscard]] std::string no_pushes(const wanted_repository& wanted) const;
  /// In its turn.
  asio::awaitable<result<std::optional<http_answer>>>
  serve(const wanted_repository& wanted, const http_request& request, exchange& with,
        std::vector<std::string> arguments, std::string before, std::span<const std::byte> first);

  git_serving serving;
  /// On the server's thread only.
  turnstile line;
  asio::thread_pool pool{1};
};

tl::expected<wanted_repository, http_answer>
git_routes::impl::wanted_by(const http_request& request) const {
  wanted_repository wanted{serving.settings(), request.captured.at(0), request.captured.at(1), {}};
  const auto* type = wanted.settings->find_type(wanted.type);
  if (!type || !type->enabled || type->strategy != "repository")
    return tl::make_unexpected(
        say(404, "this site serves no repositories of a type \"" +
                     encode_locator(std::string_view{wanted.type}.substr(0, 64)) + "\""));
  if (const auto good = check_locator(wanted.locator); !good)
    return tl::make_unexpected(say(404, good.error().message));
  wanted.store = type->store;
  return wanted;
}

asio::awaitable<std::optional<http_answer>>
git_routes::impl::refuse(const wanted_repository& wanted, const http_request& request, stage at) {
  const auto locator = encode_locator(wanted.locator);
  const auto stands = co_await on_pool(pool, [&] { return serving.find(wanted.type, locator); });
  if (!stands) {
    auto answer = error_answer(stands.error());
    co_return say(answer.status, stands.error().message);
  }
  const auto& settings = *wanted.settings;
  // What was begun goes on: it asks for what it was shown, and that is still here.
  if (*stands == repository_standing::level ||
      (*stands == repository_standing::behind && at == stage::goes_on))
    co_return std::nullopt;
  const bool redirects = settings.serve_unsynced == "redirect";
  if (*stands == repository_standing::behind && at == stage::lists_refs) {
    if (!redirects)
      co_return std::nullopt;
    // git was asked for its token first, and forgets where it was sent to after that.
    auto answer = say(200, "");
    answer.content_type = result_type;
    answer.body = packet("ERR the newest state of " + locator +
                         " is at the primary so far; git follows there where its address has the "
                         "token: http://USER:TOKEN@...\n");
    co_return answer;
  }
  if (!wanted.of_secondary())
    co_return say(404, "site " + settings.site_name + " has no repository " + locator);
  if (redirects)
    co_return redirect(wanted, request);
  co_return say(404, *stands == repository_standing::behind
                         ? "the repository " + locator + " is not level with the primary at site " +
                               settings.site_name + " yet; try again soon"
                         : "site " + settings.site_name + " has no repository " + locator);
}

/// git reads on where it was sent to, and takes no password along: so the address has a token.
http_answer git_routes::impl::redirect(const wanted_repository& wanted,
                                       const http_request& request) const {
  auto to = wanted.settings->primary_url;
  while (to.ends_with('/'))
    to.pop_back();
  const auto place = wanted.type + "/" + encode_locator(wanted.locator);
  auto answer = say(307, "the primary has it");
  const std::string root =
      request.reader.empty() ? "/git/"
                             : "/git-link/" + serving.link_to_primary(request.reader, place) + "/";
  answer.fields.emplace_back("Location", to + root + place + "/info/refs?service=git-upload-pack");
  return answer;
}

std::string git_routes::impl::no_pushes(const wanted_repository& wanted) const {
  const auto& settings = *wanted.settings;
  if (wanted.of_secondary())
    return "site " + settings.site_name +
           " is a copy to read from, and takes no pushes: push at the primary site, " +
           settings.primary_url;
  return "this port of site " + settings.site_name +
         " is for reading, and takes no pushes: push where the application takes them";
}

asio::awaitable<result<std::optional<http_answer>>>
git_routes::impl::info_refs(const http_request& request, exchange& with) {
  auto wanted = wanted_by(request);
  if (!wanted)
    co_return std::move(wanted).error();
  const auto service = request.parameter("service");
  if (service == "git-receive-pack") {
    auto answer = say(200, "");
    answer.content_type = "application/x-git-receive-pack-advertisement";
    answer.body = packet("# service=git-receive-pack\n") + "0000" +
                  packet("ERR " + no_pushes(*wanted) + "\n");
    co_return answer;
  }
  if (service != "git-upload-pack")
    co_return say(403, "this site speaks git's smart protocol only");
  auto refusal = co_await refuse(*wanted, request, stage::begins);
  if (refusal)
    co_return std::move(*refusal);
  with.set_content_type(std::string{advertisement});
  // Names of their own: g++ 12 does not get such temporaries through a co_await.
  std::vector<std::string> arguments{"--stateless-rpc", "--advertise-refs"};
  std::string before;
  if (!wants_protocol_2(request.git_protocol))
    before = packet("# service=git-upload-pack\n") + "0000";
  co_return co_await serve(*wanted, request, with, std::move(arguments), std::move(before), {});
}

asio::awaitable<result<std::optional<http_answer>>>
git_routes::impl::upload_pack(const http_request& request, exchange& with) {
  auto wanted = wanted_by(request);
  if (!wanted)
    co_return std::move(wanted).error();
  if (request.content_type != request_type)
    co_return say(415, "the request's body must be " + std::string{request_type});
  if (!request.content_encoding.empty() && request.content_encoding != "gzip" &&
      request.content_encoding != "x-gzip")
    co_return say(415, "the request's body may be packed with gzip, and not otherwise");
  // Until the next piece is read, which is after this one was handed over.
  const auto first = co_await with.read();
  if (!first)
    co_return fail(first.error());
  auto refusal =
      co_await refuse(*wanted, request, lists_refs(*first) ? stage::lists_refs : stage::goes_on);
  if (refusal)
    co_return std::move(*refusal);
  with.set_content_type(std::string{result_type});
  std::vector<std::string> arguments{"--stateless-rpc"};
  std::string before;
  co_return co_await serve(*wanted, request, with, std::move(arguments), std::move(before), *first);
}

asio::awaitable<result<http_answer>> git_routes::impl::receive_pack(const http_request& request) {
  const auto wanted = wanted_by(request);
  co_return wanted ? say(403, no_pushes(*wanted)) : wanted.error();
}

asio::awaitable<result<std::optional<http_answer>>>
git_routes::impl::serve(const wanted_repository& wanted, const http_request& request,
                        exchange& with, std::vector<std::string> arguments, std::string before,
                        std::span<const std::byte> first) {
  const auto executor = co_await asio::this_coro::executor;
  turnstile::waiter waiter{executor};
  if (!line.line_up(waiter)) {
    co_await (wait_in_line(waiter, with) && look_whether_it_stays(waiter, with));
    if (waiter.gave_up() && line.step_out(waiter))
      co_return fail(ec::stopping, "the other side left before its turn");
  }
  const auto turn = line.take(waiter);

  auto child = co_await on_pool(pool, [&]() -> result<spawned_git> {
    auto folder = open_repository(wanted.store, wanted.locator);
    if (!folder)
      return fail(std::move(folder).error());
    return spawn_upload_pack(*folder, std::move(arguments),
                             is_git_protocol(request.git_protocol) ? request.git_protocol
                                                                   : std::string{});
  });
  if (!child && child.error().code == ec::not_found)
    co_return say(404, child.error().message);
  if (!child)
    co_return fail(std::move(child).error());
  git_process git{executor, std::move(*child)};
  if (!before.empty())
    if (auto sent = co_await with.write(std::as_bytes(std::span{before})); !sent)
      co_return fail(std::move(sent).error());
  conversation talk{with, git, request.content_encoding, serving.silence_max};
  auto ended = co_await talk.run(first);
  if (const auto said = git.complaint(); !said.empty() || !ended)
    spdlog::log(ended ? spdlog::level::debug : spdlog::level::info, "git {}/{} for {}: {}{}{}",
                wanted.type, encode_locator(wanted.locator),
                request.reader.empty() ? "site " + request.site : request.reader,
                ended ? "" : ended.error().message, ended || said.empty() ? "" : ": ", said);
  if (!ended)
    co_return fail(std::move(ended).error());
  co_return std::nullopt;
}

git_routes::git_routes(git_serving serving) : impl_{std::make_unique<impl>(std::move(serving))} {}

git_routes::~git_routes() = default;

void git_routes::add_to(router& routes) {
  auto* const parts = impl_.get();
  const auto info_refs = [parts](const http_request& request, exchange& with) {
    return parts->info_refs(request, with);
  };
  const auto upload_pack = [parts](const http_request& request, exchange& with) {
    return parts->upload_pack(request, with);
  };
  for (const auto& [root, access] :
       {std::pair{"/git", route_access::reader}, std::pair{"/git-link/*", route_access::link}}) {
    const std::string place = std::string{root} + "/*/**";
    routes.add_exchange("GET", place + "/info/refs", info_refs, access);
    routes.add_exchange("POST", place + "/git-upload-pack", upload_pack, access);
  }
  routes.add(
      "POST", "/git/*/**/git-receive-pack",
      [parts](const http_request& request) { return parts->receive_pack(request); },
      route_access::reader);
}

} // namespace farshore
