//! What a doctor has found: a line each, or JSON, and the exit code that follows from it.

use serde::Serialize;
use serde_json::json;

use super::{CommandError, print_json};

/// Whether all is well with a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    /// It is.
    Ok,
    /// It works, and somebody should know something.
    Warn,
    /// It does not work.
    Fail,
}

#[derive(Debug, Serialize)]
struct Finding {
    verdict: Verdict,
    what: &'static str,
    why: String,
}

/// What was found so far, in order.
#[derive(Debug, Default)]
pub(crate) struct Findings(Vec<Finding>);

impl Findings {
    pub(crate) fn ok(&mut self, what: &'static str, why: impl ToString) {
        self.add(Verdict::Ok, what, why);
    }

    pub(crate) fn warn(&mut self, what: &'static str, why: impl ToString) {
        self.add(Verdict::Warn, what, why);
    }

    pub(crate) fn fail(&mut self, what: &'static str, why: impl ToString) {
        self.add(Verdict::Fail, what, why);
    }

    /// Some of it may be another machine's words: what would steer a terminal is taken out.
    pub(crate) fn add(&mut self, verdict: Verdict, what: &'static str, why: impl ToString) {
        let why = why.to_string().replace(|letter: char| letter.is_control(), "?");
        self.0.push(Finding { verdict, what, why });
    }

    /// Prints everything; the error is that something fails.
    pub(crate) fn conclude(self, as_json: bool) -> Result<(), CommandError> {
        let has_failed = self.0.iter().any(|finding| finding.verdict == Verdict::Fail);
        if as_json {
            print_json(&json!({ "healthy": !has_failed, "findings": self.0 }));
        } else {
            for Finding { verdict, what, why } in &self.0 {
                let verdict = match verdict {
                    Verdict::Ok => "ok",
                    Verdict::Warn => "warn",
                    Verdict::Fail => "fail",
                };
                println!("{verdict:<5} {what:<14} {why}");
            }
        }
        if has_failed { Err(CommandError::Answered) } else { Ok(()) }
    }

    /// As a test reads it: `verdict what: why`, a line each.
    #[cfg(test)]
    pub(crate) fn lines(&self) -> String {
        let line = |found: &Finding| format!("{:?} {}: {}\n", found.verdict, found.what, found.why).to_lowercase();
        self.0.iter().map(line).collect()
    }
}
