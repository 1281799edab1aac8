// What lies in a store of blobs, page by page.

#include "strategies/blob/blob_listing.hpp"
#include "tests/strategies/stores.hpp"

#include <filesystem>
#include <fstream>
#include <set>

#include <catch2/catch.hpp>

using namespace farshore;
using namespace farshore::test;
namespace fs = std::filesystem;

namespace {

void put(const fs::path& file) {
  fs::create_directories(file.parent_path());
  std::ofstream{file, std::ios::binary} << "x";
}

} // namespace

TEST_CASE("a store's files are listed by their locators, page by page, each once", "[listing]") {
  const temporary_folder folder;
  for (const auto* locator : {"a", "b/c", "b/d e", "b/\xff", "z/y/x", ".farshore/tmp/half"})
    put(folder.path() / locator);
  fs::create_symlink("a", folder.path() / "link");
  fs::create_directories(folder.path() / "empty");
  auto listing = blob_listing::open(folder.path(), system_time());
  REQUIRE(listing);
  std::multiset<std::string> all;
  for (bool last = false; !last;) {
    const auto page = (*listing)->next(2);
    REQUIRE(page);
    REQUIRE(page->locators.size() <= 2);
    all.insert(page->locators.begin(), page->locators.end());
    last = page->last;
  }
  CHECK(all == std::multiset<std::string>{"a", "b/%FF", "b/c", "b/d%20e", "link", "z/y/x"});
}

TEST_CASE("a store that is not there can't be listed", "[listing]") {
  const temporary_folder folder;
  const auto listing = blob_listing::open(folder.path() / "none", system_time());
  REQUIRE_FALSE(listing);
  CHECK(listing.error().code == ec::disk);
}
