//! The limit of a client address: the platform's own rate limiter, which counts in each data centre and costs no I/O that
//! is billed. It runs before a record is looked up, so it also bounds what unknown keys and malformed URLs cost (SIG-11).

use js_sys::futures::JsFuture;
use js_sys::{Promise, Reflect};
use sealpix::denial::{Code, Denial};
use sealpix::usage::Event;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use worker::Env;

use crate::asked::Asked;
use crate::clock;
use crate::events;
use crate::kv::{binding_of, object};
use crate::response::Refusal;
use crate::trace::trouble;

/// The rate limiter of wrangler.toml.
pub(super) const BINDING: &str = "ADDRESS_LIMIT";

/// When an address may try again, in seconds: the shorter of the two periods that the platform has. It does not say how
/// much of the period is left.
const RETRY_SECS: u64 = 10;

/// How long the limiter may take, in milliseconds: every request waits for it.
const LIMITER_MILLIS: u64 = 500;

#[wasm_bindgen]
extern "C" {
    #[derive(Debug, Clone)]
    pub(crate) type RateLimiter;
    #[wasm_bindgen(method, catch)]
    fn limit(this: &RateLimiter, options: &JsValue) -> Result<Promise, JsValue>;
}

/// The limit of client addresses, if it is bound.
#[derive(Debug, Clone)]
pub(crate) struct AddressLimit(Option<RateLimiter>);

impl AddressLimit {
    pub(crate) fn bind(env: &Env) -> Self {
        Self(binding_of(env, BINDING).map(JsCast::unchecked_into))
    }

    /// Counts a request of its client's address. A limiter that fails admits: an outage of it stops no site.
    pub(crate) async fn take(&self, asked: &Asked) -> Result<(), Refusal> {
        let Some(limiter) = &self.0 else { return Ok(()) };
        let network = network(asked.address().as_deref().unwrap_or_default());
        let take = async {
            let outcome = JsFuture::from(limiter.limit(&object([("key", network.into())]))?).await?;
            Reflect::get(&outcome, &"success".into())
        };
        match clock::within(LIMITER_MILLIS, take).await.and_then(Result::ok).and_then(|success| success.as_bool()) {
            Some(true) => Ok(()),
            Some(false) => Err(Denial { retry_after_secs: Some(RETRY_SECS), ..Code::AddressLimited.into() }.into()),
            None => {
                events::note(Event::CounterFailure);
                trouble(&asked.id, "the limiter of addresses fails");
                Ok(())
            }
        }
    }
}

/// What counts as one client: an IPv4 address, or the /64 of an IPv6 address, of which a client has all.
fn network(address: &str) -> String {
    if !address.contains(':') || address.contains('.') {
        return address.to_owned();
    }
    let (front, back) = address.split_once("::").unwrap_or((address, ""));
    let groups = |part: &str| part.split(':').filter(|group| !group.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let (mut groups, back) = (groups(front), groups(back));
    let zeros = 8_usize.saturating_sub(groups.len() + back.len());
    groups.extend(std::iter::repeat_n("0".to_owned(), zeros));
    groups.extend(back);
    groups.truncate(4);
    groups.join(":")
}

#[cfg(test)]
mod tests {
    use super::network;

    #[test]
    fn an_ipv6_client_is_its_64_bit_network() {
        for (address, client) in [
            ("192.0.2.1", "192.0.2.1"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2"),
            ("2001:db8::1", "2001:db8:0:0"),
            ("2001:db8:1:2::", "2001:db8:1:2"),
            ("::1", "0:0:0:0"),
            ("2001:db8:0:0:1::", "2001:db8:0:0"),
            ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
            ("", ""),
        ] {
            assert_eq!(network(address), client, "{address}");
        }
    }
}
