//! The lines of a reader that may keep its reader waiting.

use std::io::{ErrorKind, Read};
use std::ops::Range;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};

use super::source::InputError;

/// Bytes that are asked for at a time.
const CHUNK_BYTES: usize = 256 * 1024;
/// Chunks that are read ahead.
const CHUNKS_AHEAD: usize = 4;
/// The longest line: far beyond what a broker takes, and no reason to fill the memory.
const LINE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// A line, without its line feed.
    Whole(&'a [u8]),
    /// The last line, which has no line feed.
    Unended(&'a [u8]),
    /// Nothing within the wait.
    Later,
    End,
}

/// Splits what a thread reads into lines, as soon as they come.
pub(super) struct Lines {
    chunks: Receiver<std::io::Result<Vec<u8>>>,
    buffer: Vec<u8>,
    /// Where the next line starts.
    start: usize,
    /// Up to where the buffer holds no line feed after `start`.
    scanned: usize,
    count: u64,
}

impl Lines {
    pub(super) fn new(reader: Box<dyn Read + Send>) -> Self {
        let (sender, chunks) = bounded(CHUNKS_AHEAD);
        // The thread ends with the input, or when its chunks are no longer wanted. Where it is stuck in a
        // read it dies with the process: there is no way to wake it.
        thread::spawn(move || {
            let mut reader = reader;
            while let Some(chunk) = read_chunk(&mut reader) {
                let is_last = chunk.is_err();
                if sender.send(chunk).is_err() || is_last {
                    return;
                }
            }
        });
        Self { chunks, buffer: Vec::new(), start: 0, scanned: 0, count: 0 }
    }

    /// The next line; waits at most `wait` for more to read.
    pub(super) fn next(&mut self, wait: Duration) -> Result<Line<'_>, InputError> {
        loop {
            if let Some(line) = self.take_line() {
                return Ok(Line::Whole(&self.buffer[line]));
            }
            if self.buffer.len() - self.start > LINE_BYTES_MAX {
                return Err(InputError::EndlessLine { line: self.count + 1, bytes_max: LINE_BYTES_MAX });
            }
            match self.chunks.recv_timeout(wait) {
                Ok(Ok(chunk)) => {
                    self.buffer.drain(..self.start);
                    self.scanned -= self.start;
                    self.start = 0;
                    self.buffer.extend_from_slice(&chunk);
                }
                Ok(Err(source)) => return Err(InputError::Read { line: self.count, source }),
                Err(RecvTimeoutError::Timeout) => return Ok(Line::Later),
                Err(RecvTimeoutError::Disconnected) => return Ok(self.take_rest()),
            }
        }
    }

    fn take_line(&mut self) -> Option<Range<usize>> {
        let Some(length) = memchr::memchr(b'\n', &self.buffer[self.scanned..]) else {
            self.scanned = self.buffer.len();
            return None;
        };
        let end = self.scanned + length;
        let line = self.start..end;
        (self.start, self.scanned) = (end + 1, end + 1);
        self.count += 1;
        Some(line)
    }

    fn take_rest(&mut self) -> Line<'_> {
        let rest = self.start..self.buffer.len();
        (self.start, self.scanned) = (rest.end, rest.end);
        if rest.is_empty() { Line::End } else { Line::Unended(&self.buffer[rest]) }
    }
}

/// What one read gives; `None` at the end.
fn read_chunk(reader: &mut dyn Read) -> Option<std::io::Result<Vec<u8>>> {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        match reader.read(&mut chunk) {
            Ok(0) => return None,
            Ok(length) => {
                chunk.truncate(length);
                return Some(Ok(chunk));
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Some(Err(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(10);

    /// Hands out its parts one read at a time; a `None` is a failure.
    struct Parts(std::vec::IntoIter<Option<&'static [u8]>>);

    impl Read for Parts {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            match self.0.next() {
                None => Ok(0),
                Some(None) => Err(std::io::Error::other("the disk is gone")),
                Some(Some(part)) => {
                    buffer[..part.len()].copy_from_slice(part);
                    Ok(part.len())
                }
            }
        }
    }

    #[track_caller]
    fn check(parts: Vec<Option<&'static [u8]>>, expected: &[&[u8]]) {
        let mut lines = Lines::new(Box::new(Parts(parts.into_iter())));
        let mut read = Vec::new();
        while let Line::Whole(line) | Line::Unended(line) = lines.next(SOON).expect("readable") {
            read.push(line.to_vec());
        }
        assert_eq!(read, expected);
    }

    #[test]
    fn lines_are_what_stands_between_line_feeds() {
        check(vec![], &[]);
        check(vec![Some(b"one\ntwo\n")], &[b"one", b"two"]);
        check(vec![Some(b"one\n\nthree")], &[b"one", b"", b"three"]);
        check(vec![Some(b"\xff\xfe\r\n{}\n")], &[b"\xff\xfe\r", b"{}"]);
        check(vec![Some(b"on"), Some(b"e\nt"), Some(b"w"), Some(b"o"), Some(b"\n")], &[b"one", b"two"]);
    }

    #[test]
    fn a_failure_names_the_last_whole_line() {
        let mut lines = Lines::new(Box::new(Parts(vec![Some(&b"one\ntw"[..]), None].into_iter())));
        assert_eq!(lines.next(SOON).expect("readable"), Line::Whole(b"one"));
        assert!(matches!(lines.next(SOON), Err(InputError::Read { line: 1, .. })));
    }

    #[test]
    fn a_line_is_there_before_the_next_is_written() {
        let (reader, mut writer) = std::io::pipe().expect("a pipe");
        let mut lines = Lines::new(Box::new(reader));
        assert_eq!(lines.next(Duration::from_millis(1)).expect("readable"), Line::Later);
        std::io::Write::write_all(&mut writer, b"one\n").expect("written");
        assert_eq!(lines.next(SOON).expect("readable"), Line::Whole(b"one"));
        drop(writer);
        assert_eq!(lines.next(SOON).expect("readable"), Line::End);
    }
}
