//! What the edge tells `sealpix edge doctor`, which has proved itself (link.rs): one JSON object, nothing secret in it.
//!
//! ```text
//! version      this crate's            environment  that records are sealed for
//! engine       ENGINE_VERSION          links        ids of the edge links in use, the current one first
//! bindings     name: whether it is there            counter      durable, kv, local
//! limit_counts misses, all             cache_host   the host in the cache's names
//! origin       its URL                 origin_says  ok, proof_refused, or a denial's code
//! records      [{name, memory, kv}]: each [version, fresh_until], null, or why it does not open
//! arrived, answered                    unix milliseconds by this clock, before and after all that
//! ```
//!
//! Written through JavaScript's own objects: a JSON writer would cost the Worker more than all the rest here.

use std::rc::Rc;

use js_sys::{Array, JSON, Object, Reflect};
use sealpix::cache_key::ENGINE_VERSION;
use sealpix::envelope::Stamp;
use sealpix::link::DOCTOR_NAMES;
use wasm_bindgen::JsValue;
use worker::Env;

use crate::asked::Asked;
use crate::clock;
use crate::config::{Config, LimitCounts};
use crate::kv;
use crate::limits;
use crate::origin::Origin;
use crate::records::{self, Records};

/// A key and a project that nobody has: the origin takes the proof, and says that there is neither.
const NO_KEY: &str = "pk_AAAAAAAAAAAAAAAAAAAAAA";
const NO_PROJECT: &str = "sealpix-doctor";

/// How this edge stands; with the records of `names`, a line each, if there is a namespace to look into.
pub(crate) async fn report(
    env: &Env,
    config: Rc<Config>,
    records: Option<Records>,
    asked: &Asked,
    names: &str,
) -> String {
    let report = Object::new();
    let bindings = Object::new();
    for name in [records::BINDING].iter().chain(&limits::BINDINGS) {
        set(&bindings, name, kv::binding_of(env, name).is_some().into());
    }
    let links = Array::new();
    for link in &config.links {
        links.push(&link.id().to_string().into());
    }
    set(&report, "version", env!("CARGO_PKG_VERSION").into());
    set(&report, "engine", ENGINE_VERSION.into());
    set(&report, "environment", config.environment.as_str().into());
    set(&report, "links", links.into());
    set(&report, "bindings", bindings.into());
    set(&report, "counter", limits::counter(env).into());
    let all = config.limit_counts == LimitCounts::All;
    set(&report, "limit_counts", if all { "all" } else { "misses" }.into());
    set(&report, "cache_host", config.cache_host.as_str().into());
    set(&report, "origin", config.origin.as_str().into());

    let said = match Origin::new(config.clone()).records(NO_KEY, NO_PROJECT, &asked.id).await {
        Ok(_) => "ok",
        Err(refusal) if refusal.proof_refused => "proof_refused",
        Err(refusal) => refusal.code().as_str(),
    };
    set(&report, "origin_says", said.into());

    let held = Array::new();
    if let Some(records) = records {
        for name in names.lines().take(DOCTOR_NAMES) {
            let (memory, kv) = records.held(name, asked).await;
            let record = Object::new();
            set(&record, "name", name.into());
            set(&record, "memory", stamp(memory));
            set(&record, "kv", kv.map_or_else(JsValue::from, stamp));
            held.push(&record);
        }
    }
    set(&report, "records", held.into());
    set(&report, "arrived", number(asked.at_millis));
    set(&report, "answered", number(clock::now_millis()));
    JSON::stringify(&report).map(String::from).unwrap_or_default()
}

fn set(object: &Object, name: &str, value: JsValue) {
    // A plain object takes every property.
    let _ = Reflect::set(object, &name.into(), &value);
}

fn stamp(stamp: Option<Stamp>) -> JsValue {
    stamp.map_or(JsValue::NULL, |stamp| Array::of2(&number(stamp.version), &number(stamp.fresh_until)).into())
}

#[expect(clippy::cast_precision_loss, reason = "times and versions, in milliseconds at most, are far below 2^53")]
fn number(value: u64) -> JsValue {
    (value as f64).into()
}
