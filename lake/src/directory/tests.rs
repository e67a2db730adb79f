//! What the directory says after it was changed.

use std::collections::BTreeMap;

use schemas::{DirectoryFile, Enabled, ListedId, Listing};
use tempfile::TempDir;

use super::*;

fn lake() -> (TempDir, Location) {
    let folder = tempfile::tempdir().expect("a folder");
    let location = Location::parse(&folder.path().display().to_string()).expect("a location");
    (folder, location)
}

/// `directory: person id …`
fn file(lines: &[&str]) -> DirectoryFile {
    let mut directories: BTreeMap<String, Vec<Listing>> = BTreeMap::new();
    for line in lines {
        let (directory, rest) = line.split_once(": ").expect("a directory");
        let mut words = rest.split(' ').map(str::to_owned);
        let person = words.next().expect("a person");
        let ids = words.map(|user_key| ListedId { source: Some("duo".into()), user_key }).collect();
        let enabled = Enabled { from_us: Some(1), to_us: None };
        directories.entry(directory.to_owned()).or_default().push(Listing { person, ids, enabled });
    }
    DirectoryFile { directories }
}

fn told(content: &DirectoryContent) -> Vec<String> {
    let all = content.imports.iter().flat_map(|it| it.listings.iter().map(move |listing| (it, listing)));
    all.map(|(it, listing)| {
        let ids: Vec<&str> = listing.ids.iter().map(|id| id.user_key.as_str()).collect();
        format!(
            "{} {}: {} [{}] by {} at {}",
            it.tenant_id,
            it.directory,
            listing.person,
            ids.join(" "),
            it.actor,
            it.imported_at_us
        )
    })
    .collect()
}

fn cut(user_key: &str) -> Cut {
    Cut {
        number: 0,
        tenant_id: "acme".into(),
        source: "duo".into(),
        user_key: user_key.into(),
        from_person: Some("E1".into()),
        actor: "op".into(),
        cut_at_us: 7,
        why: "another Ada".into(),
        undone: None,
    }
}

#[tokio::test]
async fn an_import_takes_the_place_of_its_directory_and_of_no_other() {
    let (_folder, location) = lake();
    let mut directory = Directory::open(&location).await.expect("opens");
    assert_eq!((directory.version(), directory.content().await.expect("nothing").imports.len()), (None, 0));
    directory.import("acme", &file(&["hr: E1 a", "hr: E2 b", "ad: E1 c"]), "op", 5).await.expect("imports");
    directory.import("globex", &file(&["hr: E9 z"]), "op", 6).await.expect("imports");
    let before = directory.clone();
    let imported = directory.import("acme", &file(&["hr: E1 x"]), "eve", 7).await.expect("imports");
    assert_eq!(imported.version, Some(3));
    let told_of = &imported.differences["hr"];
    assert_eq!(
        (told_of.changed.as_slice(), told_of.gone.as_slice()),
        (["E1".to_owned()].as_slice(), ["E2".to_owned()].as_slice())
    );
    let expected =
        ["acme ad: E1 [c] by op at 5", "acme hr: E1 [x] by eve at 7", "globex hr: E9 [z] by op at 6"];
    assert_eq!(told(&directory.content().await.expect("content")), expected);
    let again = Directory::open(&location).await.expect("opens");
    assert_eq!(
        (again.version(), told(&again.content().await.expect("content"))),
        (Some(3), expected.map(str::to_owned).to_vec())
    );
    // What was said before can still be read.
    assert_eq!(told(&before.content().await.expect("content")).len(), 4);
}

#[tokio::test]
async fn the_same_file_again_is_no_version() {
    let (_folder, location) = lake();
    let mut directory = Directory::open(&location).await.expect("opens");
    directory.import("acme", &file(&["hr: E1 a"]), "op", 5).await.expect("imports");
    let again = directory.import("acme", &file(&["hr: E1 a"]), "eve", 6).await.expect("imports");
    assert_eq!((again.version, directory.version()), (None, Some(1)));
    assert!(again.differences["hr"].is_empty());
}

/// Each of many imports at once is in the end either as a whole or not, and each says at which version.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn imports_at_once_are_one_after_the_other() {
    let (_folder, location) = lake();
    let tasks = (0..6).map(|number| {
        let location = location.clone();
        tokio::spawn(async move {
            let mut directory = Directory::open(&location).await.expect("opens");
            let lines =
                [format!("hr: E1 a{number}"), format!("hr: E2 b{number}"), format!("own{number}: E3 c")];
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            let imported = directory.import("acme", &file(&lines), "op", number).await.expect("imports");
            (imported.version.expect("something new"), number)
        })
    });
    let mut done: Vec<(u64, i64)> = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        done.push(task.await.expect("ends"));
    }
    done.sort_unstable();
    assert_eq!(done.iter().map(|(version, _)| *version).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    let last = done.last().expect("one").1;
    let content = Directory::open(&location).await.expect("opens").content().await.expect("content");
    let told = told(&content);
    assert_eq!(
        told[0..2],
        [format!("acme hr: E1 [a{last}] by op at {last}"), format!("acme hr: E2 [b{last}] by op at {last}")]
    );
    assert_eq!(told.len(), 2 + 6);
}

#[tokio::test]
async fn cuts_have_numbers_and_can_be_taken_back_once() {
    let (_folder, location) = lake();
    let mut directory = Directory::open(&location).await.expect("opens");
    assert_eq!(directory.cut(&cut("ada")).await.expect("cuts"), 1);
    assert_eq!(directory.cut(&cut("bob")).await.expect("cuts"), 2);
    assert!(matches!(directory.cut(&cut("ada")).await, Err(ChangeError::AlreadyCut(1))));
    assert_eq!(directory.undo(1, "it is her", "eve", 9).await.expect("undoes"), 1);
    assert!(matches!(directory.undo(1, "it is her", "eve", 9).await, Err(ChangeError::Undone(1))));
    assert!(matches!(directory.undo(5, "x", "eve", 9).await, Err(ChangeError::NoCut(5))));
    assert_eq!(directory.cut(&cut("ada")).await.expect("cuts"), 3);
    let content = Directory::open(&location).await.expect("opens").content().await.expect("content");
    let undone = Undone { actor: "eve".into(), undone_at_us: 9, why: "it is her".into() };
    let expected = [
        Cut { number: 1, undone: Some(undone), ..cut("ada") },
        Cut { number: 2, ..cut("bob") },
        Cut { number: 3, ..cut("ada") },
    ];
    assert_eq!(content.cuts, expected);
    let history = directory.history().await.expect("history");
    let told = history.iter().map(|it| (it.version, it.act.as_deref(), it.actor.as_deref()));
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            (4, Some("cut"), Some("op")),
            (3, Some("undo"), Some("eve")),
            (2, Some("cut"), Some("op")),
            (1, Some("cut"), Some("op")),
            (0, None, None),
        ]
    );
}

#[tokio::test]
async fn an_id_of_two_directories_persons_at_a_time_is_a_conflict() {
    let (_folder, location) = lake();
    let mut directory = Directory::open(&location).await.expect("opens");
    directory.import("acme", &file(&["hr: E1 a b", "ad: E2 a"]), "op", 5).await.expect("imports");
    directory.import("globex", &file(&["hr: E9 b"]), "op", 6).await.expect("imports");
    let content = directory.content().await.expect("content");
    assert_eq!((content.conflicts("acme"), content.conflicts("globex")), (1, 0));
}

#[test]
fn a_difference_is_told_by_person() {
    let (before, after) =
        (file(&["hr: E1 a", "hr: E2 b", "hr: E3 c"]), file(&["hr: E2 b", "hr: E3 c d", "hr: E4 e"]));
    let difference = Difference::between(&before.directories["hr"], &after.directories["hr"]);
    let expected =
        Difference { added: vec!["E4".into()], changed: vec!["E3".into()], gone: vec!["E1".into()] };
    assert_eq!(difference, expected);
}
