#include "actors/rest_reader.hpp"

#include "config/background_thread.hpp"

#include <string>
#include <utility>

namespace farshore {

namespace {

error damage(const verification_claim& what, const std::string& found) {
  return {ec::checksum_mismatch,
          to_string(what.id) + " (" + what.locator + "): " + found + "; it is fetched again"};
}

/// The file itself is at fault, not the way to it.
bool concerns_the_file(ec code) {
  return code == ec::missing_on_primary || code == ec::bad_locator ||
         code == ec::unreadable_on_primary;
}

std::string sentence_of(const error& why) {
  switch (why.code) {
  case ec::missing_on_primary:
    return "the file is gone from the store";
  case ec::bad_locator:
    return "no file lies there any more: " + why.message;
  default:
    return "it can't be read: " + why.message;
  }
}

} // namespace

std::optional<verification_outcome> read_at_rest(strategy& store, const verification_claim& what,
                                                 const std::atomic<bool>& cancelled) {
  const auto there = store.verify(what.locator, &cancelled);
  if (there && there->sum == what.expected)
    return verification_outcome{what, {}, {}, there->findings};
  if (there)
    return verification_outcome{
        what,
        damage(what, "what lies there has the checksum " + to_hex(there->sum) +
                         " and not, as when it was synced, " + to_hex(what.expected)),
        there->sum};
  if (!concerns_the_file(there.error().code))
    return std::nullopt;
  return verification_outcome{what, damage(what, sentence_of(there.error())), {}};
}

rest_reader_actor::behavior_type rest_reader(rest_reader_actor::pointer, bool own_thread) {
  const auto give_way = [own_thread] {
    if (own_thread)
      give_way_to_others();
  };
  return {
      [give_way](const reading_request& asked) -> result<verification_report> {
        give_way();
        verification_report report;
        for (const auto& what : asked.claims) {
          if (*asked.cancelled)
            break;
          if (auto outcome = read_at_rest(*asked.store, what, *asked.cancelled))
            report.outcomes.push_back(std::move(*outcome));
        }
        return report;
      },
      [give_way](const upkeep_request& asked) -> result<bool> {
        give_way();
        return !*asked.cancelled && asked.store->keep_up(asked.cancelled.get());
      },
  };
}

} // namespace farshore
