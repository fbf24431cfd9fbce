//! Access: who is calling, what they may do, and how they prove it.
//!
//! Pure: no database and no routes. The registry keeps what these types print (ids, fingerprints, password hashes,
//! attempts), the API asks `allows` on each request with the role and state that the registry has at that moment.

pub mod cookie;
pub mod csrf;
pub mod email;
mod encoding;
pub mod id;
pub mod label;
pub mod password;
pub mod permission;
pub mod role;
mod schema;
pub mod session;
pub mod throttle;
pub mod token;

pub use permission::{Permission, Scope, Scopes, allows};
pub use role::{Caller, GuestMode, Role};
