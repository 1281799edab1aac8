#include "registry/store_identity.hpp"

namespace farshore {

std::string_view to_string(store_verdict verdict) {
  switch (verdict) {
  case store_verdict::unknown:
    return "unknown";
  case store_verdict::good:
    return "good";
  case store_verdict::emptied:
    return "emptied";
  case store_verdict::replaced:
    return "replaced";
  case store_verdict::rolled_back:
    return "rolled_back";
  case store_verdict::database_rolled_back:
    return "database_rolled_back";
  case store_verdict::away:
    return "away";
  }
  return "";
}

store_verdict verdict_of(std::string_view name) {
  for (const auto one :
       {store_verdict::good, store_verdict::emptied, store_verdict::replaced,
        store_verdict::rolled_back, store_verdict::database_rolled_back, store_verdict::away})
    if (to_string(one) == name)
      return one;
  return store_verdict::unknown;
}

std::string_view sentence(store_verdict verdict) {
  switch (verdict) {
  case store_verdict::emptied:
    return "was emptied (its .farshore/identity is gone)";
  case store_verdict::replaced:
    return "is another one than before (another folder, or its .farshore/identity names another)";
  case store_verdict::rolled_back:
    return "was put back to an older copy (its counter is behind the tracking database's)";
  case store_verdict::database_rolled_back:
    return "is ahead of the tracking database, which was put back to an older copy";
  case store_verdict::away:
    return "lies on another file system than before (was it unmounted?)";
  case store_verdict::unknown:
  case store_verdict::good:
    break;
  }
  return "is as expected";
}

store_verdict judge(const known_store& known, const store_look& seen) {
  if (known.mark.id.empty())
    return store_verdict::unknown;
  if (!seen.mark)
    return seen.device == known.device ? store_verdict::emptied : store_verdict::away;
  if (seen.mark->id != known.mark.id)
    return store_verdict::replaced;
  if (seen.mark->counter < known.mark.counter)
    return store_verdict::rolled_back;
  if (seen.mark->counter > known.mark.counter + (known.pending ? 1 : 0))
    return store_verdict::database_rolled_back;
  return store_verdict::good;
}

} // namespace farshore
