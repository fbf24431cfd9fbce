//! What an operator sees of a running origin: metrics, one log line a request, and whether it is well.
//!
//! No secret, no signature and no query string passes through here (SIG-13), and no label of a metric is made of a
//! client's bytes: labels are `&'static str`, numbers, or patterns of our own routes.

pub mod health;
pub mod metrics;
pub mod page;
pub mod request_id;
pub mod request_log;
