//! The Worker's records against the registry's: each the newest version, none near its end.

use sealpix::envelope::FRESH_SECS;
use sealpix::link::DOCTOR_NAMES;
use sealpix_origin::clock::{Clock as _, SystemClock};
use sealpix_origin::origin::Origin;
use sealpix_origin::registry::{RecordName, Registry, RegistryError};

use super::report::{Held, Report, Stamp, Stored};
use crate::commands::CommandError;
use crate::commands::findings::{Findings, Verdict};

/// A record with less than this is not being renewed, which happens at half of its time.
const LITTLE_SECS: u64 = FRESH_SECS / 4;

/// What the registry knows of a record beside its version.
#[derive(Debug, Clone, Copy)]
struct Here {
    version: u64,
    /// It waits in the outbox.
    is_waiting: bool,
    /// Somebody pushes to the Worker that is examined.
    is_pushed: bool,
}

/// The records that changed last, with their versions, and how many there are.
pub(super) async fn newest(registry: &Registry) -> Result<Vec<(RecordName, u64)>, RegistryError> {
    let keys = registry.keys(None).await?;
    let mut names: Vec<_> = keys.into_iter().map(|key| (RecordName::Key(key.public_key), key.version)).collect();
    for project in registry.projects().await? {
        if let Some(row) = registry.project(&project.slug).await? {
            names.push((RecordName::Project(project.slug), row.version));
        }
    }
    names.sort_by_key(|(_, version)| std::cmp::Reverse(*version));
    names.truncate(DOCTOR_NAMES);
    Ok(names)
}

/// A line for each record that is not as it should be, and one for the rest.
pub(super) async fn compare(
    findings: &mut Findings,
    origin: &Origin,
    url: &str,
    names: &[(RecordName, u64)],
    report: &Report,
) -> Result<(), CommandError> {
    if !report.has("RECORDS") {
        return Ok(());
    }
    let now = SystemClock.secs();
    let is_pushed = origin.config.edge_url.as_deref() == Some(url);
    let mut well = 0_usize;
    let mut ends = u64::MAX;
    for (name, version) in names {
        let stored = name.to_string();
        let Some(held) = report.records.iter().find(|held| held.name == stored) else {
            findings.fail("record", format!("{stored}: the Worker says nothing of it"));
            continue;
        };
        let is_waiting = origin.registry.is_waiting(name).await?;
        match judge(Here { version: *version, is_waiting, is_pushed }, held, now) {
            Ok(until) => {
                well += 1;
                ends = ends.min(until);
            }
            Err((verdict, why)) => findings.add(verdict, "record", format!("{stored}: {why}")),
        }
    }
    if well > 0 {
        let hours = ends.saturating_sub(now) / 3600;
        let why =
            format!("{well} of the newest {} are as the registry has them, good for {hours} h at least", names.len());
        findings.ok("records", why);
    }
    Ok(())
}

/// Until when the record is good; or what is wrong with it.
fn judge(here: Here, held: &Held, now: u64) -> Result<u64, (Verdict, String)> {
    let warn = |why: String| Err((Verdict::Warn, why));
    let fail = |why: String| Err((Verdict::Fail, why));
    let Stamp(version, until) = match &held.kv {
        Some(Stored::Opens(stamp)) => *stamp,
        Some(Stored::Shut(why)) => {
            return fail(format!(
                "what KV has does not open: {why}. Another environment's or origin's Worker shares the namespace, or a \
                 link was retired too early; the origin pushes it again once a request asks for it"
            ));
        }
        None if here.is_waiting => return warn("KV does not have it yet: it waits to be pushed".to_owned()),
        None if !here.is_pushed => {
            return warn(
                "KV does not have it: nothing is pushed there, as SEALPIX_EDGE_URL is not this URL".to_owned(),
            );
        }
        None => {
            return fail(
                "KV does not have it although it was pushed: was the namespace changed? The origin pushes it again once \
                 a request asks for it"
                    .to_owned(),
            );
        }
    };
    let ours = here.version;
    if version > ours {
        return fail(format!(
            "KV has version {version}, the registry the older {ours}: after a restored backup run sealpix secrets rotate \
             edge-link"
        ));
    }
    if version < ours {
        let why = format!("KV has version {version}, the registry {ours}");
        return if here.is_waiting {
            warn(format!("{why}: it waits to be pushed; the origin's log says why it is not"))
        } else if held.memory.is_some_and(|Stamp(version, _)| version == ours) {
            warn(format!("{why}, and so has this part of the Worker: KV shows it everywhere within a minute"))
        } else {
            fail(format!("{why}: if it is so in a minute, look at the origin's log, and at SEALPIX_EDGE_URL"))
        };
    }
    match until.saturating_sub(now) {
        0 => {
            fail("it has ended, and nothing is served by it: sealpix serve renews it, with SEALPIX_EDGE_URL".to_owned())
        }
        left @ ..LITTLE_SECS => {
            let hours = left / 3600;
            warn(format!("it ends in {hours} h: sealpix serve renews it, with SEALPIX_EDGE_URL; look at its log"))
        }
        _ => Ok(until),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn judged(here: (u64, bool, bool), memory: Option<Stamp>, kv: Option<Stored>) -> String {
        let (version, is_waiting, is_pushed) = here;
        let held = Held { name: "project:my-app".to_owned(), memory, kv };
        match judge(Here { version, is_waiting, is_pushed }, &held, NOW) {
            Ok(until) => format!("ok {until}"),
            Err((verdict, why)) => format!("{verdict:?} {why}"),
        }
    }

    #[test]
    fn a_record_is_well_as_long_as_it_is_the_newest_and_far_from_its_end() {
        let opens = |version, left| Some(Stored::Opens(Stamp(version, NOW + left)));
        let day = FRESH_SECS;
        for (here, memory, kv, begins) in [
            ((5, false, true), None, opens(5, day), "ok 1800086400"),
            ((5, false, false), None, opens(5, day), "ok 1800086400"),
            ((5, false, true), None, opens(5, LITTLE_SECS), "ok "),
            ((5, false, true), None, opens(5, LITTLE_SECS - 1), "Warn it ends in 5 h"),
            ((5, false, true), None, opens(5, 0), "Fail it has ended"),
            ((5, true, true), None, opens(4, day), "Warn KV has version 4, the registry 5: it waits"),
            (
                (5, false, true),
                Some(Stamp(5, NOW + day)),
                opens(4, day),
                "Warn KV has version 4, the registry 5, and so",
            ),
            ((5, false, true), Some(Stamp(4, NOW + day)), opens(4, day), "Fail KV has version 4, the registry 5: if"),
            ((5, false, true), None, opens(6, day), "Fail KV has version 6, the registry the older 5"),
            ((5, true, true), None, None, "Warn KV does not have it yet"),
            ((5, false, false), None, None, "Warn KV does not have it: nothing is pushed"),
            ((5, false, true), None, None, "Fail KV does not have it although"),
            ((5, false, true), None, Some(Stored::Shut("no".to_owned())), "Fail what KV has does not open: no."),
        ] {
            let judged = judged(here, memory, kv);
            assert!(judged.starts_with(begins), "{here:?}: {judged}");
        }
    }
}
