// A bare repository made by the machine's own git, for tests.

#pragma once

#include <array>
#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace farshore::test {

/// A repository at a path; the folder itself belongs to whoever made it.
class git_repository {
public:
  explicit git_repository(std::filesystem::path path) : path_{std::move(path)} {}

  /// Makes it, empty.
  static git_repository init(const std::filesystem::path& path,
                             const std::string& format = "sha1") {
    shell("git init -q --bare -b main --object-format=" + format + " '" + path.string() + "'");
    return git_repository{path};
  }

  /// `git <arguments>` in it, through a shell; what it wrote. Throws where it fails.
  std::string git(const std::string& arguments) const {
    return shell("git -C '" + path_.string() + "' -c gc.auto=0 " + arguments);
  }

  /// A commit with one file of `content` on top of the branch; its name.
  std::string commit(const std::string& content, const std::string& branch = "main") const {
    const auto script =
        "cd '" + path_.string() + "' && blob=$(printf '%s' '" + content +
        "' | git hash-object -w --stdin) && tree=$(printf '100644 blob %s\\tfile\\n' "
        "$blob | git mktree) && parent=$(git rev-parse -q --verify refs/heads/" +
        branch +
        " || true) && commit=$(git commit-tree $tree ${parent:+-p $parent} "
        "-m '" +
        content + "') && git update-ref refs/heads/" + branch + " $commit && printf %s $commit";
    return shell(script);
  }

  /// What `git for-each-ref` and HEAD say: equal where two repositories are.
  [[nodiscard]] std::string refs() const {
    return git("for-each-ref --format='%(objectname) %(refname)'") +
           shell("cat '" + (path_ / "HEAD").string() + "'");
  }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  static std::string shell(const std::string& command) {
    const auto full = "export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null LC_ALL=C "
                      "GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=c "
                      "GIT_COMMITTER_EMAIL=c@example.org GIT_CONFIG_COUNT=1 "
                      "GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'\n" +
                      command;
    auto* pipe = ::popen(full.c_str(), "re");
    if (pipe == nullptr)
      throw std::runtime_error("no shell for: " + command);
    std::string text;
    std::array<char, 4096> buffer{};
    for (std::size_t n = 0; (n = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
      text.append(buffer.data(), n);
    if (::pclose(pipe) != 0)
      throw std::runtime_error("it failed: " + command);
    return text;
  }

private:
  std::filesystem::path path_;
};

} // namespace farshore::test
