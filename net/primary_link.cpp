#include "net/primary_link.hpp"

#include "net/bandwidth_cap.hpp"
#include "net/blob_batch.hpp"
#include "net/control_channel.hpp"
#include "net/feed_json.hpp"
#include "net/fetch_queue.hpp"
#include "net/frames.hpp"
#include "net/io_thread.hpp"
#include "net/link_connection.hpp"
#include "net/on_pool.hpp"
#include "net/scope_json.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace farshore {

namespace {

namespace asio = boost::asio;

constexpr std::size_t read_bytes = 256 * 1024;
constexpr std::size_t scope_answer_bytes_max = 64 * 1024;
constexpr batch_limits small_limits{.blobs = 256, .content_bytes = 16u << 20};
constexpr batch_limits large_limits{.blobs = 1};

error node_ends() {
  return {ec::stopping, "the node ends"};
}

std::string events_target(const events_request& request) {
  return "/v1/events?xid=" + std::to_string(request.after.xid) +
         "&id=" + std::to_string(request.after.id) +
         "&token=" + std::to_string(request.after.token) +
         "&limit=" + std::to_string(request.limit) +
         "&wait_ms=" + std::to_string(request.wait.count());
}

std::string with_scope(std::string target, const scope_digest& scope) {
  if (scope.empty())
    return target;
  target += target.find('?') == std::string::npos ? '?' : '&';
  return target += "scope=" + scope;
}

class http_link final : public primary_link {
public:
  explicit http_link(primary_link_settings settings);
  ~http_link() override { http_link::stop(); }

  void events(const events_request& request, callback<events_page> done) override {
    ask(events_, {events_target(request), {}, identity_.patience + request.wait, request.scope},
        parse_events_page, of_scope(request.scope, std::move(done)));
  }
  void catalogue(const catalogue_request& request, callback<catalogue_page> done) override {
    ask(catalogue_,
        {"/v1/catalogue/" + request.type + "?after=" + std::to_string(request.after) +
             "&limit=" + std::to_string(request.limit),
         {},
         identity_.patience,
         request.scope},
        parse_catalogue_page, of_scope(request.scope, std::move(done)));
  }
  void records(const records_request& request, callback<records_page> done) override {
    callback<records_page> with_asked = [done = std::move(done),
                                         asked = request.records](result<records_page> page) {
      if (page)
        page->asked = asked;
      done(std::move(page));
    };
    ask(catalogue_, {"/v1/records", to_json(request), identity_.patience, request.scope},
        parse_records_page, of_scope(request.scope, std::move(with_asked)));
  }
  void digests(const digest_request& request, callback<digest_page> done) override {
    ask(catalogue_, {"/v1/digests", to_json(request), identity_.patience, request.scope},
        parse_digest_page, of_scope(request.scope, std::move(done)));
  }
  void position(callback<primary_position> done) override {
    ask(position_, {"/v1/position", {}, identity_.patience, {}}, parse_primary_position,
        std::move(done));
  }
  void fetch(std::shared_ptr<sync_job> job, std::shared_ptr<receiver> into,
             callback<void> done) override;
  void set_scope(const site_scope& scope) override;
  void set_secret(std::string secret) override;
  void set_tls(tls_context tls) override;
  void set_bandwidth(bandwidth_plan plan) override;
  bandwidth_use bandwidth() override { return cap_.use(); }
  void stop() override;

private:
  /// A connection for blobs, and where its bytes are hashed and written.
  struct lane {
    lane(http_link& link, fetch_queue& from, const batch_limits& up_to, asio::thread_pool& on,
         bandwidth_cap::kind share_of)
        : connection{link.thread_.context(), link.identity_},
          queue{from},
          limits{up_to},
          disk{on},
          share{share_of},
          pause{link.thread_.context()} {}

    link_connection connection;
    fetch_queue& queue;
    batch_limits limits;
    asio::thread_pool& disk;
    bandwidth_cap::kind share;
    /// While the cap holds it up.
    asio::steady_timer pause;
  };

  struct scoped_question {
    std::string target;
    /// Empty: GET; else it is sent with POST.
    std::string body;
    std::chrono::milliseconds patience;
    scope_digest scope;
    /// The primary was told the scope for this question already.
    bool told = false;
  };
  using text_callback = std::function<void(result<std::string>)>;

  template <class T>
  void ask(control_channel& channel, scoped_question question, result<T> (*parse)(std::string_view),
           std::type_identity_t<callback<T>> done);
  void ask_text(control_channel& channel, scoped_question question, text_callback done);
  /// On the socket thread: makes the scope known, then asks again.
  void tell_scope(control_channel& channel, scoped_question question, text_callback done);
  /// A page that was read under another scope than it was asked for is none.
  template <class Page>
  callback<Page> of_scope(const scope_digest& scope, callback<Page> done) const;
  /// Runs `work` on the socket thread. False once the link has stopped.
  template <class Work>
  bool post(Work work);

  asio::awaitable<void> run(lane& through);
  asio::awaitable<void> fetch_batch(lane& through, blob_batch& batch);
  /// Asks for blobs under the scope as it is now.
  asio::awaitable<result<void>> ask_for_blobs(lane& through, const std::string& body);
  asio::awaitable<result<void>> receive(lane& through, blob_batch& batch);
  /// How many bytes may be read now; waits until there are some, or the link stops.
  asio::awaitable<std::size_t> turn(lane& through);
  asio::awaitable<result<std::size_t>> read_some(lane& through, std::span<std::byte> into,
                                                 std::size_t allowed);
  [[nodiscard]] batch_limits limits_now(const lane& through);

  link_identity identity_;
  const std::uint64_t large_blob_bytes_;
  bandwidth_cap cap_;
  /// Guards the end: nothing is posted to the thread after it was told to end.
  std::mutex mutex_;
  bool stopped_ = false;

  asio::thread_pool parsers_{1};
  // Apart: hashing what is there already of a large blob may take minutes.
  asio::thread_pool small_disk_;
  asio::thread_pool large_disk_;
  io_thread thread_;

  // On the socket thread only.
  bool stopping_ = false;
  /// What the site wants: its digest, and how the primary is told.
  scope_digest scope_;
  std::string scope_body_;
  control_channel events_;
  control_channel catalogue_;
  control_channel position_;
  fetch_queue small_;
  fetch_queue large_;
  std::vector<std::unique_ptr<lane>> lanes_;
};

http_link::http_link(primary_link_settings settings)
    : identity_{std::move(settings.url),
                std::move(settings.site),
                std::move(settings.secret),
                std::move(settings.tls),
                settings.connect_patience,
                settings.patience,
                settings.time},
      large_blob_bytes_{settings.large_blob_bytes},
      cap_{*settings.time, std::move(settings.bandwidth)},
      small_disk_{std::max<std::size_t>(settings.disk_threads, 1)},
      large_disk_{std::max<std::size_t>(settings.disk_threads, 1)},
      events_{thread_.context(), identity_, parsers_},
      catalogue_{thread_.context(), identity_, parsers_},
      position_{thread_.context(), identity_, parsers_},
      small_{thread_.context()},
      large_{thread_.context()} {
  for (std::size_t i = 0; i < std::max<std::size_t>(settings.connections, 1); ++i) {
    lanes_.push_back(std::make_unique<lane>(*this, small_, small_limits, small_disk_,
                                            bandwidth_cap::kind::small));
    lanes_.push_back(std::make_unique<lane>(*this, large_, large_limits, large_disk_,
                                            bandwidth_cap::kind::large));
  }
  for (auto* channel : {&events_, &catalogue_, &position_})
    asio::co_spawn(thread_.context(), channel->run(), asio::detached);
  for (const auto& one : lanes_)
    asio::co_spawn(thread_.context(), run(*one), asio::detached);
}

// -- questions

template <class Work>
bool http_link::post(Work work) {
  const std::scoped_lock lock{mutex_};
  if (!stopped_)
    asio::post(thread_.context(), std::move(work));
  return !stopped_;
}

template <class T>
void http_link::ask(control_channel& channel, scoped_question question,
                    result<T> (*parse)(std::string_view), std::type_identity_t<callback<T>> done) {
  ask_text(channel, std::move(question), [this, parse, done](result<std::string> text) {
    if (text)
      cap_.charge(text->size());
    done(text ? parse(*text) : fail(std::move(text).error()));
  });
}

void http_link::ask_text(control_channel& channel, scoped_question question, text_callback done) {
  control_question asked{
      with_scope(question.target, question.scope), question.body, question.patience,
      [this, &channel, question, done](result<std::string> text) {
        const bool unknown = !text && text.error().code == ec::scope_unknown;
        if (!unknown || question.told || question.scope.empty())
          return done(std::move(text));
        if (!post([this, &channel, question, done] { tell_scope(channel, question, done); }))
          done(fail(node_ends()));
      }};
  if (!post([&channel, asked = std::move(asked)]() mutable { channel.ask(std::move(asked)); }))
    done(fail(node_ends()));
}

void http_link::tell_scope(control_channel& channel, scoped_question question, text_callback done) {
  if (question.scope != scope_)
    return done(fail(ec::scope_unknown, "what this site wants has changed meanwhile"));
  question.told = true;
  channel.ask({"/v1/scope", scope_body_, identity_.patience,
               [this, &channel, question, done](const result<std::string>& text) {
                 if (!text)
                   return done(fail(text.error()));
                 const auto kept = parse_scope_answer(*text);
                 if (!kept)
                   return done(fail(kept.error()));
                 if (*kept != question.scope)
                   return done(fail(ec::protocol, "the primary calls this site's scope by another "
                                                  "name than the site does; upgrade one of them"));
                 ask_text(channel, question, done);
               }});
}

template <class Page>
primary_link::callback<Page> http_link::of_scope(const scope_digest& scope,
                                                 callback<Page> done) const {
  return [scope, done = std::move(done), url = identity_.url](result<Page> page) {
    if (page && page->scope != scope)
      page = fail(ec::protocol, "the primary at " + url +
                                    " does not know of scopes, which [selective_sync] and "
                                    "predicate need; upgrade it");
    done(std::move(page));
  };
}

void http_link::set_scope(const site_scope& scope) {
  post([this, digest = digest_of(scope), body = to_json(scope)]() mutable {
    scope_ = std::move(digest);
    scope_body_ = std::move(body);
  });
}

void http_link::set_secret(std::string secret) {
  post([this, secret = std::move(secret)]() mutable { identity_.secret = std::move(secret); });
}

void http_link::set_tls(tls_context tls) {
  post([this, tls = std::move(tls)]() mutable { identity_.tls = std::move(tls); });
}

void http_link::set_bandwidth(bandwidth_plan plan) {
  cap_.set_plan(std::move(plan));
  post([this] {
    for (const auto& one : lanes_)
      one->pause.cancel(); // asks again
  });
}

// -- blobs

void http_link::fetch(std::shared_ptr<sync_job> job, std::shared_ptr<receiver> into,
                      callback<void> done) {
  const bool is_large = job->size.value_or(0) > large_blob_bytes_;
  fetch_item item{std::move(job), std::move(into), done};
  if (!post([this, is_large, item = std::move(item)]() mutable {
        if (stopping_)
          item.done(fail(node_ends()));
        else
          (is_large ? large_ : small_).push(std::move(item));
      }))
    done(fail(node_ends()));
}

asio::awaitable<void> http_link::run(lane& through) {
  while (!stopping_) {
    if (through.queue.empty()) {
      co_await through.queue.wait();
      continue;
    }
    blob_batch batch{through.queue.take(limits_now(through))};
    error why = node_ends();
    try {
      co_await fetch_batch(through, batch);
    } catch (const std::exception& e) {
      through.connection.close();
      why = {ec::internal, std::string{"fetching blobs: "} + e.what()};
    }
    batch.fail_rest(why);
    for (auto& item : batch.take_large())
      if (stopping_)
        item.done(fail(node_ends()));
      else
        large_.push(std::move(item));
  }
}

asio::awaitable<void> http_link::fetch_batch(lane& through, blob_batch& batch) {
  const auto body = co_await on_pool(through.disk, [&] {
    batch.prepare(large_blob_bytes_, through.limits.blobs == 1);
    return batch.size() == 0 ? std::string{} : batch.request_body();
  });
  if (stopping_ || batch.size() == 0)
    co_return;
  auto received = co_await ask_for_blobs(through, body);
  if (received)
    received = co_await receive(through, batch);
  if (!received)
    batch.fail_rest(stopping_ ? node_ends() : received.error());
}

asio::awaitable<result<void>> http_link::ask_for_blobs(lane& through, const std::string& body) {
  auto& connection = through.connection;
  auto target = with_scope("/v1/blobs", scope_);
  auto asked = co_await connection.ask("POST", target, body, identity_.patience);
  if (asked || asked.error().code != ec::scope_unknown)
    co_return asked;
  if (!scope_.empty()) {
    const auto scope = scope_body_; // it may change meanwhile
    asked = co_await connection.ask("POST", "/v1/scope", scope, identity_.patience);
    if (!asked) // nothing is known of the records
      co_return fail(ec::primary_unreachable, asked.error().message);
    if (const auto text = co_await connection.read_text(scope_answer_bytes_max); !text)
      co_return fail(text.error());
  }
  target = with_scope("/v1/blobs", scope_);
  asked = co_await connection.ask("POST", target, body, identity_.patience);
  if (!asked && asked.error().code == ec::scope_unknown)
    co_return fail(ec::primary_unreachable, asked.error().message);
  co_return asked;
}

asio::awaitable<result<void>> http_link::receive(lane& through, blob_batch& batch) {
  using namespace asio::experimental::awaitable_operators;
  frame_decoder decoder{static_cast<std::uint32_t>(batch.size()), batch};
  std::vector<std::byte> arrived(read_bytes);
  std::vector<std::byte> arriving(read_bytes);
  const auto first = co_await turn(through);
  auto bytes = co_await read_some(through, arrived, first);
  while (bytes && *bytes > 0) {
    const auto take = [&] {
      auto fed = decoder.feed(std::span{arrived}.first(*bytes));
      if (!fed || batch.pointless()) // ends the reading that goes on beside this
        asio::post(thread_.context(), [&through] { through.connection.close(); });
      return fed;
    };
    if (cap_.use().cap != 0) {
      if (auto fed = co_await on_pool(through.disk, take); !fed)
        co_return fed;
      batch.hold(true);
      const auto allowed = co_await turn(through);
      batch.hold(false);
      bytes = co_await read_some(through, arrived, allowed);
      continue;
    }
    // The next bytes arrive while these are hashed and written.
    auto [fed, next] =
        co_await (on_pool(through.disk, take) && read_some(through, arriving, arriving.size()));
    if (!fed)
      co_return fed;
    bytes = std::move(next);
    std::swap(arrived, arriving);
  }
  if (!bytes)
    co_return fail(std::move(bytes).error());
  if (!decoder.complete())
    co_return fail(ec::protocol,
                   "an answer of the primary at " + identity_.url + " ends before its last blob");
  co_return result<void>{};
}

asio::awaitable<std::size_t> http_link::turn(lane& through) {
  const auto place = cap_.join(through.share);
  while (!stopping_) {
    if (const auto allowed = cap_.take(place, read_bytes); allowed > 0)
      co_return allowed;
    through.pause.expires_after(cap_.wait(place));
    co_await through.pause.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  cap_.leave(place);
  co_return read_bytes; // of a connection that is closed
}

asio::awaitable<result<std::size_t>> http_link::read_some(lane& through, std::span<std::byte> into,
                                                          std::size_t allowed) {
  auto read = co_await through.connection.read_some(into.first(allowed));
  cap_.settle(allowed, read ? *read : 0);
  co_return read;
}

/// What comes next should not wait longer than about a second for a batch, at the present cap.
batch_limits http_link::limits_now(const lane& through) {
  auto limits = through.limits;
  if (const auto cap = cap_.use().cap; cap != 0 && limits.blobs > 1)
    limits.content_bytes = std::min(limits.content_bytes, cap);
  return limits;
}

// -- the end

void http_link::stop() {
  {
    const std::scoped_lock lock{mutex_};
    if (std::exchange(stopped_, true))
      return;
  }
  asio::post(thread_.context(), [this] {
    stopping_ = true;
    for (auto* channel : {&events_, &catalogue_, &position_})
      channel->stop();
    for (auto* queue : {&small_, &large_}) {
      for (auto& item : queue->take_all())
        item.done(fail(node_ends()));
      queue->wake_all();
    }
    for (const auto& one : lanes_) {
      one->connection.close();
      one->pause.cancel();
    }
  });
  thread_.join();
  for (auto* pool : {&small_disk_, &large_disk_, &parsers_})
    pool->join();
}

} // namespace

std::shared_ptr<primary_link> primary_link::make(primary_link_settings settings) {
  return std::make_shared<http_link>(std::move(settings));
}

} // namespace farshore
