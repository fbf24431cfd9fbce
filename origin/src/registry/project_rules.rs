//! What a project must be, whoever writes it: a state file, the admin API or setup.

use sealpix::envelope::MAX_SEALED_BYTES;
use sealpix::gate;
use sealpix::operations::{ITEMS, Name, Operations};
use sealpix::record::{Environment, Grant, Policy, Preset};

use super::{FallbackError, HostRuleError, Project, StoredSource, normalise_referer};

/// Why a project is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProjectError {
    /// A host rule.
    #[error(transparent)]
    Rule(#[from] HostRuleError),
    /// A preset's operations.
    #[error("preset {name}: {reason}")]
    Preset {
        /// The preset.
        name: Name,
        /// What is wrong.
        reason: String,
    },
    /// A grant of nothing.
    #[error("grants @{0}, which is no source")]
    Grant(Name),
    /// Others would answer without asking the gate.
    #[error("caching.public lets others answer for us, which a referer list does not allow")]
    PublicCaching,
    /// What is to be shown where a source is missing.
    #[error("fallback: {0}")]
    Fallback(#[from] FallbackError),
    /// A policy that names what is no operation.
    #[error("policy.operations names {0:?}, which is no operation")]
    Policy(String),
    /// A policy that names an operation twice.
    #[error("policy.operations names {0:?} twice")]
    Repeated(String),
    /// The edge would refuse its record.
    #[error("its record is larger than {MAX_SEALED_BYTES} bytes")]
    TooLarge,
}

/// A preset from operations in any order and spelling.
pub fn read_preset(name: &Name, text: &str) -> Result<Preset, ProjectError> {
    let fail = |reason: String| ProjectError::Preset { name: name.clone(), reason };
    let operations = Operations::read(text).map_err(|error| fail(error.to_string()))?;
    Preset::new(operations).ok_or_else(|| fail("holds a preset or a list of widths".to_owned()))
}

/// The grants of sources by name, each with its version.
pub fn read_grants(names: &[Name], known_sources: &[StoredSource]) -> Result<Vec<Grant>, ProjectError> {
    let grant = |name: &Name| {
        let source = known_sources.iter().find(|source| source.name == *name);
        let source = source.ok_or_else(|| ProjectError::Grant(name.clone()))?;
        Ok(Grant { name: name.clone(), version: source.version })
    };
    names.iter().map(grant).collect()
}

/// Refuses a policy that allows what there is not.
pub fn check_policy(policy: &Policy) -> Result<(), ProjectError> {
    let names = policy.operations.as_deref().unwrap_or_default();
    // Each once, so that there are no more of them than operations: the key's record stays small enough to be pushed.
    if let Some(again) = names.iter().enumerate().find_map(|(at, name)| names[..at].contains(name).then_some(name)) {
        return Err(ProjectError::Repeated(again.clone()));
    }
    let mut named = names.iter();
    match named.find(|name| !ITEMS.iter().any(|item| item.name == name.as_str())) {
        Some(unknown) => Err(ProjectError::Policy(unknown.clone())),
        None => Ok(()),
    }
}

impl Project {
    /// Checks what no part of the project shows by itself.
    pub fn check(&self) -> Result<(), ProjectError> {
        // Rules that were right in development are looked at again when the project goes live.
        for rule in self.referers.iter().filter(|_| self.environment != Environment::Development) {
            normalise_referer(&rule.to_string(), self.environment)?;
        }
        if self.caching.public && !self.referers.is_empty() {
            return Err(ProjectError::PublicCaching);
        }
        if let Some(fallback) = &self.fallback {
            gate::check_source(fallback.source(), &self.record()).map_err(|_| FallbackError::NotAdmitted)?;
        }
        check_policy(&self.key_defaults.policy)?;
        // Purges give way where there is no room for them.
        let unpurged = Self { source_epochs: Vec::new(), ..self.clone() };
        if unpurged.fits() { Ok(()) } else { Err(ProjectError::TooLarge) }
    }

    /// Whether the edge takes its record: in base64, with its head.
    pub(super) fn fits(&self) -> bool {
        sealpix::wire::to_bytes(&self.record()).len() * 4 / 3 + 200 <= MAX_SEALED_BYTES
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use sealpix::record::Caching;
    use sealpix::target::Slug;

    use super::*;
    use crate::registry::{FallbackDeclared, KeyDefaults, normalise_source};

    pub(in crate::registry) fn plain() -> Project {
        Project {
            slug: Slug::new("my-app").unwrap(),
            environment: Environment::Production,
            referers: Vec::new(),
            require_referer: false,
            sources: Vec::new(),
            grants: Vec::new(),
            watermarks: Vec::new(),
            presets: BTreeMap::new(),
            caching: Caching::default(),
            fallback: None,
            key_defaults: KeyDefaults::default(),
            epoch: 0,
            source_epochs: Vec::new(),
        }
    }

    #[test]
    fn a_projects_parts_must_fit_together() {
        assert_eq!(plain().check(), Ok(()));
        let local = normalise_referer("localhost:3000", Environment::Development).unwrap();
        let development = Project { environment: Environment::Development, referers: vec![local], ..plain() };
        assert_eq!(development.check(), Ok(()));
        let live = Project { environment: Environment::Production, ..development.clone() };
        assert_eq!(live.check(), Err(ProjectError::Rule(HostRuleError::Address("localhost:3000".to_owned()))));
        let public = Project { caching: Caching { public: true, ..Caching::default() }, ..development };
        assert_eq!(public.check(), Err(ProjectError::PublicCaching));
        let policy = Policy { operations: Some(vec!["w".to_owned(), "sepia".to_owned()]), ..Policy::default() };
        let named = Project { key_defaults: KeyDefaults { policy, ..KeyDefaults::default() }, ..plain() };
        assert_eq!(named.check(), Err(ProjectError::Policy("sepia".to_owned())));
        let policy = Policy { operations: Some(vec!["w".to_owned(), "w".to_owned()]), ..Policy::default() };
        assert_eq!(check_policy(&policy), Err(ProjectError::Repeated("w".to_owned())), "a list may grow without end");
        let fallback = |source: &str, sources| {
            let declared = FallbackDeclared { source: source.to_owned(), ttl_secs: 60 };
            Project { fallback: Some(declared.try_into().unwrap()), sources, ..plain() }.check()
        };
        let admitted = || vec![normalise_source("cdn.example.com").unwrap()];
        assert_eq!(fallback("cdn.example.com/x.png", admitted()), Ok(()));
        for (source, sources) in
            [("cdn.example.com/x.png", vec![]), ("a.example.com/x", admitted()), ("@gallery/x", admitted())]
        {
            let refused = Err(ProjectError::Fallback(FallbackError::NotAdmitted));
            assert_eq!(fallback(source, sources), refused, "{source}");
        }
        let sources = (0..4_000).map(|n| normalise_source(&format!("host-{n}.of-a-long-name.example.com")).unwrap());
        assert_eq!(Project { sources: sources.collect(), ..plain() }.check(), Err(ProjectError::TooLarge));
    }

    #[test]
    fn a_preset_is_read_as_people_write_and_its_error_names_the_item() {
        let name = Name::new("card").unwrap();
        assert_eq!(read_preset(&name, "f_webp,w_400").unwrap().to_string(), "w_400,f_webp");
        for (text, told) in
            [("w_0", "operation w "), ("sepia_1", "sepia"), ("w_320|640", "list"), ("p_other", "preset")]
        {
            let error = read_preset(&name, text).unwrap_err().to_string();
            assert!(error.starts_with("preset card: ") && error.contains(told), "{error}");
        }
    }
}
