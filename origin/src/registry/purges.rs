//! Purges: the epochs of a project and, in table `source_epochs`, of beginnings of its source texts.
//!
//! Epochs are a part of each cached picture's name, so moving one empties the caches without asking them. An epoch is the
//! time of its purge, in unix milliseconds, and above every other of its project: it rises where the clock does not, and
//! after an old backup was restored the next purge is above what the edge has seen.
//!
//! Only the registry's part is here. What the gate of another instance reads after this change's commit is the new epoch,
//! and the bytes of the source are read after that; delivery refuses where it is behind the edge (`origin_behind`).

use sealpix::record::SourceEpoch;
use sealpix::target::Slug;
use serde_json::json;

use super::database::values;
use super::{Change, Project, RecordName, RegistryError, SourcePrefix, next_version, outbox};

/// Most prefixes of a project that have an epoch of their own.
pub const MAX_PREFIXES: usize = 64;

/// Between a row's epoch and its prefix, and between rows, in one text: sources have no control characters.
pub(super) const BETWEEN_ROWS: char = '\n';

/// What a purge has moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purged {
    /// The new epoch.
    pub epoch: u64,
    /// Whether it is the whole project's.
    pub is_whole: bool,
}

impl Project {
    /// Moves the epoch of a prefix, or the project's: where none is named, where there is room for no more, and where the
    /// record would be too large to be pushed. The project's says it for all prefixes, which are dropped then.
    pub(super) fn purge(&mut self, prefix: Option<&SourcePrefix>, now_millis: u64) -> Purged {
        let newest = self.source_epochs.iter().map(|purge| purge.epoch).fold(self.epoch, u64::max);
        let epoch = next_version(newest, now_millis);
        if let Some(prefix) = prefix {
            // The newer one says it for all that it covers.
            self.source_epochs.retain(|held| !held.prefix.starts_with(prefix.as_str()));
            self.source_epochs.push(SourceEpoch { prefix: prefix.to_string(), epoch });
            self.source_epochs.sort_by(|a, b| a.prefix.cmp(&b.prefix));
            if self.source_epochs.len() <= MAX_PREFIXES && self.fits() {
                return Purged { epoch, is_whole: false };
            }
        }
        self.source_epochs.clear();
        self.epoch = epoch;
        Purged { epoch, is_whole: true }
    }
}

/// The rows of a project, as its own statement joins them, in the order of their prefixes' bytes.
pub(super) fn read(text: &str) -> Option<Vec<SourceEpoch>> {
    let purges = text.split(BETWEEN_ROWS).filter(|row| !row.is_empty()).map(|row| {
        let (epoch, prefix) = row.split_once(' ')?;
        Some(SourceEpoch { prefix: prefix.to_owned(), epoch: epoch.parse().ok()? })
    });
    let mut purges: Vec<SourceEpoch> = purges.collect::<Option<_>>()?;
    purges.sort_by(|a, b| a.prefix.cmp(&b.prefix));
    Some(purges)
}

/// Writes what has changed of a project's rows.
pub(super) async fn store(change: &mut Change, held: &Project, wanted: &Project) -> Result<(), RegistryError> {
    let slug = wanted.slug.as_str();
    if wanted.source_epochs.is_empty() {
        change.execute("DELETE FROM source_epochs WHERE project = $1", values![slug]).await?;
    }
    for purge in held.source_epochs.iter().filter(|held| !wanted.source_epochs.contains(held)) {
        let sql = "DELETE FROM source_epochs WHERE project = $1 AND prefix = $2";
        change.execute(sql, values![slug, purge.prefix.as_str()]).await?;
    }
    for purge in wanted.source_epochs.iter().filter(|wanted| !held.source_epochs.contains(wanted)) {
        let sql = "INSERT INTO source_epochs (project, prefix, epoch) VALUES ($1, $2, $3)";
        change.execute(sql, values![slug, purge.prefix.as_str(), purge.epoch]).await?;
    }
    Ok(())
}

impl Change {
    /// Purges the sources that begin with `prefix`, or all of a project. Once more is a newer epoch.
    ///
    /// # Errors
    /// [`RegistryError::Missing`]: no such project, or a prefix in a configured source that there is not.
    pub async fn purge(&mut self, slug: &Slug, prefix: Option<&SourcePrefix>) -> Result<Purged, RegistryError> {
        let stored = self.project(slug).await?;
        if let Some(name) = prefix.and_then(SourcePrefix::named_source)
            && !self.sources().await?.iter().any(|source| source.name == name)
        {
            return Err(RegistryError::Missing(format!("source @{name}")));
        }
        let mut project = stored.value.clone();
        let purged = project.purge(prefix, self.now());
        let version = next_version(stored.version, self.now());
        let sql = "UPDATE projects SET epoch = $2, version = $3 WHERE slug = $1";
        self.execute(sql, values![slug.as_str(), project.epoch, version]).await?;
        store(self, &stored.value, &project).await?;
        outbox::queue(self, &RecordName::Project(slug.clone()), version).await?;
        let after = json!({
            "prefix": prefix.map(SourcePrefix::as_str), "all": purged.is_whole, "epoch": purged.epoch,
        });
        self.note("project.purged", format!("project {slug}"), None, Some(after));
        Ok(purged)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sealpix::envelope::MAX_SEALED_BYTES;

    use super::super::project_rules::tests::plain;
    use super::super::{MAX_PREFIX_BYTES, normalise_source};
    use super::*;

    fn prefix(text: &str) -> SourcePrefix {
        SourcePrefix::read(text).unwrap()
    }

    #[test]
    fn a_purge_is_above_every_other_and_drops_what_it_covers() {
        let mut project = Project { epoch: 7, ..plain() };
        for (now, source, epoch) in [(5, "@g/a/", 8), (50, "@g/b", 50), (40, "@g/a/x", 51), (40, "@g/a/", 52)] {
            assert_eq!(project.purge(Some(&prefix(source)), now), Purged { epoch, is_whole: false });
            assert_eq!(project.record().source_epoch(source), epoch);
        }
        let held: Vec<_> = project.source_epochs.iter().map(|held| (held.prefix.as_str(), held.epoch)).collect();
        assert_eq!(held, [("@g/a/", 52), ("@g/b", 50)]);
        assert_eq!(project.record().source_epoch("@g/c"), 0);
        assert_eq!(project.purge(None, 1), Purged { epoch: 53, is_whole: true });
        assert_eq!((project.epoch, project.source_epochs.len()), (53, 0));
    }

    #[test]
    fn the_65th_prefix_moves_the_whole_project() {
        let mut project = plain();
        for number in 0..64 {
            assert!(!project.purge(Some(&prefix(&format!("@g/{number}/"))), 1).is_whole);
        }
        let again = project.purge(Some(&prefix("@g/5/")), 1);
        assert_eq!(again, Purged { epoch: 65, is_whole: false }, "one that is held needs no more room");
        assert_eq!(project.purge(Some(&prefix("@h/")), 1), Purged { epoch: 66, is_whole: true });
        assert!(project.source_epochs.is_empty());
    }

    #[test]
    fn sixty_four_of_the_longest_prefixes_fit_and_no_purge_makes_a_record_too_large_to_push() {
        let long = |number: usize| prefix(&format!("@g/{number:03}{}", "a".repeat(MAX_PREFIX_BYTES - 6)));
        let mut project = plain();
        assert!((0..64).all(|number| !project.purge(Some(&long(number)), 1).is_whole));

        let host = |number| normalise_source(&format!("host-{number}.of-a-long-name.example.com")).unwrap();
        let mut full = plain();
        full.sources = (0..2_300).map(host).collect();
        let most = (0..64).take_while(|number| !full.purge(Some(&long(*number)), 1).is_whole).count();
        assert!((1..64).contains(&most), "{most}");
        assert!(full.fits() && full.source_epochs.is_empty());
        let bytes = sealpix::wire::to_bytes(&full.record()).len();
        assert!(bytes < MAX_SEALED_BYTES, "{bytes}");
    }

    proptest! {
        #[test]
        fn no_sources_epochs_ever_fall(purges in prop::collection::vec((0..100_u64, "@[ab]/([ab]{0,2}/?)?|"), 1..200)) {
            let mut project = plain();
            let watched = ["@a/x", "@a/a", "@a/ab/c", "@b/b/", "@b/ba", "@c/x"];
            let epochs = |project: &Project, source: &str| (project.epoch, project.record().source_epoch(source));
            for (now, written) in purges {
                let before = watched.map(|source| epochs(&project, source));
                let purged = SourcePrefix::read(&written).ok();
                project.purge(purged.as_ref(), now);
                for (source, before) in watched.into_iter().zip(before) {
                    let after = epochs(&project, source);
                    let is_covered = purged.as_ref().is_none_or(|purged| source.starts_with(purged.as_str()));
                    prop_assert!(after >= before, "{source}: {before:?} became {after:?}");
                    prop_assert!(!is_covered || after > before, "{source} was purged and stands at {after:?}");
                }
            }
        }
    }
}
