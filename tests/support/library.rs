//! Made-up libraries: content number `n` has a hash, a vector and a modality that follow from `n`.

use std::path::{Path, PathBuf};

use vicinity_core::{ContentHash, Embedding, Modality};
use vicinity_engine::store::{FileStatus, NewItem, Store};
use vicinity_models::ModelKey;

pub const DIM: usize = 48;

pub fn model() -> ModelKey {
    ModelKey { name: "Test model".into(), revision: "r1".into(), preprocessing: "p1".into(), dim: DIM }
}

pub fn open(dir: &Path) -> Store {
    let (store, notices) = Store::open(dir, &model()).expect("the library opens");
    assert_eq!(notices, [], "an undamaged library has nothing to tell");
    assert_eq!(store.read_only(), None);
    store
}

/// Content number `n`: hash and vector follow from it.
pub fn hash(n: u32) -> ContentHash {
    ContentHash(*blake3::hash(&n.to_le_bytes()).as_bytes())
}

pub fn embedding(n: u32) -> Embedding {
    let value = |i: usize| ((n as f32 + 1.0) * (i as f32 + 1.0) * 0.37).sin();
    Embedding::new((0..DIM).map(value).collect::<Vec<_>>()).expect("not zero")
}

pub fn item(path: impl Into<PathBuf>, n: u32) -> NewItem {
    let (path, modality) = (path.into(), if n.is_multiple_of(3) { Modality::Text } else { Modality::Image });
    NewItem {
        path,
        part: None,
        modality,
        bytes: 1000 + u64::from(n),
        modified_ns: i64::from(n),
        change_mark: 0,
        hash: hash(n),
        pixels: (modality == Modality::Image).then_some([640, 480]),
        snippet: (modality == Modality::Text).then(|| format!("text {n}")),
    }
}

pub fn batch(numbers: std::ops::Range<u32>) -> Vec<(NewItem, Embedding)> {
    numbers.map(|n| (item(format!("/photos/{n}.jpg"), n), embedding(n))).collect()
}

pub fn known(store: &Store, item: &NewItem) -> bool {
    store.known(&item.path, item.stamp()) == FileStatus::Unchanged
}

/// Items and vectors are those of `numbers`, in order, bit for bit; the means are theirs too.
pub fn assert_holds(store: &Store, numbers: impl IntoIterator<Item = u32>) {
    let (snapshot, numbers) = (store.snapshot(), numbers.into_iter().collect::<Vec<_>>());
    assert_eq!(snapshot.len(), numbers.len());
    let mut sums = [vec![0.0_f64; DIM], vec![0.0; DIM]];
    for (row, n) in numbers.iter().enumerate() {
        let found = snapshot.item(row).expect("a row an item");
        assert_eq!(found.hash, hash(*n), "row {row}");
        assert_eq!(snapshot.row_of(found.id), Some(row));
        assert_eq!(snapshot.vector(row), Some(embedding(*n).as_slice()), "row {row}");
        let sum = &mut sums[found.modality.index()];
        sum.iter_mut().zip(embedding(*n).as_slice()).for_each(|(sum, v)| *sum += f64::from(*v));
    }
    for modality in Modality::ALL {
        let count = snapshot.count(modality);
        assert_eq!(count, snapshot.items().filter(|item| item.modality == modality).count());
        match snapshot.mean(modality) {
            None => assert_eq!(count, 0),
            Some(mean) => {
                let sum = &sums[modality.index()];
                assert!(mean.iter().zip(sum).all(|(m, s)| (f64::from(*m) - s / count as f64).abs() < 1e-6));
            }
        }
    }
}
