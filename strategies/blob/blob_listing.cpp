#include "strategies/blob/blob_listing.hpp"

#include "config/locator.hpp"

#include <utility>

namespace farshore {

result<std::unique_ptr<store_listing>> blob_listing::open(const std::filesystem::path& root,
                                                          const time_source& time) {
  auto opened = opened_folder::open(root);
  if (!opened)
    return fail(std::move(opened).error());
  return std::make_unique<blob_listing>(std::move(*opened), time);
}

result<stored_page> blob_listing::next(std::size_t limit) {
  stored_page page;
  while (page.locators.size() < limit) {
    const auto entry = walk_.next();
    if (!entry) {
      page.last = true;
      break;
    }
    // What is neither file nor link was never put there by a strategy.
    if (entry->what == folder_entry::kind::regular || entry->what == folder_entry::kind::link)
      page.locators.push_back(encode_locator(entry->path));
    else if (entry->what == folder_entry::kind::closed)
      return fail(ec::disk,
                  "the folder \"" + entry->path + "\" can't be looked into: " + entry->note);
  }
  return page;
}

} // namespace farshore
