// The blob strategy's behaviour over the double of the file operations.

#include "tests/strategies/blob_site.hpp"

#include <cerrno>
#include <set>

#include <catch2/catch.hpp>

using namespace farshore;
using namespace farshore::test;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t large = 200'000;

} // namespace

TEST_CASE("a small and a large blob come to lie at their locators, with mode and time",
          "[blob][place]") {
  blob_site site;
  for (std::size_t size : {0u, 1u, 65'536u, 65'537u, 200'000u}) {
    CAPTURE(size);
    const auto content = random_text(size, size);
    const auto locator = "a/b/" + std::to_string(size);
    const auto job = site.job(static_cast<record_id>(size), locator);
    auto to = site.sync(job, content, {0640, 123'456'789});
    REQUIRE(to);
    CHECK(to->sum == sum_of(content));
    CHECK(to->size == size);
    CHECK_FALSE(to->adopted);
    CHECK(job->progress == size);
    CHECK(site.volume->content(locator) == content);
    CHECK(site.volume->attributes(locator)->mode == 0640);
    CHECK(site.volume->attributes(locator)->mtime_ns == 123'456'789);
    CHECK(site.volume->temps().empty());
  }
}

TEST_CASE("the type's file mode overrides the primary's, and the owner can always read", "[blob]") {
  blob_site site;
  REQUIRE(site.sync(site.job(1, "a"), "x", {0004, 0}));
  CHECK(site.volume->attributes("a")->mode == 0404);
  site.type.file_mode = 0664;
  REQUIRE(site.start());
  REQUIRE(site.sync(site.job(1, "a"), "y", {0600, 0}));
  CHECK(site.volume->attributes("a")->mode == 0664);
}

TEST_CASE("what was placed survives a power cut, one by one and in a batch", "[blob][place]") {
  for (std::size_t count : {1u, 4u, 5u, 40u}) {
    CAPTURE(count);
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      blob_site site{seed};
      std::vector<placement> batch;
      for (std::size_t i = 0; i < count; ++i) {
        auto job = site.job(static_cast<record_id>(i),
                            "d" + std::to_string(i % 3) + "/e/" + std::to_string(i));
        auto into = site.fetch(job, random_text(100 * i, i));
        REQUIRE(into);
        batch.push_back({job, *into});
      }
      site.store->place(batch);
      site.volume->power_cut();
      for (std::size_t i = 0; i < count; ++i) {
        REQUIRE(batch[i].to);
        CHECK(site.volume->content("d" + std::to_string(i % 3) + "/e/" + std::to_string(i)) ==
              random_text(100 * i, i));
      }
    }
  }
}

TEST_CASE("a batch costs two flushes of the file system and none of a file", "[blob][place]") {
  blob_site site;
  std::vector<placement> batch;
  for (int i = 0; i < 100; ++i) {
    auto job = site.job(i, std::to_string(i));
    batch.push_back({job, *site.fetch(job, "some bytes")});
  }
  const auto before = site.volume->calls();
  site.store->place(batch);
  CHECK(site.volume->calls() - before == 100 + 2); // one rename each
}

TEST_CASE("a small new blob costs few file operations", "[blob][place]") {
  blob_site site;
  const auto before = site.volume->calls();
  const auto job = site.job(1, "a");
  REQUIRE(site.fetch(job, "some bytes"));
  CHECK(site.volume->calls() - before <= 5); // open (fails), create, write, attributes, [remove]
}

TEST_CASE("a checksum that is not the expected one throws the bytes away", "[blob]") {
  for (std::size_t size : {std::size_t{10}, large}) {
    blob_site site;
    site.volume->put("a", "old");
    auto job = site.job(1, "a");
    job->expected = sum_of("something else");
    auto to = site.sync(job, random_text(size, 1));
    REQUIRE_FALSE(to);
    CHECK(to.error().code == ec::checksum_mismatch);
    CHECK(to.error().message.find("package_file/1") != std::string::npos);
    CHECK(to.error().message.find(to_hex(*job->expected)) != std::string::npos);
    CHECK(site.volume->content("a") == "old");
    CHECK(site.volume->temps().empty());
  }
}

TEST_CASE("too many, too few and unasked-for bytes are refused", "[blob]") {
  blob_site site;
  auto into = *site.store->receive(site.job(1, "a"));
  CHECK_FALSE(into->offer());
  CHECK(into->begin(5, 10, {}).error().code == ec::protocol);
  CHECK(into->write(std::as_bytes(std::span{"x"})).error().code == ec::internal);
  CHECK(into->finish().error().code == ec::internal);
  CHECK(into->matched({}).error().code == ec::internal);
  REQUIRE(into->begin(0, 3, {}));
  CHECK(into->write(std::as_bytes(std::span{"four"}).first(4)).error().code == ec::protocol);
  REQUIRE(into->write(std::as_bytes(std::span{"fo"}).first(2)));
  CHECK(into->finish().error().code == ec::protocol);
  std::vector<placement> batch(1);
  batch[0].job = site.job(1, "a");
  batch[0].from = into;
  site.store->place(batch);
  CHECK(batch[0].to.error().code == ec::internal);
}

TEST_CASE("content that is there already is adopted, not transferred", "[blob][adopt]") {
  blob_site site;
  site.volume->put("a/b", "the content", {0600, 1});
  auto job = site.job(1, "a/b");
  job->expected = sum_of("the content");
  auto to = site.sync(job, "the content", {0644, 99});
  REQUIRE(to);
  CHECK(to->adopted);
  CHECK(to->sum == sum_of("the content"));
  CHECK(site.moved == 0);
  CHECK(site.volume->attributes("a/b")->mode == 0644);
  CHECK(site.volume->attributes("a/b")->mtime_ns == 99);
}

TEST_CASE("a batch of adopted files is flushed, though nothing is renamed", "[blob][adopt]") {
  for (std::size_t count : {2u, 10u})
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
      blob_site site{seed};
      auto name = [](std::size_t i) { return "f/" + std::to_string(i); };
      auto fetch_all = [&] {
        std::vector<placement> batch;
        for (std::size_t i = 0; i < count; ++i) {
          auto job = site.job(static_cast<record_id>(i), name(i));
          batch.push_back({job, *site.fetch(job, "content")});
        }
        return batch;
      };
      auto batch = fetch_all();
      // The machine's process dies after the renames, before the names are flushed.
      site.volume->kill_at(count > 4 ? 1 + count + 1 : 3 * count + 1);
      site.store->place(batch);
      REQUIRE_FALSE(batch[0].to);
      REQUIRE(site.start());
      REQUIRE(site.volume->content(name(0)) == "content");
      batch = fetch_all();
      CHECK(site.moved == 0);
      site.store->place(batch);
      site.volume->power_cut();
      for (std::size_t i = 0; i < count; ++i) {
        REQUIRE(batch[i].to);
        CHECK(batch[i].to->adopted);
        CHECK(site.volume->content(name(i)) == "content");
      }
    }
}

TEST_CASE("matching content whose row names another checksum is not adopted", "[blob][adopt]") {
  blob_site site;
  site.volume->put("a", "content");
  auto job = site.job(1, "a");
  job->expected = sum_of("other");
  auto to = site.sync(job, "content");
  REQUIRE_FALSE(to);
  CHECK(to.error().code == ec::checksum_mismatch);
  CHECK(site.volume->content("a") == "content");
}

TEST_CASE("a file that changes between its hash and its place is not adopted", "[blob][adopt]") {
  blob_site site;
  site.volume->put("a", "content");
  const auto job = site.job(1, "a");
  std::vector<placement> batch(1);
  batch[0].job = job;
  batch[0].from = *site.fetch(job, "content");
  site.volume->rewrite("a", "CONTENT");
  site.store->place(batch);
  REQUIRE_FALSE(batch[0].to);
  CHECK(batch[0].to.error().code == ec::changed);
}

TEST_CASE("what lies there and is larger than the row says is not even read", "[blob][adopt]") {
  blob_site site;
  site.volume->put("a", random_text(large, 1));
  auto job = site.job(1, "a");
  job->size = 3;
  const auto before = site.volume->calls();
  CHECK_FALSE((*site.store->receive(job))->offer());
  CHECK(site.volume->calls() - before == 2);
}

TEST_CASE("new content that begins with the old is transferred only from there on",
          "[blob][resume]") {
  for (std::size_t size : {std::size_t{100}, large}) {
    blob_site site;
    const auto content = random_text(size, 7);
    site.volume->put("log", content.substr(0, size / 2));
    auto to = site.sync(1, "log", content);
    REQUIRE(to);
    CHECK_FALSE(to->adopted);
    CHECK(site.moved == size - size / 2);
    CHECK(site.volume->content("log") == content);
  }
}

TEST_CASE("old content that changes while it is copied is noticed", "[blob][resume]") {
  blob_site site;
  site.volume->put("log", "0123456789");
  auto into = *site.store->receive(site.job(1, "log"));
  REQUIRE(into->offer());
  site.volume->rewrite("log", "012345678x");
  CHECK(into->begin(10, 20, {}).error().code == ec::changed);
  into = *site.store->receive(site.job(1, "log"));
  REQUIRE(into->offer());
  site.volume->rewrite("log", "01");
  CHECK(into->begin(10, 20, {}).error().code == ec::changed);
}

TEST_CASE("a broken-off transfer goes on where it broke off", "[blob][resume]") {
  blob_site site;
  const auto content = random_text(large, 3);
  for (int attempt = 1; attempt <= 3; ++attempt) {
    CHECK_FALSE(site.fetch(site.job(1, "a"), content, {}, 50'000));
    CHECK(site.volume->temps().size() == 1);
  }
  REQUIRE(site.sync(1, "a", content));
  CHECK(site.moved == large - 150'000);
  CHECK(site.volume->content("a") == content);
  CHECK(site.volume->temps().empty());
}

TEST_CASE("a broken-off transfer goes on after a kill, with what is left of it after a power cut",
          "[blob][resume]") {
  const auto content = random_text(large, 3);
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    CAPTURE(seed);
    blob_site site{seed};
    CHECK_FALSE(site.fetch(site.job(1, "a"), content, {}, 150'000));
    if (seed == 0)
      site.volume->kill();
    else
      site.volume->power_cut();
    REQUIRE(site.start());
    REQUIRE(site.sync(1, "a", content));
    if (seed == 0)
      CHECK(site.moved == large - 150'000);
    CHECK(site.volume->content("a") == content);
    CHECK(site.volume->temps().empty());
  }
}

TEST_CASE("a receiver that broke off can offer again and take all of it", "[blob][resume]") {
  blob_site site;
  const auto content = random_text(large, 1);
  site.volume->put("a", content.substr(0, 100));
  CHECK_FALSE(site.fetch(site.job(1, "a"), content, {}, 150'000));
  const auto job = site.job(1, "a");
  auto into = *site.store->receive(job);
  REQUIRE(into->offer()); // what the other left
  REQUIRE(into->begin(150'100, large, {}));
  auto again = into->offer(); // what lies there
  REQUIRE(again);
  CHECK(again->size == 100);
  REQUIRE(into->begin(100, large, {}));
  REQUIRE(into->write(std::as_bytes(std::span{content}).subspan(100)));
  REQUIRE(into->finish());
  std::vector<placement> batch(1);
  batch[0].job = job;
  batch[0].from = into;
  site.store->place(batch);
  REQUIRE(batch[0].to);
  CHECK(site.volume->content("a") == content);
  CHECK(site.volume->temps().empty());
}

TEST_CASE("a broken-off transfer of content that changed since is started over", "[blob][resume]") {
  blob_site site;
  CHECK_FALSE(site.fetch(site.job(1, "a"), random_text(large, 1), {}, 150'000));
  REQUIRE(site.sync(1, "a", random_text(large, 2)));
  CHECK(site.moved == large);
  CHECK(site.volume->content("a") == random_text(large, 2));
  CHECK(site.volume->temps().empty());
}

TEST_CASE("a complete transfer whose lease ran out is matched the next time", "[blob][resume]") {
  blob_site site;
  const auto content = random_text(large, 1);
  auto job = site.job(1, "a");
  job->held->revoke();
  auto to = site.sync(job, content);
  REQUIRE_FALSE(to);
  CHECK(to.error().code == ec::lease_lost);
  to = site.sync(1, "a", content);
  REQUIRE(to);
  CHECK(site.moved == 0);
  CHECK(site.volume->content("a") == content);
}

TEST_CASE("starting sweeps small leftovers of its own type and nothing else", "[blob][prepare]") {
  blob_site site;
  auto touch = [&](const std::string& name) { site.volume->put(".farshore/tmp/" + name, "x"); };
  touch("package_file-1-5.part");
  touch("package_file-1-6.part");
  touch("package_file--2-7.part");
  touch("package_file-3-8.new");
  touch("package_files-1-1.new");
  touch("manual-1-1.new");
  site.volume->kill();
  REQUIRE(site.start());
  const auto left = site.volume->temps();
  CHECK(std::set<std::string>(left.begin(), left.end()) ==
        std::set<std::string>{"package_file-1-5.part", "package_file--2-7.part",
                              "package_files-1-1.new", "manual-1-1.new"});
  // A second time, workers may be under way.
  touch("package_file-9-9.new");
  REQUIRE(site.store->prepare());
  CHECK(site.volume->temps().size() == 5);
}

TEST_CASE("a late worker and its successor do not write into one file", "[blob][lease]") {
  blob_site site;
  const auto old_content = random_text(large, 1);
  const auto new_content = random_text(large, 2);
  auto late = site.job(1, "a");
  auto late_receiver = *site.store->receive(late);
  CHECK_FALSE(late_receiver->offer());
  REQUIRE(late_receiver->begin(0, large, {}));
  const auto bytes = std::as_bytes(std::span{old_content});
  REQUIRE(late_receiver->write(bytes.first(1000)));
  late->held->revoke();

  SECTION("within one process") {}
  SECTION("with a new strategy object, after a reload") {
    REQUIRE(site.start());
  }
  auto job = site.job(1, "a");
  auto into = site.fetch(job, new_content);
  REQUIRE(into);
  REQUIRE(late_receiver->write(bytes.subspan(1000)));
  REQUIRE(late_receiver->finish());
  std::vector<placement> batch(2);
  batch[0].job = job;
  batch[0].from = *into;
  batch[1].job = late;
  batch[1].from = late_receiver;
  site.store->place(batch);
  REQUIRE(batch[0].to);
  REQUIRE_FALSE(batch[1].to);
  CHECK(batch[1].to.error().code == ec::lease_lost);
  CHECK(site.volume->content("a") == new_content);
}

TEST_CASE("a rename needs a lease that lasts half a second more", "[blob][lease]") {
  blob_site site;
  const auto job = site.job(1, "a"); // 10 s
  std::vector<placement> batch(1);
  batch[0].job = job;
  batch[0].from = *site.fetch(job, "content");
  site.time.advance(9'600ms);
  site.store->place(batch);
  REQUIRE_FALSE(batch[0].to);
  CHECK(batch[0].to.error().code == ec::lease_lost);
  CHECK_FALSE(site.volume->content("a"));
  job->held->renew(site.time.now() + 10s); // renewed in time after all: the bytes are still here
  site.store->place(batch);
  REQUIRE(batch[0].to);
  CHECK(site.volume->content("a") == "content");
  site.store->place(batch); // and once more changes nothing
  CHECK(batch[0].to);
}

TEST_CASE("a removal needs a lease, too", "[blob][lease]") {
  blob_site site;
  site.volume->put("a", "content of my successor");
  auto job = site.job(1, "a");
  job->held->revoke();
  auto removed = site.remove(job, {"a"});
  REQUIRE_FALSE(removed);
  CHECK(removed.error().code == ec::lease_lost);
  CHECK(site.volume->content("a"));
}

TEST_CASE("a failure in a batch is one entry's own", "[blob][place]") {
  for (int others : {1, 20}) {
    blob_site site;
    site.volume->put("taken/by", "somebody");
    std::vector<placement> batch;
    for (int i = 0; i < others; ++i) {
      auto job = site.job(i, "fine/" + std::to_string(i));
      batch.push_back({job, *site.fetch(job, "content")});
    }
    auto job = site.job(100, "taken");
    batch.push_back({job, *site.fetch(job, "content")});
    batch.push_back({job, nullptr});
    site.store->place(batch);
    for (int i = 0; i < others; ++i)
      CHECK(batch[static_cast<std::size_t>(i)].to);
    const auto& refused = batch[batch.size() - 2].to;
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ec::bad_locator);
    CHECK(refused.error().message.find("package_file/100 at \"taken\"") != std::string::npos);
    CHECK(batch.back().to.error().code == ec::internal);
  }
}

TEST_CASE("a file in the way of a folder is left alone, and both are named", "[blob][place]") {
  blob_site site;
  REQUIRE(site.sync(1, "a", "a file"));
  auto refused = site.sync(2, "a/b", "below it");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ec::bad_locator);
  CHECK(site.volume->content("a") == "a file");
  REQUIRE(site.remove(site.job(1, "a"), {"a"}));
  REQUIRE(site.sync(2, "a/b", "below it"));
  // And the other way round: the folder goes with its last file.
  REQUIRE_FALSE(site.sync(1, "a", "a file"));
  REQUIRE(site.remove(site.job(2, "a/b"), {"a/b"}));
  REQUIRE(site.sync(1, "a", "a file"));
}

TEST_CASE("removed means gone, with the folders that it leaves empty, durably", "[blob][remove]") {
  for (std::size_t count : {1u, 4u, 9u})
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      blob_site site{seed};
      std::vector<removal> batch;
      for (std::size_t i = 0; i < count; ++i) {
        const auto locator = "a/" + std::to_string(i) + "/file";
        REQUIRE(site.sync(static_cast<record_id>(i), locator, "x"));
        removal one;
        one.job = site.job(static_cast<record_id>(i), locator);
        one.locators = {locator};
        batch.push_back(std::move(one));
      }
      site.store->remove(batch);
      site.volume->power_cut();
      for (const auto& one : batch)
        CHECK(one.done);
      CHECK(site.volume->files().empty());
      CHECK_FALSE(site.volume->is_folder("a"));
    }
}

TEST_CASE("what is not there, and what could never be there, counts as removed", "[blob][remove]") {
  blob_site site;
  CHECK(site.remove(site.job(1, "x"),
                    {"missing", "missing/deeper", "../out", "/abs", ".farshore/tmp"}));
  CHECK(site.volume->is_folder(".farshore/tmp"));
  CHECK(site.remove(site.job(1, "x"), {}));
}

TEST_CASE("removing something that an earlier process removed is durable, too", "[blob][remove]") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    blob_site site{seed};
    REQUIRE(site.sync(1, "a/f", "x"));
    site.volume->kill_at(2); // after the unlink, before the flush
    REQUIRE_FALSE(site.remove(site.job(1, "a/f"), {"a/f"}));
    REQUIRE(site.start());
    REQUIRE(site.remove(site.job(1, "a/f"), {"a/f"}));
    site.volume->power_cut();
    CHECK(site.volume->files().empty());
  }
}

TEST_CASE("a removed record leaves no broken-off transfer behind", "[blob][remove]") {
  blob_site site;
  CHECK_FALSE(site.fetch(site.job(1, "a"), random_text(large, 1), {}, 150'000));
  REQUIRE(site.volume->temps().size() == 1);
  REQUIRE(site.remove(site.job(1, "a"), {"a"}));
  CHECK(site.volume->temps().empty());
}

TEST_CASE("an error in a removal names the record, and is its own", "[blob][remove]") {
  blob_site site;
  site.volume->put_link("link");
  site.volume->put("file", "x");
  std::vector<removal> batch(2);
  batch[0].job = site.job(1, "link");
  batch[0].locators = {"link"};
  batch[1].job = site.job(2, "file");
  batch[1].locators = {"file"};
  site.store->remove(batch);
  REQUIRE_FALSE(batch[0].done);
  CHECK(batch[0].done.error().code == ec::bad_locator);
  CHECK(batch[0].done.error().message.find("package_file/1") != std::string::npos);
  CHECK(batch[1].done);
  CHECK_FALSE(site.volume->content("file"));
}

TEST_CASE("a primary's blob is read in any pieces", "[blob][open]") {
  blob_site site;
  const auto content = random_text(large, 1);
  site.volume->put("a/b", content, {0751, 77});
  auto reader = site.store->open("a/b");
  REQUIRE(reader);
  CHECK((*reader)->size() == large);
  CHECK((*reader)->attributes().mode == 0751);
  CHECK((*reader)->attributes().mtime_ns == 77);
  std::string read(large + 10, ' ');
  auto n = (*reader)->read(large - 10, std::as_writable_bytes(std::span{read}));
  REQUIRE(n);
  CHECK(*n == 10);
  CHECK(read.substr(0, 10) == content.substr(large - 10));
  CHECK(*(*reader)->read(large, std::as_writable_bytes(std::span{read})) == 0);
  CHECK((*reader)->unchanged());
  CHECK(site.store->checksum_of("a/b", nullptr)->sum == sum_of(content));
}

TEST_CASE("a blob that is not there, no file, or not to be had is told apart", "[blob][open]") {
  blob_site site;
  site.volume->put_pipe("pipe");
  site.volume->put("file", "x");
  CHECK(site.store->open("a").error().code == ec::missing_on_primary);
  CHECK(site.store->open(".").error().code == ec::bad_locator);
  CHECK(site.store->open("pipe").error().code == ec::bad_locator);
  CHECK(site.store->open("file/deeper").error().code == ec::bad_locator);
  CHECK(site.store->open("..").error().code == ec::bad_locator);
  CHECK(site.store->open("%2F").error().code == ec::bad_locator);
  CHECK(site.store->open("%").error().code == ec::bad_locator);
  CHECK(site.store->open(".farshore/identity").error().code == ec::bad_locator);
  site.volume->fail_at(1, EACCES);
  CHECK(site.store->open("file").error().code == ec::unreadable_on_primary);
  site.volume->fail_at(2, EIO);
  CHECK(site.store->open("file").error().code == ec::unreadable_on_primary);
  site.volume->fail_at(3, EIO);
  CHECK(site.store->checksum_of("file", nullptr).error().code == ec::unreadable_on_primary);
}

TEST_CASE("a blob that changes while it is served is told", "[blob][open]") {
  blob_site site;
  site.volume->put("a", "content");
  auto reader = *site.store->open("a");
  SECTION("rewritten in place") {
    site.volume->rewrite("a", "CONTENT");
  }
  SECTION("replaced by an equal file") {
    site.volume->put("a", "content");
  }
  SECTION("removed") {
    site.volume->erase("a");
  }
  SECTION("put behind a link") {
    site.volume->put_link("a");
  }
  CHECK_FALSE(reader->unchanged());
}

TEST_CASE("nothing is ever written in a primary's store", "[blob][open]") {
  blob_site site;
  site.volume = std::make_shared<fake_volume>();
  site.store = *make_strategy(site.type, site.time, site.volume->mount());
  site.volume->put("a", "content");
  REQUIRE(site.store->open("a"));
  REQUIRE(site.store->checksum_of("a", nullptr));
  CHECK_FALSE(site.volume->is_folder(".farshore"));
}

TEST_CASE("a strategy that is not there is named with what to write instead", "[blob]") {
  fake_time time;
  replicable_type type;
  type.name = "wiki";
  type.strategy = "pages";
  auto made = make_strategy(type, time);
  REQUIRE_FALSE(made);
  CHECK(made.error().code == ec::invalid_config);
  CHECK(made.error().message.find("wiki") != std::string::npos);
  CHECK(made.error().message.find("strategy = \"blob\"") != std::string::npos);
}

TEST_CASE("what is larger than the room there is is not begun, and takes none", "[blob][room]") {
  blob_site site;
  const auto room = std::make_shared<std::atomic<std::int64_t>>(100'000);
  const auto with_room = [&](record_id record, const std::string& locator) {
    auto job = site.job(record, locator);
    job->room = room;
    return job;
  };
  const auto large = site.sync(with_room(1, "large"), std::string(100'001, 'x'));
  REQUIRE_FALSE(large);
  CHECK(large.error().code == ec::no_space);
  CHECK_THAT(large.error().message,
             Catch::Contains("large") && Catch::Contains("it needs 97.7 KiB"));
  CHECK(site.volume->temps().empty());
  CHECK(*room == 100'000);

  auto fits = with_room(2, "fits");
  CHECK(site.sync(fits, std::string(70'000, 'x')));
  CHECK(fits->begun == 70'000);
  CHECK(*room == 30'000);
  CHECK_FALSE(site.sync(with_room(3, "next"), std::string(30'001, 'x')));

  room->store(-5); // more is on its way than there is room for
  CHECK_FALSE(site.sync(with_room(4, "small"), "x"));
  CHECK(site.sync(with_room(2, "fits"), std::string(70'000, 'x'))); // adopted: nothing is written
}

TEST_CASE("what goes on where it broke off needs room for the rest alone", "[blob][room]") {
  blob_site site;
  const std::string content(200'000, 'x');
  CHECK_FALSE(site.fetch(site.job(1, "a"), content, {}, 150'000));
  auto again = site.job(1, "a");
  again->room = std::make_shared<std::atomic<std::int64_t>>(50'000);
  CHECK(site.sync(again, content));
  CHECK(*again->room == 0);
}

TEST_CASE("a disk that is full in the middle of a transfer leaves nothing of it", "[blob][room]") {
  const std::string content(200'000, 'x');
  int failures = 0;
  for (std::uint64_t n = 1;; ++n) {
    CAPTURE(n);
    blob_site site;
    const auto before = site.volume->calls();
    site.volume->fail_at(n, ENOSPC);
    const bool went = site.fetch(site.job(1, "a"), content).has_value();
    if (site.volume->calls() - before < n)
      break;
    site.volume->clear_faults();
    failures += went ? 0 : 1;
    if (!went)
      CHECK(site.volume->temps().empty());
  }
  CHECK(failures > 5);
}
