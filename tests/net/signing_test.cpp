#include "net/signing.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

#include <jwt.h>
#include <openssl/evp.h>

using namespace farshore;
using namespace std::chrono_literals;

namespace {

const std::string secret = "0123456789abcdef0123456789abcdef";
const std::string other_secret = "fedcba9876543210fedcba9876543210";
const std::vector<std::string> secrets{secret};
const std::string target = "/v1/events?xid=1&id=2";
const wall_time noon{std::chrono::seconds{1'800'000'000}};

result<std::string> verify(const std::string& authorization, wall_time now = noon) {
  return verify_request(secrets, authorization, "GET", target, now);
}

std::string refusal(const result<std::string>& answer) {
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code == ec::unauthorized);
  CHECK(answer.error().message.find(secret) == std::string::npos);
  return answer.error().message;
}

/// Signs any claims with any key, as an attacker who has libjwt would.
std::string forge(const std::string& claims, jwt_alg_t algorithm, const std::string& key) {
  jwt_t* token = nullptr;
  REQUIRE(jwt_new(&token) == 0);
  REQUIRE(jwt_add_grants_json(token, claims.c_str()) == 0);
  REQUIRE(jwt_set_alg(token, algorithm,
                      algorithm == JWT_ALG_NONE
                          ? nullptr
                          : reinterpret_cast<const unsigned char*>(key.data()),
                      algorithm == JWT_ALG_NONE ? 0 : static_cast<int>(key.size())) == 0);
  char* text = jwt_encode_str(token);
  REQUIRE(text);
  std::string forged = "Bearer " + std::string{text};
  free(text);
  jwt_free(token);
  return forged;
}

using Catch::Contains;

} // namespace

TEST_CASE("a signed request names its site", "[signing]") {
  const auto site = verify(sign_request(secret, "lisbon", "GET", target, noon));
  REQUIRE(site);
  CHECK(*site == "lisbon");
}

TEST_CASE("a signature is good for its method and target only", "[signing]") {
  const auto signature = sign_request(secret, "lisbon", "GET", target, noon);
  CHECK_THAT(refusal(verify_request(secrets, signature, "POST", target, noon)),
             Contains("another request"));
  CHECK_THAT(refusal(verify_request(secrets, signature, "GET", target + "3", noon)),
             Contains("another request"));
  CHECK_THAT(refusal(verify_request(secrets, signature, "GET", "/v1/events", noon)),
             Contains("another request"));
}

TEST_CASE("a signature by another secret says that the secrets differ", "[signing]") {
  CHECK_THAT(refusal(verify(sign_request(other_secret, "lisbon", "GET", target, noon))),
             Contains("\"lisbon\"") && Contains("the secret files of the two sites differ"));
}

TEST_CASE("a site can't sign in another's name", "[signing]") {
  const auto key = to_string(*derive_key(secret, "lisbon"));
  // By its own key it can't even say so.
  CHECK(sign_request(key, "harbour", "GET", target, noon).empty());
  // What it could forge: its own key, and another issuer.
  const auto bytes = derive_key(secret, "lisbon")->bytes;
  const auto claims = [](const std::string& site) {
    return R"({"iss":")" + site + R"(","aud":"farshore","iat":1800000000,"exp":1800000060,)" +
           R"("m":"GET","t":")" + target + R"("})";
  };
  const std::string raw{bytes.begin(), bytes.end()};
  CHECK(verify(forge(claims("lisbon"), JWT_ALG_HS256, raw)) == "lisbon");
  CHECK_THAT(refusal(verify(forge(claims("harbour"), JWT_ALG_HS256, raw))),
             Contains("\"harbour\""));
  // The text of a key is no secret from which keys follow.
  CHECK_FALSE(verify(forge(claims("harbour"), JWT_ALG_HS256, key)));
}

TEST_CASE("a site's key is as good as the secret, for this site alone", "[signing]") {
  const auto key = to_string(*derive_key(secret, "lisbon"));
  const std::vector only_key{key};
  const auto by_key = sign_request(key, "lisbon", "GET", target, noon);
  CHECK(verify(by_key) == "lisbon");
  CHECK(verify_request(only_key, by_key, "GET", target, noon) == "lisbon");
  CHECK(verify_request(only_key, sign_request(secret, "lisbon", "GET", target, noon), "GET", target,
                       noon) == "lisbon");
  for (const auto* other : {"harbour", "porto"})
    CHECK_FALSE(verify_request(only_key, sign_request(secret, other, "GET", target, noon), "GET",
                               target, noon));
  CHECK_FALSE(derive_key(key, "harbour"));
  CHECK(derive_key(secret, "lisbon")->bytes != derive_key(secret, "harbour")->bytes);
  CHECK(derive_key(secret, "lisbon")->bytes != derive_key(other_secret, "lisbon")->bytes);
}

TEST_CASE("during a rotation two secrets are good", "[signing]") {
  const std::vector<std::string> both{other_secret, secret};
  CHECK(verify_request(both, sign_request(secret, "lisbon", "GET", target, noon), "GET", target,
                       noon));
  CHECK(verify_request(both, sign_request(other_secret, "lisbon", "GET", target, noon), "GET",
                       target, noon));
  CHECK_FALSE(
      verify_request({}, sign_request(secret, "lisbon", "GET", target, noon), "GET", target, noon));
}

TEST_CASE("a clock within the tolerance is good, before and behind", "[signing]") {
  const auto signature = sign_request(secret, "lisbon", "GET", target, noon);
  CHECK(verify(signature, noon - 60s));
  CHECK(verify(signature, noon + 120s));
  CHECK_FALSE(verify(signature, noon - 61s));
  CHECK_FALSE(verify(signature, noon + 121s));
}

TEST_CASE("a clock that is ten minutes off is told so in seconds", "[signing]") {
  const auto signature = sign_request(secret, "lisbon", "GET", target, noon);
  CHECK_THAT(refusal(verify(signature, noon + 600s)),
             Contains("this site's clock says 2027-01-15T08:10:00.000Z") &&
                 Contains("the request's 2027-01-15T08:00:00.000Z") &&
                 Contains("they differ by 600 s") && Contains("NTP"));
  CHECK_THAT(refusal(verify(signature, noon - 600s)), Contains("they differ by 600 s"));
}

TEST_CASE("nothing is said about the clock to who has not the secret", "[signing]") {
  const auto told =
      refusal(verify(sign_request(other_secret, "lisbon", "GET", target, noon), noon + 600s));
  CHECK_THAT(told, !Contains("clock"));
}

TEST_CASE("a tampered signature is refused, wherever it was changed", "[signing]") {
  const auto signature = sign_request(secret, "lisbon", "GET", target, noon);
  for (std::size_t at = 7; at < signature.size(); ++at) {
    auto changed = signature;
    changed[at] = changed[at] == 'A' ? 'Q' : 'A';
    INFO("byte " << at);
    // The last character of a base64 group may hold unused bits: then the bytes are the same.
    if (const auto answer = verify(changed))
      CHECK(*answer == "lisbon");
  }
  CHECK_FALSE(verify(signature.substr(0, signature.size() - 3)));
  CHECK_FALSE(verify(signature + "AAAA"));
}

TEST_CASE("a site can't sign in another site's name", "[signing]") {
  // The key of "lisbon", as that site derives it, on claims that name "porto".
  const auto lisbon = sign_request(secret, "lisbon", "GET", target, noon);
  const auto porto = sign_request(secret, "porto", "GET", target, noon);
  const auto claims_of = [](const std::string& s) { return s.substr(0, s.rfind('.')); };
  const auto mac_of = [](const std::string& s) { return s.substr(s.rfind('.')); };
  CHECK_FALSE(verify(claims_of(porto) + mac_of(lisbon)));
}

TEST_CASE("only HS256 counts", "[signing]") {
  const std::string claims =
      R"({"iss":"lisbon","aud":"farshore","iat":1800000000,"exp":1800000060,"m":"GET","t":")" +
      target + R"("})";
  CHECK_FALSE(verify(forge(claims, JWT_ALG_NONE, "")));
  CHECK_FALSE(verify(forge(claims, JWT_ALG_HS256, secret)));
  CHECK_FALSE(verify(forge(claims, JWT_ALG_HS512, secret)));
}

TEST_CASE("what is no signature at all is refused with its own sentence", "[signing]") {
  CHECK_THAT(refusal(verify("")), Contains("no signature"));
  CHECK_THAT(refusal(verify("Basic Zm9vOmJhcg==")), Contains("no signature"));
  CHECK_THAT(refusal(verify("Bearer ")), Contains("not a JSON web token"));
  CHECK_THAT(refusal(verify("Bearer a.b.c")), Contains("not a JSON web token"));
  CHECK_THAT(refusal(verify("Bearer " + std::string(20'000, 'a'))), Contains("longer than any"));
  CHECK_THAT(refusal(verify(forge(R"({"iss":"../etc"})", JWT_ALG_HS256, secret))),
             Contains("names no site"));
  CHECK_THAT(refusal(verify(forge("{}", JWT_ALG_HS256, secret))), Contains("names no site"));
}

// -- readers' tokens

namespace {

std::string basic(const std::string& credentials) {
  std::string out((credentials.size() + 2) / 3 * 4, '\0');
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                  reinterpret_cast<const unsigned char*>(credentials.data()),
                  static_cast<int>(credentials.size()));
  return "Basic " + out;
}

std::string reader_token(std::chrono::days life = std::chrono::days{30}) {
  return make_read_token(secret, "lisbon", "ann", life, noon);
}

} // namespace

TEST_CASE("a token names its reader, as password or alone", "[signing]") {
  const auto token = reader_token();
  for (const auto& header :
       {"Bearer " + token, basic("anyone:" + token), basic(":" + token), basic("ab:" + token)}) {
    const auto reader = verify_reader(secrets, header, noon);
    REQUIRE(reader);
    CHECK(*reader == "ann");
  }
}

TEST_CASE("a token ends with its time, or with its secret", "[signing]") {
  const auto header = "Bearer " + reader_token();
  CHECK(verify_reader(secrets, header, noon + std::chrono::days{30} - 1s));
  CHECK_THAT(refusal(verify_reader(secrets, header, noon + std::chrono::days{30})),
             Contains("\"ann\", was good until"));
  CHECK(verify_reader(secrets, header, noon - 60s));
  CHECK_THAT(refusal(verify_reader(secrets, header, noon - 62s)), Contains("set the clocks"));
  CHECK(verify_reader(std::vector{other_secret, secret}, header, noon));
  CHECK_THAT(refusal(verify_reader(std::vector{other_secret}, header, noon)),
             Contains("does not count here"));
}

TEST_CASE("a token is one of its site's key", "[signing]") {
  const auto key = to_string(*derive_key(secret, "lisbon"));
  const auto token = make_read_token(key, "lisbon", "ann", std::chrono::days{1}, noon);
  CHECK(verify_reader(secrets, "Bearer " + token, noon));
  CHECK(verify_reader(std::vector{key}, "Bearer " + token, noon));
  CHECK_FALSE(
      verify_reader(std::vector{to_string(*derive_key(secret, "porto"))}, "Bearer " + token, noon));
  CHECK(make_read_token(key, "porto", "ann", std::chrono::days{1}, noon).empty());
}

TEST_CASE("what is no token opens nothing", "[signing]") {
  CHECK_THAT(refusal(verify_reader(secrets, "", noon)), Contains("farshore token --read"));
  for (const std::string header : {"Basic", "Basic ", "Basic !!!!", "Basic YWJj", "Basic YQ",
                                   "Bearer ", "Bearer a.b.c", "Digest x"})
    refusal(verify_reader(secrets, header, noon));
  refusal(verify_reader(secrets, basic("x:y"), noon));
  refusal(verify_reader(secrets, "Bearer " + std::string(20'000, 'x'), noon));
  // A site's signature is for its request, and a token for none.
  refusal(verify_reader(secrets, sign_request(secret, "lisbon", "GET", target, noon), noon));
  refusal(verify("Bearer " + reader_token()));
}

TEST_CASE("a token that Farshore did not make is refused, though its key fits", "[signing]") {
  const auto key_bytes = derive_key(secret, "lisbon")->bytes;
  const std::string key{key_bytes.begin(), key_bytes.end()};
  const auto forged = [&](const std::string& claims, jwt_alg_t algorithm = JWT_ALG_HS256) {
    return verify_reader(secrets, forge(claims, algorithm, key), noon);
  };
  const std::string good = R"({"iss":"lisbon","aud":"farshore-git","sub":"ann","iat":1800000000,)";
  CHECK(forged(good + R"("exp":1800000100})"));
  refusal(forged(good + R"("exp":1800000100})", JWT_ALG_NONE));
  refusal(forged(good + R"("exp":1800000100})", JWT_ALG_HS512));
  refusal(forged(good + R"("exp":9800000100})"));
  refusal(forged(good + R"("exp":"never"})"));
  refusal(forged(good + R"("x":1})"));
  refusal(forged(R"({"iss":"lisbon","aud":"farshore-git","iat":1800000000,"exp":1800000100})"));
  refusal(
      forged(R"({"iss":"lisbon","aud":"farshore","sub":"ann","iat":1800000000,"exp":1800000100})"));
  refusal(forged(
      R"({"iss":"porto","aud":"farshore-git","sub":"ann","iat":1800000000,"exp":1800000100})"));
}
