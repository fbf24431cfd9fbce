//! The exact counter: one Durable Object for each key, which grants leases (`counters::durable`).

use std::cell::RefCell;
use std::time::Duration;

use js_sys::futures::JsFuture;
use js_sys::{Promise, Reflect};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast as _, JsValue};
use worker::durable::State;
use worker::{Delay, DurableObject, Env, Request, Response, ResponseBuilder, durable_object};

use crate::clock;
use crate::counters::StoreError;
use crate::counters::durable::{Ask, Book, Grant, Ledger};
use crate::kv::object;

/// Between two looks of a request that waits for another one's ask.
const PAUSE: Duration = Duration::from_millis(10);

/// Where the object keeps its book.
const BOOK: &str = "book";

/// How long an object may take, in milliseconds, before it counts as one that fails: a request may wait for it.
const ASK_MILLIS: u64 = 2_000;

/// Requests to an object need a URL; nobody reads this one.
const URL: &str = "https://key-counter.invalid/";

#[wasm_bindgen]
extern "C" {
    /// The namespace as the platform binds it.
    #[derive(Debug, Clone)]
    pub(super) type ObjectNamespace;
    #[wasm_bindgen(method, catch, js_name = idFromName)]
    fn id_from_name(this: &ObjectNamespace, name: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn get(this: &ObjectNamespace, id: &JsValue) -> Result<ObjectStub, JsValue>;

    type ObjectStub;
    #[wasm_bindgen(method, catch)]
    fn fetch(this: &ObjectStub, url: &str, options: &JsValue) -> Result<Promise, JsValue>;

    type Storage;
    #[wasm_bindgen(method, catch)]
    fn get(this: &Storage, name: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn put(this: &Storage, name: &str, value: &str) -> Result<Promise, JsValue>;
}

/// The way from an isolate to the objects.
#[derive(Debug, Clone)]
pub(super) struct Objects(ObjectNamespace);

impl Objects {
    pub(super) fn new(binding: JsValue) -> Self {
        Self(binding.unchecked_into())
    }

    async fn ask(&self, scope: &str, ask: &Ask) -> Result<Option<Grant>, JsValue> {
        let stub = self.0.get(&self.0.id_from_name(scope)?)?;
        let options = object([("method", "POST".into()), ("body", ask.text().into())]);
        let answer: web_sys::Response = JsFuture::from(stub.fetch(URL, &options)?).await?.dyn_into()?;
        let text = JsFuture::from(answer.text()?).await?.as_string();
        Ok(text.and_then(|text| Grant::read(&text)))
    }
}

impl Ledger for Objects {
    async fn lease(&self, scope: &str, ask: Ask) -> Result<Grant, StoreError> {
        let asked = clock::within(ASK_MILLIS, self.ask(scope, &ask)).await;
        asked.and_then(Result::ok).flatten().ok_or(StoreError::Failed)
    }

    async fn pause(&self) {
        Delay::from(PAUSE).await;
    }

    fn now(&self) -> u64 {
        clock::now_millis()
    }
}

/// The counter of one key. Its book is in its storage before an answer leaves: the platform holds back what follows a
/// write until the write is done.
#[durable_object(fetch)]
pub struct KeyCounter {
    storage: JsValue,
    book: RefCell<Option<Book>>,
}

impl DurableObject for KeyCounter {
    fn new(state: State, _: Env) -> Self {
        let storage = Reflect::get(state._inner().as_ref(), &"storage".into()).unwrap_or_default();
        Self { storage, book: RefCell::new(None) }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        let answer = self.answer(request.inner()).await;
        let (status, text) = answer.map_or((400, String::new()), |grant| (200, grant.text()));
        let body = worker::ResponseBody::Body(text.into_bytes());
        Ok(ResponseBuilder::new().with_status(status).body(body))
    }
}

impl KeyCounter {
    async fn answer(&self, request: &web_sys::Request) -> Result<Grant, JsValue> {
        let asked = JsFuture::from(request.text()?).await?.as_string();
        let ask = asked.and_then(|asked| Ask::read(&asked)).ok_or(JsValue::NULL)?;
        let storage: &Storage = self.storage.unchecked_ref();
        if self.book.borrow().is_none() {
            let stored = JsFuture::from(storage.get(BOOK)?).await?.as_string();
            // What no version of ours wrote is a book that is lost: counting starts anew.
            let read = stored.and_then(|stored| Book::read(&stored)).unwrap_or_default();
            self.book.borrow_mut().get_or_insert(read);
        }
        let mut book = self.book.borrow_mut();
        let book = book.get_or_insert_default();
        let grant = book.lease(&ask, clock::now_millis());
        // Not awaited: the platform holds the answer back until the write is done, and starts the object anew if it fails.
        let _ = storage.put(BOOK, &book.text())?;
        Ok(grant)
    }
}
