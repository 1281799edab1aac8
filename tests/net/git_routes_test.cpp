// The repositories of a site, as the machine's own git sees them.

#include "net/git_routes.hpp"

#include "http_client.hpp"
#include "net/git_process.hpp"
#include "net/gunzip.hpp"
#include "net/http_server.hpp"
#include "net/signing.hpp"
#include "net/turnstile.hpp"
#include "tests/strategies/stores.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <map>
#include <mutex>
#include <sstream>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <zlib.h>

using namespace farshore;
using namespace farshore::test;
using namespace std::chrono_literals;
using Catch::Contains;
namespace fs = std::filesystem;
namespace asio = boost::asio;

namespace {

struct outcome_of_run {
  int status = -1;
  std::string said;
};

/// By the shell, with no configuration of whoever runs the tests.
outcome_of_run run(const std::string& line) {
  const std::string full =
      "(export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null GIT_TERMINAL_PROMPT=0 "
      "HOME=/nowhere "
      "GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b "
      "GIT_ASKPASS=/bin/false LC_ALL=C; " +
      line + ") 2>&1 </dev/null";
  FILE* const pipe = ::popen(full.c_str(), "r");
  outcome_of_run out;
  std::array<char, 4096> piece{};
  for (std::size_t got = 0; (got = ::fread(piece.data(), 1, piece.size(), pipe)) > 0;)
    out.said.append(piece.data(), got);
  const int status = ::pclose(pipe);
  out.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return out;
}

std::string must(const std::string& line) {
  const auto done = run(line);
  CAPTURE(line, done.said);
  REQUIRE(done.status == 0);
  return done.said;
}

/// Processes that this one has begun and that are there.
std::size_t children() {
  std::size_t count = 0;
  for (const auto& thread : fs::directory_iterator{"/proc/self/task"}) {
    std::ifstream list{thread.path() / "children"};
    for (int pid = 0; list >> pid;)
      ++count;
  }
  return count;
}

bool comes_true(const std::function<bool()>& what) {
  const auto until = std::chrono::steady_clock::now() + 20s;
  while (!what()) {
    if (std::chrono::steady_clock::now() > until)
      return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

struct git_fixture {
  git_fixture() {
    fs::create_directories(root / "store");
    settings->site_name = "porto";
    settings->role = site_role::primary;
    replicable_type type;
    type.name = "project";
    type.strategy = "repository";
    type.store = root / "store";
    settings->types.push_back(type);
    type.name = "file";
    type.strategy = "blob";
    settings->types.push_back(type);
  }
  ~git_fixture() {
    server.reset();
    routes.reset();
  }

  /// A bare repository of three commits with `bytes` that can't be packed, and its row.
  fs::path make(const std::string& locator, std::size_t bytes = 100'000) {
    const auto work = (root / "work").string();
    fs::remove_all(work);
    must("git init -q -b main " + work + " && cd " + work + " && for i in 1 2 3; do head -c " +
         std::to_string(bytes / 3) +
         " /dev/urandom > file$i && git add . && git commit -q -m $i; done && git tag -a v1 -m v1");
    const auto place = root / "store" / locator;
    fs::create_directories(place.parent_path());
    must("git clone -q --mirror " + work + " '" + place.string() + "'");
    stands(locator, repository_standing::level);
    return place;
  }

  void stands(const std::string& locator, repository_standing how) {
    const std::scoped_lock lock{mutex};
    standing[locator] = how;
  }

  void start() {
    git_serving serving;
    serving.settings = [this] { return settings; };
    serving.find = [this](const std::string& type,
                          const std::string& locator) -> result<repository_standing> {
      const std::scoped_lock lock{mutex};
      if (type != "project")
        return fail(ec::not_found, "no such type");
      const auto found = standing.find(locator);
      return found == standing.end() ? repository_standing::unknown : found->second;
    };
    serving.link_to_primary = [](const std::string& reader, const std::string& place) {
      return make_read_link(test_secret, "lisbon", reader, place, system_time().wall());
    };
    serving.at_once_max = at_once_max;
    serving.silence_max = silence_max;
    routes = std::make_unique<git_routes>(serving);
    router all;
    routes->add_to(all);
    all.add("GET", "/v1/other", [](const http_request&) -> asio::awaitable<result<http_answer>> {
      co_return http_answer{};
    });
    auto started = http_server::start(server_settings, std::move(all), {test_secret});
    REQUIRE(started);
    server = std::move(*started);
  }

  /// With a token as the password.
  std::string url(const std::string& locator) {
    if (!server)
      start();
    return "http://anyone:" + token + "@" + server->address() + "/git/project/" + locator;
  }
  http_client connect() {
    if (!server)
      start();
    return http_client{server->address()};
  }
  http_client::request_type get(const std::string& target) const {
    http_client::request_type request{boost::beast::http::verb::get, target, 11};
    request.set("Authorization", "Bearer " + token);
    return request;
  }
  http_client::request_type post(const std::string& target, std::string body) const {
    http_client::request_type request{boost::beast::http::verb::post, target, 11};
    request.set("Authorization", "Bearer " + token);
    request.set("Content-Type", "application/x-git-upload-pack-request");
    request.body() = std::move(body);
    request.prepare_payload();
    return request;
  }
  /// Of which git has to wait for the rest.
  void begin_request(http_client& client) const {
    client.send_raw("POST /git/project/app.git/git-upload-pack HTTP/1.1\r\nHost: x\r\n"
                    "Authorization: Bearer " +
                    token +
                    "\r\nContent-Type: application/x-git-upload-pack-request\r\n"
                    "Content-Length: 1000\r\n\r\n0032want ");
  }
  std::string copy() { return (root / ("copy" + std::to_string(++copies))).string(); }

  temporary_folder folder;
  const fs::path root = folder.path();
  std::shared_ptr<config> settings = std::make_shared<config>();
  std::mutex mutex;
  std::map<std::string, repository_standing> standing;
  std::size_t at_once_max = 4;
  std::chrono::milliseconds silence_max{20'000};
  http_server_settings server_settings{.listen = "127.0.0.1:0"};
  std::unique_ptr<git_routes> routes;
  std::unique_ptr<http_server> server;
  std::string token =
      make_read_token(test_secret, "porto", "ann", std::chrono::days{1}, system_time().wall());
  int copies = 0;
};

std::string refs_of(const std::string& repository) {
  return must("git -C '" + repository + "' for-each-ref");
}

std::string pack_gzip(const std::string& text) {
  z_stream state{};
  deflateInit2(&state, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(text.size() + 1000, '\0');
  state.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  state.avail_in = static_cast<uInt>(text.size());
  state.next_out = reinterpret_cast<Bytef*>(out.data());
  state.avail_out = static_cast<uInt>(out.size());
  deflate(&state, Z_FINISH);
  out.resize(state.total_out);
  deflateEnd(&state);
  return out;
}

std::string packet(const std::string& text) {
  char length[8];
  std::snprintf(length, sizeof length, "%04x", static_cast<unsigned>(text.size() + 4));
  return length + text;
}

/// All of the repository, in protocol 0.
std::string want(const std::string& place) {
  auto head = must("git -C '" + place + "' rev-parse HEAD");
  head.pop_back();
  return packet("want " + head + " side-band-64k ofs-delta\n") + "0000" + packet("done\n");
}

} // namespace

TEST_CASE_METHOD(git_fixture, "a repository is cloned in every version of git's protocol",
                 "[git]") {
  const auto* version = GENERATE("0", "1", "2");
  CAPTURE(version);
  const auto place = make("group/app.git");
  const auto to = copy();
  must("git -c protocol.version=" + std::string{version} + " clone --mirror " +
       url("group/app.git") + " " + to);
  CHECK(refs_of(to) == refs_of(place.string()));
  must("git -C " + to + " fsck --strict");
}

TEST_CASE_METHOD(git_fixture, "a repository that is fetched again brings what is new", "[git]") {
  const auto place = make("app.git");
  const auto to = copy();
  must("git clone -q --mirror " + url("app.git") + " " + to);
  must("cd " + (root / "work").string() + " && git commit -q --allow-empty -m 4 && git push -q " +
       place.string() + " main");
  must("git -C " + to + " fetch -q");
  CHECK(refs_of(to) == refs_of(place.string()));
}

TEST_CASE_METHOD(git_fixture, "shallow and partial clones work", "[git]") {
  const auto* version = GENERATE("0", "2");
  CAPTURE(version);
  make("app.git");
  const auto git = "git -c protocol.version=" + std::string{version};
  const auto shallow = copy();
  must(git + " clone -q --depth 1 " + url("app.git") + " " + shallow);
  CHECK(must("git -C " + shallow + " rev-list --count HEAD") == "1\n");
  must("git -C " + shallow + " -c protocol.version=" + version + " fetch -q --unshallow");
  CHECK(must("git -C " + shallow + " rev-list --count HEAD") == "3\n");

  const auto partial = copy();
  must(git + " clone -q --no-checkout --filter=blob:none " + url("app.git") + " " + partial);
  CHECK_THAT(must("git -C " + partial + " rev-list --objects --missing=print HEAD"), Contains("?"));
  must("git -C " + partial + " -c protocol.version=" + version + " checkout -q main");
  CHECK(fs::file_size(fs::path{partial} / "file3") == 33'333);
}

TEST_CASE_METHOD(git_fixture, "empty repositories, and odd names, are served", "[git]") {
  const auto place = root / "store" / "a b%c.git";
  must("git init -q --bare '" + place.string() + "'");
  stands("a%20b%25c.git", repository_standing::level);
  CHECK_THAT(must("git clone " + url("a%20b%25c.git") + " " + copy()),
             Contains("empty repository"));
}

TEST_CASE_METHOD(git_fixture, "a repository of SHA-256 objects is served", "[git]") {
  const auto work = (root / "work").string();
  must("git init -q --object-format=sha256 -b main " + work + " && git -C " + work +
       " commit -q --allow-empty -m 1 && git clone -q --mirror " + work + " " +
       (root / "store/new.git").string());
  stands("new.git", repository_standing::level);
  const auto to = copy();
  must("git clone -q --mirror " + url("new.git") + " " + to);
  CHECK(refs_of(to) == refs_of((root / "store/new.git").string()));
}

TEST_CASE_METHOD(git_fixture, "long requests are taken, packed or in chunks", "[git]") {
  const auto place = make("app.git").string();
  // 3000 commits, a branch each: what a client says of them is 150 KB and more.
  must("cd " + place +
       " && (for i in $(seq 3000); do printf 'commit refs/heads/b%s\\ncommitter a "
       "<a@b> 1700000000 +0000\\ndata 2\\n%s\\n\\n' $i x; echo; done) | "
       "sed 's/^x$/x/' | git fast-import --quiet --force --date-format=raw; "
       "git for-each-ref | wc -l");
  // Such commits are all alike; these are not.
  must("cd " + place +
       " && tree=$(git mktree </dev/null) && for i in $(seq 3000); do echo \"commit "
       "refs/heads/c$i\"; echo 'committer a <a@b> 1700000000 +0000'; echo 'data "
       "<<E'; echo $i; echo E; echo; done | git fast-import --quiet --force");
  const auto* version = GENERATE("0", "2");
  const auto* buffer = GENERATE("1048576", "65536");
  CAPTURE(version, buffer);
  const auto to = copy();
  must("git -c http.postBuffer=" + std::string{buffer} + " -c protocol.version=" + version +
       " clone -q --mirror " + url("app.git") + " " + to);
  CHECK(refs_of(to) == refs_of(place));
}

TEST_CASE_METHOD(git_fixture, "a partial clone can be made from a site's signed request", "[git]") {
  make("app.git");
  auto client = connect();
  const auto answer = client.ask(
      http_client::signed_request("GET", "/git/project/app.git/info/refs?service=git-upload-pack"));
  REQUIRE(answer);
  CHECK(answer->result_int() == 200);
  CHECK((*answer)["Content-Type"] == "application/x-git-upload-pack-advertisement");
  CHECK((*answer)["Cache-Control"] == "no-cache");
  CHECK_THAT(answer->body(), Contains("001e# service=git-upload-pack\n0000") &&
                                 Contains("refs/heads/main") && Contains(" filter"));
  // Signed for something else.
  auto other = http_client::signed_request("GET", "/v1/other");
  other.target("/git/project/app.git/info/refs?service=git-upload-pack");
  CHECK(client.ask(other)->result_int() == 401);
}

TEST_CASE_METHOD(git_fixture, "who has no good token is asked for one", "[git]") {
  make("app.git");
  const auto address = (start(), server->address());
  const auto clone = [&](const std::string& password) {
    return run("git clone http://" + (password.empty() ? "" : "x:" + password + "@") + address +
               "/git/project/app.git " + copy());
  };
  auto client = connect();
  auto answer = client.ask({boost::beast::http::verb::get,
                            "/git/project/app.git/info/refs?service=git-upload-pack", 11});
  REQUIRE(answer);
  CHECK(answer->result_int() == 401);
  CHECK((*answer)["WWW-Authenticate"] == "Basic realm=\"Farshore\"");

  CHECK_THAT(clone("").said, Contains("could not read Username"));
  CHECK_THAT(clone("wrong").said, Contains("Authentication failed"));
  const auto now = system_time().wall();
  const auto other =
      make_read_token(std::string(40, 'o'), "porto", "ann", std::chrono::days{1}, now);
  CHECK_THAT(clone(other).said, Contains("Authentication failed"));
  const auto old = make_read_token(test_secret, "porto", "ann", std::chrono::days{1},
                                   now - std::chrono::hours{25});
  CHECK_THAT(clone(old).said, Contains("Authentication failed"));
  CHECK(clone(token).status == 0);

  // The secret is rotated: for a while both count.
  const std::string fresh(40, 'n');
  server->set_secrets({fresh, test_secret});
  CHECK(clone(token).status == 0);
  server->set_secrets({fresh});
  CHECK(clone(token).status != 0);
}

TEST_CASE_METHOD(git_fixture, "a token opens repositories and nothing else", "[git]") {
  auto client = connect();
  const auto answer = client.ask(get("/v1/other"));
  REQUIRE(answer);
  CHECK(answer->result_int() == 401);
}

TEST_CASE_METHOD(git_fixture, "who pushes is told where to", "[git]") {
  make("app.git");
  const auto push = [&] {
    return run("cd " + (root / "work").string() + " && git push " + url("app.git") + " main:new");
  };
  auto refused = push();
  CHECK(refused.status != 0);
  CHECK_THAT(refused.said, Contains("remote error: this port of site porto is for reading"));
  settings->role = site_role::secondary;
  settings->primary_url = "http://primary.example:7400";
  refused = push();
  CHECK(refused.status != 0);
  CHECK_THAT(refused.said, Contains("takes no pushes") && Contains("http://primary.example:7400"));

  auto client = connect();
  const auto answer = client.ask(post("/git/project/app.git/git-receive-pack", "0000"));
  REQUIRE(answer);
  CHECK(answer->result_int() == 403);
}

TEST_CASE_METHOD(git_fixture, "what is not there is said to the person", "[git]") {
  make("app.git");
  stands("no-folder.git", repository_standing::level);
  const auto said = [&](const std::string& target) {
    return run("git clone " + url("") + target + " " + copy()).said;
  };
  CHECK_THAT(said("other.git"), Contains("remote: site porto has no repository other.git"));
  CHECK_THAT(said("no-folder.git"), Contains("remote: there is no bare repository"));
  CHECK_THAT(said("../file/app.git"), Contains("serves no repositories of a type \"file\""));
  CHECK_THAT(said("../nothing/app.git"), Contains("serves no repositories of a type"));
}

TEST_CASE_METHOD(git_fixture, "a secondary refuses, or hands on, what is not level there",
                 "[git]") {
  make("app.git");
  git_fixture primary;
  primary.make("app.git");
  primary.start();
  settings->role = site_role::secondary;
  settings->primary_url = "http://" + primary.server->address() + "/";
  const auto clone = [&](const std::string& locator) {
    start();
    return run("git -c credential.helper='!f() { echo username=x; echo password=" + token +
               "; }; f' clone http://" + server->address() + "/git/project/" + locator + " " +
               copy());
  };
  CHECK(clone("app.git").status == 0);
  stands("app.git", repository_standing::behind);
  CHECK_THAT(clone("app.git").said, Contains("remote: the repository app.git is not level"));
  CHECK_THAT(clone("none.git").said, Contains("remote: site porto has no repository"));
  settings->serve_unsynced = "redirect";
  // After a refusal for want of a token git forgets where it was sent, and reads on here.
  CHECK_THAT(clone("app.git").said, Contains("is at the primary so far"));
  const auto redirected = run("git clone " + url("app.git") + " " + copy());
  CAPTURE(redirected.said);
  CHECK(redirected.status == 0);
  CHECK_THAT(redirected.said, Contains("redirecting to " + settings->primary_url));
  CHECK_THAT(redirected.said, !Contains(token));

  // The link opens what it is for, and no more.
  primary.make("other.git");
  const auto now = system_time().wall();
  const auto link = make_read_link(test_secret, "lisbon", "ann", "project/app.git", now);
  const auto answered = [&](const std::string& of, const std::string& place) {
    http_client::request_type request{
        boost::beast::http::verb::get,
        "/git-link/" + of + "/" + place + "/info/refs?service=git-upload-pack", 11};
    return primary.connect().ask(request)->result_int();
  };
  CHECK(answered(link, "project/app.git") == 200);
  CHECK(answered(link, "project/other.git") == 403);
  CHECK(answered(link, "project/x/app.git") == 403);
  CHECK(answered(token, "project/app.git") == 403);
  CHECK(answered(make_read_link(test_secret, "lisbon", "ann", "project/app.git", now - 601s),
                 "project/app.git") == 403);
  auto as_token = primary.get("/git/project/app.git/info/refs?service=git-upload-pack");
  as_token.set("Authorization", "Bearer " + link);
  CHECK(primary.connect().ask(as_token)->result_int() == 401);
}

TEST_CASE_METHOD(git_fixture, "a clone that was begun goes on while its repository changes",
                 "[git]") {
  const auto place = make("app.git").string();
  auto client = connect();
  REQUIRE(client.ask(get("/git/project/app.git/info/refs?service=git-upload-pack"))->result_int() ==
          200);
  stands("app.git", repository_standing::behind);
  const auto answer = client.ask(post("/git/project/app.git/git-upload-pack", want(place)));
  REQUIRE(answer);
  CHECK(answer->result_int() == 200);
  CHECK_THAT(answer->body(), Contains("PACK"));
}

TEST_CASE_METHOD(git_fixture, "nothing leads out of the store", "[git]") {
  make("app.git");
  const auto secret = root / "secret.git";
  fs::rename(root / "store/app.git", secret);
  fs::create_directories(root / "store/group");
  const auto served = [&](const std::string& locator) {
    auto client = connect();
    const auto answer =
        client.ask(get("/git/project/" + locator + "/info/refs?service=git-upload-pack"));
    REQUIRE(answer);
    CHECK_THAT(answer->body(), !Contains("refs/heads/main"));
    return answer->result_int();
  };
  for (const std::string locator :
       {"..%2Fsecret.git", "../secret.git", "group/../../secret.git", "%2e%2e/secret.git",
        "group//..", "/secret.git", ".", "group/.", "%2Ftmp", "a%00b"}) {
    CAPTURE(locator);
    stands(locator, repository_standing::level);
    stands("../secret.git", repository_standing::level);
    const auto status = served(locator);
    CHECK((status == 404 || status == 400));
  }
  const auto is_refused = [&](const std::string& name) {
    CAPTURE(name);
    stands(name, repository_standing::level);
    CHECK(served(name) == 404);
  };
  fs::create_directory_symlink(secret, root / "store/link.git");
  is_refused("link.git");
  fs::create_directory_symlink(root, root / "store/up");
  is_refused("up/secret.git");
  std::ofstream{root / "store/file.git"} << "a file";
  is_refused("file.git");
  fs::create_directory(root / "store/empty.git");
  is_refused("empty.git");
  // A repository whose parts lie elsewhere.
  for (const std::string part : {"objects", "refs", "HEAD", "packed-refs", "config"}) {
    const auto place = root / "store" / ("by-" + part + ".git");
    fs::copy(secret, place, fs::copy_options::recursive);
    fs::remove_all(place / part);
    fs::create_symlink(secret / part, place / part);
    is_refused("by-" + part + ".git");
  }
  // A worktree, and its folder within .git.
  must("git -C " + secret.string() + " worktree add -q " + (root / "store/tree").string() +
       " main");
  is_refused("tree");
  const auto inner = root / "store/inner.git";
  fs::copy(secret / "worktrees/tree", inner, fs::copy_options::recursive);
  fs::create_directories(inner / "objects");
  fs::create_directories(inner / "refs");
  std::ofstream{inner / "commondir"} << secret.string() << "\n";
  is_refused("inner.git");
}

TEST_CASE_METHOD(git_fixture, "what a repository would have run is not run", "[git]") {
  const auto place = make("app.git");
  const auto mark = root / "was-run";
  const auto run_it = "touch " + mark.string();
  std::ofstream{place / "config", std::ios::app}
      << "[core]\n\thooksPath = " << root.string() << "\n\tfsmonitor = " << run_it
      << "\n\talternateRefsCommand = " << run_it << "\n[uploadpack]\n\tpackObjectsHook = " << run_it
      << "\n[extensions]\n\tpartialClone = origin\n[remote \"origin\"]\n\tpromisor = true\n\turl = "
         "ext::"
      << run_it << "\n[protocol \"ext\"]\n\tallow = always\n";
  for (const std::string hook : {"post-upload-pack", "pre-upload-pack", "post-checkout"}) {
    std::ofstream{root / hook} << "#!/bin/sh\n" << run_it << "\n";
    fs::permissions(root / hook, fs::perms::owner_all);
  }
  must("git clone -q " + url("app.git") + " " + copy());
  CHECK_FALSE(fs::exists(mark));
  // An object that is missing is not fetched by whatever the repository names.
  must("cd " + place.string() +
       " && git unpack-objects -q < $(ls objects/pack/*.pack) || true; mv "
       "objects/pack/*.pack " +
       root.string() + " && rm -f objects/pack/* && for p in " + root.string() +
       "/*.pack; do git unpack-objects -q < $p; done; rm -f objects/$(git rev-parse "
       "main:file2 | sed 's/^../&\\//')");
  run("git clone -q " + url("app.git") + " " + copy());
  CHECK_FALSE(fs::exists(mark));
}

TEST_CASE_METHOD(git_fixture, "a repository that git can't read is an error, not a crash",
                 "[git]") {
  const auto place = make("app.git");
  std::ofstream{place / "config"} << "[core\nnonsense";
  const auto failed = run("git clone " + url("app.git") + " " + copy());
  CHECK(failed.status != 0);
  CHECK_THAT(failed.said, Contains("500"));
}

TEST_CASE_METHOD(git_fixture, "requests that are none of git's are refused", "[git]") {
  const auto place = make("app.git").string();
  auto client = connect();
  const std::string target = "/git/project/app.git/git-upload-pack";
  CHECK(client.ask(get("/git/project/app.git/info/refs"))->result_int() == 403);
  CHECK(client.ask(get("/git/project/app.git/HEAD"))->result_int() == 401); // no such route
  auto request = post(target, want(place));
  request.set("Content-Type", "text/plain");
  CHECK(connect().ask(request)->result_int() == 415);
  request = post(target, want(place));
  request.set("Content-Encoding", "br");
  CHECK(connect().ask(request)->result_int() == 415);
  request = post(target, "this is not packed at all");
  request.set("Content-Encoding", "gzip");
  CHECK(connect().ask(request)->result_int() == 400);
  request = post(target, pack_gzip(want(place)).substr(0, 30));
  request.set("Content-Encoding", "gzip");
  CHECK(connect().ask(request)->result_int() == 400);
  request = post(target, pack_gzip(std::string(70u << 20, '0')));
  request.set("Content-Encoding", "gzip");
  const auto bomb = connect().ask(request);
  CHECK((!bomb || bomb->result_int() != 200 || bomb->body().find("PACK") == std::string::npos));
  request = post(target, pack_gzip(want(place)));
  request.set("Content-Encoding", "gzip");
  const auto good = connect().ask(request);
  REQUIRE(good);
  CHECK_THAT(good->body(), Contains("PACK"));
  // A strange Git-Protocol does not reach git.
  auto odd = get("/git/project/app.git/info/refs?service=git-upload-pack");
  odd.set("Git-Protocol", "version=2;$(touch x)");
  CHECK_THAT(connect().ask(odd)->body(), Contains("# service=git-upload-pack"));
  CHECK(comes_true([] { return children() == 0; }));
}

TEST_CASE_METHOD(git_fixture, "the connection is kept, for one request after the other", "[git]") {
  const auto place = make("app.git").string();
  auto client = connect();
  for (int i = 0; i < 3; ++i) {
    auto answer = client.ask(get("/git/project/app.git/info/refs?service=git-upload-pack"));
    REQUIRE(answer);
    CHECK(answer->result_int() == 200);
    answer = client.ask(post("/git/project/app.git/git-upload-pack", want(place)));
    REQUIRE(answer);
    CHECK_THAT(answer->body(), Contains("PACK"));
  }
}

TEST_CASE_METHOD(git_fixture, "a client that leaves takes git's processes with it", "[git]") {
  const auto place = make("app.git", 60'000'000).string();
  {
    auto client = connect();
    client.send(post("/git/project/app.git/git-upload-pack", want(place)));
    REQUIRE(comes_true([] { return children() > 0; }));
  }
  CHECK(comes_true([] { return children() == 0; }));
  // Also where it has not said all that it wanted to.
  {
    auto client = connect();
    begin_request(client);
    REQUIRE(comes_true([] { return children() > 0; }));
  }
  CHECK(comes_true([] { return children() == 0; }));
}

TEST_CASE_METHOD(git_fixture, "a server that stops leaves no process", "[git]") {
  const auto place = make("app.git", 60'000'000).string();
  server_settings.grace = 100ms;
  at_once_max = 1;
  auto client = connect();
  client.send(post("/git/project/app.git/git-upload-pack", want(place)));
  REQUIRE(comes_true([] { return children() > 0; }));
  auto waiting = connect();
  waiting.send(get("/git/project/app.git/info/refs?service=git-upload-pack"));
  server->stop();
  CHECK(children() == 0);
}

TEST_CASE_METHOD(git_fixture, "git that is silent for too long is ended", "[git]") {
  make("app.git");
  silence_max = 500ms;
  auto client = connect();
  // It waits for the rest of the line, and so does the server: for its own reasons.
  begin_request(client);
  REQUIRE(comes_true([] { return children() > 0; }));
  CHECK(comes_true([] { return children() == 0; }));
}

TEST_CASE_METHOD(git_fixture, "many clone at once, and each has its turn", "[git]") {
  const auto place = make("app.git");
  const auto from = url("app.git");
  std::atomic<bool> done{false};
  std::atomic<std::size_t> most{0};
  std::thread watch{[&] {
    while (!done) {
      std::size_t git = 0;
      for (const auto& thread : fs::directory_iterator{"/proc/self/task"}) {
        std::ifstream list{thread.path() / "children"};
        for (int pid = 0; list >> pid;) {
          std::string name;
          std::ifstream{"/proc/" + std::to_string(pid) + "/comm"} >> name;
          git += name == "git";
        }
      }
      most = std::max<std::size_t>(most, git);
      std::this_thread::sleep_for(1ms);
    }
  }};
  const auto cloned = run("seq 64 | xargs -P64 -I{} git clone -q --mirror " + from + " " +
                          (root / "many-{}").string());
  done = true;
  watch.join();
  CAPTURE(cloned.said);
  CHECK(cloned.status == 0);
  CHECK(most <= at_once_max);
  const auto expected = refs_of(place.string());
  for (int i = 1; i <= 64; ++i)
    CHECK(refs_of((root / ("many-" + std::to_string(i))).string()) == expected);
}

TEST_CASE_METHOD(git_fixture, "readers have their share of the connections, and no more", "[git]") {
  make("app.git");
  server_settings.sessions_of_readers_max = 2;
  const auto request = get("/git/project/app.git/info/refs?service=git-upload-pack");
  auto first = connect();
  CHECK(first.ask(request)->result_int() == 200);
  {
    auto second = connect();
    CHECK(second.ask(request)->result_int() == 200);
    auto third = connect();
    CHECK(third.ask(request)->result_int() == 503);
    // Sites have theirs.
    CHECK(connect().ask(http_client::signed_request("GET", "/v1/other"))->result_int() == 200);
  }
  CHECK(comes_true([&] { return connect().ask(request)->result_int() == 200; }));
}

// -- the parts

TEST_CASE("whoever comes further waits, and goes on in order", "[git]") {
  asio::io_context context;
  turnstile line{2};
  std::vector<int> order;
  std::vector<std::unique_ptr<asio::steady_timer>> holds;
  std::vector<std::unique_ptr<turnstile::waiter>> waiters;
  for (int i = 0; i < 5; ++i) {
    holds.push_back(
        std::make_unique<asio::steady_timer>(context, asio::steady_timer::time_point::max()));
    waiters.push_back(std::make_unique<turnstile::waiter>(context.get_executor()));
    asio::co_spawn(
        context,
        [&, i]() -> asio::awaitable<void> {
          auto& me = *waiters[i];
          if (!line.line_up(me))
            co_await me.wait();
          if (me.gave_up() && line.step_out(me))
            co_return;
          const auto turn = line.take(me);
          order.push_back(i);
          co_await holds[i]->async_wait(asio::as_tuple(asio::use_awaitable));
        },
        asio::detached);
  }
  const auto settle = [&] {
    context.restart();
    context.poll();
  };
  settle();
  CHECK(order == std::vector{0, 1});
  CHECK(line.waiting() == 3);
  waiters[3]->give_up();
  settle();
  CHECK(line.waiting() == 2);
  holds[1]->cancel();
  settle();
  CHECK(order == std::vector{0, 1, 2});
  // Its turn comes while it gives up: it goes to the next when it is given back.
  holds[0]->cancel();
  settle();
  CHECK(order == std::vector{0, 1, 2, 4});
  holds[2]->cancel();
  holds[4]->cancel();
  settle();
  CHECK(line.waiting() == 0);
}

TEST_CASE("what gzip packed is unpacked piece by piece", "[git]") {
  std::string text;
  for (int i = 0; i < 50'000; ++i)
    text += std::to_string(i * 7919);
  const auto packed = pack_gzip(text);
  gunzip from{1u << 20};
  std::string got;
  for (std::size_t at = 0; at < packed.size(); at += 777) {
    from.put(std::as_bytes(
        std::span{packed}.subspan(at, std::min<std::size_t>(777, packed.size() - at))));
    for (;;) {
      const auto piece = from.next();
      REQUIRE(piece);
      if (piece->empty())
        break;
      got.append(reinterpret_cast<const char*>(piece->data()), piece->size());
    }
  }
  CHECK(from.ended());
  CHECK(got == text);

  gunzip small{1000};
  small.put(std::as_bytes(std::span{packed}));
  CHECK_FALSE(small.next());
}

TEST_CASE("git's protocol header is looked at before git sees it", "[git]") {
  CHECK(is_git_protocol("version=2"));
  CHECK(is_git_protocol(""));
  CHECK_FALSE(is_git_protocol("version=2\n"));
  CHECK_FALSE(is_git_protocol("Version=2"));
  CHECK_FALSE(is_git_protocol(std::string(257, 'a')));
  CHECK(wants_protocol_2("version=2"));
  CHECK(wants_protocol_2("version=1:version=2"));
  CHECK_FALSE(wants_protocol_2("version=1"));
  CHECK_FALSE(wants_protocol_2("version=22:aversion=2"));
}
