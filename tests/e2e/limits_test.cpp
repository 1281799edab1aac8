// What an operator limits: bandwidth, and the disk.

#include "tests/e2e/sites.hpp"

#include <chrono>
#include <filesystem>

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <sys/mount.h>

namespace farshore::test {

namespace {

namespace fs = std::filesystem;
using steady = std::chrono::steady_clock;

const std::string files_table = "CREATE TABLE files (id bigserial PRIMARY KEY, path text)";

/// Of all files of a store, temporary ones as well, but not its mark.
std::uint64_t bytes_in(const fs::path& folder) {
  std::uint64_t sum = 0;
  std::error_code gone; // files come and go
  for (fs::recursive_directory_iterator it{folder, gone}, end; it != end; it.increment(gone)) {
    const bool counts =
        it->path().filename() != "identity" && fs::is_regular_file(it->path(), gone);
    const auto size = counts ? it->file_size(gone) : 0;
    sum += gone ? 0 : size;
  }
  return sum;
}

/// `count` files of noise, and a row for each, committed at once.
void add_files(const two_sites& sites, const std::string& prefix, int count, std::size_t bytes) {
  for (int i = 0; i < count; ++i)
    sites.write(prefix + std::to_string(i), noise(bytes, static_cast<unsigned>(i)));
  sites.primary.sql("INSERT INTO files (path) SELECT '" + prefix +
                    "' || n FROM generate_series(0, " + std::to_string(count - 1) + ") AS n");
}

std::string problems(const site& of) {
  const auto status = of.status();
  return status.is_null() ? "" : boost::json::serialize(status.at("problems"));
}

/// A small file system of its own, mounted on a folder.
class small_disk {
public:
  explicit small_disk(fs::path where) : where_{std::move(where)} {
    fs::create_directories(where_);
    mounted_ = ::mount("tmpfs", where_.c_str(), "tmpfs", 0, "size=64m,mode=0777") == 0;
  }
  ~small_disk() {
    if (mounted_)
      ::umount2(where_.c_str(), MNT_DETACH);
  }
  /// Containers often may not mount, not even as root.
  [[nodiscard]] bool mounted() const { return mounted_; }
  small_disk(const small_disk&) = delete;
  small_disk& operator=(const small_disk&) = delete;

private:
  fs::path where_;
  bool mounted_ = false;
};

} // namespace

TEST_CASE("what arrives keeps to the bandwidth cap, small blobs and large ones", "[e2e]") {
  const bool large = GENERATE(false, true);
  CAPTURE(large);
  two_sites sites;
  sites.secondary.more_settings = "bandwidth = \"2 MB/s\"\n";
  sites.start(files_table);
  const auto store = sites.secondary.store();
  const auto before = bytes_in(store);
  const std::uint64_t total = 28'000'000;
  add_files(sites, "file", large ? 2 : 1'400, large ? total / 2 : total / 1'400);
  REQUIRE(eventually([&] { return bytes_in(store) > before; }));
  const auto begun = steady::now();
  const auto at_begin = bytes_in(store) - before;
  REQUIRE(eventually([&] { return sites.secondary.number("/bandwidth/rate") > 1'000'000; }));
  CHECK(sites.secondary.number("/bandwidth/cap") == 2'000'000);
  REQUIRE(eventually([&] { return bytes_in(store) - before == total; }));
  const auto rate = static_cast<double>(total - at_begin) /
                    std::chrono::duration<double>(steady::now() - begun).count();
  WARN("capped at 2 MB/s: " << rate / 1e6 << " MB/s");
  CHECK(rate < 2.1e6);
  CHECK(rate > 1.5e6); // other tests run beside this one
  CHECK(sites.difference() == "");
}

TEST_CASE("a cap can be lifted while a transfer runs, and small changes pass it", "[e2e]") {
  two_sites sites;
  sites.secondary.more_settings = "bandwidth = \"50 KB/s\"\n";
  // A second without progress ends a transfer, unless it is the cap that holds it.
  const std::vector<type_declaration> types{{.more = "progress_deadline = \"1s\"\n"}};
  sites.start(files_table, types);
  add_files(sites, "large", 1, 5'000'000);
  const auto store = sites.secondary.store();
  REQUIRE(eventually([&] { return bytes_in(store) > 100'000; }));

  const auto asked = steady::now();
  add_files(sites, "small", 1, 1'000);
  CHECK(eventually([&] { return sites.there("small0").size() == 1'000; }));
  CHECK(steady::now() - asked < 5s);
  CHECK(bytes_in(store) < 2'500'000);

  sites.secondary.more_settings = "";
  sites.declare(types);
  sites.secondary.reload();
  CHECK(sites.wait().code == 0);
  CHECK(sites.difference() == "");
  CHECK(sites.secondary.log().find("no byte has arrived") == std::string::npos);
}

TEST_CASE("a full disk stops fetching before it is full, and says so, and removals make room",
          "[e2e]") {
  two_sites sites;
  const small_disk disk{sites.secondary.store()};
  if (!disk.mounted()) {
    WARN("not tried: a small file system can't be mounted here");
    return;
  }
  sites.secondary.more_settings = "min_free = \"16 MiB\"\n";
  sites.start(files_table);

  // What is larger than all there is: named, and in nobody's way.
  add_files(sites, "huge", 1, 100'000'000);
  add_files(sites, "first", 10, 1'000'000);
  CHECK(eventually([&] {
    return sites.secondary.number("/types/0/synced_count") == 10 &&
           sites.secondary.number("/types/0/failed_count") == 1;
  }));
  CHECK(eventually([&] { // it may just be tried again
    const auto list = sites.secondary.command({"list", "file", "--state", "failed", "--json"}).out;
    return list.find("huge0") != std::string::npos &&
           list.find("it needs 95.4 MiB") != std::string::npos;
  }));

  add_files(sites, "more", 60, 1'000'000);
  CHECK(eventually([&] {
    return problems(sites.secondary).find("fetching stops below 16.0 MiB") != std::string::npos;
  }));
  CHECK(fs::space(sites.secondary.store()).available >= (16u << 20) - (1u << 20));
  CHECK_THAT(sites.secondary.log(), Catch::Contains("free some space; it goes on by itself"));

  // Nobody does anything here but the application, at the primary.
  sites.primary.sql("DELETE FROM files WHERE path LIKE 'first%' OR path LIKE 'huge%' "
                    "OR (path LIKE 'more%' AND id % 2 = 0)");
  for (int i = 0; i < 10; ++i)
    sites.remove("first" + std::to_string(i));
  CHECK(eventually([&] { return problems(sites.secondary) == "[]"; }, 120s));
  CHECK(eventually([&] { return sites.secondary.number("/types/0/synced_count") == 30; }, 120s));
}

} // namespace farshore::test
