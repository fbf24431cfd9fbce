//! What happened to one request: its log line and its `Server-Timing`.
//!
//! The line never holds the target, so no signature, and nothing that is secret (SIG-13).

use sealpix::denial::Code;
use sealpix::key::PublicKey;
use sealpix::usage::Format;
use serde::Serialize;
use worker::{console_error, console_log};

use crate::clock;

/// What became of a request so far.
#[derive(Debug)]
pub(crate) struct Trace {
    started_millis: u64,
    marked_millis: u64,
    steps: Vec<(&'static str, u64)>,
    /// The project, once the target has been read.
    pub(crate) project: Option<String>,
    /// The key, once its record has been read: never one that was invented.
    pub(crate) key: Option<PublicKey>,
    /// `hit`, `miss`, or that the cache was not asked.
    pub(crate) cache: &'static str,
    /// The format of the picture that is sent, and how many bytes of it.
    pub(crate) sent: (Option<Format>, u64),
    /// Why it was refused.
    pub(crate) refused: Option<Code>,
}

impl Trace {
    /// Starts with the request.
    pub(crate) fn new(started_millis: u64) -> Self {
        Self {
            started_millis,
            marked_millis: started_millis,
            steps: Vec::new(),
            project: None,
            key: None,
            cache: "none",
            sent: (None, 0),
            refused: None,
        }
    }

    /// The clock at the end of the last step, in unix seconds. The arrival lies as far back as the origin took.
    pub(crate) fn now(&self) -> u64 {
        self.marked_millis / 1000
    }

    /// The same in milliseconds.
    pub(crate) fn now_millis(&self) -> u64 {
        self.marked_millis
    }

    /// Ends a step: what took place since the last one.
    pub(crate) fn mark(&mut self, step: &'static str) {
        let now = clock::now_millis();
        self.steps.push((step, now.saturating_sub(self.marked_millis)));
        self.marked_millis = now;
    }

    /// The header: `records;dur=1, cache;dur=3`. None before the first step.
    pub(crate) fn server_timing(&self) -> Option<String> {
        let steps: Vec<_> = self.steps.iter().map(|(step, millis)| format!("{step};dur={millis}")).collect();
        (!steps.is_empty()).then(|| steps.join(", "))
    }

    /// Writes the request's one line.
    pub(crate) fn log(&self, request_id: &str, status: u16) {
        let line = Line {
            request_id,
            project: self.project.as_deref(),
            outcome: self.refused.map_or("ok", Code::as_str),
            cache: self.cache,
            status,
            ms: clock::now_millis().saturating_sub(self.started_millis),
        };
        console_log!("{}", serde_json::to_string(&line).unwrap_or_default());
    }
}

#[derive(Serialize)]
struct Line<'a> {
    request_id: &'a str,
    project: Option<&'a str>,
    outcome: &'static str,
    cache: &'static str,
    status: u16,
    ms: u64,
}

#[derive(Serialize)]
struct Trouble<'a> {
    request_id: &'a str,
    trouble: &'a str,
}

/// Writes a line for the operator beside the request's own: something to be mended.
pub(crate) fn trouble(request_id: &str, message: &str) {
    let line = Trouble { request_id, trouble: message };
    console_error!("{}", serde_json::to_string(&line).unwrap_or_default());
}
