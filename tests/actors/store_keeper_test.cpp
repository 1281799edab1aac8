// Store keeper: what it notices of a disk, what it does to the registry then, and that it heals.
// The site, the registry and the strategy are the real ones, on a disk in memory and a virtual
// clock; the primary is silent.

#include "actors/secondary_site.hpp"
#include "registry/memory_store.hpp"
#include "strategies/make_strategy.hpp"
#include "tests/support/actor_fixture.hpp"
#include "tests/support/fake_files.hpp"
#include "tests/support/fake_partners.hpp"

#include <cerrno>

#include <catch2/catch.hpp>

using namespace farshore;
using namespace farshore::test;
using namespace std::chrono_literals;

namespace {

replicable_type type_named(const std::string& name) {
  replicable_type type;
  type.name = name;
  type.plural = name + "s";
  type.strategy = "blob";
  type.store = "/store";
  return type;
}

class keeper_fixture : public actor_fixture {
public:
  keeper_fixture() { start(); }
  ~keeper_fixture() {
    caf::anon_send_exit(site, caf::exit_reason::kill);
    deliver_all(); // it opens stores by way of this object
  }

  void start() {
    secondary_parts parts;
    parts.settings.capacity = 4;
    parts.store = std::make_shared<memory_store>(tables, time, parts.settings.lease);
    parts.primary = spawn(play_primary, primary);
    parts.open_store = [this](const replicable_type& type) {
      return make_strategy(type, time, volume->mount());
    };
    parts.time = &time;
    parts.own_threads = false;
    parts.data_space = [] { return disk_space{1u << 30, 1u << 30}; };
    parts.on_fatal = [this](const error& why) { fatal = why.message; };
    site = system.spawn(secondary_site, parts);
    declare({"file"});
  }
  void crash() {
    caf::anon_send_exit(site, caf::exit_reason::kill);
    deliver_all();
    volume->kill();
    tables = std::make_shared<memory_tables>(*tables);
  }
  void restart() {
    crash();
    start();
  }
  void declare(const std::vector<std::string>& names) {
    std::vector<replicable_type> types;
    for (const auto& name : names)
      types.push_back(type_named(name));
    caf::anon_send(site, atom::declare_v, types, free_mark{});
    deliver_all();
  }
  void seconds_pass(int n = 2) {
    for (int i = 0; i < n; ++i)
      advance(1s);
  }
  /// A record that the registry calls synced, with its file.
  void have(record_id record, const std::string& locator) {
    volume->put(locator, "content");
    auto& row = tables_now().rows["file"][record];
    row.record = record;
    row.locator = locator;
    row.target_revision = record;
    row.synced_revision = record;
    row.state = sync_state::synced;
    restart();
  }
  memory_tables& tables_now() { return *tables; }
  [[nodiscard]] sync_state state_of(record_id record) const {
    return tables->rows.at("file").at(record).state;
  }
  /// Due, or with a worker already.
  [[nodiscard]] bool is_looked_at_again(record_id record) const {
    return state_of(record) == sync_state::pending || state_of(record) == sync_state::started;
  }
  [[nodiscard]] known_store known() const { return tables->stores.at("/store"); }
  [[nodiscard]] std::optional<store_mark> mark() const {
    return read_mark(volume->content(".farshore/identity").value_or(""));
  }
  secondary_status::type_line line() {
    const auto got = ask<result<secondary_status>>(site, atom::status_v);
    REQUIRE(got->arrived);
    REQUIRE(*got->value);
    return (**got->value).types.front();
  }

  std::shared_ptr<fake_volume> volume = std::make_shared<fake_volume>();
  std::shared_ptr<memory_tables> tables = std::make_shared<memory_tables>();
  std::shared_ptr<fake_primary> primary = std::make_shared<fake_primary>();
  secondary_site_actor site;
  std::string fatal;
};

} // namespace

#define KEEPER_TEST(sentence) TEST_CASE_METHOD(keeper_fixture, sentence, "[store_keeper]")

KEEPER_TEST("a fresh store is made, and database and disk repeat each other's mark") {
  REQUIRE(mark());
  CHECK(known().mark == *mark());
  CHECK_FALSE(known().pending);
  CHECK(line().store.now == store_view::condition::good);
  CHECK(line().store.known.noticed.empty());
}

KEEPER_TEST("each start raises the counter, and an idle store is left alone") {
  const auto first = *mark();
  restart();
  CHECK(*mark() == store_mark{first.id, first.counter + 1});
  CHECK(known().mark == *mark());
  seconds_pass(200);
  CHECK(mark()->counter == first.counter + 1);
  CHECK(line().store.known.noticed.empty());
}

KEEPER_TEST("an emptied store is noticed within two seconds, and looked at again") {
  have(1, "a");
  const auto before = *mark();
  volume->erase("a");
  volume->erase(".farshore");
  seconds_pass();
  CHECK(is_looked_at_again(1));
  CHECK(known().noticed == "emptied");
  REQUIRE(mark());
  CHECK(mark()->id != before.id);
  CHECK(known().mark == *mark());
  CHECK(line().store.now == store_view::condition::good);
}

KEEPER_TEST("another store in its place is noticed, and so is the first one's return") {
  have(1, "a");
  const auto first = *mark();
  volume->put(".farshore/identity", "another 3\n");
  seconds_pass();
  CHECK(known().noticed == "replaced");
  CHECK(known().mark == store_mark{"another", 4});
  CHECK(is_looked_at_again(1));
  volume->put(".farshore/identity", to_string(first) + "\n");
  seconds_pass();
  CHECK(known().mark.id == first.id);
}

KEEPER_TEST("a copy of the store in its place, mark and all, is another folder") {
  have(1, "a");
  const auto same = to_string(*mark()) + "\n";
  volume->mount_over(2);
  volume->put(".farshore/identity", same);
  seconds_pass();
  CHECK(known().noticed == "replaced");
  CHECK(is_looked_at_again(1));
}

KEEPER_TEST("a store that was put back to an older copy is noticed at the next start") {
  const auto old = to_string(*mark()) + "\n";
  have(1, "a");
  volume->put(".farshore/identity", old);
  restart();
  CHECK(known().noticed == "rolled_back");
  CHECK(is_looked_at_again(1));
  CHECK(known().mark == *mark());
}

KEEPER_TEST("a tracking database that was put back is noticed at the next start") {
  have(1, "a");
  const auto backup = *tables;
  restart();
  tables = std::make_shared<memory_tables>(backup);
  caf::anon_send_exit(site, caf::exit_reason::kill);
  deliver_all();
  start();
  CHECK(known().noticed == "database_rolled_back");
  CHECK(is_looked_at_again(1));
  CHECK(known().mark == *mark());
}

KEEPER_TEST("nothing is made beneath a mount point, and all goes on when the store is back") {
  have(1, "a");
  volume->mount_over(2);
  seconds_pass(30);
  CHECK(line().store.now == store_view::condition::away);
  CHECK(line().waiting.find("farshore resync file --all") != std::string::npos);
  CHECK_FALSE(volume->is_folder(".farshore"));
  CHECK(state_of(1) == sync_state::synced);
  volume->mount_over(1);
  seconds_pass();
  CHECK(line().store.now == store_view::condition::good);
  CHECK(state_of(1) == sync_state::synced);
  CHECK(known().noticed.empty());
}

KEEPER_TEST("a store on another file system is accepted by a resync of all") {
  have(1, "a");
  volume->mount_over(2);
  seconds_pass();
  REQUIRE(line().store.now == store_view::condition::away);
  ask<result<std::size_t>>(site, atom::resync_v, std::string{"file"},
                           record_selection{record_selection::kind::ids, {1}});
  seconds_pass();
  CHECK(line().store.now == store_view::condition::away);
  ask<result<std::size_t>>(site, atom::resync_v, std::string{"file"},
                           record_selection{record_selection::kind::all, {}});
  seconds_pass();
  CHECK(line().store.now == store_view::condition::good);
  CHECK(volume->is_folder(".farshore"));
  CHECK(known().device == 2);
  CHECK(is_looked_at_again(1));
}

KEEPER_TEST("a store without records may move to another file system") {
  volume->mount_over(2);
  seconds_pass();
  CHECK(line().store.now == store_view::condition::good);
  CHECK(known().device == 2);
}

KEEPER_TEST("types that share a store share its keeper and its mark") {
  const auto before = mark()->counter;
  declare({"file", "image"});
  seconds_pass();
  CHECK(line().store.now == store_view::condition::good);
  CHECK(mark()->counter >= before);
  CHECK(known().mark == *mark());
  volume->erase(".farshore");
  seconds_pass();
  CHECK(known().noticed == "emptied");
  CHECK(known().mark == *mark());
}

KEEPER_TEST("one look that fails stops nothing") {
  volume->fail_at(1, EIO);
  seconds_pass();
  CHECK(line().store.now == store_view::condition::good);
}

KEEPER_TEST("a disk that fails is said, and tried again until it works") {
  volume->fail_at(1, EIO, true);
  seconds_pass(4);
  CHECK(line().store.now == store_view::condition::away);
  CHECK_FALSE(line().waiting.empty());
  volume->clear_faults();
  seconds_pass(40);
  CHECK(line().store.now == store_view::condition::good);
  CHECK(known().noticed.empty());
  CHECK(fatal.empty());
}

KEEPER_TEST("whichever call fails while the mark is raised, database and disk agree in the end") {
  for (std::uint64_t n = 1; n < 12; ++n) {
    CAPTURE(n);
    crash();
    volume->fail_at(n, EIO);
    start();
    volume->clear_faults();
    seconds_pass(40);
    restart();
    CHECK(known().noticed.empty());
    CHECK(known().mark == *mark());
  }
}

KEEPER_TEST("a kill at whichever call leaves a store that the next start trusts") {
  for (std::uint64_t n = 1; n < 12; ++n) {
    CAPTURE(n);
    crash();
    volume->kill_at(n);
    start();
    volume->clear_faults();
    restart();
    CHECK(known().noticed.empty());
    CHECK(known().mark == *mark());
  }
}
