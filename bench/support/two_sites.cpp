#include "bench/support/two_sites.hpp"

#include "node/api_call.hpp"
#include "node/commands.hpp"
#include "node/fields.hpp"
#include "registry/managed_cluster.hpp"

#include <fstream>
#include <sstream>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

namespace farshore::bench {

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

} // namespace

site::site(const options& chosen, fs::path folder, fs::path store, declared_type type)
    : farshore_{fs::absolute(chosen.farshore)},
      folder_{std::move(folder)},
      store_{std::move(store)},
      type_{std::move(type)} {
  fs::create_directories(folder_);
  fs::create_directories(store_);
}

void site::configure(const std::string& role, const std::string& tables, const std::string& more) {
  const auto secret = folder_.parent_path() / "secret";
  if (!fs::exists(secret))
    run({farshore_, "secret", "--output", secret}, folder_ / "log");
  std::ofstream{folder_ / "farshore.toml"} << fmt::format(
      R"([site]
name = "{6}"
role = "{0}"
listen = "127.0.0.1:0"
data = "{1}"
secret_file = "{2}"
{3}
[[replicable]]
name = "{7}"
strategy = "{8}"
store = "{4}"
{5})",
      role, (folder_ / "data").string(), secret.string(), tables, store_.string(), more,
      folder_.filename().string(), type_.name, type_.strategy);
}

void site::configure_primary() {
  configure("primary", "", type_.at_primary);
}

void site::configure_secondary(const std::string& primary_address, bool enabled) {
  configure("secondary", fmt::format("\n[primary]\nurl = \"http://{}\"\n", primary_address),
            fmt::format("enabled = {}\n", enabled));
}

std::string site::address() const {
  std::string address;
  std::ifstream{folder_ / "data" / "listen"} >> address;
  return address;
}

std::string site::git_address() const {
  std::ostringstream token;
  std::ostringstream complaint;
  if (token_command(settings(), {.read = true, .name = "bench", .days = 1}, {token, complaint}) !=
      0)
    throw std::runtime_error(complaint.str());
  const auto line = token.str();
  return fmt::format("http://bench:{}@{}/git/{}/", line.substr(0, line.find('\n')), address(),
                     type_.name);
}

config site::settings() const {
  auto loaded = load_config(folder_ / "farshore.toml");
  if (!loaded.mistakes.empty())
    throw std::runtime_error(to_string(loaded.mistakes.front()));
  return std::move(loaded.settings);
}

void site::start() {
  std::error_code ignored;
  fs::remove(folder_ / "data" / "listen", ignored);
  node_ = std::make_unique<child>(
      std::vector<std::string>{farshore_, "node", "-c", folder_ / "farshore.toml"},
      folder_ / "log");
}

void site::wait_for_answer() {
  wait_until("the node answers", 120s, [&] {
    node_->must_run();
    return status().is_object();
  });
}

void site::stop() {
  node_.reset();
}

boost::json::value site::status() {
  auto answer = call_api(settings(), {"GET", "/api/v1/status"});
  return answer ? std::move(*answer) : boost::json::value{};
}

boost::json::value site::ask(const std::string& target) {
  auto answer = call_api(settings(), {"GET", target});
  if (!answer)
    throw std::runtime_error(answer.error().why.message);
  return std::move(*answer);
}

void site::order(const std::string& target, const boost::json::value& body) {
  if (auto answer = call_api(settings(), {"POST", target, body}); !answer)
    throw std::runtime_error(answer.error().why.message);
}

void site::command(std::vector<std::string> words) {
  words.insert(words.begin(), farshore_);
  words.insert(words.end(), {"-c", folder_ / "farshore.toml"});
  run(words, folder_ / "commands");
}

std::unique_ptr<pqxx::connection> site::sql() {
  return std::make_unique<pqxx::connection>(managed_cluster::url_of(folder_ / "data" / "postgres"));
}

two_sites::two_sites(const options& chosen, const declared_type& type)
    : work_{chosen.work},
      stores_{chosen.stores},
      primary_{chosen, work_.path() / "primary", stores_.path() / "primary", type},
      secondary_{chosen, work_.path() / "secondary", stores_.path() / "secondary", type} {}

void two_sites::start_primary() {
  primary_.configure_primary();
  primary_.start();
  primary_.wait_for_answer();
}

void two_sites::configure_secondary(bool enabled) {
  secondary_.configure_secondary(primary_.address(), enabled);
}

void two_sites::make_secondary() {
  configure_secondary(false);
  secondary_.start();
  secondary_.wait_for_answer();
}

void two_sites::enable_secondary() {
  configure_secondary(true);
}

void two_sites::remove_secondary() {
  fs::remove_all(secondary_.folder() / "data");
  fs::remove_all(secondary_.store());
  fs::create_directories(secondary_.store());
}

void two_sites::wait_for_synced(std::int64_t records, std::chrono::seconds limit) {
  wait_until(fmt::format("{} records are synced", records), limit, [&] {
    secondary_.node().must_run();
    const auto status = secondary_.status();
    return bool_at(status, "/types/0/backfill_complete") &&
           int_at(status, "/types/0/synced_count") == records &&
           int_at(status, "/types/0/registry_count") == records;
  });
}

} // namespace farshore::bench
