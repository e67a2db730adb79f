//! `[[tokens]]`: who may ask.

use serve::{Scope, Token, Tokens, Verifier};

use super::reader::Reader;

/// Reads every token.
pub(super) fn read(reader: &mut Reader<'_>) -> Tokens {
    let mut tokens: Vec<Token> = Vec::new();
    for number in reader.settings().numbers("tokens") {
        let key = |name: &str| format!("tokens.{number}.{name}");
        let name = reader.parsed(&key("name"), Token::check_name);
        let scopes = reader.parsed(&key("scopes"), Scope::parse_list);
        let verifier = reader.parsed(&key("verifier"), |text| Verifier::parse(text).map(Some));
        if tokens.iter().any(|earlier| earlier.name == name && !name.is_empty()) {
            reader.problem(&key("name"), "remove this block; an earlier one has the same name");
        }
        tokens.extend(verifier.map(|verifier| Token { name, scopes, verifier }));
    }
    Tokens::new(tokens)
}
