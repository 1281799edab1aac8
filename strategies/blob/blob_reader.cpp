#include "strategies/blob/blob_reader.hpp"

#include "config/locator.hpp"

#include <utility>

#include <fmt/format.h>

namespace farshore {

namespace {

error on_primary(error why) {
  if (why.code == ec::not_found)
    why.code = ec::missing_on_primary;
  else if (why.code == ec::disk)
    why.code = ec::unreadable_on_primary;
  return why;
}

class blob_reader final : public resource_reader {
public:
  blob_reader(std::shared_ptr<store_files> files, std::string locator,
              std::unique_ptr<open_file> file, const file_status& status)
      : files_{std::move(files)},
        locator_{std::move(locator)},
        file_{std::move(file)},
        status_{status} {}

  [[nodiscard]] std::uint64_t size() const override { return status_.size; }

  [[nodiscard]] file_attributes attributes() const override {
    return {status_.mode & 0777, status_.mtime_ns};
  }

  result<std::size_t> read(std::uint64_t offset, std::span<std::byte> bytes) override {
    auto n = file_->read(offset, bytes);
    if (!n)
      return fail(on_primary(std::move(n).error()));
    return n;
  }

  [[nodiscard]] bool unchanged() override {
    // By the locator: the open file alone could not tell that another took its place.
    const auto now = files_->status(locator_);
    return now && *now == status_;
  }

private:
  std::shared_ptr<store_files> files_;
  std::string locator_;
  std::unique_ptr<open_file> file_;
  file_status status_;
};

} // namespace

result<std::unique_ptr<resource_reader>> open_blob(std::shared_ptr<store_files> files,
                                                   std::string_view encoded_locator) {
  auto locator = decode_locator(encoded_locator);
  if (!locator)
    return fail(std::move(locator).error());
  if (auto checked = check_locator(*locator); !checked)
    return fail(std::move(checked).error());
  auto file = files->open(*locator);
  if (!file)
    return fail(on_primary(std::move(file).error()));
  auto status = (*file)->status();
  if (!status)
    return fail(on_primary(std::move(status).error()));
  if (status->kind != file_kind::regular)
    return fail(ec::bad_locator,
                fmt::format("\"{}\" is {}; a blob is a regular file", encoded_locator,
                            status->kind == file_kind::folder ? "a folder"
                                                              : "a device, a pipe or a socket"));
  return std::make_unique<blob_reader>(std::move(files), std::move(*locator), std::move(*file),
                                       *status);
}

} // namespace farshore
