//! One Kafka broker process and its folder.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use super::process::signal;

/// Starts the broker, says its process id, and kills it as soon as its own standard input ends or
/// brings a word: so no broker outlives the test process, however that one ends. Unless the word
/// is `keep`, the broker's folder goes with it.
const KEEPER: &str = r#"
dir=$1; shift
java "$@" >>"$dir/broker.log" 2>&1 &
broker=$!
echo $broker
read -r word
kill -9 $broker 2>/dev/null
wait $broker 2>/dev/null
[ "$word" = keep ] || rm -rf "$dir"
"#;

/// Little memory and a quick start, rather than throughput.
const JVM: [&str; 5] = [
    "-Xms128m",
    "-Xmx384m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
];

/// A broker, running or not.
pub(crate) struct Broker {
    dir: PathBuf,
    port: u16,
    keeper: Option<Keeper>,
}

struct Keeper {
    shell: Child,
    stdin: ChildStdin,
    broker_pid: u32,
}

impl Broker {
    /// A broker in a folder that is its own, with the lines of its `server.properties`, not yet
    /// started. `scram` adds the credential of a user, in StorageTool's notation.
    pub(crate) fn format(dir: &Path, port: u16, properties: &str, scram: Option<&str>) -> Broker {
        fs::create_dir_all(dir).expect("a folder for the broker");
        let properties = format!("{properties}\nlog.dirs={}\n", dir.join("data").display());
        fs::write(dir.join("server.properties"), properties).expect("the broker's properties");
        let mut format = Command::new("java");
        format
            .args(JVM)
            .args(["-cp", &classpath(), "kafka.tools.StorageTool", "format"])
            .args(["--cluster-id", "Z2F0ZWJvb2stdGVzdHMtMQ", "--config"])
            .arg(dir.join("server.properties"));
        if let Some(scram) = scram {
            format.args(["--add-scram", scram]);
        }
        let formatted = format.output().expect("java runs: see scripts/setup-kafka");
        assert!(formatted.status.success(), "{}", String::from_utf8_lossy(&formatted.stderr));
        Broker { dir: dir.to_owned(), port, keeper: None }
    }

    /// Starts the process; it listens some seconds later.
    pub(crate) fn start(&mut self) {
        assert!(self.keeper.is_none(), "the broker is running");
        let mut shell = Command::new("sh")
            .args(["-c", KEEPER, "keeper"])
            .arg(&self.dir)
            .args(JVM)
            .args(["-cp", &classpath(), "kafka.Kafka"])
            .arg(self.dir.join("server.properties"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh runs");
        let stdin = shell.stdin.take().expect("piped");
        let mut pid = String::new();
        let stdout = shell.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut pid).expect("the keeper says the broker's process id");
        let broker_pid = pid.trim().parse().expect("a process id");
        self.keeper = Some(Keeper { shell, stdin, broker_pid });
    }

    /// Kills the process at once; its folder stays for the next start.
    pub(crate) fn kill(&mut self) {
        self.end("keep");
    }

    /// Asks the process to shut down in order (leaders move away first), and waits for it.
    pub(crate) fn stop(&mut self) {
        if let Some(keeper) = &self.keeper {
            signal(keeper.broker_pid, "TERM");
            let port = self.port;
            super::wait::until("the broker stops listening", super::wait::SOON, || {
                TcpStream::connect(("127.0.0.1", port)).is_err().then_some(())
            });
            // Listeners close first, logs are flushed after that.
            std::thread::sleep(std::time::Duration::from_secs(2));
        }
        self.end("keep");
    }

    /// Where clients without security connect.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// What the broker has logged, for the message of a failed test.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.dir.join("broker.log")).unwrap_or_default()
    }

    fn end(&mut self, word: &str) {
        if let Some(mut keeper) = self.keeper.take() {
            let _ends_anyway = writeln!(keeper.stdin, "{word}");
            drop(keeper.stdin);
            keeper.shell.wait().expect("the keeper is ours");
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.end("");
        let _gone = fs::remove_dir_all(&self.dir);
    }
}

/// A port that nobody listens on at this moment.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("bound").port()
}

/// Kafka's jars, as scripts/setup-kafka leaves them.
fn classpath() -> String {
    let libs = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/kafka/libs");
    assert!(File::open(libs.join(".complete")).is_ok(), "Kafka is not there: run scripts/setup-kafka first");
    format!("{}/*", libs.display())
}
