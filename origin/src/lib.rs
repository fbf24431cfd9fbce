//! stub

pub mod images;
