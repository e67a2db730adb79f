//! What becomes of a directory's file, through one `check`.

use super::*;

fn maps() -> Maps {
    Maps { domains: BTreeMap::from([("CORP".into(), "corp.example".into())]), ..Maps::default() }
}

/// Reads a file, and tells `directory: person [ids] from..to`, or what is wrong.
#[track_caller]
fn check(file: &str, expected: &[&str]) {
    let told = told(file.as_bytes(), Some("hr"));
    assert_eq!(told, expected);
}

fn told(file: &[u8], directory: Option<&str>) -> Vec<String> {
    let id = |id: &ListedId| match &id.source {
        Some(source) => format!("{source}:{}", id.user_key),
        None => id.user_key.clone(),
    };
    let day = |us: Option<i64>| us.map_or(String::new(), |us| (us / 86_400_000_000).to_string());
    let listing = |directory: &str, it: &Listing| {
        let ids: Vec<String> = it.ids.iter().map(id).collect();
        let (from, to) = (day(it.enabled.from_us), day(it.enabled.to_us));
        format!("{directory}: {} [{}] {from}..{to}", it.person, ids.join(" "))
    };
    match read_directory_file(file, directory, &maps()) {
        Ok(file) => {
            let all = file.directories.iter();
            all.flat_map(|(name, listings)| listings.iter().map(move |it| listing(name, it))).collect()
        }
        Err(problems) => problems.to_string().lines().map(str::to_owned).collect(),
    }
}

#[test]
fn columns_come_in_any_order_and_ids_as_events_have_them() {
    check(
        "\u{feff}Enabled_To, ids ,person,enabled_from\r\n\
         1970-01-03,Ada@Acme.example duo:ALovelace  corp\\Ada,E1,1970-01-02T00:00:00Z\r\n\
         ,\"mfa-server:Ada Lovelace; arn:aws:iam::1:user/ada;\",E2,\r\n",
        &[
            "hr: E1 [ada@acme.example ada@corp.example corp\\Ada duo:ALovelace] 1..2",
            "hr: E2 [arn:aws:iam::1:user/ada mfa-server:Ada Lovelace] ..",
        ],
    );
}

#[test]
fn several_rows_of_a_person_are_several_periods() {
    check(
        "person,ids,enabled_from,enabled_to\nE1,a,1970-01-05,\nE1,a,,1970-01-03\nE1,a,,1970-01-03\nE2,a,1970-01-03,1970-01-05\n",
        &["hr: E1 [a] ..2", "hr: E1 [a] 4..", "hr: E2 [a] 2..4"],
    );
}

#[test]
fn a_person_named_by_an_address_has_it() {
    check("person,ids\nAda@Acme.example,ada\n", &["hr: ada@acme.example [ada ada@acme.example] .."]);
}

#[test]
fn rows_name_their_directory_where_the_file_does_not() {
    let file = b"person,ids,directory\nE1,a,ad\nE2,b,hr\nE3,c,\n";
    assert_eq!(
        told(file, None),
        ["line 4, column directory: name the directory, in the row or for the whole file: it is empty"]
    );
    assert_eq!(told(&file[..file.len() - 6], None), ["ad: E1 [a] ..", "hr: E2 [b] .."]);
    assert_eq!(
        told(file, Some("hr")),
        [
            "line 2, column directory: name the directory that is asked for, or none: the row is of another one"
        ]
    );
    assert_eq!(
        told(b"person,ids\nE1,a\n", None),
        ["line 1, column directory: add this column, or name the directory of the whole file"]
    );
}

#[test]
fn what_is_wrong_is_told_by_line_and_column_without_its_value() {
    check(
        "person,ids,enabled_from,enabled_to\n,a,,\nE1,b,01.03.2026,\nE2,c,2026-03-01,2026-03-01\nE3,d\nE4,duo:,,2026-02-30\n",
        &[
            "line 2, column person: give a name or number of the person: it is empty",
            "line 3, column enabled_from: give a day or a moment with its zone, such as 2026-03-01 or 2026-03-01T08:00:00Z, or nothing",
            "line 4, column enabled_to: give a later day: the person is enabled until before this one, and it is not after enabled_from",
            "line 5: give 4 cells, as many as there are columns, and close every quote: there are 2",
            "line 6, column enabled_to: give a day or a moment with its zone, such as 2026-03-01 or 2026-03-01T08:00:00Z, or nothing",
            "line 6, column ids: write an id behind the source and its colon: there is none",
        ],
    );
    check(
        "",
        &[
            "line 1: begin with a line of the columns, person,ids,directory,enabled_from,enabled_to: the file is empty",
        ],
    );
    check(
        "E1,a\n",
        &[
            "line 1: leave column 1 out, which is \"e1\": the columns are person, ids, directory, enabled_from, enabled_to",
            "line 1: leave column 2 out, which is \"a\": the columns are person, ids, directory, enabled_from, enabled_to",
        ],
    );
    check(
        "person;ids\nE1;a\n",
        &["line 1: separate the columns by commas: these are separated by semicolons"],
    );
    check(
        "person,directory\n",
        &["line 1, column ids: begin the file with a line of the columns, this one among them"],
    );
    assert_eq!(told(b"\xff\xfep\0", Some("hr")), ["line 1: save the file as UTF-8: it is UTF-16"]);
    assert_eq!(
        told(b"person,ids\nJos\xe9,a\n", Some("hr")),
        ["line 2, column person: save the file as UTF-8: this is none"]
    );
}

#[test]
fn a_quote_that_is_not_closed_swallows_no_rows() {
    check(
        "person,ids\nE1,\"a b\nE2,c d\n",
        &["line 2, column ids: close the quote, or leave the line break out: no value has one"],
    );
}

#[test]
fn an_id_of_two_persons_at_once_is_refused_and_one_after_the_other_is_not() {
    check(
        "person,ids,enabled_from,enabled_to\nE1,a,,1970-01-10\nE1,a,1970-01-02,1970-01-05\nE2,A@x.example a,1970-01-09,\n",
        &[
            "line 4, column ids: list the id with one person at a time: line 2 lists one of these for another person in \
             the same period",
        ],
    );
    check("person,ids\nE1,duo:a\nE2,a\n", &["hr: E1 [duo:a] ..", "hr: E2 [a] .."]);
}

#[test]
fn more_problems_than_anybody_reads_are_counted() {
    let file = format!("person,ids\n{}", ",a\n".repeat(25));
    let told = told(file.as_bytes(), Some("hr"));
    assert_eq!((told.len(), told.last().map(String::as_str)), (21, Some("and 5 more")));
}
