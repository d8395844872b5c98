//! Numbered pieces of work on several threads, whose results are taken in order on the calling
//! one. What is made does not depend on the number of threads; how much is held at once does.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// More threads than this only add memory: one reader of a layer is at the end of every pipeline.
const MOST: usize = 32;

/// Returns how many threads to use: `HOLDALL_THREADS`, or as many as the machine has processors.
pub(super) fn default_threads() -> usize {
    std::env::var("HOLDALL_THREADS")
        .ok()
        .and_then(|text| text.parse::<usize>().ok())
        .filter(|count| *count > 0)
        .or_else(|| thread::available_parallelism().ok().map(NonZero::get))
        .unwrap_or(1)
        .min(MOST)
}

/// Returns how many threads keep so many processors busy: one more has work while another waits,
/// for a file or for its turn in a digest. Measured: 3 % for a persist, 5 % for an attach on two
/// processors. One alone stays alone.
pub(super) fn and_one_more(processors: usize) -> usize {
    match processors {
        1 => 1,
        more => more + 1,
    }
}

/// Locks; a thread that panicked has nothing half-done here, and its panic is passed on anyway.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Work of `count` pieces.
pub(super) struct Pieces<'a> {
    pub(super) threads: usize,
    pub(super) count: usize,
    /// How many pieces may be begun beyond those that were taken.
    pub(super) ahead: usize,
    /// Set once something failed; work that waits for other work has to look at it.
    pub(super) stop: &'a AtomicBool,
}

struct Gate {
    next: usize,
    taken: usize,
}

/// Stops everyone when a thread panics, so that nobody waits for it.
struct StopOnPanic<'a>(&'a AtomicBool);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

impl Pieces<'_> {
    /// Calls `work` with each number, the state of its thread beside it, and `take` with the
    /// results in order. The first error ends it.
    pub(super) fn run<S, T: Send, E: Send>(
        &self,
        state: impl Fn() -> Result<S, E> + Sync,
        work: impl Fn(&mut S, usize) -> Result<T, E> + Sync,
        mut take: impl FnMut(T) -> Result<(), E>,
    ) -> Result<(), E> {
        let gate = Mutex::new(Gate { next: 0, taken: 0 });
        let moved = Condvar::new();
        let (sender, receiver) = channel::<(usize, Result<T, E>)>();
        thread::scope(|scope| {
            for _ in 0..self.threads.min(self.count) {
                let sender = sender.clone();
                let (gate, moved, state, work) = (&gate, &moved, &state, &work);
                scope.spawn(move || {
                    let _guard = StopOnPanic(self.stop);
                    let mut own = None;
                    while let Some(number) = self.claim(gate, moved) {
                        let result = match &mut own {
                            Some(own) => work(own, number),
                            None => state().and_then(|made| work(own.insert(made), number)),
                        };
                        if result.is_err() {
                            self.stop.store(true, Ordering::Relaxed);
                        }
                        // Nobody receives once something failed.
                        if sender.send((number, result)).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(sender);
            let mut early = BTreeMap::new();
            let mut taken = 0;
            let mut result = Ok(());
            while taken < self.count {
                let Ok((number, made)) = receiver.recv() else {
                    break;
                };
                match made {
                    Ok(made) => _ = early.insert(number, made),
                    Err(error) => result = Err(error),
                }
                while let Some(made) = early.remove(&taken).filter(|_| result.is_ok()) {
                    result = take(made);
                    taken += 1;
                    lock(&gate).taken = taken;
                    moved.notify_all();
                }
                if result.is_err() {
                    break;
                }
            }
            if result.is_err() {
                self.stop.store(true, Ordering::Relaxed);
            }
            // Under the lock, so that nobody misses it between looking and waiting.
            drop(lock(&gate));
            moved.notify_all();
            result
        })
    }

    fn claim(&self, gate: &Mutex<Gate>, moved: &Condvar) -> Option<usize> {
        let mut gate = lock(gate);
        loop {
            if self.stop.load(Ordering::Relaxed) || gate.next >= self.count {
                return None;
            }
            if gate.next < gate.taken + self.ahead.max(1) {
                gate.next += 1;
                return Some(gate.next - 1);
            }
            gate = moved.wait(gate).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[test]
    fn results_come_in_order_and_never_too_many_at_once() {
        for threads in [1, 2, 7] {
            let begun = AtomicUsize::new(0);
            let mut taken = Vec::new();
            let pieces = Pieces {
                threads,
                count: 100,
                ahead: 3,
                stop: &AtomicBool::new(false),
            };
            pieces
                .run(
                    || Ok::<_, ()>(()),
                    |(), number| {
                        begun.fetch_add(1, Ordering::SeqCst);
                        Ok(number)
                    },
                    |number| {
                        assert!(begun.load(Ordering::SeqCst) <= number + 3);
                        taken.push(number);
                        Ok(())
                    },
                )
                .unwrap();
            assert_eq!(taken, (0..100).collect::<Vec<_>>());
        }
    }

    #[test]
    fn an_error_on_either_side_ends_it() {
        for (bad_work, bad_take) in [(Some(50), None), (None, Some(50)), (Some(0), Some(0))] {
            let stop = AtomicBool::new(false);
            let pieces = Pieces {
                threads: 3,
                count: 1000,
                ahead: 4,
                stop: &stop,
            };
            let result = pieces.run(
                || Ok(()),
                |(), number| {
                    if Some(number) == bad_work {
                        Err(number)
                    } else {
                        Ok(number)
                    }
                },
                |number| {
                    if Some(number) == bad_take {
                        Err(number)
                    } else {
                        Ok(())
                    }
                },
            );
            assert_eq!(result, Err(bad_work.or(bad_take).unwrap()));
        }
    }
}
