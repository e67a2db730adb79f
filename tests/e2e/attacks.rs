//! Free SQL as an attack: whatever is asked, an answer or a reason comes in time, others are answered
//! meanwhile, and nothing of it stays behind.
//!
//! The limits are small, so that each attack reaches its own soon. The second half of this file lists them.

mod list;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::PathBuf;
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use self::Expected::{
    Answered, AnsweredOrStopped, BrokenOff, Refused, RefusedOrStopped, Stopped, StoppedBy, TooLong,
};
use crate::harness::event::events;
use crate::harness::gatebook::Deployment;
use crate::harness::http::{Answer, Api};
use crate::harness::kafka::Kafka;
use crate::harness::process::Process;
use crate::harness::topic::Topic;
use crate::harness::wait::{SOON, until};

const SQL: &str = "/api/v1/sql";
const EVENTS: u64 = 5_000;

/// What everybody else asks.
const SMALL: &str = "SELECT count(*) AS n FROM events";

/// What is worked on until it is stopped.
const SLOW: &str = "SELECT sum(value) FROM generate_series(1, 1000000000000)";

const LIMITS: &str = "deadline_s_max = 2\nfetch_s_max = 3\nmemory_bytes_max = 67108864\n\
                      spill_bytes_max = 67108864\nrow_bytes_max = 1048576\nworkers = 3\n\
                      questions_per_worker = 50";
const DEADLINE: Duration = Duration::from_secs(2);
const FETCH: Duration = Duration::from_secs(3);
const WORKERS: usize = 3;

/// What may pass beyond that until the last byte is there: a process is killed, and what was answered before
/// is sent.
const SLACK: Duration = Duration::from_secs(3);

/// How long after an attack the others ask.
const BESIDE: Duration = Duration::from_millis(200);

/// How long a small answer may take, whatever is asked beside it; one in twenty may take longer, since the
/// machine is busy with other tests, and none longer than [`PATIENCE`].
const QUICK: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(3);

/// How soon the work for a client that went away ends; its deadline is far off.
const GONE: Duration = Duration::from_secs(5);

/// KiB that the server, and all its workers together, hold at most once the attacks are over. Without
/// optimisation that is about 160 MiB for the server and 140 MiB for each worker.
const SERVER_KIB_MAX: u64 = 400 << 10;
const WORKERS_KIB_MAX: u64 = 1 << 20;

/// Signs of where the lake is, or of how the engine works.
const LEAKS: &[&str] = &[".parquet", "_delta_log", "TableScan", "DataSourceExec"];

#[test]
fn no_attack_stops_the_server_or_keeps_others_waiting() {
    let (deployment, _topic) = book("attacks", LIMITS);
    let service = Service::start(deployment, WORKERS, &[]);
    let server = service.server();
    let attacks = list::attacks();
    let (mut faults, mut waits) = (Vec::new(), Vec::new());
    for attack in &attacks {
        let seen = Seen::of(&service.api, attack);
        let found = seen.faults(attack, &service.folder.display().to_string());
        faults.extend(found.into_iter().map(|fault| format!("{}: {fault}", attack.name)));
        waits.extend(seen.others.into_iter().flatten().map(|(wait, _)| (wait, attack.name.as_str())));
    }
    assert!(
        faults.is_empty(),
        "{} faults in {} attacks:\n{}",
        faults.len(),
        attacks.len(),
        faults.join("\n")
    );
    assert_quick(&waits);

    until("as many workers as before", SOON, || (service.workers().len() == WORKERS).then_some(()));
    until("the memory of the attacks is free again", SOON, || {
        let workers: u64 = service.workers().into_iter().map(resident_kib).sum();
        (resident_kib(server) < SERVER_KIB_MAX && workers < WORKERS_KIB_MAX).then_some(())
    });
    until("the spill files of the attacks are gone", SOON, || (service.spills() <= WORKERS).then_some(()));
    assert_eq!(service.server(), server, "it is another server");
    assert_small(&service.api.post(SQL, &[], &question(SMALL)));
    let Service { api, deployment, spill, .. } = service;
    deployment.terminate(api.process);
    until("no spill folder without a server", SOON, || (spills(&spill) == 0).then_some(()));
}

#[test]
fn a_client_that_goes_away_stops_its_query() {
    let (deployment, _topic) = book("attacks-gone", "deadline_s_max = 600\nworkers = 3");
    let service = Service::start(deployment, 3, &[]);
    let tables: Vec<_> = (0..400).map(|n| format!("events e{n}")).collect();
    let planned = format!("SELECT count(*) FROM {}", tables.join(", "));
    let joined = "SELECT sum(a.kafka_offset * b.kafka_offset) FROM events a, events b, events c";
    let sent = "SELECT value AS x FROM generate_series(1, 1000000000000)";
    for (moment, text) in [
        ("before its first row", SLOW),
        ("while it is planned", planned.as_str()),
        ("while pairs are joined", joined),
        ("while rows come", sent),
    ] {
        let (before, worked) = (service.workers(), service.ticks());
        let mut client = TcpStream::connect(&service.api.address).expect("it listens");
        client.set_read_timeout(Some(Duration::from_millis(5))).expect("a time-out");
        client.write_all(&service.api.request(SQL, &[], &question(text))).expect("it reads");
        until("the question is worked on", SOON, || {
            let has_rows = client.peek(&mut [0]).is_ok_and(|bytes| bytes > 0);
            (has_rows || service.ticks() > worked + 20).then_some(())
        });
        drop(client);
        until(&format!("a client that went away {moment}: its worker is gone"), GONE, || {
            let now = service.workers();
            (before.difference(&now).count() == 1 && now.len() == before.len()).then_some(())
        });
        assert_small(&service.api.post(SQL, &[], &question(SMALL)));
    }
}

#[test]
fn tokens_share_the_workers_fairly() {
    let (deployment, _topic) =
        book("attacks-tokens", "deadline_s_max = 2\nworkers = 2\nwaiting_max = 2\nwait_s_max = 3");
    let (deployment, greedy) = token(deployment, "greedy", "sql");
    let (deployment, modest) = token(deployment, "modest", "sql");
    let (deployment, dashboards) = token(deployment, "dashboards", "reports,people,operate");
    let service = Service::start(deployment, 2, &[("Authorization", modest.as_str())]);
    let ask = |token: &str, text: &str| service.api.post(SQL, &[("Authorization", token)], &question(text));
    let refused = ask(&dashboards, SMALL);
    assert_eq!(refused.status, 403, "{}", refused.text());
    assert!(detail(&refused).contains("scope sql"), "{}", refused.text());
    assert_eq!(service.api.post(SQL, &[], &question(SMALL)).status, 401);
    for token in [&greedy, &modest] {
        assert_small(&ask(token, SMALL));
    }

    let mut waits = Vec::new();
    // One is worked on, since nobody has the last worker, and two wait: the second of them for too long.
    let answers: Vec<Answer> = thread::scope(|scope| {
        let asking: Vec<_> = (0..8).map(|_| scope.spawn(|| ask(&greedy, SLOW))).collect();
        while asking.iter().any(|asking| !asking.is_finished()) {
            let (wait, answer) = timed(|| ask(&modest, SMALL));
            assert_small(&answer);
            waits.push((wait, "beside eight slow questions of another token"));
            thread::sleep(BESIDE);
        }
        asking.into_iter().map(|asking| asking.join().expect("an answer")).collect()
    });
    assert_quick(&waits);

    let count = |status: u16, limit: &str| {
        answers.iter().filter(|answer| answer.status == status && detail(answer).contains(limit)).count()
    };
    let counts =
        [count(422, "(sql.deadline_s_max)"), count(503, "(sql.waiting_max)"), count(503, "(sql.wait_s_max)")];
    let said: Vec<_> = answers.iter().map(|answer| (answer.status, detail(answer))).collect();
    assert_eq!(counts, [2, 5, 1], "{said:#?}");
    for answer in answers.iter().filter(|answer| answer.status == 503) {
        assert!(answer.header("retry-after").is_some(), "{:?}", answer.headers);
    }
}

/// A book of [`EVENTS`] events, with limits for SQL.
fn book(theme: &str, limits: &str) -> (Deployment, Topic) {
    let kafka = Kafka::shared();
    let topic = Topic::create(&kafka.brokers(), theme, 1, &[]);
    topic.produce(0, &events(0..EVENTS));
    let deployment = Deployment::new(&kafka.brokers(), &topic.name).set("sql", limits);
    deployment.catch_up();
    (deployment, topic)
}

/// Adds a token, and returns it as the value of `Authorization`.
fn token(deployment: Deployment, name: &str, scopes: &str) -> (Deployment, String) {
    let made = deployment.run(&["token", name, "--scopes", scopes]);
    let token = made.stderr.lines().find(|line| line.trim().starts_with("gatebook_")).expect("a token");
    let bearer = format!("Bearer {}", token.trim());
    (deployment.append(&format!("\n{}", made.stdout)), bearer)
}

fn question(text: &str) -> Vec<u8> {
    json!({"sql": text}).to_string().into_bytes()
}

/// What a problem document says.
fn detail(answer: &Answer) -> String {
    if answer.status == 200 {
        return String::new();
    }
    let problem: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    problem["detail"].as_str().unwrap_or_default().to_owned()
}

fn is_small(answer: &Answer) -> bool {
    answer.status == 200 && answer.is_whole && answer.json()["rows"] == json!([{"n": EVENTS}])
}

#[track_caller]
fn assert_small(answer: &Answer) {
    assert!(is_small(answer), "a small question: {} {}", answer.status, answer.text());
}

/// Small answers came in time, but for a few that a busy machine may delay.
#[track_caller]
fn assert_quick(waits: &[(Duration, &str)]) {
    let late: Vec<_> = waits.iter().filter(|(wait, _)| *wait > QUICK).collect();
    let is_quick = late.len() <= waits.len() / 20 + 1 && late.iter().all(|(wait, _)| *wait <= PATIENCE);
    assert!(is_quick, "{} of {} small questions waited long: {late:#?}", late.len(), waits.len());
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let begin = Instant::now();
    let made = work();
    (begin.elapsed(), made)
}

/// A server, with a folder of its own for its spill files.
struct Service {
    api: Api,
    deployment: Deployment,
    /// Where it was started: no other process has its working directory there but its workers.
    folder: PathBuf,
    spill: TempDir,
}

impl Service {
    /// Starts a server, and waits until it answers with as many workers.
    fn start(deployment: Deployment, workers: usize, headers: &[(&str, &str)]) -> Service {
        let spill = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let api = Api::of(Process::spawn(deployment.command(&["serve"]).env("TMPDIR", spill.path())));
        let folder = deployment.book().ancestors().nth(2).expect("it lies in the deployment").to_owned();
        let folder = folder.canonicalize().expect("the folder is there");
        let service = Service { api, deployment, folder, spill };
        let are_there = || (service.workers().len() == workers).then_some(());
        until("the first workers", SOON, are_there);
        assert_small(&service.api.post(SQL, headers, &question(SMALL)));
        // A question that comes before they are ready starts one more, and ends it.
        until("no more workers than are wanted", SOON, are_there);
        service
    }

    /// Its process.
    fn server(&self) -> u32 {
        let ours = |running: &Running| running.parent == std::process::id() && running.folder == self.folder;
        running().into_iter().find(ours).expect("the server runs").pid
    }

    /// The processes that answer for it.
    fn workers(&self) -> BTreeSet<u32> {
        self.work().map(|worker| worker.pid).collect()
    }

    /// The work of its workers so far, in ticks of the system's clock.
    fn ticks(&self) -> u64 {
        self.work().map(|worker| worker.ticks).sum()
    }

    fn work(&self) -> impl Iterator<Item = Running> {
        let server = self.server();
        running()
            .into_iter()
            .filter(move |running| running.parent == server && running.command.contains("sql-worker"))
    }

    fn spills(&self) -> usize {
        spills(&self.spill)
    }
}

/// Folders for spill files.
fn spills(folder: &TempDir) -> usize {
    let entries = fs::read_dir(folder.path()).expect("the folder is there").flatten();
    entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("gatebook-sql-")).count()
}

/// A process of this machine.
struct Running {
    pid: u32,
    parent: u32,
    /// Its work so far, in ticks of the system's clock.
    ticks: u64,
    /// Its words, each with a NUL behind it; none once it has ended.
    command: String,
    folder: PathBuf,
}

fn running() -> Vec<Running> {
    let entries = fs::read_dir("/proc").expect("this is Linux").flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter_map(look).collect()
}

/// None where it has just ended, or is another user's.
fn look(pid: u32) -> Option<Running> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is a name that may hold blanks; see proc(5).
    let fields: Vec<u64> =
        stat.rsplit_once(')')?.1.split_whitespace().map(|field| field.parse().unwrap_or(0)).collect();
    let command = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    Some(Running {
        pid,
        parent: u32::try_from(*fields.get(1)?).ok()?,
        ticks: fields.get(11)? + fields.get(12)?,
        command: String::from_utf8_lossy(&command).into_owned(),
        folder: fs::read_link(format!("/proc/{pid}/cwd")).ok()?,
    })
}

/// KiB of memory that a process holds; 0 once it has ended.
fn resident_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

/// What is asked, and what should come of it.
struct Attack {
    name: String,
    body: Vec<u8>,
    expected: Expected,
}

#[derive(Clone, Copy, Debug)]
enum Expected {
    /// Harmless after all.
    Answered,
    /// The question cannot be asked, for a reason with these words.
    Refused(&'static str),
    /// It was begun, and went past a limit of `[sql]`, which is named.
    Stopped,
    /// Past this one.
    StoppedBy(&'static str),
    /// Where it depends on the machine.
    AnsweredOrStopped,
    /// Where it depends on the engine's version.
    RefusedOrStopped,
    /// Rows without end, of which some were sent.
    BrokenOff,
    /// No such body is read.
    TooLong,
}

impl Expected {
    fn allows(self, answer: &Answer) -> bool {
        let detail = detail(answer);
        let answered = answer.status == 200 && answer.is_whole;
        let refused = |words: &str| answer.status == 400 && detail.contains(words);
        let stopped = |limit: &str| answer.status == 422 && detail.contains(limit);
        match self {
            Answered => answered,
            Refused(words) => refused(words),
            Stopped => stopped("(sql."),
            StoppedBy(limit) => stopped(limit),
            AnsweredOrStopped => answered || stopped("(sql."),
            RefusedOrStopped => refused("") || stopped("(sql."),
            BrokenOff => answer.status == 200 && !answer.is_whole,
            TooLong => answer.status == 413,
        }
    }

    /// How long the last byte may take.
    fn within(self) -> Duration {
        let allowed = if matches!(self, BrokenOff) { FETCH } else { DEADLINE };
        allowed + SLACK
    }
}

/// What came of an attack, and of a small question beside it and after it; none where the server said
/// nothing.
struct Seen {
    attacked: Option<(Duration, Answer)>,
    others: [Option<(Duration, Answer)>; 2],
}

impl Seen {
    fn of(api: &Api, attack: &Attack) -> Seen {
        let small = question(SMALL);
        thread::scope(|scope| {
            let attacking = spawn(scope, api, &attack.body);
            let begin = Instant::now();
            while !attacking.is_finished() && begin.elapsed() < BESIDE {
                thread::sleep(Duration::from_millis(5));
            }
            // A client panics where it gets no answer at all.
            let beside = spawn(scope, api, &small).join().ok();
            let attacked = attacking.join().ok();
            let after = spawn(scope, api, &small).join().ok();
            Seen { attacked, others: [beside, after] }
        })
    }

    /// What should have been otherwise.
    fn faults(&self, attack: &Attack, lake: &str) -> Vec<String> {
        let mut faults = Vec::new();
        match &self.attacked {
            None => faults.push("no answer".to_owned()),
            Some((took, answer)) => {
                if !attack.expected.allows(answer) {
                    let said: String = detail(answer).chars().take(200).collect();
                    let found = format!("{} (whole: {}) {said}", answer.status, answer.is_whole);
                    faults.push(format!("{:?} expected, not {found}", attack.expected));
                }
                if *took > attack.expected.within() {
                    faults.push(format!("it took {took:?}"));
                }
                let text = ends(&answer.body);
                let leaks = LEAKS.iter().copied().chain([lake]).filter(|leak| text.contains(leak));
                faults.extend(leaks.map(|leak| format!("it tells of {leak}")));
            }
        }
        for (place, other) in ["beside", "after"].into_iter().zip(&self.others) {
            match other {
                Some((_, answer)) if is_small(answer) => {}
                Some((_, answer)) => faults.push(format!("{place} it {} {}", answer.status, answer.text())),
                None => faults.push(format!("{place} it no answer")),
            }
        }
        faults
    }
}

fn spawn<'scope>(
    scope: &'scope Scope<'scope, '_>,
    api: &'scope Api,
    body: &'scope [u8],
) -> ScopedJoinHandle<'scope, (Duration, Answer)> {
    scope.spawn(move || timed(|| api.post(SQL, &[], body)))
}

/// The beginning and the end of a body: what lies between is rows.
fn ends(body: &[u8]) -> String {
    const ENDS_BYTES: usize = 64 << 10;
    let first = &body[..body.len().min(ENDS_BYTES)];
    let last = &body[body.len().saturating_sub(ENDS_BYTES)..];
    String::from_utf8_lossy(&[first, last].concat()).into_owned()
}
