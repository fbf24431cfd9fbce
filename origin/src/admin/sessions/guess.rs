//! Guesses at secrets: each is charged to the account and to the address before the secret is looked at, in the change
//! that found both unblocked, so that of guesses made at once no more are admitted than of guesses in a row (ADM-5).

use std::net::{IpAddr, Ipv6Addr};

use crate::access::throttle::{Rule, after_failure, given_back, wait_secs};
use crate::admin::{Admin, Problem};
use crate::registry::{Author, Change};

/// How much of an account's name is kept, in characters: an email address has no more.
const MAX_ACCOUNT_CHARS: usize = 254;

/// The network bits of an IPv6 address: one customer has all that follow.
const IPV6_NETWORK_BITS: u32 = 64;

/// A guess and what it is charged to.
pub(in crate::admin) struct Guess {
    account: String,
    address: String,
    subjects: Vec<(String, Rule)>,
}

impl Guess {
    /// At an account's password.
    pub(in crate::admin) fn at_account(account: &str, address: Option<IpAddr>) -> Self {
        let charged = vec![(format!("account:{account}"), Rule::ACCOUNT), (subject(address), Rule::ADDRESS)];
        Self::new(account, address, charged)
    }

    /// At the setup token.
    pub(in crate::admin) fn at_setup(address: Option<IpAddr>) -> Self {
        Self::new("setup", address, vec![(subject(address), Rule::ADDRESS)])
    }

    /// At nothing: guests' sessions, of which an address may begin no more than it may guess.
    pub(super) fn at_guests(address: Option<IpAddr>) -> Self {
        Self::new("guest", address, vec![(format!("guest-{}", subject(address)), Rule::ADDRESS)])
    }

    fn new(account: &str, address: Option<IpAddr>, subjects: Vec<(String, Rule)>) -> Self {
        let address = address.map(|address| address.to_string()).unwrap_or_default();
        Self { account: account.to_owned(), address, subjects }
    }

    /// Refuses what is blocked, without a change: blocked guesses cost the registry no write.
    pub(in crate::admin) async fn refuse_blocked(&self, admin: &Admin) -> Result<(), Problem> {
        let now = admin.origin.clock.millis();
        let mut wait = None;
        for (subject, _) in &self.subjects {
            let attempts = admin.origin.registry.attempts(subject).await?;
            wait = wait.max(attempts.and_then(|attempts| wait_secs(&attempts, now)));
        }
        wait.map_or(Ok(()), |secs| Err(Problem::throttled(secs)))
    }

    /// Charges the guess, or refuses it.
    pub(in crate::admin) async fn charge(&self, admin: &Admin, author: &Author) -> Result<(), Problem> {
        self.refuse_blocked(admin).await?;
        let mut change = admin.origin.registry.change(author).await?;
        // Others may have had the registry before: the time is the one at which it is ours.
        let now = admin.origin.clock.millis();
        let mut charged = Vec::new();
        let mut wait = None;
        for (subject, rule) in &self.subjects {
            let attempts = change.attempts(subject).await?.unwrap_or_default();
            wait = wait.max(wait_secs(&attempts, now));
            charged.push((subject, after_failure(attempts, now, *rule)));
        }
        if let Some(secs) = wait {
            return Err(Problem::throttled(secs));
        }
        for (subject, attempts) in charged {
            change.put_attempts(subject, &attempts).await?;
        }
        Ok(change.commit().await?)
    }

    /// Notes that a charged guess was wrong.
    pub(in crate::admin) async fn failed(&self, admin: &Admin, author: &Author) -> Result<(), Problem> {
        let mut change = admin.origin.registry.change(author).await?;
        change.note_login_failure(&self.account, &self.address).await?;
        Ok(change.commit().await?)
    }

    /// A charged guess was right: the account's run is over, the address gets this one back.
    pub(super) async fn was_right(&self, admin: &Admin, change: &mut Change) -> Result<(), Problem> {
        let now = admin.origin.clock.millis();
        for (subject, rule) in &self.subjects {
            if *rule == Rule::ACCOUNT {
                change.forget_attempts(subject).await?;
            } else if let Some(attempts) = change.attempts(subject).await? {
                change.put_attempts(subject, &given_back(attempts, now)).await?;
            }
        }
        Ok(())
    }
}

/// An account as somebody names it, for the throttle and the audit log: in small letters, on one line, and not longer
/// than an account's name can be.
pub(super) fn account_named(text: &str) -> String {
    let plain = |char: char| if char.is_control() { '\u{fffd}' } else { char.to_ascii_lowercase() };
    text.chars().take(MAX_ACCOUNT_CHARS).map(plain).collect()
}

/// Who is charged for an address.
fn subject(address: Option<IpAddr>) -> String {
    match address {
        Some(IpAddr::V6(address)) => {
            let network = address.to_bits() >> (128 - IPV6_NETWORK_BITS) << (128 - IPV6_NETWORK_BITS);
            format!("address:{}/{IPV6_NETWORK_BITS}", Ipv6Addr::from_bits(network))
        }
        Some(IpAddr::V4(address)) => format!("address:{address}"),
        None => "address:unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_customer_is_one_address() {
        for (address, charged) in [
            ("192.0.2.1", "address:192.0.2.1"),
            ("2001:db8:1:2:3:4:5:6", "address:2001:db8:1:2::/64"),
            ("2001:db8:1:2:ffff::", "address:2001:db8:1:2::/64"),
            ("2001:db8:1:3::1", "address:2001:db8:1:3::/64"),
        ] {
            assert_eq!(subject(Some(address.parse().unwrap())), charged);
        }
    }

    #[test]
    fn what_a_stranger_calls_an_account_is_one_short_line() {
        assert_eq!(account_named("Ada@Example.com"), "ada@example.com");
        assert_eq!(account_named("a\n\0b"), "a\u{fffd}\u{fffd}b");
        assert_eq!(account_named(&"ü".repeat(100_000)).chars().count(), 254);
    }
}
