#include "net/primary_client_actor.hpp"

#include <utility>

#include <caf/send.hpp>
#include <caf/typed_response_promise.hpp>

namespace farshore {

namespace {

/// Starts `call` with a callback that answers the current request from the actor's own turn.
template <class T, class From = T, class Call>
caf::result<result<T>> pass_on(http_client_actor::pointer self, Call call) {
  // The promise stays behind a pointer: the link's threads carry it, but never touch it.
  auto promise = std::make_shared<caf::typed_response_promise<result<T>>>(
      self->make_response_promise<result<T>>());
  auto back = caf::actor_cast<http_client_actor>(self);
  call([promise, back](result<From> got) {
    caf::anon_send(back, link_turn{[promise, got = std::move(got)]() mutable {
                     if constexpr (std::is_void_v<From>)
                       promise->deliver(got ? result<T>{}
                                            : result<T>{fail(std::move(got).error())});
                     else
                       promise->deliver(std::move(got));
                   }});
  });
  return *promise;
}

} // namespace

http_client_actor::behavior_type http_client(http_client_actor::pointer self,
                                             std::shared_ptr<primary_link> link) {
  return {
      [=](const events_request& what) {
        return pass_on<events_page>(self, [&](auto back) { link->events(what, back); });
      },
      [=](const catalogue_request& what) {
        return pass_on<catalogue_page>(self, [&](auto back) { link->catalogue(what, back); });
      },
      [=](const records_request& what) {
        return pass_on<records_page>(self, [&](auto back) { link->records(what, back); });
      },
      [=](const digest_request& what) {
        return pass_on<digest_page>(self, [&](auto back) { link->digests(what, back); });
      },
      [=](atom::position) {
        return pass_on<primary_position>(self, [&](auto back) { link->position(back); });
      },
      [=](const fetch_request& what) {
        return pass_on<done, void>(self,
                                   [&](auto back) { link->fetch(what.job, what.into, back); });
      },
      [=](atom::scope, const site_scope& scope) { link->set_scope(scope); },
      [](const link_turn& turn) { turn.run(); },
  };
}

} // namespace farshore
