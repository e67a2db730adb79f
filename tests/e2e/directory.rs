//! Directories and cuts: whose an id is, by what a file says and by what an operator took apart.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;

use crate::harness::gatebook::{Deployment, ENDS};
use crate::harness::kafka::Kafka;
use crate::harness::python::python;
use crate::harness::topic::Topic;

const HR: &str = "\
person,ids,enabled_from,enabled_to
E1,Ada@acme.example ACME\\Short,2026-01-01,2026-05-01
E2,ACME\\Short,2026-06-01,
E3,gatebook:cy,2026-01-01,
";

/// A deployment whose book has some events of `acme`: what is written `ACME\short` is used by one person after the other.
fn deployment(theme: &str) -> Deployment {
    let brokers = Kafka::shared().brokers();
    let topic = Topic::create(&brokers, theme, 1, &[]);
    let event = |(number, (day, user, email)): (usize, &(&str, &str, &str))| {
        format!(
            r#"{{"event_id":"e-{number}","occurred_at":"{day}T08:00:00Z","tenant_id":"acme","user_id":"{user}","email":"{email}",
                "method":"oath-token","result":"success","server_name":"mfa-1","server_ip":"10.0.0.1"}}"#
        )
        .into_bytes()
    };
    let events = [
        ("2026-04-01", "ACME\\\\Short", ""),
        ("2026-05-15", "ACME\\\\Short", ""),
        ("2026-06-02", "ACME\\\\Short", ""),
        ("2026-04-01", "ada@acme.example", ""),
        ("2026-04-01", "007", "Ada@acme.example"),
        ("2026-04-01", "who", ""),
    ];
    topic.produce(0, &events.iter().enumerate().map(event).collect::<Vec<_>>());
    let deployment = Deployment::new(&brokers, &topic.name)
        .set_topic("backfill = true")
        .set("domains", "ACME = \"acme.example\"");
    deployment.catch_up();
    deployment
}

fn write(deployment: &Deployment, name: &str, text: &str) -> String {
    let path: PathBuf = deployment.book().with_file_name(name);
    fs::write(&path, text).expect("a file");
    path.display().to_string()
}

fn import<'a>(file: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut arguments =
        vec!["directory", "import", file, "--tenant", "acme", "--directory", "hr", "--by", "op"];
    arguments.extend(more);
    arguments
}

/// The answer to a question, without its head line.
fn rows(deployment: &Deployment, sql: &str) -> Vec<String> {
    let printed = deployment.succeed(&["sql", "--format", "csv", sql]);
    printed.lines().skip(1).map(str::to_owned).collect()
}

const IDENTITIES: &str =
    "SELECT user_key, person, rule, events FROM identities ORDER BY user_key, valid_from NULLS FIRST";

#[test]
fn a_directory_says_whose_ids_are_and_an_operator_takes_links_apart() {
    let deployment = deployment("directory");
    assert_eq!(
        rows(&deployment, IDENTITIES),
        [
            "007,ada@acme.example,email,1",
            "ACME\\Short,ACME\\Short (gatebook),unmatched,3",
            "ada@acme.example,ada@acme.example,address,1",
            "who,who (gatebook),unmatched,1",
        ]
    );
    let hr = write(&deployment, "hr.csv", HR);
    // A dry run says what would be, and nothing is.
    let dry = deployment.run(&import(&hr, &["--dry-run"]));
    assert_eq!(
        (dry.status.code(), dry.stdout.as_str()),
        (Some(0), "hr  added    E1\nhr  added    E2\nhr  added    E3")
    );
    assert_eq!(rows(&deployment, "SELECT count(*) FROM directory"), ["0"]);
    let done = deployment.run(&import(&hr, &[]));
    assert!(done.stderr.contains("3 added, 0 changed, 0 gone"), "{}", done.stderr);
    assert_eq!(
        rows(&deployment, IDENTITIES),
        [
            "007,E1,email,1",
            "ACME\\Short,E1,directory,2",
            "ACME\\Short,E2,directory,1",
            "ada@acme.example,E1,directory,1",
            "who,who (gatebook),unmatched,1",
        ]
    );
    assert_eq!(
        rows(&deployment, "SELECT person, enabled, events FROM persons WHERE events = 0"),
        [r#"E3,"[""2026-01-01T00:00:00Z/..""]",0"#]
    );
    assert_eq!(
        rows(&deployment, "SELECT person FROM sign_ins WHERE first_at > '2026-05-01' ORDER BY first_at"),
        ["E1", "E2"]
    );
    // The same file again is no version, and a part of it takes the place of the whole.
    let again = deployment.run(&import(&hr, &[]));
    assert!(again.stderr.contains("nothing was changed"), "{}", again.stderr);
    let part = write(&deployment, "part.csv", "ids,person\nada@acme.example;,E1\n");
    let done = deployment.run(&import(&part, &[]));
    assert!(
        done.stderr.contains("0 added, 1 changed, 2 gone") && done.stderr.contains("version 2"),
        "{}",
        done.stderr
    );
    // What was said before is there for any reader, and so is who said it.
    let folder = deployment.book().with_file_name("directory").display().to_string();
    assert_eq!(
        python("read_directory.py", &[folder.as_str(), "1"]).lines().collect::<Vec<_>>(),
        [
            "import hr None [] op",
            "person hr E1 [ACME\\Short ada@acme.example short@acme.example] op",
            "person hr E2 [ACME\\Short short@acme.example] op",
            "person hr E3 [gatebook:cy] op",
        ]
    );
    assert_eq!(
        python("read_directory.py", &[folder.as_str(), "2"]).lines().collect::<Vec<_>>(),
        ["import hr None [] op", "person hr E1 [ada@acme.example] op"]
    );

    let cut = [
        "identities",
        "cut",
        "--tenant",
        "acme",
        "--source",
        "gatebook",
        "--why",
        "another Ada",
        "--by",
        "op",
    ];
    let unseen = deployment.run(&[&cut[..], &["--id", "008"]].concat());
    assert_eq!(unseen.status.code(), Some(2));
    assert!(unseen.stderr.contains("no event has this id"), "{}", unseen.stderr);
    deployment.succeed(&[&cut[..], &["--id", "007", "--from-person", "E1"]].concat());
    let whose = "SELECT person, rule FROM identities WHERE user_key = '007'";
    assert_eq!(rows(&deployment, whose), ["007 (gatebook),cut"]);
    let listed = deployment.succeed(&["identities", "list"]);
    assert!(listed.contains("another Ada") && listed.contains("E1"), "{listed}");
    deployment.succeed(&["identities", "undo", "1", "--why", "it is her", "--by", "eve"]);
    assert_eq!(rows(&deployment, whose), ["E1,email"]);
    assert_eq!(deployment.succeed(&["identities", "list"]).lines().count(), 1);
    let all = deployment.succeed(&["identities", "list", "--all"]);
    assert!(all.contains("it is her") && all.contains("eve"), "{all}");
    let status = deployment.succeed(&["directory", "status"]);
    assert!(status.contains("unmatched") && status.contains("email"), "{status}");
    let history = deployment.succeed(&["directory", "history"]);
    let told: Vec<Vec<&str>> =
        history.lines().skip(1).map(|line| line.split_whitespace().skip(2).collect()).collect();
    assert_eq!(told, [["undo", "eve"], ["cut", "op"], ["import", "op"], ["import", "op"], ["created", "-"]]);
}

#[test]
fn a_wrong_file_is_told_by_line_and_changes_nothing() {
    let deployment = deployment("directory-wrong");
    let file = write(&deployment, "wrong.csv", "person,ids,enabled_from\nE1,secret,yesterday\n,b,\n");
    let ended = deployment.run(&import(&file, &[]));
    assert_eq!(ended.status.code(), Some(2));
    assert!(ended.stderr.contains("line 2, column enabled_from: give a day"), "{}", ended.stderr);
    assert!(ended.stderr.contains("line 3, column person: give a name"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("secret"), "{}", ended.stderr);
    let empty = write(&deployment, "empty.csv", "person,ids\n");
    assert_eq!(deployment.run(&import(&empty, &[])).status.code(), Some(2));
    assert!(!deployment.book().with_file_name("directory").exists());
}

#[test]
fn a_kill_leaves_the_old_or_the_new_and_never_half() {
    let deployment = deployment("directory-kill");
    let old = write(&deployment, "old.csv", "person,ids\nE1,a\nE2,b\n");
    let new = write(&deployment, "new.csv", "person,ids\nE1,a9\nE3,c\n");
    deployment.succeed(&import(&old, &[]));
    let said = || rows(&deployment, "SELECT person, ids FROM directory ORDER BY 1");
    let olds = [r#"E1,"[""a""]""#, r#"E2,"[""b""]""#];
    let news = [r#"E1,"[""a9""]""#, r#"E3,"[""c""]""#];
    for (point, expected, message) in
        [("directory-file", olds, "imported; version 2"), ("directory-commit", news, "nothing was changed")]
    {
        deployment.succeed(&import(&old, &[]));
        let ended = deployment.spawn_failing_at(point, 1, &import(&new, &[])).wait(ENDS);
        assert_eq!(ended.status.signal(), Some(6), "{point}: {}", ended.stderr);
        assert_eq!(said(), expected, "{point}");
        let again = deployment.run(&import(&new, &[]));
        assert!(again.stderr.contains(message), "{point}: {}", again.stderr);
        assert_eq!(said(), news, "{point}");
    }
}

#[test]
fn imports_at_once_are_one_after_the_other_and_each_whole() {
    let deployment = deployment("directory-race");
    let files: Vec<String> = (0..4)
        .map(|n| write(&deployment, &format!("{n}.csv"), &format!("person,ids\nE1,a{n}\nE2,b{n}\n")))
        .collect();
    let running: Vec<_> = files.iter().map(|file| deployment.spawn(&import(file, &[]))).collect();
    for process in running {
        let ended = process.wait(ENDS);
        assert!(ended.status.success() && ended.stderr.contains("imported; version"), "{}", ended.stderr);
    }
    let ids = rows(&deployment, "SELECT ids[1] FROM directory ORDER BY 1");
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0].trim_start_matches('a'), ids[1].trim_start_matches('b'), "{ids:?}");
    assert_eq!(deployment.succeed(&["directory", "history"]).lines().count(), 1 + 1 + 4);
}
