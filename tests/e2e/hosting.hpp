// Bare repositories of an application at two real sites, changed by real git.

#pragma once

#include "tests/e2e/sites.hpp"
#include "tests/strategies/git_repository.hpp"

#include <filesystem>
#include <string>

#include <catch2/catch.hpp>

namespace farshore::test {

/// The type of the table that `hosting` makes.
inline type_declaration projects() {
  type_declaration type;
  type.name = "project";
  type.table = "projects";
  type.strategy = "repository";
  return type;
}

struct hosting {
  two_sites sites;

  explicit hosting(const type_declaration& type = projects()) {
    sites.start("CREATE TABLE projects (id bigint PRIMARY KEY, path text, pool text, "
                "pushes int NOT NULL DEFAULT 0)",
                {type});
  }

  [[nodiscard]] git_repository at_primary(int id) const {
    return git_repository{sites.primary.store("project") / path_of(id)};
  }
  [[nodiscard]] git_repository at_secondary(int id) const {
    return git_repository{sites.secondary.store("project") / path_of(id)};
  }
  static std::string path_of(int id) { return "group/" + std::to_string(id) + ".git"; }

  /// A repository, and then its row.
  git_repository add(int id, const std::string& format = "sha1") const {
    std::filesystem::create_directories(at_primary(id).path().parent_path());
    auto git = git_repository::init(at_primary(id).path(), format);
    sites.primary.sql("INSERT INTO projects (id, path) VALUES (" + std::to_string(id) + ", '" +
                      path_of(id) + "')");
    return git;
  }
  /// What an application does after a push.
  void pushed(int id) const {
    sites.primary.sql("UPDATE projects SET pushes = pushes + 1 WHERE id = " + std::to_string(id));
  }
  [[nodiscard]] bool equal(int id) const {
    return eventually([&] {
      return std::filesystem::exists(at_secondary(id).path() / "HEAD") &&
             at_secondary(id).refs() == at_primary(id).refs();
    });
  }
  void check_equal(int id) const {
    INFO(path_of(id));
    CHECK(at_secondary(id).refs() == at_primary(id).refs());
    CHECK_NOTHROW(at_secondary(id).git("fsck --full --strict 2>&1"));
  }
  void wait() const {
    const auto waited = sites.wait(120);
    INFO(waited.out << waited.err);
    REQUIRE(waited.code == 0);
  }
};

} // namespace farshore::test
