#include "actors/meters.hpp"

#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace farshore {

namespace {

using buckets = prometheus::Histogram::BucketBoundaries;

const buckets seconds{0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 300, 1800};
const buckets sizes{1, 2, 5, 10, 50, 100, 500, 1000, 5000};

double in_seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

} // namespace

struct meters::impl {
  prometheus::Registry registry;
  prometheus::Family<prometheus::Histogram>& sync_duration =
      prometheus::BuildHistogram()
          .Name("farshore_sync_duration_seconds")
          .Help("From the claim of a record until the registry knew what became of it.")
          .Register(registry);
  prometheus::Family<prometheus::Counter>& retries =
      prometheus::BuildCounter()
          .Name("farshore_sync_retries_total")
          .Help("Syncs that failed and are tried again, by cause.")
          .Register(registry);
  prometheus::Histogram& commit_changes =
      prometheus::BuildHistogram()
          .Name("farshore_registry_commit_changes")
          .Help("What one transaction of the registry's writer held: questions and outcomes.")
          .Register(registry)
          .Add({}, sizes);
  prometheus::Histogram& commit_duration = prometheus::BuildHistogram()
                                               .Name("farshore_registry_commit_duration_seconds")
                                               .Help("How long such a transaction took.")
                                               .Register(registry)
                                               .Add({}, seconds);
};

meters::meters() : impl_{std::make_unique<impl>()} {}
meters::~meters() = default;

void meters::synced(const std::string& type, std::chrono::nanoseconds took) {
  impl_->sync_duration.Add({{"type", type}}, seconds).Observe(in_seconds(took));
}

void meters::failed(const std::string& type, ec why) {
  impl_->retries.Add({{"type", type}, {"cause", std::string{to_string(why)}}}).Increment();
}

void meters::committed(std::size_t changes, std::chrono::nanoseconds took) {
  impl_->commit_changes.Observe(static_cast<double>(changes));
  impl_->commit_duration.Observe(in_seconds(took));
}

std::string meters::text() const {
  return prometheus::TextSerializer{}.Serialize(impl_->registry.Collect());
}

} // namespace farshore
