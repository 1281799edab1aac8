// The typed interface of every actor: one alias each, its name in capitals, one sentence for each
// message. Read this page first; an actor's own header adds its state and how to spawn it.
//
// A secondary:   LOG CURSOR ─pages─► REGISTRY ◄─claims, outcomes─ SUPERVISOR(type) ─► SYNC WORKER
//                     │                                               ▲                │      │
//                     └──────── events, catalogue ─► PRIMARY CLIENT ◄─┼──── fetch ─────┘      │
//                                                                     CAPACITY         DISK ◄─┘
//                SECONDARY SITE owns them all and speaks for them; a STORE KEEPER(store) tells it
//                whether the store is still what the registry believes it to be.
// A primary:     PRIMARY REGISTRY.
//
// Every answer is a `result`; where an actor answers with a CAF error instead, it has died.

#pragma once

#include "actors/messages.hpp"

#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

namespace farshore {

/// PRIMARY CLIENT: speaks with the primary (over HTTP, or within a simulation).
using primary_client_actor = caf::typed_actor<
    // What happened behind a place in the log, joined with the rows as they are now.
    caf::replies_to<events_request>::with<result<events_page>>,
    // The available records of a type, page by page.
    caf::replies_to<catalogue_request>::with<result<catalogue_page>>,
    // Where the primary stands now.
    caf::replies_to<atom::position>::with<result<primary_position>>,
    // Moves a job's bytes into its receiver; answers when the receiver has finished or adopted.
    caf::replies_to<fetch_request>::with<result<done>>>;

/// DISK: brings resources of one store to their places and removes them, many at a time.
using disk_actor = caf::typed_actor<
    // Flushes, renames, flushes; only then answers.
    caf::replies_to<place_request>::with<result<landed>>,
    // Removes, flushes; only then answers.
    caf::replies_to<remove_request>::with<result<done>>,
    // Its own: what has queued up goes as one batch.
    caf::reacts_to<atom::flush>>;

/// REGISTRY: the only writer of a secondary's tracking database. Answers only what is committed.
using registry_actor = caf::typed_actor<
    // Makes these the known types.
    caf::replies_to<atom::declare, std::vector<store_type>>::with<result<done>>,
    // Applies a page of the log (live lane).
    caf::replies_to<atom::apply, events_page>::with<result<applied>>,
    // Applies a page of the catalogue (bulk lane).
    caf::replies_to<atom::apply, catalogue_page>::with<result<applied>>,
    // Starts a new epoch with the primary that names itself so, at that place.
    caf::replies_to<atom::epoch, std::string, event_position>::with<result<cursor_status>>,
    // Where the log cursor and the backfills stand.
    caf::replies_to<atom::cursor>::with<result<cursor_status>>,
    // Keeps the horizon of a page without events.
    caf::reacts_to<atom::horizon, std::uint64_t, std::optional<wall_time>>,
    // Up to so many due records of the type.
    caf::replies_to<atom::claim, std::string, std::size_t>::with<result<claimed>>,
    // Records how a claim ended; answers whether it still counted.
    caf::replies_to<atom::finish, outcome>::with<result<bool>>,
    // Extends leases; answers with those that are still valid.
    caf::replies_to<atom::renew, std::vector<claim_token>>::with<result<std::vector<claim_token>>>,
    // Marks records due again; answers how many at once (all: as a job, in the background).
    caf::replies_to<atom::resync, std::string, resync_selection>::with<result<std::size_t>>,
    // Pauses (true) or resumes a type; all of them where the name is empty.
    caf::replies_to<atom::pause, std::string, bool>::with<result<done>>,
    // What is known of the store at that path.
    caf::replies_to<atom::store, std::string>::with<result<store_standing>>,
    // Keeps what is known of a store.
    caf::replies_to<atom::store, known_store>::with<result<done>>,
    // Forgets what the rows of the store's types believe of the disk, and voids their claims.
    caf::replies_to<atom::distrust, std::string, store_verdict>::with<result<done>>,
    // Counts and recovery points.
    caf::replies_to<atom::status>::with<result<registry_status>>,
    // Its own: what has queued up goes as one transaction.
    caf::reacts_to<atom::flush>>;

/// CAPACITY: shares the node's credits for records in flight among the types that have due ones.
using capacity_actor = caf::typed_actor<
    // Asks for up to so many credits; answers with at least one as soon as one is free.
    caf::replies_to<atom::acquire, std::size_t>::with<std::size_t>,
    // Returns so many.
    caf::reacts_to<atom::give_back, std::size_t>,
    // The sender ends: what it waits for is answered with no credits, at once.
    caf::reacts_to<atom::stop>>;

/// SYNC WORKER: brings one record to its target, reports once, ends.
using sync_worker_actor = caf::typed_actor<
    // Begins.
    caf::reacts_to<atom::start>>;

/// SUPERVISOR: keeps one type's due records moving, within the node's capacity.
using supervisor_actor = caf::typed_actor<
    // Something may be due.
    caf::reacts_to<atom::wake>,
    // The primary answers again.
    caf::reacts_to<atom::reachable>,
    // A worker's ending.
    caf::reacts_to<worker_report>,
    // Its own, every second: deadlines and leases.
    caf::reacts_to<atom::tick>,
    // What it has moved.
    caf::replies_to<atom::status>::with<transfer_totals>,
    // Claims nothing more, gives back what is in flight, answers when that is recorded.
    caf::replies_to<atom::stop>::with<result<done>>>;

/// STORE KEEPER: opens one store for its types, and notices when it is not what it was.
using store_keeper_actor = caf::typed_actor<
    // These types lie in the store: tells the site once they can be worked on, or why not.
    caf::reacts_to<atom::declare, std::vector<replicable_type>>,
    // A store that is away is accepted as it is now.
    caf::reacts_to<atom::resync>,
    // Its own, every second: a look.
    caf::reacts_to<atom::tick>>;

/// LOG CURSOR: reads the primary's log and catalogue, one page at a time, each applied before the
/// next is asked for.
using log_cursor_actor = caf::typed_actor<
    // Its own: the next step.
    caf::reacts_to<atom::step>,
    // These types are wanted; those that the primary does not have yet are waited for.
    caf::reacts_to<atom::declare, std::vector<std::string>>,
    // Where it stands.
    caf::replies_to<atom::status>::with<result<cursor_status>>>;

/// SECONDARY SITE: owns a secondary's actors; command line, API and pages ask it.
using secondary_site_actor = caf::typed_actor<
    // Makes the declared types be what runs; at start, and on every reload.
    caf::replies_to<atom::declare, std::vector<replicable_type>>::with<result<done>>,
    caf::replies_to<atom::status>::with<result<secondary_status>>,
    caf::replies_to<atom::resync, std::string, resync_selection>::with<result<std::size_t>>,
    caf::replies_to<atom::pause, std::string, bool>::with<result<done>>,
    // The transaction id that the cursor must have covered to have all that is committed now.
    caf::replies_to<atom::mark>::with<result<std::uint64_t>>,
    // From a store's keeper: its types can be worked on, or can't any more.
    caf::reacts_to<store_report>,
    // From the cursor: something of these types may be due.
    caf::reacts_to<atom::wake, std::vector<std::string>>,
    // From the cursor: the primary answers again.
    caf::reacts_to<atom::reachable>,
    // Ends in order: claims are given back.
    caf::replies_to<atom::stop>::with<result<done>>>;

/// PRIMARY REGISTRY: the only writer of a primary's schema: triggers, record keys, state table.
using primary_registry_actor = caf::typed_actor<
    // Makes the declared types be what runs; at start, and on every reload.
    caf::replies_to<atom::declare, std::vector<replicable_type>>::with<result<done>>,
    // Appends an event by hand; answers with its id.
    caf::replies_to<atom::publish, std::string, std::string, operation>::with<result<std::int64_t>>,
    caf::replies_to<atom::status>::with<result<primary_status>>,
    // Its own: folds the log into the state table, at the pace of what arrives.
    caf::reacts_to<atom::step>,
    // Its own, every second: looks whether tables have come, gone or changed.
    caf::reacts_to<atom::tick>>;

} // namespace farshore
