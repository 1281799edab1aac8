// What every implementation of store_files owes its callers; on real folders and on the double.

#include "tests/strategies/stores.hpp"

#include <algorithm>

#include <catch2/catch.hpp>

using namespace farshore;
using namespace farshore::test;

namespace {

void write_temp(store_files& files, const std::string& name, std::string_view text) {
  auto file = files.create_temp(name);
  REQUIRE(file);
  for (std::size_t at = 0; at < text.size();) {
    auto n = (*file)->write(at, bytes_of(text.substr(at)));
    REQUIRE(n);
    at += *n;
  }
}

std::string read_all(open_file& file) {
  std::string text;
  std::array<char, 7> buffer{}; // odd on purpose
  for (;;) {
    auto n = file.read(text.size(), std::as_writable_bytes(std::span{buffer}));
    REQUIRE(n);
    if (*n == 0)
      return text;
    text.append(buffer.data(), *n);
  }
}

} // namespace

#define EVERY_STORE(sentence)                                                                      \
  TEMPLATE_TEST_CASE(sentence, "[store_files]", kernel_store, walked_store, fake_store)

EVERY_STORE("preparing a store makes its own folders and an identity that stays") {
  TestType store;
  REQUIRE(store.files->prepare());
  CHECK(store.is_folder(".farshore/tmp"));
  const auto first = store.files->look()->mark;
  REQUIRE(first);
  CHECK_FALSE(first->id.empty());
  CHECK(first->counter == 0);
  REQUIRE(store.files->prepare());
  CHECK(store.files->look()->mark == first);
}

EVERY_STORE("a mark that was written is what a look finds, and what the next start keeps") {
  TestType store;
  REQUIRE(store.files->prepare());
  const store_mark raised{store.files->look()->mark->id, 7};
  REQUIRE(store.files->write_mark(raised));
  CHECK(store.files->look()->mark == raised);
  REQUIRE(store.files->prepare());
  CHECK(store.files->look()->mark == raised);
}

EVERY_STORE("a store that was never prepared has no mark, and none is made by looking") {
  TestType store;
  CHECK_FALSE(store.files->look()->mark);
  CHECK_FALSE(store.is_folder(".farshore"));
}

EVERY_STORE("temporary files need a prepared store") {
  TestType store;
  REQUIRE_FALSE(store.files->create_temp("a"));
}

EVERY_STORE("a temporary file is written, found again, and removed once and twice") {
  TestType store;
  REQUIRE(store.files->prepare());
  write_temp(*store.files, "one.part", "0123456789");
  CHECK(store.files->list_temps() == std::vector<std::string>{"one.part"});
  auto again = store.files->open_temp("one.part");
  REQUIRE(again);
  CHECK(read_all(**again) == "0123456789");
  REQUIRE((*again)->write(8, bytes_of("abcd")));
  CHECK(read_all(**again) == "01234567abcd");
  CHECK((*again)->status()->size == 12);
  CHECK((*again)->status()->links == 1);
  REQUIRE(store.files->remove_temp("one.part"));
  REQUIRE(store.files->remove_temp("one.part"));
  CHECK(store.files->list_temps()->empty());
  auto gone = store.files->open_temp("one.part");
  REQUIRE_FALSE(gone);
  CHECK(gone.error().code == ec::not_found);
}

EVERY_STORE("a new temporary file takes the place of an old one, whose opener keeps his") {
  TestType store;
  REQUIRE(store.files->prepare());
  write_temp(*store.files, "x", "old");
  auto old = store.files->open_temp("x");
  write_temp(*store.files, "x", "new!");
  CHECK(read_all(**old) == "old");
  CHECK(read_all(**store.files->open_temp("x")) == "new!");
}

EVERY_STORE("a file is locked by one opener at a time") {
  TestType store;
  REQUIRE(store.files->prepare());
  auto one = store.files->create_temp("x");
  auto two = store.files->open_temp("x");
  REQUIRE((*one)->lock());
  CHECK_FALSE((*two)->lock());
  one->reset();
  CHECK((*two)->lock());
}

EVERY_STORE("a rename makes the folders on the way and replaces what was there") {
  TestType store;
  REQUIRE(store.files->prepare());
  for (const std::string text : {"first", "second"}) {
    write_temp(*store.files, "x", text);
    REQUIRE(store.files->rename_temp("x", "a/b/c"));
    CHECK(store.content("a/b/c") == text);
    CHECK(store.files->list_temps()->empty());
    REQUIRE(store.files->flush_names("a/b/c"));
    REQUIRE(store.files->flush_all());
  }
  write_temp(*store.files, "x", "at the root");
  REQUIRE(store.files->rename_temp("x", "c"));
  CHECK(store.content("c") == "at the root");
}

EVERY_STORE("a rename without its temporary file is a failure of the disk") {
  TestType store;
  REQUIRE(store.files->prepare());
  auto renamed = store.files->rename_temp("nothing", "a/b");
  REQUIRE_FALSE(renamed);
  CHECK(renamed.error().code == ec::disk);
}

EVERY_STORE("a rename takes the place of an empty folder, never of one with content") {
  TestType store;
  REQUIRE(store.files->prepare());
  store.put_folder("empty");
  store.put("full/file", "theirs");
  write_temp(*store.files, "x", "ours");
  auto refused = store.files->rename_temp("x", "full");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ec::bad_locator);
  CHECK(store.content("full/file") == "theirs");
  REQUIRE(store.files->rename_temp("x", "empty"));
  CHECK(store.content("empty") == "ours");
}

EVERY_STORE("a file is in the way where a folder is needed") {
  TestType store;
  REQUIRE(store.files->prepare());
  store.put("a", "a file");
  write_temp(*store.files, "x", "ours");
  auto refused = store.files->rename_temp("x", "a/b");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ec::bad_locator);
  CHECK(refused.error().message.find("\"a/b\"") != std::string::npos);
  CHECK(store.content("a") == "a file");
  CHECK(store.files->open("a/b").error().code == ec::bad_locator);
  CHECK(store.files->remove("a/b"));
  CHECK(store.content("a") == "a file");
}

EVERY_STORE("what is not there is not found") {
  TestType store;
  REQUIRE(store.files->prepare());
  CHECK(store.files->open("a").error().code == ec::not_found);
  CHECK(store.files->status("a/b").error().code == ec::not_found);
}

EVERY_STORE("what lies at a locator is opened and named as what it is") {
  TestType store;
  REQUIRE(store.files->prepare());
  store.put("d/file", "content");
  store.put_pipe("pipe");
  CHECK(store.files->status("d")->kind == file_kind::folder);
  CHECK((*store.files->open("d"))->status()->kind == file_kind::folder);
  CHECK(store.files->status("pipe")->kind == file_kind::other);
  CHECK((*store.files->open("pipe"))->status()->kind == file_kind::other);
  auto file = store.files->open("d/file");
  REQUIRE(file);
  CHECK((*file)->status() == store.files->status("d/file"));
  CHECK(read_all(**file) == "content");
}

EVERY_STORE("a status tells a change, and a file that took the other's place") {
  TestType store;
  REQUIRE(store.files->prepare());
  auto place = [&](const std::string& text) {
    write_temp(*store.files, "x", text);
    REQUIRE(store.files->rename_temp("x", "f"));
  };
  place("same");
  auto file = store.files->open("f");
  const auto before = *store.files->status("f");
  place("same");
  CHECK_FALSE(*store.files->status("f") == before);
  const auto replaced = *store.files->status("f");
  auto now = store.files->open("f");
  REQUIRE((*now)->set_attributes({0600, 1'234'567'890'123'456'789}));
  const auto touched = *store.files->status("f");
  CHECK_FALSE(touched == replaced);
  CHECK(touched.mode == 0600);
  CHECK(touched.mtime_ns == 1'234'567'890'123'456'789);
}

EVERY_STORE("times before 1970 are kept") {
  TestType store;
  REQUIRE(store.files->prepare());
  auto file = store.files->create_temp("x");
  REQUIRE((*file)->set_attributes({0644, -1'500'000'000}));
  CHECK((*file)->status()->mtime_ns == -1'500'000'000);
}

EVERY_STORE("removing a file prunes the folders that are empty without it, never the root") {
  TestType store;
  REQUIRE(store.files->prepare());
  store.put("a/b/c/file", "1");
  store.put("a/other", "2");
  REQUIRE(store.files->remove("a/b/c/file"));
  REQUIRE(store.files->flush_names("a/b/c/file"));
  CHECK_FALSE(store.is_folder("a/b"));
  CHECK(store.content("a/other") == "2");
  REQUIRE(store.files->remove("a/other"));
  REQUIRE(store.files->remove("a/other"));
  CHECK_FALSE(store.is_folder("a"));
  CHECK(store.is_folder(""));
  REQUIRE(store.files->flush_names("a/other"));
  REQUIRE(store.files->flush_all());
}

EVERY_STORE("folders that an interrupted removal left empty go with the next one") {
  TestType store;
  REQUIRE(store.files->prepare());
  store.put_folder("a/b");
  REQUIRE(store.files->remove("a/b/file"));
  CHECK_FALSE(store.is_folder("a"));
}

EVERY_STORE("removing leaves folders and what is no regular file alone") {
  TestType store;
  REQUIRE(store.files->prepare());
  store.put("a/file", "theirs");
  store.put_pipe("a/pipe");
  CHECK(store.files->remove("a"));
  CHECK(store.content("a/file") == "theirs");
  auto refused = store.files->remove("a/pipe");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ec::bad_locator);
  CHECK(store.files->status("a/pipe")->kind == file_kind::other);
}

EVERY_STORE("a pruned folder is made again") {
  TestType store;
  REQUIRE(store.files->prepare());
  for (int round = 0; round < 3; ++round) {
    write_temp(*store.files, "x", "1");
    REQUIRE(store.files->rename_temp("x", "a/b/c"));
    REQUIRE(store.files->remove("a/b/c")); // no flush in between: the folder is still known
    CHECK_FALSE(store.is_folder("a"));
  }
}

EVERY_STORE("no symbolic link is followed, removed or replaced, wherever it lies") {
  TestType store;
  REQUIRE(store.files->prepare());
  store.put("real/file", "1");
  store.put_link("link");
  store.put_link("real/link");
  for (const std::string locator : {"link", "link/file", "real/link", "real/link/deep/er"}) {
    CAPTURE(locator);
    CHECK(store.files->open(locator).error().code == ec::bad_locator);
    CHECK(store.files->status(locator).error().code == ec::bad_locator);
    auto removed = store.files->remove(locator);
    REQUIRE_FALSE(removed);
    CHECK(removed.error().code == ec::bad_locator);
    write_temp(*store.files, "x", "ours");
    auto renamed = store.files->rename_temp("x", locator);
    REQUIRE_FALSE(renamed);
    CHECK(renamed.error().code == ec::bad_locator);
    CHECK_FALSE(renamed.error().message.empty());
  }
  CHECK(store.is_link("link"));
  CHECK(store.is_link("real/link"));
}

EVERY_STORE("links can't be read where they are not kept") {
  TestType store;
  REQUIRE(store.files->prepare());
  store.put_link("link");
  auto read = store.files->read_link("link");
  REQUIRE_FALSE(read);
  CHECK(read.error().code == ec::bad_locator);
}

#define EVERY_LINK_STORE(sentence)                                                                 \
  TEMPLATE_TEST_CASE(sentence, "[store_files]", kernel_link_store, walked_link_store,              \
                     fake_link_store)

EVERY_LINK_STORE("a link that is kept is written, read, replaced and removed like a file") {
  TestType store;
  REQUIRE(store.files->prepare());
  for (const std::string target : {"../x", "/etc/passwd", "new\nline \xff"}) {
    REQUIRE(store.files->create_temp_link("x", target));
    REQUIRE(store.files->create_temp_link("x", target)); // takes the other's place
    REQUIRE(store.files->rename_temp("x", "a/link"));
    auto link = store.files->read_link("a/link");
    REQUIRE(link);
    CHECK(link->target == target);
    CHECK(link->status.kind == file_kind::link);
    CHECK(store.files->status("a/link") == link->status);
    CHECK(store.files->list_temps()->empty());
  }
  CHECK(store.files->open("a/link").error().code == ec::bad_locator);
  write_temp(*store.files, "x", "a file now");
  REQUIRE(store.files->rename_temp("x", "a/link"));
  CHECK(store.content("a/link") == "a file now");
  CHECK(store.files->read_link("a/link").error().code == ec::bad_locator);
  REQUIRE(store.files->create_temp_link("x", "again"));
  REQUIRE(store.files->rename_temp("x", "a/link"));
  CHECK(store.is_link("a/link"));
  REQUIRE(store.files->remove("a/link"));
  REQUIRE(store.files->remove("a/link"));
  CHECK_FALSE(store.is_folder("a"));
  CHECK(store.files->read_link("a/link").error().code == ec::not_found);
}

EVERY_LINK_STORE("a link on the way is never followed, kept or not") {
  TestType store;
  REQUIRE(store.files->prepare());
  store.put("real/file", "1");
  store.put_link("link", "real");
  CHECK(store.files->open("link/file").error().code == ec::bad_locator);
  CHECK(store.files->status("link/file").error().code == ec::bad_locator);
  CHECK(store.files->read_link("link/file").error().code == ec::bad_locator);
  write_temp(*store.files, "x", "ours");
  CHECK(store.files->rename_temp("x", "link/file").error().code == ec::bad_locator);
  CHECK(store.files->remove("link/file")); // nothing can lie there
  CHECK(store.content("real/file") == "1");
  CHECK(store.is_link("link"));
}

EVERY_LINK_STORE("a link takes the place of an empty folder, never of one with content") {
  TestType store;
  REQUIRE(store.files->prepare());
  store.put("full/file", "theirs");
  store.put_folder("empty");
  REQUIRE(store.files->create_temp_link("x", "target"));
  CHECK(store.files->rename_temp("x", "full").error().code == ec::bad_locator);
  CHECK(store.content("full/file") == "theirs");
  REQUIRE(store.files->rename_temp("x", "empty"));
  CHECK(store.is_link("empty"));
}

EVERY_STORE("the longest names that a locator may have work") {
  TestType store;
  REQUIRE(store.files->prepare());
  std::string locator;
  while (locator.size() + 256 < 4095)
    locator += std::string(255, 'd') + "/";
  locator += std::string(4095 - locator.size(), 'f');
  REQUIRE(locator.size() == 4095);
  write_temp(*store.files, "x", "deep");
  REQUIRE(store.files->rename_temp("x", locator));
  auto file = store.files->open(locator);
  REQUIRE(file);
  CHECK(read_all(**file) == "deep");
  REQUIRE(store.files->flush_names(locator));
  REQUIRE(store.files->remove(locator));
  CHECK_FALSE(store.is_folder(std::string(255, 'd')));
}

EVERY_STORE("names are bytes: no encoding, case or character is special") {
  TestType store;
  REQUIRE(store.files->prepare());
  for (const std::string locator : {"sp ace", "new\nline", "\xff\xfe", "%41", "a:b\\c", "ä/ö", "A",
                                    "..a", "...", ".hidden/.x"}) {
    CAPTURE(locator);
    write_temp(*store.files, "x", locator);
    REQUIRE(store.files->rename_temp("x", locator));
    CHECK(read_all(**store.files->open(locator)) == locator);
  }
}
