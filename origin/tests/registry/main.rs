//! The registry's contract, on every database behind it, and what is PostgreSQL's own.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop where it stands")]

mod accounts;
mod contract;
mod home;
mod logs;
mod opening;
mod postgres;
mod purges;
mod repeated;
#[path = "../support/postgres.rs"]
mod server;
mod transfer;
mod upkeep;
mod watermarks;

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
    an_answer_is_kept_ten_minutes_and_its_key_refused_for_a_day
    one_of_many_equal_requests_makes_something
    a_purge_moves_an_epoch_the_records_version_and_the_log
    only_what_is_there_is_purged
    nothing_but_a_purge_moves_epochs_and_nothing_lowers_them
    the_65th_prefix_moves_the_whole_project
    a_project_that_grows_drops_its_prefixes_and_moves_whole
    purges_at_once_each_have_an_epoch_of_their_own
    a_removed_project_leaves_a_higher_epoch_and_dead_keys
    a_watermark_is_kept_and_its_version_rises_with_each_change
    a_removed_watermark_is_gone_and_never_comes_back_as_what_it_was
    a_project_has_so_many_watermarks_and_a_record_that_can_be_pushed
    what_is_stored_is_read_back
    a_key_is_added_once_and_to_a_project
    states_are_set
    versions_rise_with_each_change_and_stand_without
    a_sources_change_moves_its_projects
    a_sources_credentials_are_kept_resealed_and_taken_away
    an_apply_that_fails_leaves_nothing
    a_rotation_is_whole_or_nothing
    rotations_at_once_lose_nothing
    applies_at_once_keep_versions_rising
    the_edge_link_is_stored_once
    settings_are_kept
    the_audit_log_says_what_was_done_and_shows_tampering
    a_pruned_audit_log_is_verified_from_its_checkpoint
    each_report_counts_once_however_often_and_at_once_it_comes
    usage_is_totalled_by_time_and_by_outcome
    usage_is_totalled_by_format_with_the_bytes_sent
    usage_counted_before_formats_is_kept
    a_keys_last_use_is_the_last_that_it_signed
    the_request_log_sums_up_denials_and_is_capped
    the_request_log_is_read_in_pages_and_by_filters
    the_audit_log_is_exported_in_pages_and_verified_from_the_file
    every_cell_is_listed
    two_instances_see_each_others_changes_at_once
    a_newer_schema_is_refused
    the_first_user_is_an_admin_and_ends_the_setup
    users_are_kept_and_found
    there_is_always_an_active_admin
    a_session_is_who_its_user_is_now
    sessions_end_and_are_renewed
    tokens_are_found_by_fingerprint_while_their_owner_may_sign_in
    a_token_of_the_third_schema_loses_the_scope_that_is_gone
    attempts_are_kept_until_they_say_nothing
    failures_of_a_minute_become_one_entry_and_one_sum
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
