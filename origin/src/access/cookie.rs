//! The session's cookie (RFC 6265bis): host-only, out of scripts' reach, never sent from another site's page.
//!
//! Under TLS its name begins with `__Host-`, which browsers accept from this host over TLS alone: no neighbour on
//! the domain can plant one. Without TLS, as on a developer's machine, that name is not to be had.

const UNDER_TLS: &str = "__Host-sealpix";
const WITHOUT_TLS: &str = "sealpix";

/// The cookie's name. `secure`: the client came over TLS.
#[must_use]
pub const fn name(secure: bool) -> &'static str {
    if secure { UNDER_TLS } else { WITHOUT_TLS }
}

/// The `Set-Cookie` value for a session token, which must be one that we issued, kept for `max_age_secs`.
#[must_use]
pub fn set_cookie(token: &str, secure: bool, max_age_secs: u64) -> String {
    let tls = if secure { "; Secure" } else { "" };
    format!("{}={token}; Path=/; Max-Age={max_age_secs}; HttpOnly; SameSite=Strict{tls}", name(secure))
}

/// The `Set-Cookie` value that removes the session's cookie.
#[must_use]
pub fn clear_cookie(secure: bool) -> String {
    set_cookie("", secure, 0)
}

/// The session token in a `Cookie` header. Of two by the name, one was planted, and neither is taken.
#[must_use]
pub fn read(header: &str, secure: bool) -> Option<&str> {
    let mut ours = header.split(';').filter_map(|pair| {
        let (name_sent, value) = pair.trim_matches([' ', '\t']).split_once('=')?;
        (name_sent == name(secure)).then_some(value)
    });
    let value = ours.next().filter(|value| !value.is_empty())?;
    ours.next().is_none().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_has_every_attribute() {
        let tls = "__Host-sealpix=a.b.c; Path=/; Max-Age=604800; HttpOnly; SameSite=Strict; Secure";
        assert_eq!(set_cookie("a.b.c", true, 604_800), tls);
        assert_eq!(set_cookie("a", false, 60), "sealpix=a; Path=/; Max-Age=60; HttpOnly; SameSite=Strict");
        assert_eq!(clear_cookie(true), "__Host-sealpix=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict; Secure");
    }

    #[test]
    fn the_token_is_found_among_other_cookies() {
        for (header, secure, token) in [
            ("__Host-sealpix=a.b.c", true, Some("a.b.c")),
            ("theme=dark; __Host-sealpix=a.b.c; x=1", true, Some("a.b.c")),
            ("theme=dark;__Host-sealpix=a.b.c", true, Some("a.b.c")),
            ("sealpix=a", false, Some("a")),
            ("sealpix=a=b", false, Some("a=b")),
            // A cookie that came without TLS is not taken under TLS, nor the reverse.
            ("sealpix=a", true, None),
            ("__Host-sealpix=a", false, None),
            ("sealpix=a; sealpix=b", false, None),
            ("sealpix=; sealpix=b", false, None),
            ("Sealpix=a; xsealpix=b; sealpix2=c; sealpix", false, None),
            ("sealpix=", false, None),
            ("", true, None),
        ] {
            assert_eq!(read(header, secure), token, "{header:?}");
        }
    }
}
