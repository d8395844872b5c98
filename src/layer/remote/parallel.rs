//! Does the same to many things at once, on threads, and stops at the first failure.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::layer::LayerError;

/// Works on every item, at most `width` at a time, and returns the results in the items' order.
/// After a failure no further item is begun; of several failures the earliest item's is told.
pub(super) fn each<T: Sync, R: Send>(
    width: usize,
    items: &[T],
    work: impl Fn(&T) -> Result<R, LayerError> + Sync,
) -> Result<Vec<R>, LayerError> {
    let width = width.max(1).min(items.len());
    if width <= 1 {
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let done: Mutex<Vec<(usize, Result<R, LayerError>)>> = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..width {
            scope.spawn(|| {
                while !failed.load(Ordering::Relaxed) {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(at) else { return };
                    let result = work(item);
                    if result.is_err() {
                        failed.store(true, Ordering::Relaxed);
                    }
                    // Nothing panics while it is held.
                    if let Ok(mut done) = done.lock() {
                        done.push((at, result));
                    }
                }
            });
        }
    });
    let mut done = done
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items() {
        let items: Vec<u64> = (0..100).collect();
        let doubled = each(7, &items, |item| Ok(item * 2)).unwrap();
        assert_eq!(
            doubled,
            items.iter().map(|item| item * 2).collect::<Vec<_>>()
        );
        assert!(each(3, &[] as &[u64], |item| Ok(*item)).unwrap().is_empty());
    }

    #[test]
    fn a_failure_stops_the_rest() {
        let begun = AtomicUsize::new(0);
        let items: Vec<usize> = (0..1000).collect();
        let result = each(4, &items, |item| {
            begun.fetch_add(1, Ordering::Relaxed);
            match item {
                3 => Err(LayerError::Request("three".to_owned())),
                _ => {
                    std::thread::sleep(std::time::Duration::from_millis(1));
                    Ok(())
                }
            }
        });
        assert_eq!(result.unwrap_err().to_string(), "three");
        assert!(begun.load(Ordering::Relaxed) < 1000);
    }
}
