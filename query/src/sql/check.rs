//! What is refused before any engine sees it: text that is too long, has too many operators, or is no question.

use datafusion::sql::parser::{DFParser, Statement};
use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use super::limits::SqlLimits;
use crate::error::QueryError;
use crate::limits::Limits;

/// Words that chain what stands beside them, as operators do.
const CHAINING: &[Keyword] = &[
    Keyword::AND,
    Keyword::OR,
    Keyword::NOT,
    Keyword::XOR,
    Keyword::DIV,
    Keyword::IS,
    Keyword::LIKE,
    Keyword::ILIKE,
    Keyword::SIMILAR,
    Keyword::RLIKE,
    Keyword::REGEXP,
    Keyword::BETWEEN,
    Keyword::COLLATE,
    Keyword::AT,
    Keyword::UNION,
    Keyword::EXCEPT,
    Keyword::INTERSECT,
    Keyword::MINUS,
    Keyword::JOIN,
    Keyword::LATERAL,
    Keyword::WHEN,
    Keyword::WITH,
    Keyword::SELECT,
];

/// Bytes of a name: what nobody has given is looked for among all that are alike.
const NAME_BYTES_MAX: usize = 256;

/// Whether the text may be planned at all.
pub(super) fn check(sql: &str, limits: &SqlLimits) -> Result<(), QueryError> {
    let refuse = |text| Err(QueryError::Refused(text));
    if sql.len() > limits.text_bytes {
        return refuse(limits.text_bytes_told().refuse(&format!("it has {} bytes", sql.len())));
    }
    if sql.contains('\0') {
        return refuse("leave out the character NUL: no text in the book has one".to_owned());
    }
    let tokens = Tokenizer::new(&GenericDialect {}, sql)
        .tokenize()
        .map_err(|error| QueryError::Refused(format!("change the query: {error}")))?;
    let written = || tokens.iter().filter(|token| !matches!(token, Token::Whitespace(_)));
    let count = written().count();
    if count > limits.tokens {
        return refuse(limits.tokens_told().refuse(&format!("it has {count} tokens")));
    }
    let operators = written().filter(|token| chains(token)).count();
    if operators > limits.operators {
        return refuse(limits.operators_told().refuse(&format!("it has {operators} operators")));
    }
    if let Some(name) = written().filter_map(name_of).find(|name| name.len() > NAME_BYTES_MAX) {
        return refuse(format!(
            "shorten the names: one has {} bytes, and {NAME_BYTES_MAX} are allowed",
            name.len()
        ));
    }
    if count == 0 {
        return refuse("write a query, such as SELECT count(*) FROM events: there is none".to_owned());
    }
    Ok(())
}

fn name_of(token: &Token) -> Option<&str> {
    match token {
        Token::Word(word) => Some(&word.value),
        _ => None,
    }
}

/// Whether a token makes an expression or a query deeper. All signs do but those that only divide.
fn chains(token: &Token) -> bool {
    if let Token::Word(word) = token {
        return word.quote_style.is_none() && CHAINING.contains(&word.keyword);
    }
    let sign = token.to_string();
    let divides = matches!(sign.as_str(), "," | "." | ";" | "(" | ")" | "]" | "{" | "}");
    // Numbers have a digit, texts a quote.
    let is_sign = |letter: char| letter.is_ascii_punctuation() && !matches!(letter, '\'' | '"' | '`');
    !divides && sign.chars().all(is_sign)
}

/// The one read-only question that a text holds.
pub(crate) fn question(sql: &str) -> Result<Statement, QueryError> {
    let refuse = |what: &str| {
        Err(QueryError::Refused(format!(
            "ask one read-only question, such as SELECT … or DESCRIBE events: {what}"
        )))
    };
    let mut statements =
        DFParser::parse_sql(sql).map_err(|error| QueryError::while_planning(error, &Limits::default()))?;
    let (Some(statement), true) = (statements.pop_front(), statements.is_empty()) else {
        return refuse("there is none, or more than one");
    };
    match &statement {
        Statement::Statement(inner) => match **inner {
            ast::Statement::Query(_) | ast::Statement::ExplainTable { .. } => Ok(statement),
            _ => refuse("this is none"),
        },
        Statement::Explain(_) => refuse("plans are not shown"),
        _ => refuse("this is none"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(sql: &str, limits: SqlLimits, advice: &str) {
        let error = check(sql, &limits).expect_err("refused").to_string();
        assert!(error.contains(advice), "{error}");
    }

    #[test]
    fn each_limit_is_named_with_its_value() {
        let limits = SqlLimits { text_bytes: 60, tokens: 12, operators: 3, ..SqlLimits::default() };
        assert!(check("SELECT 1 + 1 AS two -- a comment", &limits).is_ok());
        refused(&" ".repeat(61), limits, "it has 61 bytes, and 60 bytes are allowed (sql.text_bytes_max)");
        refused(
            "SELECT 1,2,3,4,5,6,7",
            limits,
            "it has 14 tokens, and 12 tokens are allowed (sql.tokens_max)",
        );
        refused(
            "SELECT 1+1+1+1",
            limits,
            "it has 4 operators, and 3 operators are allowed (sql.operators_max)",
        );
        refused(
            &format!("SELECT {}", "a".repeat(300)),
            SqlLimits::default(),
            "shorten the names: one has 300 bytes",
        );
        refused("-- nothing", limits, "write a query");
        refused("SELECT 'open", limits, "change the query");
        refused("SELECT '\0'", limits, "NUL");
    }

    #[test]
    fn every_sign_that_chains_is_counted() {
        let limits = SqlLimits { operators: 1, ..SqlLimits::default() };
        let signs = [
            "+",
            "-",
            "*",
            "/",
            "%",
            "||",
            "=",
            "<",
            ">",
            "<=",
            ">=",
            "<>",
            "!=",
            "&",
            "|",
            "^",
            "<<",
            ">>",
            "~",
            "~*",
            "!~",
            "!~*",
            "AND",
            "OR",
            "LIKE",
            "ILIKE",
            "UNION",
            "EXCEPT",
            "INTERSECT",
            "IS",
            "::",
            "->",
            "->>",
            "@>",
            "<@",
            "#>",
        ];
        for sign in signs {
            refused(&format!("SELECT a {sign} b"), limits, "sql.operators_max");
        }
    }
}
