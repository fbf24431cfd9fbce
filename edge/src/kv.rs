//! Workers KV, as much of it as is used here. By hand: the library's way brings a serialiser and
//! errors of its own, some KB of the Worker's size.

use js_sys::futures::JsFuture;
use js_sys::{Array, Object, Promise, Reflect};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast as _, JsValue};
use worker::Env;

/// Pages of a list that are read; a page has up to 1,000 names.
const MAX_PAGES: usize = 10;

#[wasm_bindgen]
extern "C" {
    /// A namespace as the platform binds it.
    #[derive(Debug, Clone)]
    pub(crate) type KvNamespace;
    #[wasm_bindgen(method, catch)]
    fn get(this: &KvNamespace, name: &str, options: &Object) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn put(this: &KvNamespace, name: &str, value: &str, options: &Object) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn list(this: &KvNamespace, options: &Object) -> Result<Promise, JsValue>;
}

/// A namespace.
#[derive(Debug, Clone)]
pub(crate) struct Kv(KvNamespace);

/// A namespace that does not do as it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KvError {
    /// Too many writes of one name: one a second is taken.
    Busy,
    /// Anything else.
    Failed,
}

impl From<JsValue> for KvError {
    fn from(error: JsValue) -> Self {
        // "KV PUT failed: 429 Too Many Requests": the platform says it nowhere else.
        let message = Reflect::get(&error, &"message".into()).ok().and_then(|message| message.as_string());
        if message.is_some_and(|message| message.contains(" 429 ")) { Self::Busy } else { Self::Failed }
    }
}

impl Kv {
    /// The namespace that is bound under this name.
    pub(crate) fn bind(env: &Env, binding: &str) -> Option<Self> {
        binding_of(env, binding).map(|namespace| Self(namespace.unchecked_into()))
    }

    /// A value, as this data centre may have kept it for `cache_secs`.
    pub(crate) async fn get(&self, name: &str, cache_secs: u32) -> Result<Option<String>, KvError> {
        let options = object([("type", "text".into()), ("cacheTtl", cache_secs.into())]);
        let value = JsFuture::from(self.0.get(name, &options)?).await?;
        Ok(value.as_string())
    }

    /// Writes a value and its metadata, to be gone at `expiration` (unix seconds).
    pub(crate) async fn put(&self, name: &str, value: &str, metadata: JsValue, expiration: u64) -> Result<(), KvError> {
        #[expect(clippy::cast_precision_loss, reason = "seconds are far below 2^53")]
        let expiration = (expiration as f64).into();
        let options = object([("expiration", expiration), ("metadata", metadata)]);
        JsFuture::from(self.0.put(name, value, &options)?).await?;
        Ok(())
    }

    /// The names that begin with `prefix`, each with its metadata.
    pub(crate) async fn list(&self, prefix: &str) -> Result<Vec<(String, JsValue)>, KvError> {
        let mut found = Vec::new();
        let mut cursor = JsValue::UNDEFINED;
        for _ in 0..MAX_PAGES {
            let options = object([("prefix", prefix.into()), ("cursor", cursor)]);
            let page = JsFuture::from(self.0.list(&options)?).await?;
            let keys: Array = Reflect::get(&page, &"keys".into())?.dyn_into()?;
            for key in keys.iter() {
                let name = Reflect::get(&key, &"name".into())?.as_string().ok_or(KvError::Failed)?;
                found.push((name, Reflect::get(&key, &"metadata".into())?));
            }
            cursor = Reflect::get(&page, &"cursor".into())?;
            if !cursor.is_string() {
                break;
            }
        }
        Ok(found)
    }
}

/// What is bound under a name, or nothing.
pub(crate) fn binding_of(env: &Env, binding: &str) -> Option<JsValue> {
    Reflect::get(env, &binding.into()).ok().filter(JsValue::is_object)
}

/// An object of these properties, but for those that are undefined.
pub(crate) fn object<const N: usize>(properties: [(&str, JsValue); N]) -> Object {
    let object = Object::new();
    for (name, value) in properties {
        if !value.is_undefined() {
            // Setting a property of a plain object cannot fail.
            let _ = Reflect::set(&object, &name.into(), &value);
        }
    }
    object
}
