//! Conditions, as people type them: an error points into the text, and what is printed means the same.
#![no_main]

use jiff::tz::TimeZone;
use libfuzzer_sys::fuzz_target;
use vicinity_core::Condition;

fuzz_target!(|text: &str| {
    vicinity_fuzz::end_at_own_panics();
    match Condition::parse(text, &TimeZone::UTC) {
        Err(error) => assert!(!error.marked(text).is_empty()),
        Ok(condition) => {
            let printed = condition.to_string();
            let again = Condition::parse(&printed, &TimeZone::UTC);
            assert_eq!(again.map(|again| again.to_string()).ok(), Some(printed), "{text}");
        }
    }
});
