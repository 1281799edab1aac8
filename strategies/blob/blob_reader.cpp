#include "strategies/blob/blob_reader.hpp"

#include "config/locator.hpp"

#include <algorithm>
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

class link_reader final : public resource_reader {
public:
  link_reader(std::shared_ptr<store_files> files, std::string locator, stored_link link)
      : files_{std::move(files)}, locator_{std::move(locator)}, link_{std::move(link)} {}

  [[nodiscard]] std::uint64_t size() const override { return link_.target.size(); }

  [[nodiscard]] file_attributes attributes() const override {
    return {0777, link_.status.mtime_ns, content_kind::link};
  }

  result<std::size_t> read(std::uint64_t offset, std::span<std::byte> bytes) override {
    const auto from = std::min<std::uint64_t>(offset, link_.target.size());
    const auto rest = std::as_bytes(std::span{link_.target}).subspan(from);
    const auto n = std::min(bytes.size(), rest.size());
    std::copy_n(rest.begin(), n, bytes.begin());
    return n;
  }

  [[nodiscard]] bool unchanged() override {
    const auto now = files_->status(locator_);
    return now && *now == link_.status;
  }

private:
  std::shared_ptr<store_files> files_;
  std::string locator_;
  stored_link link_;
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
  if (!file && file.error().code == ec::bad_locator)
    if (auto link = files->read_link(*locator)) // none where links are not kept
      return std::make_unique<link_reader>(std::move(files), std::move(*locator), std::move(*link));
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
