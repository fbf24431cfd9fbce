//! The registry's contract, on every database behind it, and what is PostgreSQL's own.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop where it stands")]

mod contract;
mod home;
mod opening;
mod postgres;
#[path = "../support/postgres.rs"]
mod server;
mod transfer;
mod upkeep;

/// Each sentence of the contract, as a test on each database.
macro_rules! on_every_database {
    ($($sentence:ident)*) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $sentence() {
                crate::contract::$sentence(&crate::home::Home::sqlite()).await;
            })*
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $sentence() {
                crate::contract::$sentence(&crate::home::Home::postgres()).await;
            })*
        }
    };
}

on_every_database! {
    an_empty_registry_answers
    what_is_stored_is_read_back
    a_key_is_added_once_and_to_a_project
    states_are_set
    versions_rise_with_each_change_and_stand_without
    a_sources_change_moves_its_projects
    an_apply_that_fails_leaves_nothing
    a_rotation_is_whole_or_nothing
    rotations_at_once_lose_nothing
    applies_at_once_keep_versions_rising
    the_edge_link_is_stored_once
    settings_are_kept
    the_audit_log_says_what_was_done_and_shows_tampering
    a_pruned_audit_log_is_verified_from_its_checkpoint
    every_cell_is_listed
    two_instances_see_each_others_changes_at_once
    a_newer_schema_is_refused
    instances_are_counted_while_they_are_renewed
    registrations_at_once_fill_the_limit_and_no_more
    a_settings_cell_never_has_an_earlier_version
    what_had_its_time_is_pruned
    origins_that_open_at_once_make_one_vault
    origins_that_open_at_once_rewrap_once
    a_process_with_replaced_keys_changes_nothing
    presences_at_once_fill_the_licence_and_no_more
    settings_are_resolved_set_and_noted
}
