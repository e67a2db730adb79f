//! The attacks: texts that bring an engine down, take its memory or its time, or reach for what is not theirs.

use super::Expected::{
    self, Answered, AnsweredOrStopped, BrokenOff, Refused, RefusedOrStopped, Stopped, StoppedBy, TooLong,
};
use super::{Attack, question};

/// An attack by its SQL.
fn sql(name: impl Into<String>, text: impl AsRef<str>, expected: Expected) -> Attack {
    Attack { name: name.into(), body: question(text.as_ref()), expected }
}

/// An attack by its body.
fn body(name: &str, body: impl Into<Vec<u8>>, expected: Expected) -> Attack {
    Attack { name: name.to_owned(), body: body.into(), expected }
}

/// Attacks that are named by their SQL.
fn each(expected: Expected, texts: &[&str]) -> Vec<Attack> {
    texts.iter().map(|text| sql(*text, text, expected)).collect()
}

pub(super) fn attacks() -> Vec<Attack> {
    [
        chains(),
        nests(),
        doublings(),
        joins(),
        bombs(),
        sorts(),
        long_texts(),
        unicode(),
        numbers(),
        patterns(),
        statements(),
        places(),
        shapes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Operators in a row: just as many as are allowed, and far more.
fn chains() -> Vec<Attack> {
    // How often a link fits, what it follows, and the links.
    let links: [(usize, &str, &[&str]); 8] = [
        (490, "1", &[" + 1", " - 1", " * 1", " / 1", " % 1", " & 1", " | 1", " ^ 1", " << 1", " >> 1"]),
        (490, "true", &[" AND true", " OR true", " = true", " < true", " <> true", " IS NULL"]),
        (490, "'a'", &[" || 'a'"]),
        (490, "now()", &[" + INTERVAL '1' DAY"]),
        (240, "1", &["::text::int"]),
        (240, "true", &[" AND 'a' LIKE 'a'", " OR 'b' ~ 'a'"]),
        (120, "true", &[" AND 1 BETWEEN 0 AND 2", " AND [1] @> [1]"]),
        (240, "1", &[" UNION SELECT 1", " UNION ALL SELECT 1", " EXCEPT SELECT 2", " INTERSECT SELECT 1"]),
    ];
    let mut attacks = Vec::new();
    for (fitting, first, links) in links {
        for link in links {
            let query = |count: usize| format!("SELECT {first}{}", link.repeat(count));
            attacks.push(sql(format!("{fitting} times{link}"), query(fitting), AnsweredOrStopped));
            attacks.push(sql(format!("3000 times{link}"), query(3_000), Refused("(sql.")));
        }
    }
    attacks.push(sql("arrows", format!("SELECT 1{}", " -> 1".repeat(490)), Refused("not yet supported")));
    attacks.push(sql(
        "CASE",
        format!("SELECT CASE{} END", " WHEN false THEN 1".repeat(490)),
        AnsweredOrStopped,
    ));
    attacks
}

/// What is open at the same time.
fn nests() -> Vec<Attack> {
    let pairs = [
        ("(", "1", ")"),
        ("[", "1", "]"),
        ("abs(", "1", ")"),
        ("CASE WHEN true THEN ", "1", " END"),
        ("(SELECT ", "1", ")"),
        ("NOT ", "true", ""),
        ("- ", "1", ""),
    ];
    let mut attacks = Vec::new();
    for (open, inner, close) in pairs {
        let nest = |depth: usize| format!("SELECT {}{inner}{} AS x", open.repeat(depth), close.repeat(depth));
        attacks.push(sql(format!("{open}, 12 deep"), nest(12), Answered));
        attacks.push(sql(format!("{open}, 400 deep"), nest(400), Refused("change the query")));
        attacks.push(sql(format!("{open}, 2400 deep"), nest(2_400), Refused("")));
    }
    attacks.push(sql("never closed", format!("SELECT {}", "(".repeat(9_000)), Refused("change the query")));
    let tables = format!("SELECT * FROM {}events{}", "(SELECT * FROM ".repeat(240), ")".repeat(240));
    attacks.push(sql("tables of tables", tables, Refused("change the query")));
    attacks
}

/// Little text that doubles at each step.
fn doublings() -> Vec<Attack> {
    // `@` is the step before.
    let steps = |count: usize, first: &str, step: &str, last: &str| {
        let before = |n: usize| format!("s{}", n - 1);
        let more: String =
            (1..=count).map(|n| format!(", s{n} AS ({})", step.replace('@', &before(n)))).collect();
        format!("WITH s0 AS ({first}){more} SELECT {last} FROM s{count}")
    };
    let unions = "SELECT * FROM @ UNION ALL SELECT * FROM @";
    let joins = "SELECT a.x FROM @ a CROSS JOIN @ b";
    let texts = "SELECT concat(x, x) AS x FROM @";
    let ids = "SELECT event_id AS x FROM events";
    vec![
        sql("18 doubled unions", steps(18, "SELECT 1 AS x", unions, "count(*)"), Stopped),
        sql("40 doubled unions", steps(40, "SELECT 1 AS x", unions, "count(*)"), Stopped),
        sql("18 doubled joins of events", steps(18, ids, joins, "count(*)"), Stopped),
        sql("40 doubled joins", steps(40, "SELECT 1 AS x", joins, "count(*)"), Stopped),
        sql("8 doubled texts", steps(8, "SELECT 'abcdefgh' AS x", texts, "max(x)"), Answered),
        sql("30 doubled texts", steps(30, "SELECT 'abcdefgh' AS x", texts, "max(x)"), Stopped),
        sql("30 doubled texts of events", steps(30, ids, texts, "max(octet_length(x))"), Stopped),
        sql("400 steps", steps(400, "SELECT 1 AS x", "SELECT x FROM @", "x"), AnsweredOrStopped),
        sql(
            "a recursion without end",
            "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t",
            Stopped,
        ),
        sql(
            "a recursion without end, of which little is wanted",
            "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT n FROM t LIMIT 5",
            Answered,
        ),
        sql(
            "a recursion that sends rows without end",
            "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n FROM t) SELECT n FROM t",
            BrokenOff,
        ),
        sql(
            "a recursion that doubles its rows",
            "WITH RECURSIVE t AS (SELECT event_id AS x FROM events UNION ALL \
             SELECT t.x FROM t, (VALUES (1), (2)) AS two) SELECT count(*) FROM t",
            Stopped,
        ),
        sql(
            "a recursion that doubles a text",
            "WITH RECURSIVE t(s) AS (SELECT 'a' UNION ALL SELECT concat(s, s) FROM t) SELECT max(s) FROM t",
            Stopped,
        ),
    ]
}

/// More pairs than can be counted.
fn joins() -> Vec<Attack> {
    let sum = "SELECT sum(a.kafka_offset * b.kafka_offset + c.kafka_offset) FROM events";
    let commas = |count: usize| (0..count).map(|n| format!("events e{n}")).collect::<Vec<_>>().join(", ");
    let using =
        (1..200).map(|n| format!(" JOIN events e{n} ON e{n}.event_id = e0.event_id")).collect::<String>();
    vec![
        sql(
            "a count that needs no pairs",
            "SELECT count(*) FROM events a, events b, events c",
            AnsweredOrStopped,
        ),
        sql("three by comma", format!("{sum} a, events b, events c"), Stopped),
        sql("three by CROSS JOIN", format!("{sum} a CROSS JOIN events b CROSS JOIN events c"), Stopped),
        sql("three unequal", format!("{sum} a JOIN events b ON a.user_id <> b.user_id, events c"), Stopped),
        sql(
            "every pair as a row",
            "SELECT a.event_id AS x, b.event_id AS y FROM events a, events b, events c",
            BrokenOff,
        ),
        sql("a column twice", "SELECT * FROM events a, events b", Refused("name of its own")),
        sql("100 by comma", format!("SELECT count(*) FROM {}", commas(100)), Stopped),
        sql("400 by comma", format!("SELECT count(*) FROM {}", commas(400)), Stopped),
        sql("2500 by comma", format!("SELECT count(*) FROM {}", commas(2_500)), Stopped),
        sql("200 joined", format!("SELECT count(*) FROM events e0{using}"), AnsweredOrStopped),
        sql(
            "LATERAL of the same user",
            "SELECT count(*) AS n FROM events e CROSS JOIN LATERAL \
             (SELECT count(*) AS c FROM events f WHERE f.user_id = e.user_id) g",
            AnsweredOrStopped,
        ),
        sql(
            "LATERAL of everything, three times",
            "SELECT sum(a.kafka_offset * b.x + c.x) FROM events a \
             CROSS JOIN LATERAL (SELECT kafka_offset AS x FROM events) b \
             CROSS JOIN LATERAL (SELECT kafka_offset AS x FROM events) c",
            Stopped,
        ),
        sql(
            "EXISTS of what is greater",
            "SELECT count(*) FROM events a, events b WHERE EXISTS \
             (SELECT 1 FROM events c WHERE c.kafka_offset > a.kafka_offset AND c.user_id <> b.user_id)",
            Stopped,
        ),
        sql(
            "LIKE of all pairs",
            format!("{sum} a, events b, events c WHERE a.user_id LIKE b.event_id || '%'"),
            Stopped,
        ),
    ]
}

/// Much out of little.
fn bombs() -> Vec<Attack> {
    let replaces = format!("{}'aaaaaaaaaa'{}", "replace(".repeat(12), ", 'a', 'aaaaaaaaaa')".repeat(12));
    let long_row = StoppedBy("sql.row_bytes_max");
    let millions = "generate_series(1, 1000000000)";
    let mut attacks = each(
        Refused("Invalid function"),
        &[
            "SELECT repeat('a', 2000000000)",
            "SELECT generate_series(1, 1000000000)",
            "SELECT range(1, 1000000000)",
            "SELECT array_repeat(1, 1000000000)",
            "SELECT unnest(generate_series(1, 1000000000))",
            "SELECT version()",
            "SELECT pg_sleep(100)",
            "SELECT pg_read_file('/etc/passwd')",
        ],
    );
    attacks.extend(each(
        Stopped,
        &[
            "SELECT lpad('a', 2000000000)",
            "SELECT octet_length(rpad('a', 2147483647, 'xyz'))",
            "SELECT sum(octet_length(lpad(user_id, 1000000))) FROM events",
            "SELECT octet_length(array_to_string([1, 2, 3, 4, 5, 6, 7, 8, 9], lpad('a', 30000000)))",
            "SELECT levenshtein(lpad('a', 1000000), lpad('b', 1000000))",
            "SELECT approx_percentile_cont(kafka_offset, 0.5, 1000000000) FROM events",
            "SELECT arrow_cast([1], 'FixedSizeList(2147483647, Int64)')",
            "SELECT string_agg(lpad(user_id, 100000), ',') FROM events",
            "SELECT array_agg(a.event_id) AS x, array_agg(b.event_id) AS y FROM events a, events b",
            "SELECT count(x) FROM \
             (SELECT array_agg(lpad(event_id, 1000)) OVER (ORDER BY event_id) AS x FROM events)",
            "SELECT count(*) FROM \
             (SELECT unnest(string_to_array(lpad('a', 30000000, 'a,'), ',')) FROM events)",
            "SELECT sum(value) FROM generate_series(1, 1000000000000)",
            "SELECT sum(value) FROM generate_series(-9223372036854775808, 9223372036854775807)",
            "SELECT count(*) FROM generate_series(1, 1000000000000)",
        ],
    ));
    attacks.extend(each(
        Answered,
        &[
            "SELECT value FROM generate_series(1, 1000000000000) LIMIT 1",
            "SELECT count(*) FROM generate_series(9223372036854775800, 9223372036854775807)",
            "SELECT octet_length(lpad('a', 1000000)) AS n",
            "SELECT lpad('a', 900000) AS x",
            "SELECT unnest([1, 2, 3]) AS a, unnest([4, 5]) AS b",
            "SELECT count(*) FROM (SELECT unnest(array_agg(event_id)) FROM events)",
        ],
    ));
    attacks.extend([
        sql("replaced 12 times", format!("SELECT octet_length({replaces})"), Stopped),
        sql("all as one list", format!("SELECT array_agg(value) FROM {millions}"), Stopped),
        sql("all as one text", format!("SELECT string_agg(value::text, ',') FROM {millions}"), Stopped),
        sql("all as rows", format!("SELECT value AS x FROM {millions}"), BrokenOff),
        sql("a long row", "SELECT lpad('a', 2000000) AS x", long_row),
        sql("a long list", "SELECT array_agg(lpad(event_id, 1000)) AS x FROM events", long_row),
        sql(
            "two long texts",
            "SELECT string_agg(lpad(event_id, 200), ',') AS x, string_agg(lpad(user_id, 200), ',') AS y \
             FROM events",
            long_row,
        ),
        sql("a series of no step", "SELECT * FROM generate_series(1, 10, 0)", Refused("Step cannot be zero")),
    ]);
    attacks
}

/// More than fits into memory, so that it goes to disk.
fn sorts() -> Vec<Attack> {
    let all = "generate_series(1, 1000000000)";
    let columns = [
        "event_id",
        "occurred_at",
        "tenant_id",
        "user_id",
        "method",
        "result",
        "server_name",
        "kafka_offset",
    ];
    let windows: Vec<String> = (0..64_usize)
        .map(|n| format!("rank() OVER (PARTITION BY {} ORDER BY {}) AS r{n}", columns[n / 8], columns[n % 8]))
        .collect();
    let sums: Vec<String> = (0..64).map(|n| format!("sum(r{n})")).collect();
    let windows = format!("SELECT {} FROM (SELECT {} FROM events)", sums.join(", "), windows.join(", "));
    vec![
        sql("a sorted series", format!("SELECT value FROM {all} ORDER BY value % 1000, value"), Stopped),
        sql(
            "a group for each value",
            format!("SELECT max(n) FROM (SELECT count(*) AS n FROM {all} GROUP BY value)"),
            Stopped,
        ),
        sql("distinct values", format!("SELECT count(DISTINCT value) FROM {all}"), Stopped),
        sql("a median", format!("SELECT median(value) FROM {all}"), Stopped),
        sql(
            "a series with itself",
            format!("SELECT count(*) FROM {all} a JOIN {all} b ON a.value = b.value"),
            Stopped,
        ),
        sql(
            "a window",
            format!("SELECT max(r) FROM (SELECT rank() OVER (ORDER BY -value) AS r FROM {all})"),
            Stopped,
        ),
        sql("windows over everything", windows, AnsweredOrStopped),
        sql(
            "sorted pairs",
            "SELECT a.event_id AS x, b.event_id AS y FROM events a, events b ORDER BY 2 DESC, 1",
            Stopped,
        ),
        sql(
            "sorted pairs of long texts",
            "SELECT lpad(a.event_id, 1000) AS x, lpad(b.event_id, 1000) AS y \
             FROM events a, events b ORDER BY 2, 1",
            Stopped,
        ),
        sql(
            "far behind in sorted pairs",
            "SELECT a.event_id AS x, b.event_id AS y \
             FROM events a, events b ORDER BY 2, 1 LIMIT 10 OFFSET 20000000",
            Stopped,
        ),
        sql(
            "a group for each pair",
            "SELECT count(*) FROM (SELECT a.event_id, b.event_id FROM events a, events b GROUP BY 1, 2)",
            Stopped,
        ),
        sql(
            "long groups",
            "SELECT lpad(event_id, 100000) AS x, count(*) AS n FROM events GROUP BY 1 ORDER BY 1",
            Stopped,
        ),
    ]
}

/// Texts that are long themselves.
fn long_texts() -> Vec<Attack> {
    let numbers = |count: usize| (0..count).map(|n| n.to_string()).collect::<Vec<_>>().join(", ");
    let values = |count: usize| (0..count).map(|n| format!("({n})")).collect::<Vec<_>>().join(", ");
    let items = (0..2_000).map(|n| format!("event_id AS c{n}")).collect::<Vec<_>>().join(", ");
    let ids = "event_id, ".repeat(4_000);
    vec![
        sql("1 MB of text", format!("SELECT '{}'", "x".repeat(1_000_000)), TooLong),
        sql("100 KB of text", format!("SELECT '{}'", "x".repeat(100_000)), Refused("(sql.text_bytes_max)")),
        sql("60 KB of text", format!("SELECT '{}' AS x", "x".repeat(60_000)), Answered),
        sql("60 KB without end", format!("SELECT '{}", "x".repeat(60_000)), Refused("Unterminated")),
        sql("60,000 digits", format!("SELECT {} AS x", "9".repeat(60_000)), Answered),
        sql(
            "IN of 4,000",
            format!("SELECT count(*) FROM events WHERE kafka_offset IN ({})", numbers(4_000)),
            AnsweredOrStopped,
        ),
        sql(
            "IN of 9,000",
            format!("SELECT count(*) FROM events WHERE kafka_offset IN ({})", numbers(9_000)),
            Refused("(sql.tokens_max)"),
        ),
        sql("2,000 VALUES", format!("SELECT count(*) FROM (VALUES {})", values(2_000)), AnsweredOrStopped),
        sql("5,000 VALUES", format!("VALUES {}", values(5_000)), Refused("(sql.tokens_max)")),
        sql("2,000 columns", format!("SELECT {items} FROM events LIMIT 1"), AnsweredOrStopped),
        sql(
            "the same column 4,000 times",
            format!("SELECT {ids}event_id FROM events"),
            Refused("unique expression names"),
        ),
        sql(
            "every column 4,000 times",
            format!("SELECT {}* FROM events", "*, ".repeat(4_000)),
            Refused("(sql.operators_max)"),
        ),
        sql(
            "sorted by 4,000",
            format!("SELECT count(*) FROM (SELECT event_id FROM events ORDER BY {ids}event_id LIMIT 9)"),
            AnsweredOrStopped,
        ),
        sql(
            "grouped by 4,000",
            format!("SELECT count(*) FROM events GROUP BY {ids}event_id LIMIT 1"),
            AnsweredOrStopped,
        ),
        sql(
            "4,000 texts as one",
            format!("SELECT max(concat({ids}event_id)) FROM events"),
            AnsweredOrStopped,
        ),
        sql("a list of 4,000", format!("SELECT [{}] AS x", numbers(4_000)), AnsweredOrStopped),
        sql("a long name", format!("SELECT 1 AS \"{}\"", "x".repeat(60_000)), Refused("shorten the names")),
        sql(
            "a long name of a table",
            format!("SELECT * FROM \"{}\"", "x".repeat(60_000)),
            Refused("shorten the names"),
        ),
        sql(
            "a long name of a function",
            format!("SELECT {}(1)", "x".repeat(20_000)),
            Refused("shorten the names"),
        ),
        sql("4,000 names with dots", format!("SELECT a{}", ".a".repeat(4_000)), Refused("change the query")),
        sql("10,000 comments", format!("{}SELECT 1 AS x", "-- x\n".repeat(10_000)), Answered),
        sql(
            "comments in comments",
            format!("{}{}SELECT 1 AS x", "/*".repeat(10_000), "*/".repeat(10_000)),
            Answered,
        ),
        sql("comments never closed", "/*".repeat(20_000), Refused("multi-line comment")),
        sql("9,000 semicolons", ";".repeat(9_000), Refused("there is none, or more than one")),
    ]
}

/// Letters and bytes that look like something else, and bodies that are none.
fn unicode() -> Vec<Attack> {
    vec![
        sql("from right to left", "SELECT '\u{202e}\u{5d0}\u{5d1}' AS \"\u{202e}x\u{200b}\"", Answered),
        sql("a space without width", "SELECT\u{200b}1", Refused("change the query")),
        sql("a byte order mark", "\u{feff}SELECT 1", Refused("change the query")),
        sql("a wide digit", "SELECT \u{ff11}", Refused("change the query")),
        sql("20,000 accents", format!("SELECT 'a{}' AS x", "\u{301}".repeat(20_000)), Answered),
        sql("10,000 faces", format!("SELECT reverse('{}') AS x", "\u{1f600}".repeat(10_000)), Answered),
        sql("NUL", "SELECT 'a\0b'", Refused("NUL")),
        sql("NUL that is made", "SELECT chr(0) AS x", Answered),
        sql("half a pair that is made", "SELECT chr(55296)", Refused("")),
        body("half a pair", r#"{"sql":"SELECT '\ud800'"}"#, Refused("hex escape")),
        body("a pair the wrong way", r#"{"sql":"SELECT '\udc00\ud800'"}"#, Refused("surrogate")),
        body("a pair", r#"{"sql":"SELECT '\ud83d\ude00' AS x"}"#, Answered),
        body("no UTF-8", b"{\"sql\":\"SELECT '\xff\xfe'\"}".as_slice(), Refused("unicode")),
        body("a long way to say NUL", b"{\"sql\":\"SELECT '\xc0\x80'\"}".as_slice(), Refused("unicode")),
        body("nothing", "", Refused("send an object")),
        body("no JSON", "SELECT 1", Refused("send an object")),
        body("null", r#"{"sql":null}"#, Refused("send an object")),
        body("two questions", r#"{"sql":"SELECT 1","sql":"DROP TABLE events"}"#, Refused("duplicate field")),
        body("something else too", r#"{"sql":"SELECT 1","file":"/etc/passwd"}"#, Refused("unknown field")),
        body("100,000 brackets", format!(r#"{{"sql":{}"#, "[".repeat(100_000)), Refused("send an object")),
        sql("an empty text", "", Refused("write a query")),
        sql("blanks", "  \n\t ", Refused("write a query")),
        sql("a comment alone", "/* nothing */", Refused("write a query")),
        sql("a comment without end", "SELECT 1 /* and", Refused("multi-line comment")),
        sql("a comment within a word", "SEL/**/ECT 1", Refused("change the query")),
        sql("a question behind a comment", "SELECT 1 AS x -- ; DROP TABLE events", Answered),
    ]
}

/// Values past their ends.
fn numbers() -> Vec<Attack> {
    let columns = ["event_id", "occurred_at", "user_id", "result", "kafka_offset", "day"];
    let casts =
        ["int", "date", "timestamp", "boolean", "bytea", "interval", "decimal(38, 10)", "int[]"].map(|to| {
            let casts: Vec<String> =
                columns.iter().map(|name| format!("CAST({name} AS {to}) AS {name}")).collect();
            sql(
                format!("everything as {to}"),
                format!("SELECT {} FROM events", casts.join(", ")),
                Refused(""),
            )
        });
    let tries: Vec<String> =
        columns.iter().map(|name| format!("count(TRY_CAST({name} AS int)) AS {name}")).collect();
    let mut attacks = Vec::from(casts);
    attacks.push(sql(
        "everything as far as it goes",
        format!("SELECT {} FROM events", tries.join(", ")),
        Answered,
    ));
    attacks.extend(each(
        Refused(""),
        &[
            "SELECT 1 / 0",
            "SELECT 1 % 0",
            "SELECT 1 / (kafka_offset - kafka_offset) FROM events",
            "SELECT (-9223372036854775807 - 1) / -1",
            "SELECT abs(-9223372036854775808)",
            "SELECT factorial(30)",
            "SELECT lcm(9223372036854775807, 9223372036854775806), gcd(-9223372036854775808, 0)",
            "SELECT 9e37::decimal(38, 0) + 9e37::decimal(38, 0)",
            "SELECT DATE '9999-12-31' + INTERVAL '1000000' YEAR",
            "SELECT max(occurred_at + INTERVAL '300000' YEAR) FROM events",
            "SELECT INTERVAL '9223372036854775807' SECOND",
            "SELECT to_timestamp(9223372036854775807)",
            "SELECT make_date(2147483647, 1, 1)",
            "SELECT date_bin(INTERVAL '0' SECOND, occurred_at) FROM events",
            "SELECT date_trunc('fortnight', occurred_at) FROM events",
            "SELECT to_char(occurred_at, '%999999999f') FROM events",
            "SELECT occurred_at AT TIME ZONE 'Mars/Olympus' FROM events",
            "SELECT encode('a', 'nonsense')",
            "SELECT digest('a', 'nonsense')",
            "SELECT decode('zz', 'hex')",
            "SELECT 1 @> 2",
            "SELECT 'NaN'::double::int",
            "SELECT [1, 2, 3][-9223372036854775808]",
            "SELECT array_slice([1, 2, 3], -9223372036854775808, 9223372036854775807)",
            "SELECT substr('abc', -9223372036854775808, 9223372036854775807)",
            "SELECT arrow_cast(1, 'Nonsense(')",
            "SELECT event_id FROM events LIMIT -1",
            "SELECT event_id FROM events LIMIT 18446744073709551615 OFFSET 18446744073709551615",
            "SELECT (SELECT event_id FROM events)",
            "SELECT nth_value(event_id, -9223372036854775808) OVER () FROM events",
            "SELECT ntile(0) OVER () FROM events",
            "SELECT $1",
        ],
    ));
    attacks.extend(each(
        Answered,
        &[
            "SELECT 1.0 / 0.0 AS x",
            "SELECT 1e400 * 1e400 AS x, exp(1e9) AS y, power(10, 400000) AS z",
            "SELECT 1 << 1000 AS x, 1 >> -5 AS y",
            "SELECT round(1e308, -2147483648) AS x",
            "SELECT count(*) FROM (SELECT event_id FROM events LIMIT 9223372036854775807)",
            "SELECT count(*) FROM (SELECT event_id FROM events LIMIT 1 OFFSET 9223372036854775807)",
            "SELECT max(x) FROM (SELECT lead(event_id, 9223372036854775807) OVER () AS x FROM events)",
            "SELECT max(x) FROM (SELECT lag(event_id, -9223372036854775808) OVER () AS x FROM events)",
        ],
    ));
    // Here the engine of today panics, which ends a worker.
    attacks.extend(each(
        RefusedOrStopped,
        &[
            "SELECT approx_percentile_cont(0.5, 9223372036854775807) WITHIN GROUP (ORDER BY kafka_offset) \
             FROM events",
            "SELECT sum(kafka_offset) OVER (ORDER BY kafka_offset \
             GROUPS BETWEEN 1 PRECEDING AND 18446744073709551615 FOLLOWING) AS x FROM events",
        ],
    ));
    attacks
}

/// Regular expressions and LIKE.
fn patterns() -> Vec<Attack> {
    let many = "%a".repeat(5_000);
    vec![
        sql("(a+)+", format!("SELECT regexp_like('{}!', '^(a+)+$') AS x", "a".repeat(5_000)), Answered),
        sql(
            "(a+)+ of events",
            "SELECT count(*) FROM events WHERE regexp_like(user_id, '^(([a-z])+.)+[A-Z]([a-z])+$')",
            Answered,
        ),
        sql(
            "a thousand thousand thousands",
            "SELECT regexp_like('a', '(((a{1000}){1000}){1000})')",
            RefusedOrStopped,
        ),
        sql(
            "a million of each letter",
            "SELECT regexp_count(user_id, '(\\w{1,200}){1,200}') FROM events",
            Refused(""),
        ),
        sql(
            "a million, by operator",
            "SELECT count(*) FROM events WHERE user_id ~ '((a{100}){100}){100}'",
            Refused(""),
        ),
        sql("more than there are", "SELECT 'a' ~ 'b{99999999999}'", Refused("")),
        sql("open, as a function", "SELECT regexp_like('a', '(((')", Refused("")),
        sql("open, by operator", "SELECT count(*) FROM events WHERE user_id ~ '('", Refused("")),
        sql("open, by SIMILAR TO", "SELECT count(*) FROM events WHERE user_id SIMILAR TO '('", Refused("")),
        sql("open, where it replaces", "SELECT regexp_replace(user_id, '(', 'x') FROM events", Refused("")),
        sql(
            "10,000 groups",
            format!("SELECT 'a' ~ '{}{}'", "(".repeat(10_000), ")".repeat(10_000)),
            Refused(""),
        ),
        sql(
            "much in place of little",
            format!(
                "SELECT octet_length(regexp_replace('{}', 'a', '{}', 'g'))",
                "a".repeat(20_000),
                "b".repeat(20_000)
            ),
            Stopped,
        ),
        sql(
            "patterns of events",
            "SELECT count(*) FROM events a, events b WHERE a.user_id ~ ('.*' || b.event_id || '+')",
            Stopped,
        ),
        sql(
            "LIKE of many",
            format!("SELECT count(*) FROM events WHERE user_id LIKE '{many}'"),
            AnsweredOrStopped,
        ),
        sql(
            "LIKE of many in one",
            format!("SELECT lpad('a', 20000, 'a') LIKE '{many}b' AS x"),
            AnsweredOrStopped,
        ),
    ]
}

/// What is no question.
fn statements() -> Vec<Attack> {
    let mut attacks = each(
        Refused("this is none"),
        &[
            "CREATE TABLE t AS SELECT 1",
            "CREATE OR REPLACE VIEW events AS SELECT 1",
            "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
            "CREATE UNBOUNDED EXTERNAL TABLE t (a INT) STORED AS CSV LOCATION '/dev/zero'",
            "CREATE FUNCTION f(INT) RETURNS INT RETURN $1 + 1",
            "CREATE SCHEMA s",
            "DROP TABLE events",
            "DROP VIEW IF EXISTS nothing",
            "ALTER TABLE events RENAME TO gone",
            "TRUNCATE TABLE events",
            "COPY events TO '/tmp/out.csv'",
            "COPY (SELECT * FROM events) TO 's3://bucket/out' STORED AS PARQUET",
            "SET datafusion.runtime.memory_limit = '100G'",
            "RESET datafusion.runtime.memory_limit",
            "SHOW ALL",
            "SHOW TABLES",
            "PREPARE p AS SELECT 1",
            "EXECUTE p",
            "INSERT INTO events SELECT * FROM events",
            "UPDATE events SET result = 'success'",
            "DELETE FROM events",
            "MERGE INTO events USING events e ON true WHEN MATCHED THEN DELETE",
            "BEGIN",
            "VACUUM events",
            "CALL f()",
        ],
    );
    attacks.extend(each(
        Refused("plans are not shown"),
        &["EXPLAIN SELECT * FROM events", "EXPLAIN ANALYZE VERBOSE SELECT * FROM events"],
    ));
    attacks.extend(each(
        Refused("more than one"),
        &["SELECT 1; SELECT 2", "SELECT 1; DROP TABLE events", "DROP TABLE events; SELECT 1", ";"],
    ));
    attacks.extend(each(
        Refused("change the query"),
        &[
            "SELECT * INTO t FROM events",
            "WITH gone AS (DELETE FROM events RETURNING *) SELECT * FROM gone",
            "SELECT * FROM (INSERT INTO events VALUES (1))",
            "SELECT * FROM (EXPLAIN SELECT 1)",
            "SELECT",
        ],
    ));
    attacks.extend(each(Answered, &["DESCRIBE events", "SELECT 1 AS x;;;", "VALUES (1), (2)"]));
    attacks
}

/// What lies outside the book, or tells how it lies.
fn places() -> Vec<Attack> {
    let mut attacks = each(
        Refused("use one of the tables"),
        &[
            "SELECT * FROM '/etc/passwd'",
            "SELECT * FROM \"../gatebook.toml\"",
            "SELECT * FROM 'file:///etc/passwd'",
            "SELECT * FROM 's3://bucket/key'",
            "SELECT * FROM 'http://169.254.169.254/latest/meta-data'",
            "DESCRIBE '/etc/passwd'",
            "SELECT * FROM information_schema.tables",
            "SELECT * FROM information_schema.df_settings",
            "SELECT * FROM pg_catalog.pg_tables",
            "SELECT * FROM book",
            "SELECT * FROM datafusion.public.book",
        ],
    );
    attacks.extend(each(
        Refused("change the query"),
        &[
            "SELECT * FROM read_csv('/etc/passwd')",
            "SELECT * FROM read_parquet('/etc/passwd')",
            "SELECT * FROM parquet_metadata('/etc/passwd')",
            "SELECT * FROM metadata_cache()",
            "SELECT input_file_name() FROM events",
            "SELECT file_path FROM events",
            "SELECT current_user",
            "SELECT @@version",
        ],
    ));
    attacks
}

/// Groups of groups, and what the engine has no plan for.
fn shapes() -> Vec<Attack> {
    let columns = |count: usize| (0..count).map(|n| format!("c{n}")).collect::<Vec<_>>().join(", ");
    let table = |count: usize| {
        let columns: Vec<_> = (0..count).map(|n| format!("kafka_offset + {n} AS c{n}")).collect();
        format!("SELECT {} FROM events", columns.join(", "))
    };
    let grouped = |by: &str, count: usize| {
        format!("SELECT count(*) AS n FROM ({}) GROUP BY {by} ({})", table(count), columns(count))
    };
    let sets = vec!["(user_id, event_id)"; 1_000].join(", ");
    vec![
        sql("CUBE of 20", grouped("CUBE", 20), Stopped),
        sql("CUBE of 64", grouped("CUBE", 64), Stopped),
        sql("ROLLUP of 100", grouped("ROLLUP", 100), Refused("")),
        sql("ROLLUP of 5", format!("SELECT max(n) FROM ({})", grouped("ROLLUP", 5)), AnsweredOrStopped),
        sql(
            "1,000 sets",
            format!("SELECT max(n) FROM (SELECT count(*) AS n FROM events GROUP BY GROUPING SETS ({sets}))"),
            AnsweredOrStopped,
        ),
        sql(
            "PIVOT",
            "SELECT * FROM events PIVOT (count(event_id) FOR method IN ('voice-call'))",
            Refused(""),
        ),
        sql("UNPIVOT", "SELECT * FROM events UNPIVOT (v FOR n IN (user_id, event_id))", Refused("")),
        sql("a list as a table", "SELECT unnest(1)", Refused("unnest")),
        sql(
            "keys that do not fit",
            "SELECT arrow_cast(value::text, 'Dictionary(Int8, Utf8)') AS x FROM generate_series(1, 1000000)",
            Refused(""),
        ),
    ]
}
