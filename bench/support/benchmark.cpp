#include "bench/support/benchmark.hpp"

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <unistd.h>

namespace farshore::bench {

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

volatile std::sig_atomic_t interrupted = 0;

fs::path default_stores() {
  return fs::is_directory("/dev/shm") ? fs::path{"/dev/shm"} : fs::path{};
}

std::string shown(double value) {
  return std::abs(value) < 10 ? fmt::format("{:.2f}", value) : fmt::format("{:.0f}", value);
}

boost::json::array read_measures(const fs::path& file) {
  std::ifstream in{file};
  if (!in)
    throw std::runtime_error("cannot read " + file.string());
  std::stringstream text;
  text << in.rdbuf();
  return boost::json::parse(text.str()).as_object().at("measures").as_array();
}

std::optional<double> stored_value(const boost::json::array& stored, const std::string& benchmark,
                                   const std::string& measure) {
  for (const auto& one : stored)
    if (one.at("benchmark").as_string() == benchmark && one.at("measure").as_string() == measure)
      return one.at("median").to_number<double>();
  return std::nullopt;
}

void add_to_file(const fs::path& file, const benchmark& what,
                 const std::vector<measure>& measures) {
  boost::json::array all;
  if (fs::exists(file))
    all = read_measures(file);
  for (const auto& one : measures) {
    boost::json::object entry{{"benchmark", what.name},
                              {"measure", one.name},
                              {"unit", one.unit},
                              {"median", median(one.values)},
                              {"values", boost::json::value_from(one.values)}};
    if (one.aim)
      entry["aim"] = *one.aim;
    all.push_back(std::move(entry));
  }
  std::ofstream out{file};
  out << boost::json::object{{"measures", std::move(all)}} << '\n';
  if (!out.flush())
    throw std::runtime_error("cannot write " + file.string());
}

void print(const benchmark& what, const std::vector<measure>& measures,
           const boost::json::array* stored) {
  fmt::print("\n{}: {}\n", what.name, what.question);
  for (const auto& one : measures) {
    const auto now = median(one.values);
    auto line = fmt::format("  {:<44} {:>9} {:<10}", one.name, shown(now), one.unit);
    if (one.values.size() > 1) {
      const auto [low, high] = std::ranges::minmax(one.values);
      line += fmt::format(" {} to {}", shown(low), shown(high));
    }
    if (one.aim)
      line +=
          fmt::format("  aim: at most {}, {}", shown(*one.aim), now <= *one.aim ? "met" : "missed");
    if (stored != nullptr)
      if (const auto then = stored_value(*stored, what.name, one.name); then && *then != 0)
        line += fmt::format("  was {} ({:+.0f} %)", shown(*then), (now / *then - 1) * 100);
    fmt::print("{}\n", line);
  }
  std::fflush(stdout);
}

} // namespace

double median(std::vector<double> values) {
  return quantile(std::move(values), 0.5);
}

double quantile(std::vector<double> values, double share) {
  if (values.empty())
    throw std::runtime_error("nothing was measured");
  std::ranges::sort(values);
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size())));
  return values[std::clamp<std::size_t>(rank, 1, values.size()) - 1];
}

temporary_folder::temporary_folder(const fs::path& parent) {
  fs::create_directories(parent);
  auto name = (fs::absolute(parent) / "farshore-bench-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr)
    throw std::runtime_error("cannot make a folder in " + parent.string());
  // Open to the user whom PostgreSQL runs as.
  fs::permissions(name, fs::perms{0755});
  path_ = name;
}

temporary_folder::~temporary_folder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

void pause(std::chrono::microseconds time) {
  std::this_thread::sleep_for(time);
  if (interrupted != 0)
    throw std::runtime_error("interrupted");
}

void wait_until(const std::string& what, std::chrono::seconds limit,
                const std::function<bool()>& reached) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (!reached()) {
    if (std::chrono::steady_clock::now() > until)
      throw std::runtime_error(fmt::format("not within {} s: {}", limit.count(), what));
    pause(20ms);
  }
}

int benchmark_main(int argc, char** argv, const benchmark& what) {
  options chosen;
  chosen.farshore = fs::read_symlink("/proc/self/exe").parent_path().parent_path() / "farshore";
  chosen.work = fs::current_path() / "var" / "bench";
  chosen.stores = default_stores();
  std::string json;
  std::string compare;

  CLI::App app{what.question, what.name};
  app.add_flag("--smoke", chosen.smoke, "A tiny size: shows that the benchmark works");
  app.add_option("--repeat", chosen.repeat, "Repetitions; medians are shown")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--json", json, "Adds the measures to this file");
  app.add_option("--compare", compare, "Shows them beside this file of an earlier run")
      ->check(CLI::ExistingFile);
  app.add_option("--farshore", chosen.farshore, "The program to measure")
      ->check(CLI::ExistingFile)
      ->capture_default_str();
  app.add_option("--work", chosen.work, "Folder for the nodes' databases")->capture_default_str();
  app.add_option("--stores", chosen.stores, "Folder for the files")->capture_default_str();
  if (what.declare)
    what.declare(app);
  CLI11_PARSE(app, argc, argv);
  if (chosen.stores.empty())
    chosen.stores = chosen.work;

  struct sigaction note {};
  note.sa_handler = [](int) { interrupted = 1; };
  ::sigaction(SIGINT, &note, nullptr);
  ::sigaction(SIGTERM, &note, nullptr);
  try {
    boost::json::array stored;
    if (!compare.empty())
      stored = read_measures(compare);
    const auto measures = what.run(chosen);
    print(what, measures, compare.empty() ? nullptr : &stored);
    if (!json.empty())
      add_to_file(json, what, measures);
    return 0;
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}: {}\n", what.name, e.what());
    return 1;
  }
}

} // namespace farshore::bench
