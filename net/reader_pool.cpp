#include "net/reader_pool.hpp"

namespace farshore {

void reader_pool::declare(std::vector<replicable_type> types) {
  auto fresh = std::make_shared<const std::vector<replicable_type>>(std::move(types));
  const std::scoped_lock lock{mutex_};
  types_ = std::move(fresh);
}

result<reader_pool::connection> reader_pool::borrow(bool fresh) {
  connection taken;
  declaration wanted;
  {
    const std::scoped_lock lock{mutex_};
    wanted = types_;
    if (fresh) {
      idle_.clear(); // what broke one has most likely broken them all
    } else if (!idle_.empty()) {
      taken = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (!taken.reader) {
    auto opened = open_();
    if (!opened)
      return fail(std::move(opened).error());
    taken.reader = std::move(*opened);
  }
  if (taken.declared != wanted) {
    taken.reader->declare(*wanted);
    taken.declared = std::move(wanted);
  }
  return taken;
}

void reader_pool::give_back(connection returned) {
  returned.used = true;
  const std::scoped_lock lock{mutex_};
  idle_.push_back(std::move(returned));
}

} // namespace farshore
