#include "actors/orphan_finder.hpp"

#include "registry/walk_rules.hpp"

#include <utility>

#include <spdlog/spdlog.h>

namespace farshore {

namespace {

constexpr std::size_t page_files = 1'000;
constexpr std::chrono::minutes answer_deadline{5};
/// A file may come to its place, or leave it, just when it is looked at.
constexpr std::chrono::milliseconds second_look_pause{500};
constexpr std::chrono::minutes removal_lease{10};

} // namespace

result<done> orphan_finder_state::begin(const orphan_search& given) {
  if (report.now == orphan_status::stage::running)
    return fail(ec::overloaded, "a search for orphans is under way (in the store of " +
                                    report.type + "); ask again when it has ended");
  auto listing = given.store->list();
  if (!listing)
    return fail(std::move(listing).error());
  ++run_;
  order_ = given;
  listing_ = std::move(*listing);
  report = {};
  report.now = orphan_status::stage::running;
  report.type = given.order.type;
  self->send(self, atom::step_v);
  return done{};
}

result<done> orphan_finder_state::stop() {
  if (report.now != orphan_status::stage::running)
    return done{};
  if (removing_)
    return fail(ec::overloaded, "the files are being removed already");
  ++run_;
  end("it was ended before all files were looked at; nothing was removed");
  return done{};
}

void orphan_finder_state::step() {
  if (report.now != orphan_status::stage::running)
    return; // it was ended
  if (!listing_)
    return remove(); // after the pause
  auto page = listing_->next(page_files);
  if (!page)
    return end(page.error().message);
  report.files += static_cast<std::int64_t>(page->locators.size());
  look_up(std::move(page->locators), page->last);
}

void orphan_finder_state::look_up(std::vector<std::string> locators, bool last) {
  self->request(parts.registry, answer_deadline, atom::list_v, order_.path, locators)
      .then(
          [this, locators, last, run = run_](const result<std::vector<bool>>& named) {
            if (run != run_)
              return;
            if (!named)
              return end(named.error().message);
            for (std::size_t i = 0; i < locators.size(); ++i) {
              if ((*named)[i])
                continue;
              ++report.found;
              if (report.first.size() < orphans_max)
                report.first.push_back(locators[i]);
            }
            if (last)
              walked();
            else
              self->send(self, atom::step_v);
          },
          [this, run = run_](const caf::error& lost) {
            if (run == run_)
              end(caf::to_string(lost));
          });
}

void orphan_finder_state::walked() {
  listing_.reset();
  if (!order_.order.remove || report.found == 0)
    return end();
  if (!order_.order.even_many && is_wave(report.found, report.files)) {
    report.held = true;
    return end();
  }
  self->delayed_send(self, second_look_pause, atom::step_v);
}

/// What nobody names at the second look, either.
void orphan_finder_state::remove() {
  const auto locators = report.first;
  const auto on_lost = [this, run = run_](const caf::error& lost) {
    if (run == run_)
      end(caf::to_string(lost));
  };
  self->request(parts.registry, answer_deadline, atom::list_v, order_.path, locators)
      .then(
          [this, locators, on_lost, run = run_](const result<std::vector<bool>>& named) {
            if (run != run_)
              return;
            if (!named)
              return end(named.error().message);
            remove_request removal{std::make_shared<sync_job>(), {}};
            removal.job->id = {order_.order.type, record_id_before_all}; // no record's
            removal.job->held = std::make_shared<lease>(parts.time->now() + removal_lease);
            for (std::size_t i = 0; i < locators.size(); ++i)
              if (!(*named)[i])
                removal.locators.push_back(locators[i]);
            const auto count = static_cast<std::int64_t>(removal.locators.size());
            report.found -= static_cast<std::int64_t>(locators.size()) - count;
            spdlog::warn("{}: {} files that no record names are removed from {}", order_.order.type,
                         count, order_.path);
            removing_ = true;
            self->request(order_.disk, answer_deadline, removal)
                .then(
                    [this, count](const result<done>& removed) {
                      if (!removed)
                        return end(removed.error().message);
                      report.removed = count;
                      end();
                    },
                    on_lost);
          },
          on_lost);
}

void orphan_finder_state::end(std::string trouble) {
  listing_.reset();
  removing_ = false;
  order_ = {};
  report.trouble = std::move(trouble);
  report.now = orphan_status::stage::done;
}

orphan_finder_actor::behavior_type orphan_finder(orphan_finder_state::pointer self,
                                                 orphan_finder_parts parts) {
  auto& state = self->state;
  state.parts = std::move(parts);
  return {
      [&state](const orphan_search& search) { return state.begin(search); },
      [&state](atom::stop) { return state.stop(); },
      [&state](atom::status) -> result<orphan_status> { return state.report; },
      [&state](atom::step) { state.step(); },
  };
}

} // namespace farshore
