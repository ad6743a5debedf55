//! A panic of an algorithm is a finding about the algorithm, and not the end of whoever runs it.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs code of an algorithm. What it works on must not be used any more if it panics.
///
/// # Errors
/// What the panic said, and where it was if the program's panic hook asks [`is_guarded`].
pub fn guarded<T>(act: impl FnOnce() -> T) -> Result<T, String> {
    let outer = GUARDED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(act));
    GUARDED.set(outer);
    result.map_err(|payload| {
        let place = PLACE.take().map_or_else(String::new, |place| format!(" at {place}"));
        format!("{}{place}", said(&*payload))
    })
}

/// For panic hooks: whether a panic in this thread is going to be caught and reported, so that nothing needs to
/// be printed. The place of it (`file:line`) becomes part of the report.
pub fn is_guarded(place: impl FnOnce() -> String) -> bool {
    if GUARDED.get() {
        PLACE.set(Some(place()));
    }
    GUARDED.get()
}

fn said(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("it panicked")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_text() {
        assert_eq!(guarded(|| 7), Ok(7));
        let index = [1, 2].len();
        assert!(guarded(|| [1, 2][index]).is_err_and(|said| said.contains("out of bounds")));
        assert!(!is_guarded(String::new));
        let nested = guarded(|| {
            assert!(guarded(|| panic!("inner")).is_err());
            is_guarded(String::new)
        });
        assert_eq!(nested, Ok(true));
    }
}
