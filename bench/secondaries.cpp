// Does one secondary slow the others down?
//
// One primary and its files. First one secondary alone fetches all of them; then three at once,
// each of which should have at least 0.8 of a third of the first one's rate (they share this
// machine's processors too, for the secondaries' own work, so a third is less than what a primary
// alone could give); then three of which one is stopped by SIGSTOP in the middle of its transfers
// and one reads over a line of 100 KB/s. The two do nearly nothing, so the third should be about as
// fast as one alone. A secondary's time is from its node's start, with a database made before, to
// the first status (asked every 20 ms) in which all is synced.

#include "bench/support/two_sites.hpp"
#include "node/fields.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <fstream>
#include <list>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

namespace farshore::bench {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using asio::ip::tcp;
using namespace std::chrono_literals;
using seconds = std::chrono::duration<double>;
using watch = std::chrono::steady_clock;

constexpr std::chrono::seconds patience = 1800s;
constexpr auto as_values = asio::as_tuple(asio::use_awaitable);

/// Passes connections on to the primary, and what it answers slowly back: a long, thin line.
class slow_line {
public:
  slow_line(const std::string& to, double bytes_per_second) : rate_{bytes_per_second} {
    const auto colon = to.rfind(':');
    to_ = {asio::ip::make_address(to.substr(0, colon)),
           static_cast<std::uint16_t>(std::stoi(to.substr(colon + 1)))};
    asio::co_spawn(context_, accept(), asio::detached);
    thread_ = std::thread{[this] { context_.run(); }};
  }
  ~slow_line() {
    context_.stop();
    thread_.join();
  }

  [[nodiscard]] std::string address() const {
    return fmt::format("127.0.0.1:{}", acceptor_.local_endpoint().port());
  }
  [[nodiscard]] std::uint64_t passed() const { return passed_; }

private:
  using socket = std::shared_ptr<tcp::socket>;

  asio::awaitable<void> accept() {
    for (;;) {
      auto [failed, came] = co_await acceptor_.async_accept(as_values);
      if (failed)
        co_return;
      auto near = std::make_shared<tcp::socket>(std::move(came));
      auto far = std::make_shared<tcp::socket>(context_);
      auto [refused] = co_await far->async_connect(to_, as_values);
      if (refused)
        continue;
      // Small buffers: what the kernels hold has not been slowed.
      boost::system::error_code ignored;
      far->set_option(asio::socket_base::receive_buffer_size{16 * 1024}, ignored);
      asio::co_spawn(context_, pass(near, far, false), asio::detached);
      asio::co_spawn(context_, pass(far, near, true), asio::detached);
    }
  }

  asio::awaitable<void> pass(socket from, socket to, bool slowly) {
    std::array<char, 8 * 1024> piece;
    for (;;) {
      auto [failed, size] = co_await from->async_read_some(asio::buffer(piece), as_values);
      if (failed)
        break;
      if (slowly) {
        // All connections share the line.
        free_at_ =
            std::max(free_at_, watch::now()) +
            std::chrono::duration_cast<watch::duration>(seconds{static_cast<double>(size) / rate_});
        passed_ += size;
        asio::steady_timer turn{context_, free_at_};
        co_await turn.async_wait(as_values);
      }
      auto [broken, sent] = co_await asio::async_write(*to, asio::buffer(piece, size), as_values);
      if (broken)
        break;
    }
    boost::system::error_code ignored;
    from->close(ignored);
    to->close(ignored);
  }

  double rate_;
  asio::io_context context_{1};
  tcp::acceptor acceptor_{context_, tcp::endpoint{asio::ip::address_v4::loopback(), 0}};
  tcp::endpoint to_;
  watch::time_point free_at_{};
  std::atomic<std::uint64_t> passed_{0};
  std::thread thread_;
};

struct load {
  std::int64_t files = 20'000;
  std::size_t bytes = 16 * 1024;
};

void make_files(const load& wanted, const fs::path& store) {
  const std::string content(wanted.bytes, 'x');
  for (std::int64_t i = 0; i < wanted.files; ++i) {
    const auto file = store / fmt::format("{}/{}", i % 200, i);
    if (i < 200)
      fs::create_directories(file.parent_path());
    std::ofstream out{file, std::ios::binary};
    out << i;
    out.write(content.data(), static_cast<std::streamsize>(content.size()));
  }
}

class one_primary {
public:
  one_primary(const options& chosen, const load& wanted) : sites_{chosen}, chosen_{chosen} {
    make_files(wanted, sites_.primary().store());
    sites_.start_primary();
    auto db = sites_.primary().sql();
    pqxx::work tx{*db};
    tx.exec(fmt::format("CREATE TABLE documents (id bigint PRIMARY KEY, path text, bytes bigint); "
                        "INSERT INTO documents SELECT n, n % 200 || '/' || n, NULL FROM "
                        "generate_series(0, {}) AS n",
                        wanted.files - 1));
    tx.commit();
    sites_.primary().command({"wait"});
    files_ = wanted.files;
  }

  /// A secondary with a database and no records.
  site& make(const std::string& name, const std::string& primary_address) {
    const auto above = sites_.primary().folder().parent_path();
    auto& made = secondaries_.emplace_back(chosen_, above / name,
                                           sites_.primary().store().parent_path() / name);
    made.configure_secondary(primary_address, false);
    made.start();
    made.wait_for_answer();
    made.stop();
    made.configure_secondary(primary_address, true);
    return made;
  }
  site& make(const std::string& name) { return make(name, sites_.primary().address()); }

  void remove_all() {
    for (auto& one : secondaries_) {
      one.stop();
      fs::remove_all(one.folder());
      fs::remove_all(one.store());
    }
    secondaries_.clear();
  }

  static std::int64_t synced(site& at) { return int_at(at.status(), "/types/0/synced_count"); }

  [[nodiscard]] bool complete(site& at) const {
    at.node().must_run();
    const auto status = at.status();
    return bool_at(status, "/types/0/backfill_complete") &&
           int_at(status, "/types/0/synced_count") == files_;
  }

  /// Starts them together; records a second of each.
  std::vector<double> race(const std::vector<site*>& those) const {
    const auto begun = watch::now();
    for (auto* one : those)
      one->start();
    std::vector<std::optional<double>> rates(those.size());
    wait_until("all secondaries are synced", patience, [&] {
      for (std::size_t i = 0; i < those.size(); ++i)
        if (!rates[i] && complete(*those[i]))
          rates[i] = static_cast<double>(files_) / seconds{watch::now() - begun}.count();
      return std::ranges::all_of(rates, [](const auto& rate) { return rate.has_value(); });
    });
    std::vector<double> out;
    for (const auto& rate : rates)
      out.push_back(*rate);
    return out;
  }

  site& primary() { return sites_.primary(); }

private:
  two_sites sites_;
  options chosen_;
  std::list<site> secondaries_;
  std::int64_t files_ = 0;
};

std::vector<measure> measure_secondaries(const options& chosen, load wanted) {
  if (chosen.smoke)
    wanted = {300, 4 * 1024};
  one_primary bench{chosen, wanted};

  measure alone{"one alone", "1/s", {}};
  measure slowest{"the slowest of three", "1/s", {}};
  measure share{"a third of one alone / slowest of three", "x", {}, 1 / 0.8};
  measure third{"one beside one stopped and one of 100 KB/s", "1/s", {}};
  measure cost{"one alone / beside those two", "x", {}, 1 / 0.8};
  for (int i = 0; i < chosen.repeat; ++i) {
    alone.values.push_back(bench.race({&bench.make("alone")}).front());
    bench.remove_all();

    const auto three =
        bench.race({&bench.make("first"), &bench.make("second"), &bench.make("third")});
    slowest.values.push_back(std::ranges::min(three));
    share.values.push_back(alone.values.back() / 3 / slowest.values.back());
    fmt::print("  round {}: alone {:.0f}/s; of three {:.0f}, {:.0f}, {:.0f}\n", i + 1,
               alone.values.back(), three[0], three[1], three[2]);
    std::fflush(stdout);
    bench.remove_all();

    {
      slow_line line{bench.primary().address(), 100'000};
      auto& stopped = bench.make("stopped");
      auto& slow = bench.make("slow", line.address());
      auto& free = bench.make("free");
      stopped.start();
      slow.start();
      const auto before = line.passed();
      wait_until("the other two are at work", 120s, [&] {
        return one_primary::synced(stopped) > 0 && line.passed() > before + 50'000;
      });
      ::kill(stopped.node().pid(), SIGSTOP);
      third.values.push_back(bench.race({&free}).front());
      ::kill(stopped.node().pid(), SIGCONT);
      bench.remove_all();
    }
    cost.values.push_back(alone.values.back() / third.values.back());
  }
  return {alone, slowest, share, third, cost};
}

} // namespace
} // namespace farshore::bench

int main(int argc, char** argv) {
  using namespace farshore::bench;
  load wanted;
  return benchmark_main(
      argc, argv,
      {"secondaries", "Does one secondary slow the others down?",
       [&](CLI::App& app) {
         app.add_option("--files", wanted.files, "How many")->check(CLI::PositiveNumber);
         app.add_option("--bytes", wanted.bytes, "Size of each")->check(CLI::PositiveNumber);
       },
       [&](const options& chosen) { return measure_secondaries(chosen, wanted); }});
}
