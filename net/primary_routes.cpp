#include "net/primary_routes.hpp"

#include "net/blob_request.hpp"
#include "net/blob_sender.hpp"
#include "net/feed_json.hpp"
#include "net/on_pool.hpp"
#include "net/reader_pool.hpp"
#include "net/scope_json.hpp"
#include "net/site_scopes.hpp"
#include "registry/catalogue_digest.hpp"
#include "registry/horizon.hpp"

#include <algorithm>
#include <charconv>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace farshore {

namespace {

namespace asio = boost::asio;

constexpr auto as_values = asio::as_tuple(asio::use_awaitable);
/// Between two looks whether more of a pack is made.
constexpr std::chrono::milliseconds waiting_rest_min{1};
constexpr std::chrono::milliseconds waiting_rest_max{5};
/// A sign of life alone.
constexpr std::size_t busy_bytes = 1;
constexpr std::size_t events_max = 10'000;
constexpr std::size_t catalogue_max = 20'000;
constexpr std::chrono::milliseconds wait_max{30'000};
/// A site that is silent for longer counts as new.
constexpr std::chrono::minutes site_memory{5};

/// Of a version that a header names, what can be shown.
std::string program_of(std::string_view agent) {
  constexpr std::string_view ours = "farshore/";
  if (!agent.starts_with(ours))
    return {};
  agent.remove_prefix(ours.size());
  const bool plain = std::ranges::all_of(agent, [](char c) { return c > ' ' && c <= '~'; });
  return plain ? std::string{agent.substr(0, 40)} : std::string{};
}

http_answer json_answer(std::string body) {
  return {200, std::move(body)};
}

/// Reads a query parameter into `out`, which keeps its value where the parameter is not there.
template <class Number>
result<void> read_parameter(const http_request& request, std::string_view name, Number& out) {
  const auto text = request.parameter(name);
  if (!text)
    return {};
  const auto [end, failed] = std::from_chars(text->data(), text->data() + text->size(), out);
  if (failed != std::errc{} || end != text->data() + text->size())
    return fail(ec::protocol, "the parameter " + std::string{name} +
                                  " is no such number: " + std::string{text->substr(0, 40)});
  return {};
}

result<events_request> read_events_request(const http_request& request) {
  events_request wanted;
  std::uint64_t wait_ms = 0;
  for (auto read : {read_parameter(request, "xid", wanted.after.xid),
                    read_parameter(request, "id", wanted.after.id),
                    read_parameter(request, "token", wanted.after.token),
                    read_parameter(request, "limit", wanted.limit),
                    read_parameter(request, "wait_ms", wait_ms)})
    if (!read)
      return fail(std::move(read).error());
  wanted.limit = std::clamp<std::size_t>(wanted.limit, 1, events_max);
  wanted.wait = std::chrono::milliseconds{std::min<std::uint64_t>(wait_ms, wait_max.count())};
  return wanted;
}

bool same(const std::vector<type_status>& a, const std::vector<type_status>& b) {
  return std::ranges::equal(a, b, [](const type_status& x, const type_status& y) {
    return x.name == y.name && x.generation == y.generation && x.waiting == y.waiting;
  });
}

} // namespace

struct primary_routes::impl {
  /// What a site was told last, as far as it decides whether the next question may wait.
  struct told {
    std::uint64_t covered_xid = 0;
    std::uint64_t statuses_version = 0;
    steady_time when{};
  };

  /// One look at the log for all secondaries that wait.
  struct glance {
    event_position newest;
    std::uint64_t xmin = 0;
    steady_time taken{};
    bool under_way = false;
  };

  explicit impl(primary_routes_settings given)
      : settings{std::move(given)},
        readers{settings.open_reader},
        database{std::max<std::size_t>(settings.readers, 1)},
        disk{std::max<std::size_t>(settings.disk_threads, 1)},
        sampler{database.shared()} {}

  ~impl() {
    database.stop();
    disk.stop();
  }

  asio::awaitable<result<http_answer>> events(const http_request& request);
  asio::awaitable<result<http_answer>> catalogue(const http_request& request);
  asio::awaitable<result<http_answer>> records(const http_request& request);
  asio::awaitable<result<http_answer>> digests(const http_request& request);
  asio::awaitable<result<http_answer>> position(const http_request& request);
  asio::awaitable<result<http_answer>> scope(const http_request& request);
  asio::awaitable<result<void>> blobs(const http_request& request, answer_stream& out);

  result<events_page> read_events(const events_request& wanted, const site_scope& scope);
  result<http_answer> read_catalogue(const catalogue_request& wanted, const site_scope& scope);
  result<http_answer> read_records(const std::string& body, const site_scope& scope);
  result<digest_page> read_digests(const digest_request& wanted, const site_scope& scope);
  result<http_answer> keep_scope(const http_request& request);
  void note_walk(const std::string& type);
  /// What the request is about.
  result<shared_scope> scope_of(const http_request& request) {
    return scopes.find(request.site, request.parameter("scope"));
  }
  result<primary_position> read_position();
  result<std::unique_ptr<blob_sender>> prepare_blobs(const http_request& from);

  /// Something may have happened behind `after`, or that the site waits for.
  asio::awaitable<result<bool>> has_news(const event_position& after, const std::string& site);
  /// `place` is proved: the log has it.
  void note(const http_request& request, const event_position& place);
  http_answer tell(const std::string& site, std::uint64_t statuses_version, events_page page);
  /// Under the mutex.
  void name_waiting(std::vector<type_status>& types) const;
  void sample_later();
  void sample();

  primary_routes_settings settings;
  reader_pool readers;
  site_scopes scopes;

  std::mutex mutex;
  // Under the mutex.
  std::map<std::string, std::shared_ptr<strategy>> stores;
  std::vector<type_status> statuses;
  std::uint64_t statuses_version = 0;
  horizon_samples horizon;
  std::optional<horizon_blocker> blocker;
  std::map<std::string, site_note> notes;
  /// Types that sites began to walk through. Guarded by `mutex`.
  std::set<std::string> walked;

  // On the server's thread only.
  std::map<std::string, told> sites;
  std::uint64_t mark_xid = 0;
  glance last_glance;

  // Last: their threads use what stands above.
  fair_pool database;
  fair_pool disk;
  asio::steady_timer sampler;
};

// -- the log

asio::awaitable<result<http_answer>> primary_routes::impl::events(const http_request& request) {
  const auto wanted = read_events_request(request);
  if (!wanted)
    co_return fail(wanted.error());
  const auto scope = scope_of(request);
  if (!scope)
    co_return fail(scope.error());
  const auto deadline = std::chrono::steady_clock::now() + wanted->wait;
  asio::steady_timer pause{co_await asio::this_coro::executor};
  bool noted = false;
  for (bool last = wanted->wait.count() == 0;;) {
    std::uint64_t version = 0;
    {
      const std::scoped_lock lock{mutex};
      version = statuses_version;
    }
    auto page =
        co_await on_pool(database, request.site, [&] { return read_events(*wanted, **scope); });
    if (!page) {
      auto why = std::move(page).error();
      if (why.code == ec::log_trimmed && request.wire < 2) // an older site starts over instead
        why.code = ec::position_unknown;
      co_return fail(std::move(why));
    }
    if (!std::exchange(noted, true))
      note(request, wanted->after);
    const auto& site = sites[request.site];
    const bool marked = site.covered_xid < mark_xid && page->covered_xid >= mark_xid;
    // A page may be cut before its first event (a key that has no record id yet): that is no news.
    if (last || !page->events.empty() || page->upto != wanted->after ||
        version != site.statuses_version || marked)
      co_return tell(request.site, version, std::move(*page));
    for (bool news = false; !news && !last;) {
      pause.expires_after(settings.poll);
      co_await pause.async_wait(as_values);
      auto looked = co_await has_news(wanted->after, request.site);
      if (!looked)
        co_return fail(std::move(looked).error());
      news = *looked;
      // Read once more at the end: the horizon has moved on meanwhile.
      last = std::chrono::steady_clock::now() >= deadline || *request.stopping;
    }
  }
}

asio::awaitable<result<bool>> primary_routes::impl::has_news(const event_position& after,
                                                             const std::string& site) {
  const auto now = std::chrono::steady_clock::now();
  if (!last_glance.under_way && now - last_glance.taken >= settings.poll) {
    last_glance.under_way = true;
    const bool bounds_too = std::ranges::any_of(
        sites, [this](const auto& one) { return one.second.covered_xid < mark_xid; });
    // For all who wait, so not in one site's turn, which may be long.
    auto seen = co_await on_pool(database.shared(), [this, bounds_too] {
      return readers.ask([bounds_too](primary_reader& reader) -> result<glance> {
        auto newest = reader.newest_place();
        if (!newest)
          return fail(std::move(newest).error());
        glance taken;
        taken.newest = *newest;
        if (bounds_too) {
          const auto bounds = reader.bounds();
          if (!bounds)
            return fail(bounds.error());
          taken.xmin = bounds->xmin;
        }
        return taken;
      });
    });
    last_glance.under_way = false;
    if (!seen)
      co_return fail(std::move(seen).error());
    last_glance = *seen;
    last_glance.taken = std::chrono::steady_clock::now();
  }
  const auto& known = sites[site];
  if (last_glance.newest != after || (known.covered_xid < mark_xid && last_glance.xmin >= mark_xid))
    co_return true;
  const std::scoped_lock lock{mutex};
  co_return known.statuses_version != statuses_version;
}

result<events_page> primary_routes::impl::read_events(const events_request& wanted,
                                                      const site_scope& scope) {
  auto page = readers.ask([&](primary_reader& reader) -> result<events_page> {
    auto identity = reader.identity();
    if (!identity)
      return fail(std::move(identity).error());
    auto read = reader.events(wanted.after, wanted.limit, scope);
    if (read)
      read->identity = std::move(*identity);
    return read;
  });
  if (page) {
    const std::scoped_lock lock{mutex};
    name_waiting(page->types);
    page->horizon = horizon.horizon(page->covered_xid);
    page->blocker = blocker;
  }
  return page;
}

void primary_routes::impl::note(const http_request& request, const event_position& place) {
  const std::scoped_lock lock{mutex};
  notes[request.site] = {request.site,
                         place,
                         settings.time->wall(),
                         program_of(request.agent),
                         std::to_string(request.wire),
                         request.remote.substr(0, request.remote.rfind(':'))};
}

http_answer primary_routes::impl::tell(const std::string& site, std::uint64_t version,
                                       events_page page) {
  const auto now = std::chrono::steady_clock::now();
  sites[site] = {page.covered_xid, version, now};
  std::erase_if(sites, [now](const auto& one) { return now - one.second.when > site_memory; });
  return json_answer(to_json(page));
}

void primary_routes::impl::name_waiting(std::vector<type_status>& types) const {
  for (const auto& status : statuses) {
    const auto found = std::ranges::find(types, status.name, &type_status::name);
    if (found != types.end())
      found->waiting = status.waiting;
    else
      types.push_back({status.name, 0, status.waiting});
  }
}

// -- the catalogue, and where the primary stands

asio::awaitable<result<http_answer>> primary_routes::impl::catalogue(const http_request& request) {
  catalogue_request wanted{request.captured.at(0), record_id_before_all, 5'000};
  for (auto read : {read_parameter(request, "after", wanted.after),
                    read_parameter(request, "limit", wanted.limit)})
    if (!read)
      co_return fail(std::move(read).error());
  wanted.limit = std::clamp<std::size_t>(wanted.limit, 1, catalogue_max);
  const auto scope = scope_of(request);
  if (!scope)
    co_return fail(scope.error());
  co_return co_await on_pool(database, request.site,
                             [&] { return read_catalogue(wanted, **scope); });
}

result<http_answer> primary_routes::impl::read_catalogue(const catalogue_request& wanted,
                                                         const site_scope& scope) {
  const auto page = readers.ask([&](primary_reader& reader) {
    return reader.catalogue(wanted.type, wanted.after, wanted.limit, scope);
  });
  if (!page)
    return fail(page.error());
  if (wanted.after == record_id_before_all)
    note_walk(wanted.type);
  return json_answer(to_json(*page));
}

asio::awaitable<result<http_answer>> primary_routes::impl::records(const http_request& request) {
  const auto scope = scope_of(request);
  if (!scope)
    co_return fail(scope.error());
  co_return co_await on_pool(database, request.site,
                             [&] { return read_records(request.body, **scope); });
}

result<http_answer> primary_routes::impl::read_records(const std::string& body,
                                                       const site_scope& scope) {
  const auto wanted = parse_records_request(body);
  if (!wanted)
    return fail(wanted.error());
  const auto page = readers.ask(
      [&](primary_reader& reader) { return reader.look_up(wanted->type, wanted->records, scope); });
  if (!page)
    return fail(page.error());
  return json_answer(to_json(*page));
}

asio::awaitable<result<http_answer>> primary_routes::impl::digests(const http_request& request) {
  const auto wanted = parse_digest_request(request.body);
  if (!wanted)
    co_return fail(wanted.error());
  const auto scope = scope_of(request);
  if (!scope)
    co_return fail(scope.error());
  const auto page =
      co_await on_pool(database, request.site, [&] { return read_digests(*wanted, **scope); });
  if (!page)
    co_return fail(page.error());
  if (!wanted->ranges.empty() && wanted->ranges.front().after == record_id_before_all)
    note_walk(wanted->type);
  co_return json_answer(to_json(*page));
}

void primary_routes::impl::note_walk(const std::string& type) {
  const std::scoped_lock lock{mutex};
  walked.insert(type);
}

result<digest_page> primary_routes::impl::read_digests(const digest_request& wanted,
                                                       const site_scope& scope) {
  return readers.ask([&](primary_reader& reader) {
    const auto read = [&](record_id after, std::size_t limit) {
      return reader.catalogue(wanted.type, after, limit, scope);
    };
    return digest_catalogue(read, wanted);
  });
}

asio::awaitable<result<http_answer>> primary_routes::impl::position(const http_request& request) {
  const auto now = co_await on_pool(database, request.site, [this] { return read_position(); });
  if (!now)
    co_return fail(now.error());
  // Who asks may wait for this mark: the log's readers shall hear of it as soon as it is covered.
  mark_xid = std::max(mark_xid, now->mark_xid);
  co_return json_answer(to_json(*now));
}

result<primary_position> primary_routes::impl::read_position() {
  return readers.ask([this](primary_reader& reader) -> result<primary_position> {
    auto identity = reader.identity();
    if (!identity)
      return fail(std::move(identity).error());
    const auto place = reader.folded_place();
    if (!place)
      return fail(place.error());
    const auto bounds = reader.bounds();
    if (!bounds)
      return fail(bounds.error());
    const std::scoped_lock lock{mutex};
    return primary_position{std::move(*identity), *place, bounds->xmax,
                            horizon.horizon(bounds->xmin)};
  });
}

// -- scopes

asio::awaitable<result<http_answer>> primary_routes::impl::scope(const http_request& request) {
  co_return co_await on_pool(database, request.site, [&] { return keep_scope(request); });
}

result<http_answer> primary_routes::impl::keep_scope(const http_request& request) {
  auto scope = parse_site_scope(request.body);
  if (!scope)
    return fail(std::move(scope).error());
  const auto kept = scopes.keep(request.site, std::move(*scope));
  if (!kept)
    return fail(kept.error());
  return json_answer(scope_answer(*kept));
}

// -- blobs

asio::awaitable<result<void>> primary_routes::impl::blobs(const http_request& request,
                                                          answer_stream& out) {
  using namespace asio::experimental::awaitable_operators;
  auto sender = co_await on_pool(database, request.site, [&] { return prepare_blobs(request); });
  if (!sender)
    co_return fail(std::move(sender).error());
  std::vector<std::byte> filling;
  std::vector<std::byte> sending;
  const auto fill = [&] { return (*sender)->fill(filling); };
  bool more = co_await on_pool(disk, request.site, fill);
  asio::steady_timer pause{co_await asio::this_coro::executor};
  auto rest = waiting_rest_min;
  for (;;) {
    std::swap(filling, sending);
    filling.clear();
    if (!more)
      co_return co_await out.write(sending);
    if ((*sender)->is_waiting()) {
      // What is being made needs no thread that waits for it; others need that.
      if (auto written = co_await out.write(sending); !written)
        co_return written;
      if (sending.size() > busy_bytes)
        rest = waiting_rest_min;
      pause.expires_after(rest);
      co_await pause.async_wait(as_values);
      rest = std::min(rest * 2, waiting_rest_max);
      more = co_await on_pool(disk, request.site, fill);
      continue;
    }
    rest = waiting_rest_min;
    // The next piece is read while this one is on its way.
    auto [next, written] = co_await (on_pool(disk, request.site, fill) && out.write(sending));
    if (!written)
      co_return written;
    more = next;
  }
}

result<std::unique_ptr<blob_sender>> primary_routes::impl::prepare_blobs(const http_request& from) {
  auto request = parse_blob_request(from.body);
  if (!request)
    return fail(std::move(request).error());
  std::shared_ptr<strategy> store;
  {
    const std::scoped_lock lock{mutex};
    if (const auto found = stores.find(request->type); found != stores.end())
      store = found->second;
  }
  if (!store)
    return fail(ec::not_found, "the primary replicates no type \"" + request->type + "\"");
  std::vector<record_id> records;
  records.reserve(request->blobs.size());
  for (const auto& blob : request->blobs)
    records.push_back(blob.record);
  const auto scope = scope_of(from);
  if (!scope)
    return fail(scope.error());
  auto rows = readers.ask(
      [&](primary_reader& reader) { return reader.resolve(request->type, records, **scope); });
  if (!rows)
    return fail(std::move(rows).error());
  if (rows->size() != records.size())
    return fail(ec::internal, "the database answered for other records than were asked");
  return std::make_unique<blob_sender>(std::move(store), std::move(*request), std::move(*rows),
                                       settings.large_blob_bytes, from.wire);
}

// -- the horizon

void primary_routes::impl::sample_later() {
  sampler.expires_after(settings.sample_every);
  sampler.async_wait([this](boost::system::error_code cancelled) {
    if (cancelled)
      return;
    sample();
    sample_later();
  });
}

void primary_routes::impl::sample() {
  // The clock first: what is committed before this time is below the snapshot's end.
  const auto now = settings.time->wall();
  const auto bounds = readers.ask([](primary_reader& reader) { return reader.bounds(); });
  const auto holding =
      readers.ask([this](primary_reader& reader) { return reader.blocker(settings.blocker_age); });
  // While the database can't be reached nothing is known, and the requests' answers say so.
  const std::scoped_lock lock{mutex};
  if (bounds)
    horizon.sample(now, bounds->xmax);
  blocker = holding.value_or(std::nullopt);
}

// -- the outside

primary_routes::primary_routes(primary_routes_settings settings)
    : impl_{std::make_unique<impl>(std::move(settings))} {
  impl_->sample_later();
}

primary_routes::~primary_routes() = default;

void primary_routes::configure(std::vector<replicable_type> types,
                               std::map<std::string, std::shared_ptr<strategy>> stores) {
  impl_->scopes.configure(types);
  impl_->readers.declare(std::move(types));
  const std::scoped_lock lock{impl_->mutex};
  impl_->stores = std::move(stores);
}

void primary_routes::set_type_statuses(std::vector<type_status> statuses) {
  const std::scoped_lock lock{impl_->mutex};
  if (same(impl_->statuses, statuses))
    return;
  impl_->statuses = std::move(statuses);
  ++impl_->statuses_version;
}

std::vector<site_note> primary_routes::take_site_notes() {
  std::map<std::string, site_note> taken;
  {
    const std::scoped_lock lock{impl_->mutex};
    taken.swap(impl_->notes);
  }
  std::vector<site_note> out;
  for (auto& [name, note] : taken)
    out.push_back(std::move(note));
  return out;
}

std::vector<std::string> primary_routes::take_walked_types() {
  const std::scoped_lock lock{impl_->mutex};
  const auto taken = std::exchange(impl_->walked, {});
  return {taken.begin(), taken.end()};
}

result<std::optional<std::string>> primary_routes::key_at(const std::string& type,
                                                          const std::string& locator) {
  return impl_->readers.ask([&](primary_reader& reader) { return reader.key_at(type, locator); });
}

result<digest_page> primary_routes::digests(const digest_request& wanted) {
  return impl_->read_digests(wanted, {});
}

void primary_routes::add_to(router& routes) {
  auto* const parts = impl_.get();
  routes.add("GET", "/v1/events",
             [parts](const http_request& request) { return parts->events(request); });
  routes.add("GET", "/v1/catalogue/*",
             [parts](const http_request& request) { return parts->catalogue(request); });
  routes.add("POST", "/v1/records",
             [parts](const http_request& request) { return parts->records(request); });
  routes.add("POST", "/v1/digests",
             [parts](const http_request& request) { return parts->digests(request); });
  routes.add("GET", "/v1/position",
             [parts](const http_request& request) { return parts->position(request); });
  routes.add("POST", "/v1/scope",
             [parts](const http_request& request) { return parts->scope(request); });
  routes.add_stream("POST", "/v1/blobs", [parts](const http_request& request, answer_stream& out) {
    return parts->blobs(request, out);
  });
}

} // namespace farshore
