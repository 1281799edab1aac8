// The typed interface of every actor: one alias each, its name in capitals, one sentence for each
// message. Read this page first; an actor's own header adds its state and how to spawn it.
//
// A secondary:   LOG CURSOR ─pages─► REGISTRY ◄─claims, outcomes─ SUPERVISOR(type) ─► SYNC WORKER
//                     │                                               ▲                │      │
//                     └──────── events, catalogue ─► PRIMARY CLIENT ◄─┼──── fetch ─────┘      │
//                                                                     CAPACITY         DISK ◄─┘
//                COMPARISON asks PRIMARY CLIENT, REGISTRY and LOG CURSOR.
//                SECONDARY SITE owns them all and speaks for them; a STORE KEEPER(store) tells it
//                whether the store is still what the registry believes it to be.
// A primary:     PRIMARY REGISTRY ◄─pages, differences─ FOLDER SCANNER(type)
//                     ▲
//                     └─claims, checksums─ PRIMARY VERIFIER ─► HASHER
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
    // Which of these records are there, and how the catalogue names them.
    caf::replies_to<records_request>::with<result<records_page>>,
    // Digests of ranges of a type's records; ec::not_found also from a primary that can't tell.
    caf::replies_to<digest_request>::with<result<digest_page>>,
    // Where the primary stands now.
    caf::replies_to<atom::position>::with<result<primary_position>>,
    // What the site wants from now on. Questions name the scope that they are about by its digest,
    // and so do their answers; fetches are under the scope as it is then.
    caf::reacts_to<atom::scope, site_scope>,
    // Moves a job's bytes into its receiver; answers when the receiver has finished or adopted.
    caf::replies_to<fetch_request>::with<result<done>>>;

/// DISK: brings resources of one store to their places and removes them, many at a time.
using disk_actor = caf::typed_actor<
    // Flushes, renames, flushes; only then answers.
    caf::replies_to<place_request>::with<result<landed>>,
    // Removes, flushes; only then answers.
    caf::replies_to<remove_request>::with<result<done>>,
    // What is free.
    caf::replies_to<atom::space>::with<site_space>,
    // Its own: what has queued up goes as one batch.
    caf::reacts_to<atom::flush>>;

/// REGISTRY: the only writer of a secondary's tracking database. Answers only what is committed.
using registry_actor = caf::typed_actor<
    // Makes these the known types.
    caf::replies_to<atom::declare, std::vector<store_type>>::with<result<done>>,
    // What the site wants from now on is named so: pages under another scope are no more applied,
    // and where it is another than before everything is compared.
    caf::replies_to<atom::scope, scope_digest>::with<result<done>>,
    // Applies a page of the log (live lane).
    caf::replies_to<atom::apply, events_page>::with<result<applied>>,
    // Applies a page of the catalogue (bulk lane).
    caf::replies_to<atom::apply, catalogue_page>::with<result<applied>>,
    // The next suspects of the type, at most so many, to be asked for by id.
    caf::replies_to<atom::suspects, std::string, std::size_t>::with<result<std::vector<record_id>>>,
    // Applies what became of records that were asked for by id (bulk lane).
    caf::replies_to<atom::apply, records_page>::with<result<applied>>,
    // Digests of what is here (bulk lane).
    caf::replies_to<held_request>::with<result<held_digests>>,
    // Rows in some ranges (bulk lane).
    caf::replies_to<rows_request>::with<result<std::vector<registry_row>>>,
    // Which of the locators some row of the store at that path names (bulk lane).
    caf::replies_to<atom::list, std::string,
                    std::vector<std::string>>::with<result<std::vector<bool>>>,
    // Applies what a comparison of all of a type has found (bulk lane).
    caf::replies_to<atom::apply, compared_ranges>::with<result<applied>>,
    // Lets what is held of the type go; answers how many rows.
    caf::replies_to<atom::approve, std::string>::with<result<std::size_t>>,
    // Goes on at that place of the log, and compares everything: what lay before it is lost.
    caf::replies_to<atom::skip, event_position>::with<result<cursor_status>>,
    // Starts a new epoch with the primary that names itself so, at that place.
    caf::replies_to<atom::epoch, std::string, event_position>::with<result<cursor_status>>,
    // Where the log cursor and the backfills stand.
    caf::replies_to<atom::cursor>::with<result<cursor_status>>,
    // Keeps the horizon of a page without events.
    caf::reacts_to<atom::horizon, std::uint64_t, std::optional<wall_time>>,
    // Up to so many due records of the type.
    caf::replies_to<atom::claim, std::string, std::size_t, claim_scope>::with<result<claimed>>,
    // Records how a claim ended; answers whether it still counted.
    caf::replies_to<atom::finish, outcome>::with<result<bool>>,
    // Extends leases; answers with those that are still valid.
    caf::replies_to<atom::renew, std::vector<claim_token>>::with<result<std::vector<claim_token>>>,
    // Marks records due again; answers how many at once (all: as a job, in the background).
    caf::replies_to<atom::resync, std::string, record_selection>::with<result<std::size_t>>,
    // Records to be read at rest (bulk lane).
    caf::replies_to<verification_request>::with<result<verification_round>>,
    // Records what was found; answers how many are due again (bulk lane).
    caf::replies_to<verification_report>::with<result<std::size_t>>,
    // Marks records to be read at rest at once; answers how many (all: as a job).
    caf::replies_to<atom::reverify, std::string, record_selection>::with<result<std::size_t>>,
    // Ends a resync, or a reverify, of all records of a type; what it has come to stays so.
    caf::replies_to<atom::stop, atom::resync, std::string>::with<result<done>>,
    caf::replies_to<atom::stop, atom::reverify, std::string>::with<result<done>>,
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

/// READER AT REST: hashes what lies in stores, on a thread of its own.
using rest_reader_actor = caf::typed_actor<
    // Reads them one after the other; what could not be judged is left out of the answer.
    caf::replies_to<reading_request>::with<result<verification_report>>,
    // Keeps one resource up; answers whether more is due.
    caf::replies_to<upkeep_request>::with<result<bool>>>;

/// VERIFIER: has one type's synced records read at rest: what was marked at once, and all of them
/// once in `reverify_after`, evenly. Has its resources kept up, one at a time.
using verifier_actor = caf::typed_actor<
    // Something may be marked.
    caf::reacts_to<atom::wake>,
    // Its own: the walk's next step is due.
    caf::reacts_to<atom::tick>,
    // Its own: what seemed damaged is looked at once more.
    caf::reacts_to<atom::confirm>>;

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
    // The registry goes by another scope now: reads under that, and compares everything.
    caf::reacts_to<atom::scope, scope_digest>,
    // Compares the type with the primary's catalogue; all of them where the name is empty.
    caf::replies_to<atom::recheck, std::string>::with<result<done>>,
    // Compares it not, after all; ec::overloaded where its pages are being read already.
    caf::replies_to<atom::stop, atom::recheck, std::string>::with<result<done>>,
    // Lets what a check holds back go; answers how many rows.
    caf::replies_to<atom::approve, std::string>::with<result<std::size_t>>,
    // Where it stands.
    caf::replies_to<atom::status>::with<result<cursor_status>>>;

/// COMPARISON: proves that this site has what its primary has, or names what differs.
using comparison_actor = caf::typed_actor<
    // Begins; ec::overloaded while one is under way.
    caf::replies_to<atom::compare, comparison_order>::with<result<done>>,
    // Ends the one that is under way: what it has not come to is told of so.
    caf::replies_to<atom::stop>::with<result<done>>,
    // How the one that is under way stands, or how the last one ended.
    caf::replies_to<atom::status>::with<result<comparison_status>>,
    // Its own: the next step.
    caf::reacts_to<atom::step>>;

/// Where to look for orphans, and who removes them.
struct orphan_search {
  orphan_order order;
  /// The store's path, as the registry knows it.
  std::string path;
  std::shared_ptr<strategy> store;
  disk_actor disk;
};

} // namespace farshore

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::orphan_search)

namespace farshore {

/// ORPHAN FINDER: finds files in a store that no record names.
using orphan_finder_actor = caf::typed_actor<
    // Begins; ec::overloaded while one is under way, ec::disk where the store can't be read.
    caf::replies_to<orphan_search>::with<result<done>>,
    // Ends the one that is under way; ec::overloaded once it removes files.
    caf::replies_to<atom::stop>::with<result<done>>,
    // How the one that is under way stands, or how the last one ended.
    caf::replies_to<atom::status>::with<result<orphan_status>>,
    // Its own: the next step.
    caf::reacts_to<atom::step>>;

/// SECONDARY SITE: owns a secondary's actors; command line, API and pages ask it.
using secondary_site_actor = caf::typed_actor<
    // Makes the declared types, and the room to be left free, be what runs; at start, and on every
    // reload.
    caf::replies_to<atom::declare, std::vector<replicable_type>, free_mark>::with<result<done>>,
    // What the site wants from now on; answers once the registry goes by it.
    caf::replies_to<atom::scope, site_scope>::with<result<done>>,
    caf::replies_to<atom::status>::with<result<secondary_status>>,
    caf::replies_to<atom::resync, std::string, record_selection>::with<result<std::size_t>>,
    caf::replies_to<atom::reverify, std::string, record_selection>::with<result<std::size_t>>,
    caf::replies_to<atom::pause, std::string, bool>::with<result<done>>,
    // Compares a type (all: empty) with the primary's catalogue, from the beginning.
    caf::replies_to<atom::recheck, std::string>::with<result<done>>,
    // Lets what a check of the type holds back go; answers how many rows.
    caf::replies_to<atom::approve, std::string>::with<result<std::size_t>>,
    // Begins to compare these types (none: all that are enabled) with the primary.
    caf::replies_to<atom::compare, comparison_order>::with<result<done>>,
    // How that stands.
    caf::replies_to<atom::compare>::with<result<comparison_status>>,
    // Begins to look for files that no record names, once all rows of their store are made.
    caf::replies_to<orphan_order>::with<result<done>>,
    // How that stands.
    caf::replies_to<atom::list>::with<result<orphan_status>>,
    // Ends what goes through all records of a type (all types: empty), or a comparison, or a search
    // for orphans, before it is done.
    caf::replies_to<atom::stop, atom::resync, std::string>::with<result<done>>,
    caf::replies_to<atom::stop, atom::reverify, std::string>::with<result<done>>,
    caf::replies_to<atom::stop, atom::recheck, std::string>::with<result<done>>,
    caf::replies_to<atom::stop, atom::compare>::with<result<done>>,
    caf::replies_to<atom::stop, atom::list>::with<result<done>>,
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

/// SCAN TABLES: what a folder scanner needs of the primary registry, which is the only writer.
using scan_tables_actor = caf::typed_actor<
    // Rows of the type's table, in the order of their paths.
    caf::replies_to<scan_page_request>::with<result<scanned_page>>,
    // What the table says of some paths.
    caf::replies_to<scan_lookup>::with<result<std::vector<scanned_place>>>,
    // Makes the table like the folder; answers once that is committed.
    caf::replies_to<scan_change>::with<result<done>>,
    // How the folder stands.
    caf::reacts_to<scan_report>>;

/// FOLDER SCANNER: keeps a scanned type's table like its folder.
using folder_scanner_actor = caf::typed_actor<
    // Its own, every 50 ms: what the watch has heard, what is due.
    caf::reacts_to<atom::tick>,
    // Its own: the next part of a scan.
    caf::reacts_to<atom::step>,
    // Scans now, and tries to watch again.
    caf::reacts_to<atom::recheck>,
    // Something has changed at this path (decoded) beneath the folder: looks at it soon.
    caf::reacts_to<atom::look, std::string>,
    // Lets the removals that are held go; answers how many.
    caf::replies_to<atom::approve>::with<result<std::size_t>>>;

/// CHECKSUM DESK: what the verifier needs of the primary registry, which is the only writer.
using checksum_desk_actor = caf::typed_actor<
    // Records of a type that are due, now in the asker's hands.
    caf::replies_to<checksum_request>::with<result<std::vector<checksum_claim>>>,
    // Records what came of them; ec::overloaded where it may be given again.
    caf::replies_to<checksum_report>::with<result<done>>,
    // What is not named is in nobody's hands.
    caf::reacts_to<checksum_release>,
    // These records are to be verified again, and soon.
    caf::replies_to<atom::reverify, std::string, record_selection>::with<result<std::int64_t>>,
    // Why nothing of a type is verified.
    caf::reacts_to<checksum_trouble>>;

/// HASHER: reads and hashes, on a thread of its own.
using hasher_actor = caf::typed_actor<
    // Answers (to the sender, as a message of its own) with what it came to in a short time.
    caf::reacts_to<hash_order>,
    // The same, of glances.
    caf::reacts_to<glance_order>>;

/// PRIMARY VERIFIER: checksums what the primary has, in the background.
using primary_verifier_actor = caf::typed_actor<
    // These types are verified; at start, and on every reload.
    caf::reacts_to<atom::declare, std::vector<replicable_type>>,
    // Something may be due.
    caf::reacts_to<atom::wake>,
    // From its hashers.
    caf::reacts_to<hash_answer>, caf::reacts_to<glance_answer>,
    // Its own, ten times a second: what has waited long enough.
    caf::reacts_to<atom::tick>>;

/// PRIMARY REGISTRY: the only writer of a primary's schema: triggers, record keys, state table,
/// sites; trims the event log; owns the verifier.
using primary_registry_actor = caf::typed_actor<
    // Makes the declared types and the log's retention be what runs; at start, and on every reload.
    caf::replies_to<atom::declare, std::vector<replicable_type>, log_retention>::with<result<done>>,
    // Appends an event by hand; answers with its id.
    caf::replies_to<atom::publish, std::string, std::string, operation>::with<result<std::int64_t>>,
    caf::replies_to<atom::status>::with<result<primary_status>>,
    // Forgets a site, which keeps no events any more; ec::not_found where it is not known.
    caf::replies_to<atom::forget, std::string>::with<result<done>>,
    // Lets a scanned type's held removals go; answers how many.
    caf::replies_to<atom::approve, std::string>::with<result<std::size_t>>,
    // Scans a type's folder now; all of them where the name is empty.
    caf::replies_to<atom::recheck, std::string>::with<result<done>>,
    // Something has changed in a scanned type's folder, at this path (decoded) beneath it;
    // ec::not_found for another type, ec::bad_locator for a path that can't lie there. Done means
    // that it will be looked at.
    caf::replies_to<atom::look, std::string, std::string>::with<result<done>>,
    // What in a scanned type's folder can't be replicated.
    caf::replies_to<atom::list, std::string>::with<result<std::vector<unsupported_file>>>,
    // Makes records due to be verified again; answers how many.
    caf::replies_to<atom::reverify, std::string, record_selection>::with<result<std::int64_t>>,
    // From its verifier: see CHECKSUM DESK.
    caf::replies_to<checksum_request>::with<result<std::vector<checksum_claim>>>,
    caf::replies_to<checksum_report>::with<result<done>>, caf::reacts_to<checksum_release>,
    caf::reacts_to<checksum_trouble>,
    // From its folder scanners: see SCAN TABLES.
    caf::replies_to<scan_page_request>::with<result<scanned_page>>,
    caf::replies_to<scan_lookup>::with<result<std::vector<scanned_place>>>,
    caf::replies_to<scan_change>::with<result<done>>, caf::reacts_to<scan_report>,
    // Its own: folds the log into the state table, at the pace of what arrives, and trims it.
    caf::reacts_to<atom::step>,
    // Its own, every second: looks whether tables have come, gone or changed, and where the sites
    // and the log stand.
    caf::reacts_to<atom::tick>>;

} // namespace farshore
