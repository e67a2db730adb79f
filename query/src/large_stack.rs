//! A thread and a runtime whose stacks are large enough for deep plans.

use std::future::Future;
use std::io;
use std::thread;
use std::time::Duration;

use tokio::runtime;

/// Bytes of each stack. Parser, planner and execution recurse over expressions: about 2,000 chained
/// operators fill the usual 2 MiB, and the process aborts. 64 KiB of SQL ([`crate::Limits::sql_bytes`])
/// hold at most 32,000. Pages that are never touched cost nothing.
const STACK_BYTES: usize = 256 << 20;

/// Threads that may block, as readers of files do; each has such a stack in its address space.
pub(crate) const BLOCKING_THREADS: usize = 8;

/// How long a thread without work stays: longer than any process.
const STAY: Duration = Duration::from_secs(100 * 365 * 86_400);

/// Runs a question to its end on a thread, and a runtime, of its own, with large stacks. Blocks.
///
/// # Errors
///
/// The system gives no thread.
///
/// # Panics
///
/// When the question does.
pub fn run_on_large_stack<T, F>(question: impl FnOnce() -> F + Send) -> io::Result<T>
where
    T: Send,
    F: Future<Output = T>,
{
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("query".into()).stack_size(STACK_BYTES).spawn_scoped(
            scope,
            || -> io::Result<T> {
                let runtime = runtime::Builder::new_multi_thread()
                    .enable_all()
                    .thread_stack_size(STACK_BYTES)
                    .max_blocking_threads(BLOCKING_THREADS)
                    .thread_keep_alive(STAY)
                    .build()?;
                Ok(runtime.block_on(question()))
            },
        )?;
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
