#include "registry/record_digest.hpp"

#include <array>
#include <charconv>
#include <new>

#include <fmt/format.h>
#include <openssl/evp.h>

namespace farshore {

namespace {

using hash = std::array<std::uint8_t, 32>;

hash sha256_of(std::string_view text) {
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  hash out{};
  // OpenSSL fails here only without memory.
  if (EVP_Digest(text.data(), text.size(), out.data(), nullptr, algorithm, nullptr) != 1)
    throw std::bad_alloc{};
  return out;
}

std::uint64_t number_at(const hash& bytes, std::size_t begin) {
  std::uint64_t value = 0;
  for (std::size_t i = begin; i < begin + 8; ++i)
    value = value << 8 | bytes[i];
  return value;
}

std::string spoken(std::string_view text) {
  constexpr std::string_view letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  const auto bytes = sha256_of(text);
  const std::array numbers{number_at(bytes, 0), number_at(bytes, 8)};
  std::string out;
  for (int i = 0; i < 16; ++i) {
    if (i > 0 && i % 4 == 0)
      out += '-';
    out += letters[numbers[static_cast<std::size_t>(i / 8)] >> (5 * (i % 8)) & 31];
  }
  return out;
}

} // namespace

record_digest& record_digest::operator+=(const record_digest& other) {
  records += other.records;
  low += other.low;
  high += other.high + (low < other.low ? 1 : 0);
  return *this;
}

record_digest digest_of(record_id record, std::string_view locator, revision rev,
                        const std::optional<checksum>& sum, std::string_view fault) {
  // An encoded locator has no blanks, so no two records share a text.
  std::string text = std::to_string(record);
  text.append(" ").append(std::to_string(rev)).append(" ");
  text.append(sum ? to_hex(*sum) : "-").append(" ").append(locator);
  if (!fault.empty())
    text.append(" ").append(fault);
  const auto bytes = sha256_of(text);
  return {1, number_at(bytes, 0), number_at(bytes, 8)};
}

std::string sum_text(const record_digest& digest) {
  return fmt::format("{:016x}{:016x}", digest.high, digest.low);
}

bool parse_sum(std::string_view text, record_digest& into) {
  if (text.size() != 32 || text.find_first_not_of("0123456789abcdef") != std::string_view::npos)
    return false;
  std::from_chars(text.data(), text.data() + 16, into.high, 16);
  std::from_chars(text.data() + 16, text.data() + 32, into.low, 16);
  return true;
}

std::string spoken_digest(const record_digest& digest) {
  return spoken(std::to_string(digest.records) + " " + sum_text(digest));
}

std::string spoken_digest(const std::map<std::string, record_digest>& types) {
  std::string text;
  for (const auto& [name, digest] : types)
    text += name + " " + std::to_string(digest.records) + " " + sum_text(digest) + "\n";
  return spoken(text);
}

} // namespace farshore
