#include "tests/e2e/sites.hpp"

#include "registry/managed_cluster.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <random>
#include <stdexcept>
#include <thread>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace farshore::test {

namespace {

namespace fs = std::filesystem;
using clock = std::chrono::steady_clock;

const std::string program = FARSHORE_PROGRAM;

/// A port that is free now, below those that the kernel gives to outgoing connections: from there a
/// connection to a node that is down could meet itself.
int free_port() {
  static std::random_device random;
  for (int tries = 0; tries < 1000; ++tries) {
    const int port = std::uniform_int_distribution{12'000, 32'000}(random);
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool free = ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    ::close(fd);
    if (free)
      return port;
  }
  throw std::runtime_error{"no port is free"};
}

std::string end_of(const std::string& text) {
  return text.size() < 3000 ? text : text.substr(text.size() - 3000);
}

/// Making a database cluster is most of what a fresh site costs. Its first one is kept for the
/// program's next tests; a program built anew makes a new one.
class cluster_template {
public:
  cluster_template()
      : folder_{fs::path{FARSHORE_TEMPLATES} /
                std::to_string(fs::last_write_time(program).time_since_epoch().count())} {}

  void give(const fs::path& data) const {
    if (!fs::exists(folder_ / "postgres"))
      return;
    if (const auto copied = run({"cp", "-a", (folder_ / "postgres").string(), data.string() + "/"});
        copied.code != 0)
      throw std::runtime_error{"cannot copy the cluster: " + copied.err};
  }

  void make() const {
    if (fs::exists(folder_ / "postgres"))
      return;
    fs::create_directories(FARSHORE_TEMPLATES);
    const auto lock = (fs::path{FARSHORE_TEMPLATES} / "lock").string();
    const int fd = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0 || ::flock(fd, LOCK_EX) != 0)
      throw std::runtime_error{"cannot lock " + lock};
    if (!fs::exists(folder_ / "postgres"))
      build();
    ::close(fd);
  }

private:
  void build() const {
    for (const auto& old : fs::directory_iterator{FARSHORE_TEMPLATES})
      if (old.is_directory())
        fs::remove_all(old.path());
    const auto making = fs::path{FARSHORE_TEMPLATES} / "new";
    fs::create_directories(making / "data");
    {
      const auto cluster = managed_cluster::start(making / "data/postgres");
      if (!cluster)
        throw std::runtime_error{cluster.error().message};
    }
    fs::rename(making / "data", folder_);
  }

  fs::path folder_;
};

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\')
      out += '\\';
    out += c;
  }
  return out + '"';
}

bool same_content(const fs::path& one, const fs::path& other) {
  std::ifstream a{one, std::ios::binary};
  std::ifstream b{other, std::ios::binary};
  std::string left(1 << 20, '\0');
  std::string right(1 << 20, '\0');
  while (a && b) {
    a.read(left.data(), static_cast<std::streamsize>(left.size()));
    b.read(right.data(), static_cast<std::streamsize>(right.size()));
    if (a.gcount() != b.gcount() ||
        std::memcmp(left.data(), right.data(), static_cast<std::size_t>(a.gcount())) != 0)
      return false;
  }
  return a.eof() && b.eof();
}

} // namespace

bool eventually(const std::function<bool()>& yes, std::chrono::milliseconds patience) {
  const auto until = clock::now() + patience;
  for (;;) {
    if (yes())
      return true;
    if (clock::now() >= until)
      return false;
    std::this_thread::sleep_for(20ms);
  }
}

// -- a site --------------------------------------------------------------------------------------

site::site(fs::path folder, std::string name, bool primary, int port, int primary_port)
    : folder_{std::move(folder)},
      name_{std::move(name)},
      primary_{primary},
      port_{port},
      primary_port_{primary_port} {
  fs::create_directories(data());
  fs::create_directories(folder_ / "stores");
}

site::~site() {
  try {
    if (running())
      kill();
    // PostgreSQL learns of it by a signal, and works in the folder that goes now.
    eventually([&] { return processes_in(data()).empty(); }, 20s);
  } catch (const std::exception&) { // nothing more can be done
  }
}

void site::declare(const std::vector<type_declaration>& types) {
  std::ofstream out{config(), std::ios::trunc};
  out << "[site]\nname = " << quoted(name_)
      << "\nrole = " << quoted(primary_ ? "primary" : "secondary")
      << "\nlisten = " << quoted("127.0.0.1:" + std::to_string(port_))
      << "\ndata = " << quoted(data().string())
      << (key_file.empty() ? "\nsecret_file = " + quoted(secret_file.string())
                           : "\nkey_file = " + quoted(key_file.string()))
      << '\n'
      << in_site;
  if (!database.empty())
    out << "database = " << quoted(database) << '\n';
  if (!primary_)
    out << "\n[primary]\nurl = " << quoted(scheme + "://127.0.0.1:" + std::to_string(primary_port_))
        << '\n'
        << in_primary;
  out << "\n[limits]\nlease = \"2s\"\nretry_base = \"200ms\"\nretry_cap = \"2s\"\n"
      << more_settings;
  for (const auto& type : types) {
    out << "\n[[replicable]]\nname = " << quoted(type.name)
        << "\nstrategy = " << quoted(type.strategy)
        << "\nstore = " << quoted(store(type.name).string()) << '\n'
        << type.more << (primary_ ? "" : type.at_secondary);
    if (primary_)
      fs::create_directories(store(type.name));
    if (primary_ && !type.table.empty()) {
      out << "[replicable.model]\ntable = " << quoted(type.table)
          << "\nprimary_key = " << quoted(type.primary_key)
          << "\nlocator = " << quoted(type.locator) << '\n'
          << type.more_model;
    }
  }
  if (!out.flush())
    throw std::runtime_error{"cannot write " + config().string()};
}

void site::launch() {
  pid_ = test::launch({program, "node", "-c", config().string()}, folder_ / "log");
}

void site::start() {
  launch();
  wait_until_it_answers();
}

void site::wait_until_it_answers() {
  int code = 0;
  bool ended = false;
  const bool answers = eventually(
      [&] {
        ended = ended || has_ended(pid_, code);
        return ended || command({"status"}).code == 0;
      },
      90s);
  if (ended) {
    pid_ = -1;
    throw std::runtime_error{"the node ended with " + std::to_string(code) + ":\n" + end_of(log())};
  }
  if (!answers)
    throw std::runtime_error{"the node does not answer:\n" + end_of(log())};
}

void site::send(int signal) const {
  ::kill(pid_, signal);
}

int site::stop() {
  send(SIGTERM);
  return wait_for_end();
}

void site::kill() {
  send(SIGKILL);
  wait_for_end();
}

int site::wait_for_end() {
  const int code = test::wait_for_end(pid_);
  pid_ = -1;
  return code;
}

void site::reload() {
  const auto count = [&] {
    const auto text = log();
    int found = 0;
    for (auto at = text.find("reload:"); at != std::string::npos; at = text.find("reload:", at + 1))
      ++found;
    return found;
  };
  const int before = count();
  send(SIGHUP);
  if (!eventually([&] { return count() > before; }))
    throw std::runtime_error{"the node did not reload:\n" + end_of(log())};
}

pid_t site::postmaster() const {
  pid_t pid = 0;
  std::ifstream{data() / "postgres/data/postmaster.pid"} >> pid;
  return pid > 0 && fs::exists("/proc/" + std::to_string(pid)) ? pid : 0;
}

finished site::command(std::vector<std::string> words) const {
  words.insert(words.begin(), program);
  words.insert(words.end(), {"-c", config().string()});
  return run(words);
}

boost::json::value site::status() const {
  const auto answer = command({"status", "--json"});
  boost::system::error_code failed;
  return answer.code == 0 ? boost::json::parse(answer.out, failed) : nullptr;
}

std::int64_t site::number(const std::string& pointer) const {
  const auto all = status();
  boost::system::error_code absent;
  const auto* found = all.find_pointer(pointer, absent);
  if (found == nullptr)
    return -1;
  return found->is_bool() ? found->as_bool() : found->is_int64() ? found->as_int64() : -1;
}

std::unique_ptr<pqxx::connection> site::connect() const {
  auto url = command({"database-url"}).out;
  url.erase(url.find_last_not_of('\n') + 1);
  return std::make_unique<pqxx::connection>(url);
}

void site::sql(const std::string& statements) const {
  const auto db = connect();
  pqxx::work tx{*db};
  tx.exec("SET LOCAL client_min_messages = 'error'");
  tx.exec(statements);
  tx.commit();
}

std::string site::value(const std::string& query) const {
  const auto db = connect();
  pqxx::work tx{*db};
  const auto field = tx.exec1(query)[0];
  return field.is_null() ? "NULL" : field.as<std::string>();
}

// -- both ----------------------------------------------------------------------------------------

two_sites::temporary_folder::temporary_folder() {
  const char* place = std::getenv("TMPDIR");
  auto made = std::string{place != nullptr ? place : "/tmp"} + "/farshore-e2e-XXXXXX";
  if (::mkdtemp(made.data()) == nullptr)
    throw std::runtime_error{"cannot make " + made};
  path = fs::canonical(made);
}

two_sites::temporary_folder::~temporary_folder() {
  std::error_code ignored;
  if (std::getenv("FARSHORE_KEEP") != nullptr)
    WARN("kept: " << path.string());
  else
    fs::remove_all(path, ignored);
}

two_sites::two_sites()
    : primary{folder_.path / "primary", "harbour", true, free_port(), 0},
      secondary{folder_.path / "secondary", "lisbon", false, free_port(), primary.port()} {
  if (run({program, "secret", "--output", (folder() / "secret").string()}).code != 0)
    throw std::runtime_error{"no secret"};
  furnish(primary);
  furnish(secondary);
  fs::create_directories(folder() / "application");
}

void two_sites::furnish(site& one) const {
  const cluster_template ready;
  ready.make();
  one.secret_file = folder() / "secret";
  ready.give(one.data());
}

site& two_sites::add_secondary(const std::string& name) {
  auto& added =
      more_secondaries.emplace_back(folder() / name, name, false, free_port(), primary.port());
  furnish(added);
  return added;
}

void two_sites::declare(const std::vector<type_declaration>& types) {
  primary.declare(types);
  secondary.declare(types);
}

void two_sites::start(const std::string& table_sql, const std::vector<type_declaration>& types) {
  declare(types);
  primary.launch();
  secondary.launch();
  primary.wait_until_it_answers();
  primary.sql(table_sql);
  secondary.wait_until_it_answers();
  for (const auto& type : types)
    if (!eventually([&] { return serves(type.name); }))
      throw std::runtime_error{type.name + " is not served:\n" + primary.log() + secondary.log()};
}

bool two_sites::serves(const site& at, const std::string& type) {
  const auto all = at.status();
  if (!all.is_object() || !all.as_object().contains("types"))
    return false;
  for (const auto& one : all.at("types").as_array())
    if (one.at("name").as_string() == type)
      return one.at("waiting").is_null() && one.at("backfill_complete").as_bool();
  return false;
}

void two_sites::write(const std::string& locator, const std::string& content,
                      const std::string& type) const {
  // Each thread has a place of its own to write at.
  const auto beside = folder() / "application" /
                      std::to_string(std::hash<std::thread::id>{}(std::this_thread::get_id()));
  const auto file = primary.store(type) / locator;
  fs::create_directories(file.parent_path());
  std::ofstream out{beside, std::ios::binary | std::ios::trunc};
  out.write(content.data(), static_cast<std::streamsize>(content.size()));
  out.close();
  if (!out)
    throw std::runtime_error{"cannot write " + beside.string()};
  fs::rename(beside, file);
}

void two_sites::remove(const std::string& locator, const std::string& type) const {
  fs::remove(primary.store(type) / locator);
}

std::string two_sites::there(const std::string& locator, const std::string& type) const {
  const auto file = secondary.store(type) / locator;
  return fs::exists(fs::symlink_status(file)) ? read_file(file) : "(none)";
}

bool two_sites::verified() const {
  return eventually([this] {
    const auto checksummed = primary.number("/types/0/checksummed_count");
    return checksummed > 0 && checksummed == primary.number("/types/0/count");
  });
}

finished two_sites::wait(int seconds, bool strict) const {
  std::vector<std::string> words{"wait", "--timeout", std::to_string(seconds)};
  if (strict)
    words.emplace_back("--strict");
  return secondary.command(words);
}

std::string two_sites::difference(const site& at, const std::string& type,
                                  const std::string& table) const {
  const auto waited = at.command({"wait", "--strict", "--timeout", "120"});
  if (waited.code != 0)
    return "farshore wait: " + std::to_string(waited.code) + '\n' + waited.out + waited.err;
  if (auto found = compare(primary.store(type), at.store(type)); !found.empty())
    return found;
  const auto of_type = " FROM farshore.registry JOIN farshore.replicable_type t ON t.id = type_id "
                       "WHERE name = '" +
                       type + "'";
  const auto unsynced = at.value("SELECT count(*)" + of_type +
                                 " AND (state <> 2 OR NOT wanted OR "
                                 "synced_revision IS DISTINCT FROM target_revision)");
  const auto rows = primary.value("SELECT count(*) FROM " + table);
  const auto known = at.value("SELECT count(*)" + of_type);
  if (unsynced != "0" || rows != known)
    return rows + " rows, " + known + " in the registry, " + unsynced + " of them not synced";
  return {};
}

std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> found;
  std::vector<fs::path> open{folder};
  while (!open.empty()) {
    const auto at = std::move(open.back());
    open.pop_back();
    std::error_code gone; // what is looked through may be at work
    for (fs::directory_iterator entry{at, gone}, end; entry != end; entry.increment(gone)) {
      if (entry->path() == folder / ".farshore")
        continue;
      if (fs::is_directory(entry->symlink_status(gone)))
        open.push_back(entry->path());
      else
        found.push_back(entry->path().lexically_relative(folder));
    }
  }
  std::ranges::sort(found);
  return found;
}

std::string compare(const fs::path& one, const fs::path& other) {
  const auto left = files_in(one);
  const auto right = files_in(other);
  std::string found;
  int count = 0;
  const auto add = [&](const std::string& text) {
    if (++count <= 10)
      found += text + '\n';
  };
  for (const auto& file : left)
    if (!std::ranges::binary_search(right, file))
      add("only in " + one.string() + ": " + file.string());
    else if (!same_content(one / file, other / file))
      add("different: " + file.string());
  for (const auto& file : right)
    if (!std::ranges::binary_search(left, file))
      add("only in " + other.string() + ": " + file.string());
  return count > 10 ? found + "and more: " + std::to_string(count) + " in all\n" : found;
}

std::string noise(std::size_t bytes, unsigned seed) {
  std::mt19937_64 random{seed};
  std::string out(bytes + 8, '\0');
  for (std::size_t at = 0; at < bytes; at += 8) {
    const auto word = random();
    std::memcpy(out.data() + at, &word, 8);
  }
  out.resize(bytes);
  return out;
}

} // namespace farshore::test
