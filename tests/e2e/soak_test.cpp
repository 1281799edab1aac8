// Half an hour of mixed load and random faults: memory and open files of both nodes stay
// flat, and the sites are equal at the end. Run by hand: scripts/test -L soak.
// FARSHORE_SOAK_MINUTES and FARSHORE_SEED set length and order.

#include "tests/e2e/application.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>

#include <catch2/catch.hpp>

namespace farshore::test {

namespace {

namespace fs = std::filesystem;

struct sample {
  /// Resident, and not of a file: what the process has allocated. (Pages of the program itself come
  /// in as its parts are first used, and are the kernel's to take back.)
  long memory_kib = 0;
  long resident_kib = 0;
  long files = 0;
};

sample look_at(pid_t pid) {
  sample seen;
  const auto of = fs::path{"/proc"} / std::to_string(pid);
  std::ifstream status{of / "status"};
  for (std::string word; status >> word;)
    if (word == "VmRSS:")
      status >> seen.resident_kib;
    else if (word == "RssAnon:")
      status >> seen.memory_kib;
  std::error_code gone;
  for (fs::directory_iterator it{of / "fd", gone}, end; !gone && it != end; it.increment(gone))
    ++seen.files;
  return seen;
}

/// The middle of what one part in six of the samples says; `part` from 0 on.
long middle(const std::vector<sample>& all, std::size_t part, long sample::*what) {
  const auto size = all.size() / 6;
  std::vector<long> values;
  for (auto i = part * size; i < (part + 1) * size; ++i)
    values.push_back(all[i].*what);
  REQUIRE_FALSE(values.empty());
  std::ranges::nth_element(values, values.begin() + static_cast<long>(values.size() / 2));
  return values[values.size() / 2];
}

/// One fault, or one thing that an operator does; what it was.
std::string trouble(two_sites& sites, std::mt19937_64& random) {
  auto& victim = random() % 2 == 0 ? sites.primary : sites.secondary;
  const std::string name = &victim == &sites.primary ? "primary" : "secondary";
  switch (random() % 6) {
  case 0:
  case 1: {
    const auto database = victim.postmaster();
    if (database > 0)
      ::kill(database, random() % 2 == 0 ? SIGKILL : SIGINT);
    return "the " + name + "'s database ended";
  }
  case 2:
  case 3:
    victim.send(SIGSTOP);
    std::this_thread::sleep_for(std::chrono::milliseconds{500 + random() % 8000}); // a long stall
    victim.send(SIGCONT);
    return "the " + name + " stood still";
  case 4:
    sites.secondary.command({"resync", "file", "--all"});
    return "resync of all";
  default:
    sites.secondary.command({"pause"});
    std::this_thread::sleep_for(std::chrono::milliseconds{random() % 5000}); // while changes go on
    while (sites.secondary.command({"resume"}).code != 0)
      sites.secondary.wait_until_it_answers();
    return "a pause";
  }
}

} // namespace

TEST_CASE("under mixed load and random faults memory and open files stay flat", "[soak]") {
  const char* given_minutes = std::getenv("FARSHORE_SOAK_MINUTES");
  const char* given_seed = std::getenv("FARSHORE_SEED");
  const std::chrono::minutes length{given_minutes != nullptr ? std::atoi(given_minutes) : 30};
  const auto seed =
      given_seed != nullptr ? static_cast<unsigned>(std::strtoul(given_seed, nullptr, 10)) : 1;
  std::mt19937_64 random{seed};
  two_sites sites;
  sites.start(application::table);
  const std::array<pid_t, 2> nodes{sites.primary.pid(), sites.secondary.pid()};
  application load{sites, seed, 3, 100};

  std::array<std::vector<sample>, 2> samples;
  std::map<std::string, int> troubles;
  const auto end = std::chrono::steady_clock::now() + length;
  auto next_trouble = std::chrono::steady_clock::now() + 20s;
  while (std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(2s); // between two samples
    for (std::size_t i = 0; i < nodes.size(); ++i)
      samples[i].push_back(look_at(nodes[i]));
    if (std::chrono::steady_clock::now() >= next_trouble) {
      ++troubles[trouble(sites, random)];
      next_trouble = std::chrono::steady_clock::now() + std::chrono::seconds{5 + random() % 30};
    }
    int code = 0;
    for (const auto pid : nodes)
      REQUIRE_FALSE(has_ended(pid, code));
  }
  for (auto* one : {&sites.primary, &sites.secondary})
    one->wait_until_it_answers();
  load.stop();
  for (const auto& [what, times] : troubles)
    std::cout << what << ": " << times << " times\n";
  std::cout << load.changes() << " changes\n";
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const auto* name = i == 0 ? "primary" : "secondary";
    const auto memory_before = middle(samples[i], 1, &sample::memory_kib);
    const auto memory_after = middle(samples[i], 5, &sample::memory_kib);
    std::cout << name << ", each sixth of the time (allocated / resident, KiB):";
    for (std::size_t part = 0; part < 6; ++part)
      std::cout << ' ' << middle(samples[i], part, &sample::memory_kib) << '/'
                << middle(samples[i], part, &sample::resident_kib);
    std::cout << '\n';
    const auto files_before = middle(samples[i], 1, &sample::files);
    const auto files_after = middle(samples[i], 5, &sample::files);
    std::cout << name << ": " << memory_before << " KiB, then " << memory_after << " KiB; "
              << files_before << " files, then " << files_after << std::endl;
    CHECK(memory_after < memory_before * 5 / 4 + 8 * 1024);
    CHECK(files_after <= files_before + 8);
  }
  CHECK(load.troubles() == "");
  CHECK(load.damage_in(sites.secondary.store()) == "");
  CHECK(sites.difference() == "");
  CHECK(sites.secondary.stop() == 0);
  CHECK(sites.primary.stop() == 0);
}

} // namespace farshore::test
