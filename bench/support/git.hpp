// Bare repositories for a benchmark, made and read by git itself.

#pragma once

#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>

namespace farshore::bench {

/// git reads nobody's configuration from now on, asks nobody for a password, and has a name for who
/// commits; in this process and all that it starts.
void use_plain_git();

/// Commits for the branch main of one repository, through `git fast-import`. Throws where git
/// fails.
class import_stream {
public:
  /// Goes on from the branch where it is there.
  explicit import_stream(const std::filesystem::path& repository);
  ~import_stream();
  import_stream(const import_stream&) = delete;
  import_stream& operator=(const import_stream&) = delete;

  /// One more, which writes one file.
  void commit(std::string_view path, std::string_view content);
  /// Returns when the repository has all of them.
  void finish();

private:
  std::FILE* to_git_;
  bool from_branch_;
  int commits_ = 0;
};

/// The name of the commit that main is at; "" where there is none, or no repository (yet).
std::string main_of(const std::filesystem::path& repository);

/// Whether HEAD and all refs of two repositories are the same.
bool same_refs(const std::filesystem::path& one, const std::filesystem::path& other);

} // namespace farshore::bench
