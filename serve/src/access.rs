//! Who may ask what.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, HOST};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest;

use crate::problem::Problem;
use crate::scram::{self, Verifier};

/// The longest name of a token.
const NAME_CHARS_MAX: usize = 40;

/// What a token reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// The named reports, which count and name nobody.
    Reports,
    /// Reports that name people.
    People,
    /// Free SQL.
    Sql,
    /// Status, rejections, metrics.
    Operate,
}

impl Scope {
    /// Every scope.
    pub const ALL: &'static [Self] = &[Self::Reports, Self::People, Self::Sql, Self::Operate];

    /// The scope's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reports => "reports",
            Self::People => "people",
            Self::Sql => "sql",
            Self::Operate => "operate",
        }
    }

    /// Reads scopes, comma-separated.
    ///
    /// # Errors
    ///
    /// What to give instead.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, String> {
        let scope = |name: &str| {
            let names = || Self::ALL.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(", ");
            let found = Self::ALL.iter().copied().find(|scope| scope.as_str() == name.trim());
            found.ok_or_else(|| format!("give one or several of {}, comma-separated", names()))
        };
        let mut scopes = text.split(',').map(scope).collect::<Result<Vec<_>, _>>()?;
        scopes.sort_unstable();
        scopes.dedup();
        Ok(scopes)
    }
}

/// Anybody who reaches the address could ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "listen on 127.0.0.1, or add an access token (`gatebook token NAME --scopes reports`): other machines can reach {address}"
)]
pub struct Unprotected {
    /// Where it was to listen.
    pub address: SocketAddr,
}

/// A token that is accepted.
#[derive(Debug, Clone)]
pub struct Token {
    /// Who it was made for.
    pub name: String,
    /// What it reaches.
    pub scopes: Vec<Scope>,
    /// What is kept of it.
    pub verifier: Verifier,
}

impl Token {
    /// Reads a token's name.
    ///
    /// # Errors
    ///
    /// What to give instead.
    pub fn check_name(name: &str) -> Result<String, &'static str> {
        let is_legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.is_empty() || name.len() > NAME_CHARS_MAX || !name.bytes().all(is_legal) {
            return Err("give a name of up to 40 lower-case letters, digits and hyphens");
        }
        Ok(name.to_owned())
    }
}

/// The tokens that are accepted.
#[derive(Debug, Clone, Default)]
pub struct Tokens {
    tokens: Arc<[Token]>,
    /// Hashes of tokens that were accepted, by name: the verifier is slow on purpose.
    accepted: Arc<Mutex<HashMap<String, digest::Digest>>>,
}

impl Tokens {
    /// These tokens.
    #[must_use]
    pub fn new(tokens: Vec<Token>) -> Self {
        Self { tokens: tokens.into(), accepted: Arc::default() }
    }

    /// Whether there is none: then whoever reaches the address may ask.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// Whether a server may listen at this address: beyond this machine only with a token.
    ///
    /// # Errors
    ///
    /// [`Unprotected`] where anybody could ask.
    pub fn check_exposure(&self, address: SocketAddr) -> Result<(), Unprotected> {
        if self.is_empty() && !address.ip().is_loopback() { Err(Unprotected { address }) } else { Ok(()) }
    }

    /// Lets a request in, if it has a token that reaches `scope`; without a scope any token does. Returns the name of
    /// the token: empty where there are none.
    pub(crate) fn admit(&self, headers: &HeaderMap, scope: Option<Scope>) -> Result<&str, Problem> {
        if self.is_empty() {
            return if is_local(headers) { Ok("") } else { Err(Problem::foreign_host()) };
        }
        let sent = sent(headers).ok_or_else(Problem::unauthorized)?;
        let token = self.find(&sent).ok_or_else(Problem::unauthorized)?;
        match scope {
            Some(scope) if !token.scopes.contains(&scope) => Err(Problem::forbidden(scope.as_str())),
            _ => Ok(&token.name),
        }
    }

    fn find(&self, sent: &str) -> Option<&Token> {
        let name = scram::name_of(sent)?;
        let token = self.tokens.iter().find(|token| token.name == name)?;
        let hash = digest::digest(&digest::SHA256, sent.as_bytes());
        let accepted = || self.accepted.lock().unwrap_or_else(PoisonError::into_inner);
        // Hashes of random tokens: comparing them tells nothing of the token by its time.
        let is_known = accepted().get(name).is_some_and(|known| known.as_ref() == hash.as_ref());
        if !is_known {
            // It is slow on purpose, and connections are not to wait for it.
            if !tokio::task::block_in_place(|| token.verifier.accepts(sent)) {
                return None;
            }
            accepted().insert(name.to_owned(), hash);
        }
        Some(token)
    }
}

/// The token of a request: as a bearer, or as the password of HTTP Basic for browsers and spreadsheets.
fn sent(headers: &HeaderMap) -> Option<String> {
    let (scheme, credentials) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let credentials = credentials.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(credentials.to_owned());
    }
    if scheme.eq_ignore_ascii_case("basic") {
        let text = String::from_utf8(STANDARD.decode(credentials).ok()?).ok()?;
        return text.split_once(':').map(|(_, password)| password.to_owned());
    }
    None
}

/// Whether the request names this machine. A name of another one means that a web page had its own name point
/// here (DNS rebinding), and would read the answer.
fn is_local(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) else { return true };
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;
    use crate::scram::NewToken;

    fn headers(name: axum::http::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).expect("a header"))])
    }

    #[test]
    fn a_token_opens_its_scopes_and_no_other() {
        let made = NewToken::generate("ops").expect("random bytes");
        let scopes = Scope::parse_list("operate, reports").expect("scopes");
        let tokens = Tokens::new(vec![Token { name: "ops".into(), scopes, verifier: made.verifier }]);
        let bearer = headers(AUTHORIZATION, &format!("Bearer {}", made.token));
        let basic = STANDARD.encode(format!("anyone:{}", made.token));
        let basic = headers(AUTHORIZATION, &format!("Basic {basic}"));
        for _ in 0..2 {
            for sent in [&bearer, &basic] {
                assert!(tokens.admit(sent, Some(Scope::Operate)).is_ok());
                assert!(tokens.admit(sent, None).is_ok());
                assert!(tokens.admit(sent, Some(Scope::Sql)).is_err());
            }
        }
        let wrong = headers(AUTHORIZATION, &format!("Bearer {}x", made.token));
        for sent in
            [&wrong, &HeaderMap::new(), &headers(AUTHORIZATION, "Basic !"), &headers(AUTHORIZATION, "x")]
        {
            assert!(tokens.admit(sent, None).is_err());
        }
    }

    #[test]
    fn without_tokens_only_this_machine_is_named() {
        let tokens = Tokens::default();
        for host in ["localhost:8080", "LOCALHOST", "127.0.0.1:1", "127.8.8.8", "[::1]:8080"] {
            assert!(tokens.admit(&headers(HOST, host), None).is_ok(), "{host}");
        }
        for host in
            ["evil.example", "evil.example:8080", "192.0.2.1", "[2001:db8::1]", "localhost.evil.example"]
        {
            assert!(tokens.admit(&headers(HOST, host), None).is_err(), "{host}");
        }
    }

    #[test]
    fn names_and_scopes_are_checked() {
        assert!(Token::check_name("power-bi").is_ok());
        for name in ["", "Power", "a_b", &"a".repeat(41)] {
            assert!(Token::check_name(name).is_err(), "{name}");
        }
        assert_eq!(Scope::parse_list("sql,reports,sql"), Ok(vec![Scope::Reports, Scope::Sql]));
        assert!(Scope::parse_list("all").is_err());
    }
}
