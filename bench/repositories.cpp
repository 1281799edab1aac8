// How does Farshore mirror git repositories, beside git's own client that mirrors the very same
// ones over the very same HTTP server: the primary's, with a token in the address?
//
// The primary has --repositories (500) small ones of five commits, each of one small file, whose
// rows an index finds by their path. In each of --repeat rounds, one part after the other:
//
// - First mirror. Ours: from the start of the secondary's node, whose database was made before, to
//   the first status (asked every 20 ms) in which all are synced. Git: `xargs -P2 -n1 git clone
//   --mirror` into an empty folder. In turns, fresh each round.
// - Nothing changed: from `farshore resync project --all` until all are synced again.
// - --changed (50) of them have one commit more. Ours: from the one UPDATE of their rows (nothing
//   else tells of them) until the last of their refs is at the secondary (looked at every
//   millisecond). Git: `xargs -P2 git fetch` in as many of the mirrors that it cloned.
// - A large one of --megabytes (200) that can't be compressed in --commits (20000). Ours: from the
//   INSERT of its row until its refs are at the secondary. Git: `git clone --mirror`. In turns,
//   fresh each round.
// - --pushes (50), one after the other, each a `git push` of an empty commit into a repository of
// the
//   primary with the installed hook: from the return of git push until the ref is at the secondary
//   (looked at every millisecond).
//
// Each part ends with a comparison of both sides' refs. "Serving" is processor time of the
// primary's node and of all git processes that it ran (without its PostgreSQL), "fetching" that of
// the secondary's node and its git processes, or of git's client.

#include "bench/support/git.hpp"
#include "bench/support/two_sites.hpp"
#include "node/fields.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <sys/resource.h>

namespace farshore::bench {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using seconds = std::chrono::duration<double>;
using watch = std::chrono::steady_clock;

constexpr std::chrono::seconds patience = 1800s;
constexpr int small_commits = 5;

struct load {
  int repositories = 500;
  int changed = 50;
  int megabytes = 200;
  int commits = 20'000;
  int pushes = 50;
};

struct span {
  double wall = 0;
  double serving = 0;
  double fetching = 0;
};

declared_type projects() {
  // Looking at the refs would tell of what nobody told: not while it is measured.
  return {"project", "repository", R"(refs_check = "1d"
[replicable.model]
table = "projects"
locator = "path"
)"};
}

std::string small_one(int i) {
  return fmt::format("small/{}.git", i);
}

/// Of programs that this one ran, to their ends.
double processor_time_of_ended() {
  rusage used{};
  ::getrusage(RUSAGE_CHILDREN, &used);
  return static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

std::string incompressible(std::size_t bytes, std::mt19937_64& random) {
  std::string content(bytes, '\0');
  std::ranges::generate(content, [&] { return static_cast<char>(random()); });
  return content;
}

class hosting {
public:
  hosting(const options& chosen, const load& wanted)
      : wanted_{wanted},
        repeat_{chosen.repeat},
        sites_{chosen, projects()},
        clones_{sites_.secondary().store().parent_path() / "clones"},
        log_{sites_.primary().folder() / "git.log"} {
    make_repositories();
    sites_.start_primary();
    db_ = sites_.primary().sql();
    execute(
        fmt::format("CREATE TABLE projects (id bigserial PRIMARY KEY, path text NOT NULL UNIQUE, "
                    "pushes int NOT NULL DEFAULT 0); INSERT INTO projects (path) "
                    "SELECT 'small/' || n || '.git' FROM generate_series(0, {}) AS n ORDER BY n",
                    wanted_.repositories - 1));
    wait_until("the primary has found the table", 60s, [&] {
      const auto status = sites_.primary().status();
      return status.is_object() && text_at(status, "/types/0/waiting").empty();
    });
    sites_.primary().command({"wait"});
    git_address_ = sites_.primary().git_address();
  }

  std::vector<measure> first_mirror();
  std::vector<measure> nothing_changed();
  std::vector<measure> some_changed();
  std::vector<measure> large_one();
  std::vector<measure> pushes();

private:
  void make_repositories();

  void execute(const std::string& sql) {
    pqxx::work tx{*db_};
    tx.exec(sql);
    tx.commit();
  }
  void shell(const std::string& script) { run({"sh", "-ec", script}, log_); }

  [[nodiscard]] fs::path near(const std::string& path) { return sites_.primary().store() / path; }
  [[nodiscard]] fs::path far(const std::string& path) { return sites_.secondary().store() / path; }

  [[nodiscard]] double serving() {
    return sites_.primary().node().processor_time_with_children().count();
  }
  template <class Work>
  span ours(Work work) {
    const auto serving_before = serving();
    const auto fetching = [&] {
      return sites_.secondary().node().processor_time_with_children().count();
    };
    const auto fetching_before = running_ ? fetching() : 0;
    const auto begun = watch::now();
    work();
    return {seconds{watch::now() - begun}.count(), serving() - serving_before,
            fetching() - fetching_before};
  }
  span git(const std::string& script) {
    const auto serving_before = serving();
    const auto fetching_before = processor_time_of_ended();
    const auto begun = watch::now();
    shell(script);
    return {seconds{watch::now() - begun}.count(), serving() - serving_before,
            processor_time_of_ended() - fetching_before};
  }

  /// Until main is at the secondary where it is at the primary.
  void await_main(const std::string& path) {
    const auto wanted = main_of(near(path));
    const auto until = watch::now() + patience;
    while (main_of(far(path)) != wanted) {
      if (watch::now() > until)
        throw std::runtime_error("not at the secondary in time: " + path);
      pause(1ms);
    }
  }
  void must_be_same(const std::string& path, const fs::path& copy) {
    if (!same_refs(near(path), copy))
      throw std::runtime_error(copy.string() + " is not as at the primary");
  }

  load wanted_;
  int repeat_;
  two_sites sites_;
  /// What git cloned, each by the last part of its path.
  fs::path clones_;
  fs::path log_;
  std::unique_ptr<pqxx::connection> db_;
  std::string git_address_;
  /// The secondary's node.
  bool running_ = false;
};

void hosting::make_repositories() {
  const auto empty = sites_.primary().folder() / "empty.git";
  run({"git", "init", "-q", "--bare", "--template=", "-b", "main", empty}, log_);
  for (int i = 0; i < wanted_.repositories; ++i) {
    fs::create_directories(near(small_one(i)));
    fs::copy(empty, near(small_one(i)), fs::copy_options::recursive);
    import_stream commits{near(small_one(i))};
    for (int j = 0; j < small_commits; ++j)
      commits.commit(fmt::format("notes/{}", j), fmt::format("note {} of project {}\n", j, i));
    commits.finish();
  }
}

/// For two ways of doing the same, in turns.
class comparison {
public:
  comparison(std::string what, const std::string& peer, double aim)
      : what_{std::move(what)},
        ratio_{what_ + ", ours / " + peer, "x", {}, aim},
        ours_{what_ + ", ours", "s", {}},
        ours_serving_{what_ + ", ours, serving", "s", {}},
        ours_fetching_{what_ + ", ours, fetching", "s", {}},
        git_{what_ + ", " + peer, "s", {}},
        git_serving_{what_ + ", " + peer + ", serving", "s", {}},
        git_fetching_{what_ + ", " + peer + ", fetching", "s", {}} {}

  void add(const span& ours, const span& git) {
    ratio_.values.push_back(ours.wall / git.wall);
    ours_.values.push_back(ours.wall);
    ours_serving_.values.push_back(ours.serving);
    ours_fetching_.values.push_back(ours.fetching);
    git_.values.push_back(git.wall);
    git_serving_.values.push_back(git.serving);
    git_fetching_.values.push_back(git.fetching);
    fmt::print("  {}: ours {:.2f} s, git {:.2f} s\n", what_, ours.wall, git.wall);
    std::fflush(stdout);
  }
  [[nodiscard]] std::vector<measure> measures() const {
    return {ratio_, ours_, ours_serving_, ours_fetching_, git_, git_serving_, git_fetching_};
  }

private:
  std::string what_;
  measure ratio_;
  measure ours_;
  measure ours_serving_;
  measure ours_fetching_;
  measure git_;
  measure git_serving_;
  measure git_fetching_;
};

std::vector<measure> hosting::first_mirror() {
  comparison found{"first mirror", "git clone", 0.5};
  auto& secondary = sites_.secondary();
  const auto addresses = sites_.primary().folder() / "addresses";
  {
    std::ofstream out{addresses};
    for (int i = 0; i < wanted_.repositories; ++i)
      out << git_address_ << small_one(i) << '\n';
  }
  for (int round = 0; round < repeat_; ++round) {
    if (running_) {
      secondary.stop();
      sites_.remove_secondary();
      running_ = false;
    }
    fs::remove_all(clones_);
    fs::create_directories(clones_);
    const auto peer = git(fmt::format("cd '{}' && xargs -P2 -n1 git clone -q --mirror < '{}'",
                                      clones_.string(), addresses.string()));
    sites_.make_secondary();
    secondary.stop();
    sites_.enable_secondary();
    const auto mine = ours([&] {
      secondary.start();
      sites_.wait_for_synced(wanted_.repositories, patience);
    });
    running_ = true;
    for (int i = 0; i < wanted_.repositories; ++i) {
      must_be_same(small_one(i), far(small_one(i)));
      must_be_same(small_one(i), clones_ / fs::path{small_one(i)}.filename());
    }
    found.add(mine, peer);
  }
  return found.measures();
}

std::vector<measure> hosting::nothing_changed() {
  measure wall{"nothing changed", "s", {}, 1};
  measure primary{"nothing changed, serving", "s", {}};
  measure secondary{"nothing changed, fetching", "s", {}};
  const auto db = sites_.secondary().sql();
  const auto query = [&](const std::string& sql) {
    return pqxx::nontransaction{*db}.exec(sql)[0][0].as<std::string>();
  };
  for (int round = 0; round < repeat_; ++round) {
    sites_.secondary().command({"wait", "--strict"});
    const auto before = query("SELECT now()");
    const auto took = ours([&] {
      sites_.secondary().command({"resync", "project", "--all"});
      sites_.wait_for_synced(wanted_.repositories, patience);
    });
    if (query(fmt::format("SELECT count(*) FROM farshore.registry WHERE last_synced_at > '{}'",
                          before)) != std::to_string(wanted_.repositories))
      throw std::runtime_error("not all were synced again");
    wall.values.push_back(took.wall);
    primary.values.push_back(took.serving);
    secondary.values.push_back(took.fetching);
  }
  return {wall, primary, secondary};
}

std::vector<measure> hosting::some_changed() {
  comparison found{fmt::format("{} changed", wanted_.changed), "git fetch", 0.5};
  const auto last = wanted_.changed - 1;
  for (int round = 0; round < repeat_; ++round) {
    for (int i = 0; i <= last; ++i) {
      import_stream commits{near(small_one(i))};
      commits.commit("change", fmt::format("change {} of project {}\n", round, i));
      commits.finish();
    }
    const auto mine = ours([&] {
      execute(
          fmt::format("UPDATE projects SET pushes = pushes + 1 WHERE id <= {}", wanted_.changed));
      for (int i = 0; i <= last; ++i)
        await_main(small_one(i));
    });
    const auto peer =
        git(fmt::format("cd '{}' && seq 0 {} | xargs -P2 -I% git --git-dir=%.git fetch -q",
                        clones_.string(), last));
    for (int i = 0; i <= last; ++i) {
      must_be_same(small_one(i), far(small_one(i)));
      must_be_same(small_one(i), clones_ / fs::path{small_one(i)}.filename());
    }
    sites_.secondary().command({"wait", "--strict"});
    found.add(mine, peer);
  }
  return found.measures();
}

std::vector<measure> hosting::large_one() {
  comparison found{fmt::format("{} MB, {} commits", wanted_.megabytes, wanted_.commits),
                   "git clone", 1.1};
  const auto path = [](int round) { return fmt::format("large/{}.git", round); };
  run({"git", "init", "-q", "--bare", "-b", "main", near(path(0))}, log_);
  {
    std::mt19937_64 random{1};
    import_stream commits{near(path(0))};
    const auto bytes = static_cast<std::size_t>(wanted_.megabytes) * 1'000'000 /
                       static_cast<std::size_t>(wanted_.commits);
    for (int i = 0; i < wanted_.commits; ++i)
      commits.commit(fmt::format("{}/{}", i % 100, i % 1000), incompressible(bytes, random));
    commits.finish();
  }
  for (int round = 0; round < repeat_; ++round) {
    if (round > 0) { // under another name, it is a new one for the secondary
      execute(fmt::format("DELETE FROM projects WHERE path = '{}'", path(round - 1)));
      fs::rename(near(path(round - 1)), near(path(round)));
      wait_until("the secondary has removed the large one", 120s,
                 [&] { return !fs::exists(far(path(round - 1))); });
    }
    const auto clone = clones_ / "large.git";
    fs::remove_all(clone);
    const auto mine = ours([&] {
      execute(fmt::format("INSERT INTO projects (path) VALUES ('{}')", path(round)));
      await_main(path(round));
    });
    sites_.secondary().command({"wait", "--strict"});
    sites_.primary().command({"wait"});
    const auto peer = git(fmt::format("git clone -q --mirror '{}{}' '{}'", git_address_,
                                      path(round), clone.string()));
    must_be_same(path(round), far(path(round)));
    must_be_same(path(round), clone);
    shell(fmt::format("git --git-dir='{}' rev-list --objects --quiet --all",
                      far(path(round)).string()));
    found.add(mine, peer);
  }
  return found.measures();
}

std::vector<measure> hosting::pushes() {
  measure typical{"push to refs, median", "ms", {}, 200};
  measure most{"push to refs, 95 %", "ms", {}};
  measure worst{"push to refs, worst", "ms", {}};
  const auto path = small_one(0);
  const auto work = clones_ / "work";
  sites_.primary().command({"hook", "install", "project", near(path)});
  run({"git", "clone", "-q", near(path), work}, log_);
  for (int round = 0; round < repeat_; ++round) {
    std::vector<double> times;
    for (int i = 0; i < wanted_.pushes; ++i) {
      run({"git", "-C", work, "commit", "-q", "--allow-empty", "-m", "A push"}, log_);
      run({"git", "-C", work, "push", "-q", "origin", "main"}, log_);
      const auto begun = watch::now();
      await_main(path);
      times.push_back(std::chrono::duration<double, std::milli>(watch::now() - begun).count());
    }
    must_be_same(path, far(path));
    typical.values.push_back(median(times));
    most.values.push_back(quantile(times, 0.95));
    worst.values.push_back(quantile(times, 1));
  }
  return {typical, most, worst};
}

std::vector<measure> measure_repositories(const options& chosen, load wanted) {
  if (chosen.smoke)
    wanted = {10, 5, 2, 200, 3};
  wanted.changed = std::min(wanted.changed, wanted.repositories);
  use_plain_git();
  hosting bench{chosen, wanted};
  std::vector<measure> all;
  for (const auto part : {&hosting::first_mirror, &hosting::nothing_changed, &hosting::some_changed,
                          &hosting::large_one, &hosting::pushes})
    for (auto& one : (bench.*part)())
      all.push_back(std::move(one));
  return all;
}

} // namespace
} // namespace farshore::bench

int main(int argc, char** argv) {
  using namespace farshore::bench;
  load wanted;
  return benchmark_main(
      argc, argv,
      {"repositories", "How does it mirror git repositories, beside git itself?",
       [&](CLI::App& app) {
         const auto add = [&](const char* name, int& value, const char* meaning) {
           app.add_option(name, value, meaning)->check(CLI::PositiveNumber)->capture_default_str();
         };
         add("--repositories", wanted.repositories, "So many small ones");
         add("--changed", wanted.changed, "So many of them have one commit more");
         add("--megabytes", wanted.megabytes, "Content of the large one");
         add("--commits", wanted.commits, "Of the large one");
         add("--pushes", wanted.pushes, "So many, one after the other");
       },
       [&](const options& chosen) { return measure_repositories(chosen, wanted); }});
}
