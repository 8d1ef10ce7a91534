//! Panics in third-party code or on hostile model files become errors: [`catch`] for one call, [`Model::guarded`] for the two
//! towers of a model.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::{ImageTower, Model, Pixels, TextEmbedding, TextOptions, TextTower, TowerError};
use vicinity_core::worker::panic_message;
use vicinity_core::{Embedding, Picture};

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic of this thread would be caught here, right now.
pub fn is_guarded() -> bool {
    GUARDED.get()
}

/// Runs `work`. What it leaves half done must not be used after a panic.
///
/// # Errors
/// [`TowerError::Panicked`] when it panics; else its own.
pub fn catch<T>(work: impl FnOnce() -> Result<T, TowerError>) -> Result<T, TowerError> {
    let before = GUARDED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(before);
    result.unwrap_or_else(|payload| Err(TowerError::Panicked(panic_message(payload.as_ref()))))
}

/// A tower whose panics are errors.
struct Guarded<T>(T);

impl Model {
    /// The same model; a panic of its towers is a [`TowerError::Panicked`] from now on.
    #[must_use]
    pub fn guarded(self) -> Self {
        Self { info: self.info, image: Box::new(Guarded(self.image)), text: Box::new(Guarded(self.text)) }
    }
}

impl ImageTower for Guarded<Box<dyn ImageTower>> {
    fn prepare(&self, picture: &Picture) -> Pixels {
        // Cannot fail by its type: no pixels stand for a picture whose preparation panicked, and are refused below.
        catch(|| Ok(self.0.prepare(picture))).unwrap_or(Pixels(Vec::new()))
    }

    fn embed(&self, batch: &[Pixels]) -> Result<Vec<Embedding>, TowerError> {
        if batch.iter().any(is_unprepared) {
            return Err(TowerError::Unprepared);
        }
        catch(|| self.0.embed(batch))
    }

    fn embed_each(&self, batch: &[Pixels]) -> Vec<Result<Embedding, TowerError>> {
        if !batch.iter().any(is_unprepared) {
            return each(batch, |batch| self.0.embed_each(batch));
        }
        let prepared: Vec<Pixels> = batch.iter().filter(|pixels| !is_unprepared(pixels)).cloned().collect();
        let mut embedded = each(&prepared, |batch| self.0.embed_each(batch)).into_iter();
        let mut result = |pixels: &Pixels| if is_unprepared(pixels) { None } else { embedded.next() };
        batch.iter().map(|pixels| result(pixels).unwrap_or(Err(TowerError::Unprepared))).collect()
    }

    fn preferred_batch_size(&self) -> Option<usize> {
        self.0.preferred_batch_size()
    }

    fn interrupt(&self) {
        self.0.interrupt();
    }
}

impl TextTower for Guarded<Box<dyn TextTower>> {
    fn embed(&self, texts: &[&str], options: TextOptions) -> Result<Vec<TextEmbedding>, TowerError> {
        catch(|| self.0.embed(texts, options))
    }

    fn embed_to(&self, texts: &[&str], options: TextOptions, dim: usize) -> Result<Vec<TextEmbedding>, TowerError> {
        catch(|| self.0.embed_to(texts, options, dim))
    }

    fn embed_each(&self, texts: &[&str], options: TextOptions) -> Vec<Result<TextEmbedding, TowerError>> {
        each(texts, |texts| self.0.embed_each(texts, options))
    }

    fn shortened(&self, text: String, options: TextOptions) -> String {
        self.0.shortened(text, options)
    }

    fn preferred_batch_size(&self) -> Option<usize> {
        self.0.preferred_batch_size()
    }

    fn interrupt(&self) {
        self.0.interrupt();
    }
}

fn is_unprepared(pixels: &Pixels) -> bool {
    pixels.0.is_empty()
}

/// A batch at once; where that panics each for itself, so that one bad input does not spoil its neighbours.
fn each<T, E>(batch: &[T], embed: impl Fn(&[T]) -> Vec<Result<E, TowerError>>) -> Vec<Result<E, TowerError>> {
    let whole = |part: &[T]| {
        let results = catch(|| Ok(embed(part)))?;
        match results.len() == part.len() {
            true => Ok(results),
            false => Err(TowerError::Panicked(format!("{} results for {} inputs", results.len(), part.len()))),
        }
    };
    let alone = |one: &T| whole(std::slice::from_ref(one)).and_then(|mut r| r.pop().unwrap_or(Err(nothing())));
    match whole(batch) {
        Ok(results) => results,
        Err(error) if batch.len() == 1 => vec![Err(error)],
        Err(_) => batch.iter().map(alone).collect(),
    }
}

fn nothing() -> TowerError {
    TowerError::Panicked("it returned no vector".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::builtin;

    /// Panics at texts that hold a `!`, and at empty pixels.
    struct Nervous;

    impl TextTower for Nervous {
        fn embed(&self, texts: &[&str], _: TextOptions) -> Result<Vec<TextEmbedding>, TowerError> {
            assert!(!texts.iter().any(|text| text.contains('!')), "no\nshouting");
            let one = |_: &&str| Ok(TextEmbedding { embedding: Embedding::new(vec![1.0, 2.0])?, tokens: 1 });
            texts.iter().map(one).collect()
        }
    }

    impl ImageTower for Nervous {
        fn prepare(&self, _: &Picture) -> Pixels {
            panic!("not prepared")
        }

        fn embed(&self, batch: &[Pixels]) -> Result<Vec<Embedding>, TowerError> {
            assert!(batch.iter().all(|pixels| !pixels.0.is_empty()), "nothing there");
            batch.iter().map(|pixels| Ok(Embedding::new(vec![1.0, pixels.0[0]])?)).collect()
        }
    }

    #[test]
    fn a_panic_is_an_error_of_its_input_alone() {
        let info = builtin::info().expect("built in");
        let model = Model { info, image: Box::new(Nervous), text: Box::new(Nervous) }.guarded();
        let each = model.text.embed_each(&["a", "b!", "c"], TextOptions::default());
        assert_eq!(each.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
        let said = model.text.embed(&["b!"], TextOptions::default()).expect_err("it panics").to_string();
        assert!(said.contains("no shouting") && !said.contains('\n'), "{said}");
        assert!(matches!(model.text.embed_to(&["!"], TextOptions::default(), 1), Err(TowerError::Panicked(_))));
        let picture = Picture::new(1, 1, vec![1, 2, 3]).expect("a picture");
        let unprepared = model.image.prepare(&picture);
        assert!(matches!(model.image.embed(std::slice::from_ref(&unprepared)), Err(TowerError::Unprepared)));
        let each = model.image.embed_each(&[Pixels(vec![1.0]), unprepared, Pixels(vec![2.0])]);
        let [first, second, third] = each.as_slice() else { panic!("{each:?}") };
        assert!(first.is_ok() && third.is_ok(), "its neighbours are embedded: {first:?}, {third:?}");
        assert!(matches!(second, Err(TowerError::Unprepared)), "{second:?}");
        assert!(!is_guarded(), "outside again");
    }
}
