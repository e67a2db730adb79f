//! Whose turn it is: a bounded queue that is fair to each asker.
//!
//! At most so many questions are worked on at a time. Of those who wait, the one whose questions are worked on least
//! comes next, and of equals the one who has waited longest; nobody has the last worker beside another of its own.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

/// The queue.
#[derive(Clone)]
pub(super) struct Turns(Arc<Shared>);

struct Shared {
    /// Questions that are worked on at a time.
    at_a_time: usize,
    /// Questions of one asker that may wait.
    waiting_max: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By asker, the questions that are worked on.
    running: HashMap<String, usize>,
    /// In the order in which they came.
    waiting: VecDeque<Waiting>,
}

struct Waiting {
    asker: String,
    begin: oneshot::Sender<Turn>,
}

/// Why somebody gets no turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoTurn {
    /// Too many questions of the same asker wait already.
    QueueFull,
    /// It waited long enough.
    TooLong,
}

/// The right to work on one question; the next one begins when it is dropped.
pub(super) struct Turn {
    asker: String,
    turns: Turns,
    is_armed: bool,
}

impl Turns {
    pub(super) fn new(at_a_time: usize, waiting_max: usize) -> Self {
        Self(Arc::new(Shared { at_a_time, waiting_max, state: Mutex::default() }))
    }

    /// Waits for a turn.
    pub(super) async fn turn(&self, asker: &str, within: Duration) -> Result<Turn, NoTurn> {
        let (begin, begun) = oneshot::channel();
        {
            let mut state = self.state();
            state.waiting.retain(|waiting| !waiting.begin.is_closed());
            let of_asker = state.waiting.iter().filter(|waiting| waiting.asker == asker).count();
            state.waiting.push_back(Waiting { asker: asker.to_owned(), begin });
            self.begin_next(&mut state);
            // Whoever has its turn at once does not wait.
            if of_asker >= self.0.waiting_max && state.waiting.back().is_some_and(|last| last.asker == asker)
            {
                state.waiting.pop_back();
                return Err(NoTurn::QueueFull);
            }
        }
        match timeout(within, begun).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(NoTurn::TooLong),
        }
    }

    /// Begins as many turns as there is room for.
    fn begin_next(&self, state: &mut State) {
        while state.running.values().sum::<usize>() < self.0.at_a_time {
            let running = |waiting: &Waiting| state.running.get(&waiting.asker).copied().unwrap_or(0);
            // The first of equals is the one that has waited longest.
            let may = |waiting: &Waiting| running(waiting) < (self.0.at_a_time - 1).max(1);
            let candidates = state.waiting.iter().enumerate().filter(|(_, waiting)| may(waiting));
            let Some((index, _)) = candidates.min_by_key(|(_, waiting)| running(waiting)) else { return };
            let Some(Waiting { asker, begin }) = state.waiting.remove(index) else { return };
            let turn = Turn { asker: asker.clone(), turns: self.clone(), is_armed: true };
            match begin.send(turn) {
                Ok(()) => *state.running.entry(asker).or_default() += 1,
                // Nobody waits for it any more; it must not end what never began.
                Err(mut turn) => turn.is_armed = false,
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if !self.is_armed {
            return;
        }
        let mut state = self.turns.state();
        if let Some(running) = state.running.get_mut(&self.asker) {
            *running -= 1;
            if *running == 0 {
                state.running.remove(&self.asker);
            }
        }
        self.turns.begin_next(&mut state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(20);

    async fn begins(turns: &Turns, asker: &str) -> Option<Turn> {
        turns.turn(asker, SOON).await.ok()
    }

    #[tokio::test]
    async fn nobody_has_all_workers() {
        let turns = Turns::new(3, 9);
        let first = begins(&turns, "a").await.expect("a worker is free");
        let _second = begins(&turns, "a").await.expect("a worker is free");
        assert!(begins(&turns, "a").await.is_none(), "the last worker is for others");
        let other = begins(&turns, "b").await.expect("the last worker is for others");
        assert!(begins(&turns, "c").await.is_none(), "all workers are busy");
        drop(other);
        assert!(begins(&turns, "a").await.is_none(), "the last worker is for others");
        drop(first);
        assert!(begins(&turns, "a").await.is_some());
    }

    #[tokio::test]
    async fn a_single_worker_serves_whoever_asks() {
        let turns = Turns::new(1, 9);
        let turn = begins(&turns, "a").await.expect("it is free");
        assert!(begins(&turns, "a").await.is_none());
        drop(turn);
        assert!(begins(&turns, "a").await.is_some());
    }

    #[tokio::test]
    async fn who_asks_much_waits_behind_who_asks_little() {
        let turns = Turns::new(2, 9);
        let of_a = begins(&turns, "a").await.expect("free");
        let of_b = begins(&turns, "b").await.expect("free");
        let wait = |asker: &'static str| {
            let turns = turns.clone();
            tokio::spawn(async move { turns.turn(asker, Duration::from_secs(5)).await })
        };
        let waiting_a = wait("b");
        tokio::task::yield_now().await;
        let waiting_c = wait("c");
        tokio::task::yield_now().await;
        // `b` came first, and has a question that is worked on; `c` has none.
        drop(of_a);
        let of_c = waiting_c.await.expect("no panic").expect("a turn");
        assert!(!waiting_a.is_finished());
        drop((of_b, of_c));
        assert!(waiting_a.await.expect("no panic").is_ok());
    }

    #[tokio::test]
    async fn the_queue_of_one_asker_is_bounded_and_leaves_room_for_others() {
        let turns = Turns::new(2, 1);
        let of_a = begins(&turns, "a").await.expect("free");
        let turns_of_a = turns.clone();
        let waiting = tokio::spawn(async move { turns_of_a.turn("a", Duration::from_secs(5)).await });
        tokio::task::yield_now().await;
        assert_eq!(turns.turn("a", SOON).await.err(), Some(NoTurn::QueueFull));
        let of_b = begins(&turns, "b").await.expect("the queue of another is no matter");
        assert_eq!(turns.turn("b", SOON).await.err(), Some(NoTurn::TooLong));
        drop(of_a);
        assert!(waiting.await.expect("no panic").is_ok());
        drop(of_b);
    }

    #[tokio::test]
    async fn who_went_away_holds_nothing() {
        let turns = Turns::new(1, 9);
        let turn = begins(&turns, "a").await.expect("free");
        assert!(begins(&turns, "b").await.is_none(), "it went away");
        drop(turn);
        assert!(begins(&turns, "c").await.is_some());
    }
}
