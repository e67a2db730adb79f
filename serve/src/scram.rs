//! Access tokens and their verifiers: SCRAM-SHA-256 (RFC 5802, RFC 7677), in the form that PostgreSQL stores.
//!
//! A verifier says whether a token is right and does not hold it: who reads the configuration cannot ask.

use std::fmt;
use std::num::NonZeroU32;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::{digest, hmac, pbkdf2};
use subtle::ConstantTimeEq as _;

/// The least that RFC 7677 allows; a token is random, so that more would protect nothing.
const ITERATIONS: u32 = 4096;

/// More would let a line of the configuration keep the server busy.
const ITERATIONS_MAX: u32 = 1_000_000;

const MECHANISM: &str = "SCRAM-SHA-256";
const SALT_BYTES: usize = 16;
const KEY_BYTES: usize = 32;

/// Bytes of a token's random part.
const SECRET_BYTES: usize = 32;

/// Marks a token, so that people and scanners for leaked secrets know one when they see it.
const TOKEN_PREFIX: &str = "gatebook";

/// What is kept of a token.
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier {
    iterations: NonZeroU32,
    salt: Vec<u8>,
    stored_key: [u8; KEY_BYTES],
    server_key: [u8; KEY_BYTES],
}

/// A text that is no verifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "give the verifier that `gatebook token` printed: SCRAM-SHA-256$ITERATIONS:SALT$STORED_KEY:SERVER_KEY"
)]
pub struct VerifierError;

/// A token that was just made.
pub struct NewToken {
    /// What its owner sends: `gatebook_NAME_SECRET`.
    pub token: String,
    /// What the configuration keeps.
    pub verifier: Verifier,
}

impl NewToken {
    /// A new random token; none where the system has no random bytes.
    #[must_use]
    pub fn generate(name: &str) -> Option<Self> {
        let random = SystemRandom::new();
        let (mut secret, mut salt) = ([0; SECRET_BYTES], [0; SALT_BYTES]);
        random.fill(&mut secret).ok()?;
        random.fill(&mut salt).ok()?;
        let token = format!("{TOKEN_PREFIX}_{name}_{}", URL_SAFE_NO_PAD.encode(secret));
        let iterations = NonZeroU32::new(ITERATIONS)?;
        let verifier = Verifier::derive(&token, &salt, iterations);
        Some(Self { token, verifier })
    }
}

/// The name in a token, by which its verifier is found.
pub(crate) fn name_of(token: &str) -> Option<&str> {
    let (name, _) = token.strip_prefix(TOKEN_PREFIX)?.strip_prefix('_')?.split_once('_')?;
    Some(name)
}

impl Verifier {
    fn derive(token: &str, salt: &[u8], iterations: NonZeroU32) -> Self {
        let mut salted = [0; KEY_BYTES];
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, salt, token.as_bytes(), &mut salted);
        let key = hmac::Key::new(hmac::HMAC_SHA256, &salted);
        let client_key = hmac::sign(&key, b"Client Key");
        let server_key = hmac::sign(&key, b"Server Key");
        Self {
            iterations,
            salt: salt.to_vec(),
            stored_key: array(digest::digest(&digest::SHA256, client_key.as_ref()).as_ref()),
            server_key: array(server_key.as_ref()),
        }
    }

    /// Whether this is the token. Takes a millisecond or two.
    #[must_use]
    pub fn accepts(&self, token: &str) -> bool {
        let derived = Self::derive(token, &self.salt, self.iterations);
        derived.stored_key.ct_eq(&self.stored_key).into()
    }

    /// Reads a verifier as it is printed.
    ///
    /// # Errors
    ///
    /// It is none, or asks for more than a million iterations.
    pub fn parse(text: &str) -> Result<Self, VerifierError> {
        let read = || {
            let rest = text.trim().strip_prefix(MECHANISM)?.strip_prefix('$')?;
            let (parameters, keys) = rest.split_once('$')?;
            let ((iterations, salt), (stored, server)) = (parameters.split_once(':')?, keys.split_once(':')?);
            let iterations = iterations.parse().ok().filter(|iterations| *iterations <= ITERATIONS_MAX)?;
            let key = |text| STANDARD.decode(text).ok()?.try_into().ok();
            Some(Self {
                iterations: NonZeroU32::new(iterations)?,
                salt: STANDARD.decode(salt).ok().filter(|salt| !salt.is_empty())?,
                stored_key: key(stored)?,
                server_key: key(server)?,
            })
        };
        read().ok_or(VerifierError)
    }
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [salt, stored, server] =
            [&*self.salt, &self.stored_key, &self.server_key].map(|bytes| STANDARD.encode(bytes));
        write!(f, "{MECHANISM}${}:{salt}${stored}:{server}", self.iterations)
    }
}

/// Not the keys: whoever reads a log need not have them.
impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("iterations", &self.iterations).finish_non_exhaustive()
    }
}

fn array(bytes: &[u8]) -> [u8; KEY_BYTES] {
    bytes.try_into().expect("SHA-256 gives 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verifier_accepts_its_token_alone() {
        let made = NewToken::generate("billing").expect("random bytes");
        assert_eq!(name_of(&made.token), Some("billing"));
        let kept = Verifier::parse(&made.verifier.to_string()).expect("a verifier");
        assert_eq!(kept, made.verifier);
        assert!(kept.accepts(&made.token));
        assert!(!kept.accepts(&made.token[..made.token.len() - 1]));
        assert!(!kept.accepts(""));
        let other = NewToken::generate("billing").expect("random bytes");
        assert!(!kept.accepts(&other.token) && made.token != other.token);
    }

    /// The example of RFC 7677, section 3: password `pencil`, its keys worked out from it by PostgreSQL 16.
    #[test]
    fn keys_are_those_of_the_standard() {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").expect("base64");
        let verifier = Verifier::derive("pencil", &salt, NonZeroU32::new(4096).expect("a number"));
        assert_eq!(
            verifier.to_string(),
            "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:\
             wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
        );
    }

    #[test]
    fn other_texts_are_no_verifiers() {
        for text in
            ["", "SCRAM-SHA-256$4096", "SCRAM-SHA-1$1:YQ==$YQ==:YQ==", "SCRAM-SHA-256$0:YQ==$YQ==:YQ=="]
        {
            assert_eq!(Verifier::parse(text), Err(VerifierError), "{text}");
        }
    }
}
