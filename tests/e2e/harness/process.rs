//! A child process whose lines can be read while it runs, and which never outlives its handle.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use super::wait::until;

/// Lines that a process has written so far.
type Lines = Arc<Mutex<Vec<String>>>;

/// A running command. Dropping it kills it.
pub(crate) struct Process {
    child: Child,
    stdout: Lines,
    stderr: Lines,
    readers: Vec<JoinHandle<()>>,
}

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Process {
    /// Starts `command` with both outputs captured.
    pub(crate) fn spawn(command: &mut Command) -> Process {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command starts");
        let (stdout, stderr) = (Lines::default(), Lines::default());
        let readers = vec![
            collect(child.stdout.take().expect("piped"), &stdout),
            collect(child.stderr.take().expect("piped"), &stderr),
        ];
        Process { child, stdout, stderr, readers }
    }

    /// Waits for the end.
    ///
    /// # Panics
    /// After `limit`, with what the process said.
    pub(crate) fn wait(mut self, limit: Duration) -> Ended {
        let start = std::time::Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("the process is ours") {
                break status;
            }
            assert!(start.elapsed() < limit, "still running after {limit:?}:\n{}", self.stderr());
            std::thread::sleep(Duration::from_millis(5));
        };
        for reader in self.readers.drain(..) {
            reader.join().expect("a reader of lines does not panic");
        }
        Ended { status, stdout: text(&self.stdout), stderr: self.stderr() }
    }

    /// True while the process has not ended.
    pub(crate) fn running(&mut self) -> bool {
        self.child.try_wait().expect("the process is ours").is_none()
    }

    /// Waits for a line on standard error that contains `sign`.
    pub(crate) fn wait_for_line(&self, sign: &str, limit: Duration) {
        until(&format!("a line with {sign:?}"), limit, || self.stderr().contains(sign).then_some(()));
    }

    /// Everything printed on standard output so far.
    pub(crate) fn stdout(&self) -> String {
        text(&self.stdout)
    }

    /// Everything said on standard error so far.
    pub(crate) fn stderr(&self) -> String {
        text(&self.stderr)
    }

    /// The most memory that the process has held so far, in MiB.
    pub(crate) fn peak_memory_mib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a process has memory");
        peak.trim().trim_end_matches(" kB").parse::<u64>().expect("a number of KiB") / 1024
    }

    /// Sends a signal by its name: `KILL`, `TERM`, `STOP`, `CONT`.
    pub(crate) fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    /// Kills at once (signal 9) and waits until the process is gone.
    pub(crate) fn kill(self) -> Ended {
        self.signal("KILL");
        self.wait(Duration::from_secs(30))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            let _gone = self.child.kill();
            let _reaped = self.child.wait();
        }
    }
}

/// Sends a signal to a process; one that has just ended is no error.
pub(crate) fn signal(pid: u32, name: &str) {
    Command::new("sh")
        .args(["-c", &format!("kill -{name} {pid} 2>/dev/null || true")])
        .status()
        .expect("sh runs");
}

fn text(lines: &Lines) -> String {
    lines.lock().expect("no reader panicked").join("\n")
}

fn collect(from: impl Read + Send + 'static, into: &Lines) -> JoinHandle<()> {
    let lines = Arc::clone(into);
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines() {
            let Ok(line) = line else { return };
            lines.lock().expect("no reader panicked").push(line);
        }
    })
}
