#include "node/commands.hpp"
#include "node/exit_codes.hpp"
#include "node/fields.hpp"
#include "node/registry_page.hpp"
#include "node/wait_verdict.hpp"

#include <algorithm>
#include <ostream>

#include <boost/json.hpp>
#include <fmt/format.h>

namespace farshore {

namespace {

using namespace std::chrono_literals;
using boost::json::value;
using std::chrono::milliseconds;

constexpr milliseconds first_pause = 50ms;
constexpr milliseconds longest_pause = 500ms;
constexpr std::size_t shown_failures = 5;
constexpr std::size_t shown_missing = 20;
/// Looked through for the failures to show: those missing on the primary stand among them.
constexpr std::size_t searched_failures = 1'000;

/// One wait: asks, until the answer is there or the time is over.
class waiting {
public:
  waiting(const site_access& site, const wait_options& options, const time_source& time,
          const std::function<void(milliseconds)>& sleep, console io)
      : site_{site},
        options_{options},
        time_{time},
        sleep_{sleep},
        io_{io},
        deadline_{time.now() + options.timeout} {}

  int run() {
    while (true) {
      if (auto failure = look())
        return report(*failure, site_, io_);
      if (verdict_.reached)
        return reached();
      if (time_.now() >= deadline_)
        return out_of_time();
      sleep_(std::min(pause_, std::chrono::ceil<milliseconds>(deadline_ - time_.now())));
      pause_ = std::min(pause_ * 2, longest_pause);
    }
  }

private:
  /// Asks for the mark where there is none yet, and for the status. Sets verdict_; returns what
  /// waiting can't help against.
  std::optional<api_failure> look() {
    if (!mark_) {
      if (auto answer = ask({"POST", "/api/v1/mark", boost::json::object{}}))
        mark_ = uint_at(*answer, "/xid");
      else
        return hopeless(answer.error());
    }
    auto status = ask({"GET", "/api/v1/status"});
    if (!status)
      return hopeless(status.error());
    last_failure_.reset();
    // In another epoch the primary's transactions are other ones.
    auto epoch = int_at(*status, "/epoch");
    if (epoch_ && *epoch_ != epoch) {
      mark_.reset();
      epoch_.reset();
      since_.clear();
      verdict_ = {};
      verdict_.open.push_back("the primary was replaced or restored; asking it anew");
      return std::nullopt;
    }
    epoch_ = epoch;
    if (since_.empty() && uint_at(*status, "/log/covered_xid") >= *mark_)
      since_ = text_at(*status, "/log/horizon");
    verdict_ = judge_wait(*status, *mark_, options_.synced, since_);
    return std::nullopt;
  }

  api_answer ask(api_request request) {
    auto left = std::chrono::ceil<milliseconds>(deadline_ - time_.now());
    request.answer_timeout = std::clamp<milliseconds>(left, 1s, request.answer_timeout);
    return site_.call(request);
  }

  std::optional<api_failure> hopeless(const api_failure& failure) {
    if (failure.what == api_failure::kind::refused || failure.what == api_failure::kind::no)
      return failure;
    if (failure.what == api_failure::kind::unreachable && !last_failure_)
      io_.err << "farshore: " << failure.why.message << "; waiting for it\n";
    last_failure_ = failure;
    verdict_ = {};
    verdict_.open.push_back(one_line(failure.why.message));
    return std::nullopt;
  }

  int reached() {
    for (const auto& line : verdict_.accounted)
      io_.out << line << '\n';
    for (const auto& type : verdict_.missing_types)
      print_records(type, "missing", shown_missing,
                    [](const value& r) { return bool_at(r, "/missing_on_primary"); });
    if (options_.strict && !verdict_.accounted.empty()) {
      io_.err << "farshore: not everything is synced (--strict)\n";
      return exit_code::no;
    }
    if (site_.settings.role == site_role::primary)
      io_.out << (options_.synced ? "the log is folded\n"
                                  : "the log is folded, and what is there is checksummed\n");
    else
      io_.out << (options_.synced ? "synced" : "synced and verified")
              << (verdict_.accounted.empty() ? "" : ", except for the above") << ": "
              << verdict_.records << " records\n";
    return exit_code::done;
  }

  int out_of_time() {
    if (last_failure_ && last_failure_->what == api_failure::kind::unreachable)
      return report(*last_failure_, site_, io_);
    io_.err << fmt::format("farshore: not reached within {:g} s:\n",
                           std::chrono::duration<double>(options_.timeout).count());
    for (const auto& line : verdict_.open)
      io_.err << "  " << line << '\n';
    for (const auto& type : verdict_.failing_types)
      print_records(type, "failed", shown_failures,
                    [](const value& r) { return !bool_at(r, "/missing_on_primary"); });
    for (const auto& line : verdict_.accounted)
      io_.err << "  " << line << '\n';
    return exit_code::no;
  }

  /// Best effort: the verdict stands without it.
  template <class Wanted>
  void print_records(const std::string& type, std::string_view what, std::size_t count,
                     Wanted wanted) {
    auto page = read_registry(site_, type, {"failed"}, searched_failures);
    if (!page)
      return;
    auto& out = what == "missing" ? io_.out : io_.err;
    std::size_t found = 0;
    for (const auto& record : page->records) {
      if (!wanted(record) || ++found > count)
        continue;
      out << fmt::format("  {}/{} {}: {}\n", type, int_at(record, "/record_id"),
                         text_at(record, "/locator"),
                         one_line(text_at(record, "/last_sync_failure")));
    }
    if (found > count || page->next.is_int64())
      out << fmt::format("  … and more: farshore list {} --state failed\n", type);
  }

  const site_access& site_;
  const wait_options& options_;
  const time_source& time_;
  const std::function<void(milliseconds)>& sleep_;
  console io_;
  steady_time deadline_;
  milliseconds pause_ = first_pause;
  std::optional<std::uint64_t> mark_;
  std::optional<std::int64_t> epoch_;
  /// The log's horizon once the mark was covered; what is older has to be verified.
  std::string since_;
  std::optional<api_failure> last_failure_;
  wait_verdict verdict_;
};

} // namespace

int wait_command(const site_access& site, const wait_options& options, const time_source& time,
                 const std::function<void(milliseconds)>& sleep, console io) {
  return waiting{site, options, time, sleep, io}.run();
}

} // namespace farshore
