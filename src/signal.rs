//! The signals that end a command in order.

use std::future::Future;
use std::io;

use tokio::signal::unix::{SignalKind, signal};

/// Waits for Ctrl-C or SIGTERM.
///
/// # Errors
/// The system refuses a handler; the signals then end the process at once, which loses nothing either.
pub(crate) async fn stop() -> io::Result<()> {
    listen(&[SignalKind::interrupt(), SignalKind::terminate()])?.await;
    Ok(())
}

/// Takes the signals from now on; the future ends with the first of them.
///
/// # Errors
/// As [`stop`].
pub(crate) fn listen(kinds: &[SignalKind]) -> io::Result<impl Future<Output = ()> + use<>> {
    let mut signals = kinds.iter().map(|kind| signal(*kind)).collect::<io::Result<Vec<_>>>()?;
    Ok(std::future::poll_fn(move |context| {
        let came = signals.iter_mut().any(|signal| signal.poll_recv(context).is_ready());
        if came { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    }))
}
