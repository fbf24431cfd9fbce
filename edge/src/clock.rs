//! The Worker's clock. In production it moves only after I/O, so a request reads it once and passes it on.

/// Unix milliseconds.
pub(crate) fn now_millis() -> u64 {
    worker::Date::now().as_millis()
}
