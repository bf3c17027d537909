//! Histories that failed once, in the order in which they were found. Each shows a fault that was
//! mended.

use crate::{History, parallel::run_one};

/// `histories/` holds each as the command prints it.
macro_rules! histories {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                let text = include_str!(concat!("../../histories/", stringify!($name), ".json"));
                let history: History = serde_json::from_str(text).unwrap();
                run_one(async || drop(history.play().await));
            }
        )*

        #[test]
        fn every_history_is_played() {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/histories");
            let files = std::fs::read_dir(folder).unwrap().count();
            assert_eq!(files, [$(stringify!($name)),*].len());
        }
    };
}

histories! {
    an_erasure_is_asked_for_by_a_slow_clock
    the_callback_of_an_erased_link_comes_late
    a_list_hides_a_link_from_an_erasure
    a_hidden_link_among_rows_of_others
    an_erasure_is_written_and_not_queued
    a_row_is_moved_by_a_slow_clock
    a_straggler_writes_what_was_moved
    a_long_list_is_read_in_a_hurry
    the_attempt_of_another_link_is_erased
    a_webhook_waits_for_the_log
    the_owners_of_a_renewed_link_are_not_announced
    a_straggler_saves_an_erased_link
    rows_go_with_a_hidden_link
}
