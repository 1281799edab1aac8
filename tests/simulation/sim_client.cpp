#include "tests/simulation/sim_client.hpp"

#include "config/locator.hpp"
#include "registry/catalogue_digest.hpp"
#include "strategies/sha256.hpp"

#include <algorithm>
#include <utility>

namespace farshore::simulation {

namespace {

constexpr std::size_t chunk_bytes = 20'000;

const error broken{ec::primary_unreachable, "the simulated network lost it"};

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span{text.data(), text.size()});
}

checksum sum_of(const std::string& text) {
  sha256 hash;
  hash.update(bytes_of(text));
  return hash.value();
}

/// One transfer, over several turns: the row and the file may change between any two.
struct transfer {
  fetch_request what;
  caf::typed_response_promise<result<done>> answer;
  sim_network* net = nullptr;
  const site_scope* scope = nullptr;
  std::string locator;
  /// As it was when reading began.
  std::string content;
  std::size_t sent = 0;

  void end(result<void> how) {
    answer.deliver(how ? result<done>{} : result<done>{fail(std::move(how).error())});
  }

  /// The head of the answer: true if bytes follow.
  bool open() {
    const auto& job = *what.job;
    auto offered = what.into->offer();
    const auto* row = net->primary->row({job.id.type, job.id.record});
    if (!row || !in_scope(*scope, *row) || encode_locator(row->locator) != job.locator)
      return end(fail(ec::moved_on, "the row has moved on")), false;
    locator = row->locator;
    const auto file = net->primary->files.find(locator);
    if (file == net->primary->files.end())
      return end(fail(ec::missing_on_primary, "no such file")), false;
    content = file->second;
    if (offered && offered->size <= content.size() &&
        sum_of(content.substr(0, offered->size)) == offered->sum) {
      if (offered->size == content.size())
        return end(what.into->matched({})), false;
      sent = offered->size;
    }
    what.job->moving = true;
    if (auto begun = what.into->begin(sent, content.size(), {}); !begun)
      return end(std::move(begun)), false;
    return true;
  }

  /// The next bytes: true if more follow.
  bool send() {
    const auto n = std::min(chunk_bytes, content.size() - sent);
    if (n > 0)
      if (auto ok = what.into->write(bytes_of(content).subspan(sent, n)); !ok)
        return end(std::move(ok)), false;
    sent += n;
    if (sent < content.size())
      return true;
    const auto now = net->primary->files.find(locator);
    if (now == net->primary->files.end() || now->second != content)
      return end(fail(ec::changed, "the file changed while it was read")), false;
    return end(what.into->finish()), false;
  }
};

void go_on(sim_client_state* state, std::shared_ptr<transfer> one) {
  state->in_a_while([state, one] {
    if (state->lost())
      return one->end(fail(broken));
    if (one->send())
      go_on(state, one);
  });
}

} // namespace

bool sim_client_state::lost() const {
  return net->down || (net->one_lost_in > 0 && net->random->below(net->one_lost_in) == 0);
}

void sim_client_state::in_a_while(std::function<void()> run) {
  const auto delay = net->random->below(4) == 0 ? 0 : net->random->below(150);
  self->delayed_send(self, std::chrono::milliseconds{delay}, later{std::move(run)});
}

template <class T>
caf::result<result<T>> sim_client_state::exchange(std::function<result<T>()> look) {
  auto answer = self->make_response_promise<result<T>>();
  in_a_while([this, look, answer]() mutable {
    if (lost()) {
      answer.deliver(result<T>{fail(broken)});
      return;
    }
    in_a_while([this, seen = look(), answer]() mutable {
      answer.deliver(lost() ? result<T>{fail(broken)} : seen);
    });
  });
  return answer;
}

template <class T>
caf::result<result<T>>
sim_client_state::exchange(const scope_digest& digest,
                           std::function<result<T>(const site_scope&)> look) {
  return exchange<T>([this, digest, look]() -> result<T> {
    if (digest.empty())
      return look({});
    if (digest != digest_of(net->known_scope)) {
      if (digest != digest_of(scope))
        return fail(ec::scope_unknown, "the site wants something else by now");
      net->known_scope = scope;
    }
    return look(net->known_scope);
  });
}

caf::result<result<done>> sim_client_state::fetch(const fetch_request& what) {
  auto one = std::make_shared<transfer>();
  one->what = what;
  one->answer = self->make_response_promise<result<done>>();
  one->net = net.get();
  one->scope = &scope;
  auto answer = one->answer;
  in_a_while([this, one] {
    if (lost())
      return one->end(fail(broken));
    if (one->open())
      go_on(this, one);
  });
  return answer;
}

sim_client_actor::behavior_type sim_client(sim_client_state::pointer self,
                                           std::shared_ptr<sim_network> net) {
  auto& state = self->state;
  state.net = std::move(net);
  return {
      [&state](const events_request& what) {
        return state.exchange<events_page>(what.scope, [&state, what](const site_scope& scope) {
          return state.net->primary->events(what.after, std::min<std::size_t>(what.limit, 7),
                                            scope);
        });
      },
      [&state](const catalogue_request& what) {
        return state.exchange<catalogue_page>(what.scope, [&state, what](const site_scope& scope) {
          return state.net->primary->catalogue(what.type, what.after, 2, scope);
        });
      },
      [&state](const records_request& what) {
        return state.exchange<records_page>(
            what.scope, [&state, what](const site_scope& scope) -> result<records_page> {
              return state.net->primary->records(what.type, what.records, scope);
            });
      },
      [&state](const digest_request& what) {
        return state.exchange<digest_page>(what.scope, [&state, what](const site_scope& scope) {
          const auto read = [&](record_id after, std::size_t) {
            return state.net->primary->catalogue(what.type, after, 2, scope);
          };
          return digest_catalogue(read, what, 5);
        });
      },
      [&state](atom::position) {
        return state.exchange<primary_position>(
            [&state]() -> result<primary_position> { return state.net->primary->position(); });
      },
      [&state](atom::scope, const site_scope& scope) { state.scope = scope; },
      [&state](const fetch_request& what) { return state.fetch(what); },
      [](const later& work) { work.run(); },
  };
}

} // namespace farshore::simulation
