// A folder with a site's configuration, secret, data and store; gone when the test ends.

#pragma once

#include "config/config.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <sys/stat.h>

namespace farshore {

class site_folder {
public:
  explicit site_folder(const std::string& role = "secondary",
                       const std::string& listen = "127.0.0.1:7400",
                       const std::string& in_site = {}) {
    char pattern[] = "/tmp/farshore-node-XXXXXX";
    root = mkdtemp(pattern);
    std::filesystem::create_directory(root / "data");
    std::filesystem::create_directory(root / "store");
    std::ofstream{root / "secret"} << std::string(64, 's') << '\n';
    chmod((root / "secret").c_str(), 0600);
    config_file = root / "farshore.toml";
    std::ofstream{config_file}
        << "[site]\nname = \"lisbon\"\nrole = \"" << role << "\"\nlisten = \"" << listen
        << "\"\ndata = \"" << (root / "data").string() << "\"\nsecret_file = \""
        << (root / "secret").string() << "\"\n"
        << in_site << (role == "secondary" ? "[primary]\nurl = \"http://127.0.0.1:7400\"\n" : "");
  }
  ~site_folder() { std::filesystem::remove_all(root); }
  site_folder(const site_folder&) = delete;
  site_folder& operator=(const site_folder&) = delete;

  [[nodiscard]] config settings() const { return load_config(config_file).settings; }

  std::filesystem::path root;
  std::filesystem::path config_file;
};

} // namespace farshore
