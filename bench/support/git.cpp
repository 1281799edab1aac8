#include "bench/support/git.hpp"

#include "strategies/repository/refs.hpp"

#include <algorithm>
#include <cstdlib>
#include <stdexcept>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>

namespace farshore::bench {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view branch = "refs/heads/main";
/// Of the first commit of a stream: the same on each run.
constexpr int first_second = 1'700'000'000;

result<repository_refs> refs_of(const fs::path& repository) {
  const unique_fd folder{::open(repository.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
  if (!folder)
    return fail(ec::not_found, repository.string() + " is not there");
  return read_refs(folder.get());
}

} // namespace

void use_plain_git() {
  for (const auto& [name, value] : {std::pair{"GIT_CONFIG_NOSYSTEM", "1"},
                                    {"GIT_CONFIG_GLOBAL", "/dev/null"},
                                    {"GIT_TERMINAL_PROMPT", "0"},
                                    {"GIT_AUTHOR_NAME", "bench"},
                                    {"GIT_AUTHOR_EMAIL", "bench@example.org"},
                                    {"GIT_COMMITTER_NAME", "bench"},
                                    {"GIT_COMMITTER_EMAIL", "bench@example.org"},
                                    {"no_proxy", "127.0.0.1"}})
    ::setenv(name, value, 1);
}

import_stream::import_stream(const fs::path& repository)
    : to_git_{::popen(
          fmt::format("git --git-dir='{}' fast-import --quiet", repository.string()).c_str(), "w")},
      from_branch_{!main_of(repository).empty()} {
  if (to_git_ == nullptr)
    throw std::runtime_error("cannot start git fast-import");
}

import_stream::~import_stream() {
  if (to_git_ != nullptr)
    ::pclose(to_git_);
}

void import_stream::commit(std::string_view path, std::string_view content) {
  const auto message = fmt::format("Commit {}", commits_);
  fmt::print(to_git_,
             "commit {0}\ncommitter bench <bench@example.org> {1} +0000\ndata {2}\n{3}\n{4}"
             "M 100644 inline {5}\ndata {6}\n",
             branch, first_second + commits_, message.size(), message,
             std::exchange(from_branch_, false) ? fmt::format("from {}^0\n", branch) : "", path,
             content.size());
  std::fwrite(content.data(), 1, content.size(), to_git_);
  std::fputc('\n', to_git_);
  ++commits_;
}

void import_stream::finish() {
  if (::pclose(std::exchange(to_git_, nullptr)) != 0)
    throw std::runtime_error("git fast-import failed");
}

std::string main_of(const fs::path& repository) {
  const auto refs = refs_of(repository);
  if (!refs)
    return {};
  const auto found = std::ranges::find(refs->refs, branch, &ref::name);
  return found == refs->refs.end() ? std::string{} : found->oid;
}

bool same_refs(const fs::path& one, const fs::path& other) {
  const auto refs = refs_of(one);
  const auto others = refs_of(other);
  return refs && others && *refs == *others;
}

} // namespace farshore::bench
