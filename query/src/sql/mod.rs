//! Free SQL that cannot hurt the server.
//!
//! The engine alone can be brought down by a few kilobytes of SQL, plans some without ever looking up, and holds more
//! than its memory limit says. So a text is first [looked at](check) without any engine, then waits for its
//! [turn](turns), and is answered by a [worker]: a process of this program, with a limit on its address space, that the
//! [pool] kills at the deadline or when nobody waits any more. Rows come over a [pipe](protocol), as fast as they are
//! taken. A worker knows the [chosen functions](functions) and the views of the book, and nothing else.

mod check;
mod date_trunc;
mod functions;
#[cfg(test)]
mod golden;
mod ipc;
mod limits;
mod lists;
mod pool;
mod protocol;
mod remote;
mod turns;
mod weight;
mod worker;

pub(crate) use check::question;
pub(crate) use functions::session_state;
pub use limits::SqlLimits;
pub use lists::{sql_functions, sql_limits, sql_tables};
pub use pool::SqlPool;
pub use remote::read_answer;
pub use worker::{WorkerError, work};
