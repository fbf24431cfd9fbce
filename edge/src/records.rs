//! Records of keys and projects: from the isolate's memo, from KV, or pulled from the origin.
//!
//! The memo answers for 15 seconds, and for 15 more while it is refreshed. Then KV is read, both names side by side;
//! what it lacks, or holds in a form that does not open here, is pulled from the origin. Only a push of the origin's
//! writes KV: a pull fills the memo, so a slow one cannot overwrite a revocation. Past a record's `fresh_until`
//! nothing is served by it.

mod marks;
mod memo;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::join;
use sealpix::denial::{Code, Denial};
use sealpix::envelope::{self, Context, Kind, Stamp};
use sealpix::record::{KeyRecord, ProjectRecord};
use sealpix::usage::Event;
use sealpix::{target, wire};
use wasm_bindgen::JsValue;
use worker::{Delay, Env};

use crate::asked::Asked;
use crate::clock;
use crate::config::Config;
use crate::events;
use crate::kv::Kv;
use crate::origin::Origin;
use crate::response::Refusal;
use crate::trace::trouble;
use marks::{Mark, Marked, is_marked};
use memo::{Known, Memo, Record, Standing};

/// The KV namespace.
pub(crate) const BINDING: &str = "RECORDS";

/// How long a data centre may keep a KV value, in seconds: the least that KV takes.
const KV_CACHE_SECS: u32 = 30;

/// Pulls of names that nobody knows yet, per second and isolate: strangers invent keys for nothing (SIG-11).
const PULLS_A_SECOND: u32 = 20;

/// How long KV keeps a record past its end, in seconds: an edge without its origin then says that its record is old,
/// not that it has none, and what no origin renews is gone some day.
const KV_REST_SECS: u64 = 604_800;

/// How long KV may take to read a name, in milliseconds, before it counts as one that cannot be read.
const KV_MILLIS: u64 = 2_000;

/// How often, and how long, a request looks whether another's pull of the same names has ended.
const FOLLOW_MILLIS: u64 = 20;
const FOLLOW_TIMES: u32 = 100;

thread_local! {
    static MEMO: RefCell<Memo> = const { RefCell::new(Memo::new()) };
    static PULLING: Marked = const { RefCell::new(Vec::new()) };
    static PUSHED: Marked = const { RefCell::new(Vec::new()) };
    static BUDGET: Cell<(u64, u32)> = const { Cell::new((0, 0)) };
}

/// The records of this edge.
#[derive(Debug, Clone)]
pub(crate) struct Records {
    config: Rc<Config>,
    origin: Origin,
    kv: Kv,
}

/// A record's place: `key:pk_…` or `project:my-app`.
#[derive(Debug, Clone)]
struct Name {
    kind: Kind,
    name: String,
    stored: String,
}

impl Name {
    fn new(kind: Kind, name: String) -> Self {
        Self { stored: format!("{}:{name}", kind.as_str()), kind, name }
    }

    /// Reads `stored`. The record itself, which is sealed for its name, tells whether that is one.
    fn parse(stored: &str) -> Option<Self> {
        let (kind, name) = stored.split_once(':')?;
        let kind = [Kind::Key, Kind::Project].into_iter().find(|known| known.as_str() == kind)?;
        Some(Self::new(kind, name.to_owned()))
    }
}

/// KV did not say what it holds, or that it holds nothing.
struct Unreadable;

/// What became of a sealed record.
enum Read {
    /// It is the newest seen, and in the memo.
    Counts(Stamp),
    /// A newer one is in the memo.
    Older,
    /// It does not open here.
    Nothing,
}

impl Records {
    /// Binds the namespace.
    pub(crate) fn bind(env: &Env, config: Rc<Config>, origin: Origin) -> Option<Self> {
        Some(Self { config, origin, kv: Kv::bind(env, BINDING)? })
    }

    /// The records of the key and the project that a target names; `None` for what does not exist.
    pub(crate) async fn look_up(
        &self,
        request: &target::Request,
        asked: &Asked,
        later: &worker::Context,
    ) -> Result<(Option<Rc<KeyRecord>>, Option<Rc<ProjectRecord>>), Refusal> {
        let names =
            [Name::new(Kind::Key, request.key.to_string()), Name::new(Kind::Project, request.project.to_string())];
        let standing = |name: &Name| MEMO.with_borrow_mut(|memo| memo.standing(&name.stored, asked.at_millis));
        let [key, project] = names.each_ref().map(standing);
        match key.max(project) {
            Standing::Fresh => {}
            Standing::Old => self.read(&names, &asked.id).await?,
            Standing::Ageing => {
                let (records, names, id) = (self.clone(), names.clone(), asked.id.clone());
                later.wait_until(async move {
                    // What cannot be refreshed ages on; the request that has to wait for it then says why.
                    let _ = records.read(&names, &id).await;
                });
            }
        }
        let [key, project] = names.each_ref().map(|name| Self::remembered(name, asked.now()));
        let key = key?.and_then(|record| if let Record::Key(key) = record { Some(key) } else { None });
        let project =
            project?.and_then(|record| if let Record::Project(project) = record { Some(project) } else { None });
        Ok((key, project))
    }

    fn remembered(name: &Name, now: u64) -> Result<Option<Record>, Refusal> {
        match MEMO.with_borrow_mut(|memo| memo.known(&name.stored)) {
            Some(Known::Is(_, fresh_until)) if now > fresh_until => Err(Code::RecordStale.into()),
            Some(Known::Is(record, _)) => Ok(Some(record)),
            Some(Known::Nothing) => Ok(None),
            None => Err(busy()),
        }
    }

    /// Brings the two names into the memo: from KV, and if one is not settled there, from the origin.
    async fn read(&self, names: &[Name; 2], request_id: &str) -> Result<(), Refusal> {
        let began = clock::now_millis();
        let [key, project] = names;
        let (key_sealed, project_sealed) = join(self.stored(key, request_id), self.stored(project, request_id)).await;
        let settled = |name: &Name, sealed: Result<Option<String>, Unreadable>| {
            sealed.ok().flatten().is_some_and(|sealed| self.settles(name, &sealed, "KV", request_id))
        };
        // Both, so that both are in the memo whatever one of them lacks.
        let (key_settled, project_settled) = (settled(key, key_sealed), settled(project, project_sealed));
        if key_settled && project_settled { Ok(()) } else { self.pull(names, began, request_id).await }
    }

    /// Takes a record that the origin pushes: into the memo, so that it counts here at once, and into KV, for the others.
    /// What is older than what KV or this isolate holds is left; the answer says which version is held.
    pub(crate) async fn take(&self, name: &str, sealed: &str, request_id: &str) -> Result<String, Refusal> {
        let malformed = || Denial::new(Code::MalformedUrl, "no record of a name of ours opens here");
        let name = Name::parse(name).ok_or_else(malformed)?;
        // Two at once of one name could end in KV the wrong way round.
        let refused = |why| Err(Denial::new(Code::KeyLookupBusy, why).into());
        if is_marked(&PUSHED, &name.stored) {
            return refused("another push of this name is under way");
        }
        let _pushed = Mark::set(&PUSHED, &[&name.stored]);
        let held = self.stored(&name, request_id).await;
        if let Ok(Some(held)) = &held {
            self.settles(&name, held, "KV", request_id);
        }
        let stamp = match self.reads(&name, sealed, "the push", request_id) {
            Read::Counts(stamp) => stamp,
            Read::Older => {
                let version = MEMO.with_borrow_mut(|memo| memo.version(&name.stored));
                return Ok(format!("stale {version}"));
            }
            Read::Nothing => return Err(malformed().into()),
        };
        // It counts here. In KV may be a newer one, which this isolate has not seen.
        if held.is_err() {
            return refused("KV cannot be read now");
        }
        let until = stamp.fresh_until.saturating_add(KV_REST_SECS);
        if self.kv.put(&name.stored, sealed, JsValue::UNDEFINED, until).await.is_err() {
            events::note(Event::KvFailure);
            trouble(request_id, &format!("KV does not take {}", name.stored));
            return refused("KV does not take the record now");
        }
        Ok(format!("held {}", stamp.version))
    }

    /// What is held of a name, for the doctor: in this isolate's memory, and in KV, or why what KV has does not open.
    pub(crate) async fn held(&self, name: &str, asked: &Asked) -> (Option<Stamp>, Result<Option<Stamp>, String>) {
        let memory = MEMO.with_borrow_mut(|memo| memo.stamp(name));
        let Some(name) = Name::parse(name) else { return (memory, Ok(None)) };
        let sealed = match self.stored(&name, &asked.id).await {
            Ok(Some(sealed)) => sealed,
            Ok(None) => return (memory, Ok(None)),
            Err(Unreadable) => return (memory, Err("KV cannot be read".to_owned())),
        };
        let place = Context { environment: &self.config.environment, kind: name.kind, name: &name.name };
        let opened = envelope::open(&self.config.links, place, &sealed, asked.now());
        (memory, opened.map(|opened| Some(opened.stamp)).map_err(|error| error.to_string()))
    }

    async fn stored(&self, name: &Name, request_id: &str) -> Result<Option<String>, Unreadable> {
        let why = match clock::within(KV_MILLIS, self.kv.get(&name.stored, KV_CACHE_SECS)).await {
            Some(Ok(sealed)) => return Ok(sealed),
            Some(Err(_)) => "it fails",
            None => "it does not answer",
        };
        events::note(Event::KvFailure);
        trouble(request_id, &format!("KV cannot be read: {why}"));
        Err(Unreadable)
    }

    /// Opens a sealed record into the memo. Whether that settles the name: it is the newest seen, and fresh.
    fn settles(&self, name: &Name, sealed: &str, road: &str, request_id: &str) -> bool {
        let read = self.reads(name, sealed, road, request_id);
        matches!(read, Read::Counts(stamp) if clock::now_millis() / 1000 <= stamp.fresh_until)
    }

    /// Opens a sealed record into the memo, unless a newer one is there.
    fn reads(&self, name: &Name, sealed: &str, road: &str, request_id: &str) -> Read {
        let now = clock::now_millis();
        let place = Context { environment: &self.config.environment, kind: name.kind, name: &name.name };
        let opened = envelope::open(&self.config.links, place, sealed, now / 1000).map_err(|error| error.to_string());
        let read = opened.and_then(|opened| {
            let record = match name.kind {
                Kind::Key => wire::from_bytes(&opened.plaintext).map(|key| Record::Key(Rc::new(key))),
                Kind::Project => wire::from_bytes(&opened.plaintext).map(|project| Record::Project(Rc::new(project))),
            };
            record.map(|record| (record, opened.link, opened.stamp)).map_err(|error| error.to_string())
        });
        match (read, self.config.links.first()) {
            (Ok((record, link, stamp)), Some(current)) => {
                let links = (link, current.id());
                let counts = MEMO.with_borrow_mut(|memo| memo.accept(&name.stored, record, links, stamp, now));
                if counts { Read::Counts(stamp) } else { Read::Older }
            }
            (Err(error), _) => {
                trouble(request_id, &format!("{} from {road}: {error}", name.stored));
                Read::Nothing
            }
            (Ok(_), None) => Read::Nothing,
        }
    }

    /// Asks the origin, unless another request has done so since this one began to look.
    async fn pull(&self, names: &[Name; 2], began: u64, request_id: &str) -> Result<(), Refusal> {
        let known = names.iter().all(|name| MEMO.with_borrow_mut(|memo| memo.holds(&name.stored)));
        if follow(names, began).await {
            return Ok(());
        }
        if !known && !within_budget(clock::now_millis() / 1000) {
            return Err(busy());
        }
        let [key, project] = names;
        let _pulling = Mark::set(&PULLING, &[&key.stored, &project.stored]);
        let pulled = self.origin.records(&key.name, &project.name, request_id).await;
        let now = clock::now_millis();
        let pulled = match pulled {
            Ok(pulled) => pulled,
            // A record that is there and fresh outlives an origin that is not.
            Err(refusal) if known => {
                trouble(request_id, &format!("records cannot be refreshed: {}", refusal.code().as_str()));
                names.iter().for_each(|name| MEMO.with_borrow_mut(|memo| memo.keep(&name.stored, now)));
                return Ok(());
            }
            Err(refusal) if refusal.proof_refused => return Err(refusal),
            Err(_) => return Err(busy()),
        };
        for (name, sealed) in [(key, pulled.key), (project, pulled.project)] {
            match sealed {
                // What came while the pull was under way is newer than its answer (SIG-12).
                None => MEMO.with_borrow_mut(|memo| {
                    if !memo.is_settled_since(&name.stored, began) {
                        memo.is_unknown(&name.stored, now);
                    }
                }),
                Some(sealed) => {
                    if !self.settles(name, &sealed, "the origin", request_id) {
                        MEMO.with_borrow_mut(|memo| memo.keep(&name.stored, now));
                    }
                }
            }
        }
        Ok(())
    }
}

fn busy() -> Refusal {
    Denial::new(Code::KeyLookupBusy, "the key or project is not known here and cannot be looked up now").into()
}

/// Waits for another request's pull of the same names: a page of sixty pictures asks for its key once. Requests of an
/// isolate may not wait for each other's promises, so this looks from time to time. Whether the names are settled now.
async fn follow(names: &[Name; 2], began: u64) -> bool {
    let pulled_elsewhere = || names.iter().all(|name| is_marked(&PULLING, &name.stored));
    for _ in 0..FOLLOW_TIMES {
        if !pulled_elsewhere() {
            break;
        }
        Delay::from(Duration::from_millis(FOLLOW_MILLIS)).await;
    }
    names.iter().all(|name| MEMO.with_borrow_mut(|memo| memo.is_settled_since(&name.stored, began)))
}

fn within_budget(second: u64) -> bool {
    let used = match BUDGET.get() {
        (then, used) if then == second => used,
        _ => 0,
    };
    BUDGET.set((second, used.saturating_add(1)));
    used < PULLS_A_SECOND
}
