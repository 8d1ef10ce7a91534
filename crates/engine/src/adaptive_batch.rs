//! Batches that adapt to the memory of a device.

use vicinity_models::TowerError;

/// How many items a device embeds at once: fewer each time its memory was not enough.
pub struct AdaptiveBatch {
    /// Items of the next part.
    pub max: usize,
}

impl AdaptiveBatch {
    /// Batches of up to `max` items, at least one.
    pub fn new(max: usize) -> Self {
        Self { max: max.max(1) }
    }

    /// Embeds all items, in as many parts as needed; one result per item, in order.
    pub fn embed<T, R>(
        &mut self,
        items: &[T],
        embed: impl Fn(&[T]) -> Vec<Result<R, TowerError>>,
    ) -> Vec<Result<R, TowerError>> {
        let (mut all, mut rest) = (Vec::with_capacity(items.len()), items);
        while !rest.is_empty() {
            let (part, later) = rest.split_at(self.max.min(rest.len()));
            let done = embed(part);
            if part.len() > 1 && done.iter().any(|result| matches!(result, Err(TowerError::OutOfMemory))) {
                self.max = part.len() / 2;
                continue;
            }
            all.extend(done);
            rest = later;
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// Embeds at most `memory` items at once; item 7 cannot be embedded at all.
    fn device(memory: usize, parts: &RefCell<Vec<usize>>) -> impl Fn(&[u32]) -> Vec<Result<u32, TowerError>> {
        move |items| {
            parts.borrow_mut().push(items.len());
            if items.len() > memory {
                return items.iter().map(|_| Err(TowerError::OutOfMemory)).collect();
            }
            let one = |n: &u32| if *n == 7 { Err(TowerError::file("seven", "odd")) } else { Ok(10 * n) };
            items.iter().map(one).collect()
        }
    }

    #[test]
    fn a_batch_is_halved_until_it_fits_and_stays_so() {
        let (parts, mut batch) = (RefCell::default(), AdaptiveBatch::new(16));
        let items: Vec<u32> = (100..120).collect();
        let all = batch.embed(&items, device(5, &parts));
        assert_eq!(
            all.into_iter().map(Result::unwrap_or_default).collect::<Vec<_>>(),
            items.iter().map(|n| 10 * n).collect::<Vec<_>>()
        );
        assert_eq!(*parts.borrow(), [16, 8, 4, 4, 4, 4, 4], "no item twice, none left out");
        parts.borrow_mut().clear();
        batch.embed(&items[..9], device(5, &parts));
        assert_eq!(*parts.borrow(), [4, 4, 1], "what was learnt is kept");
    }

    #[test]
    fn other_errors_change_nothing() {
        let (parts, mut batch) = (RefCell::default(), AdaptiveBatch::new(4));
        let all = batch.embed(&[6, 7, 8], device(9, &parts));
        assert!(all[0].is_ok() && all[1].is_err() && all[2].is_ok());
        assert_eq!((batch.max, parts.borrow().len()), (4, 1));
    }

    #[test]
    fn not_even_one_ends_the_run_instead_of_blaming_the_item() {
        let (parts, mut batch) = (RefCell::default(), AdaptiveBatch::new(3));
        let all = batch.embed(&[1, 2], device(0, &parts));
        assert!(all.iter().all(|result| result.as_ref().is_err_and(TowerError::ends_run)), "{all:?}");
        assert_eq!(parts.borrow().first(), Some(&2));
        assert!(batch.embed(&[], device(0, &parts)).is_empty());
    }
}
