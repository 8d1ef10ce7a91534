//! The windows that texts are cut into: how they go through a network together, and become one vector per text.

use crate::TextEmbedding;
use vicinity_core::{Embedding, EmbeddingError};

/// Neighbours put together until they have `most` tokens or more.
pub(super) fn groups<'a, 'b>(windows: &'a [&'b [u32]], most: usize) -> Vec<&'a [&'b [u32]]> {
    let mut tokens = 0;
    windows
        .chunk_by(|before, _| {
            tokens += before.len();
            let room = tokens < most;
            if !room {
                tokens = 0;
            }
            room
        })
        .collect()
}

/// Tokens of a text up to which a device takes as many texts at once as it takes pictures.
const USUAL: usize = 256;

/// Neighbours put together for a device that brings them to the length of the longest: at most `most`, fewer where
/// texts are long, since attention takes memory by the square.
pub(super) fn batches<'a, 'b>(windows: &'a [&'b [u32]], most: usize) -> Vec<&'a [&'b [u32]]> {
    let (mut count, mut longest) = (0, 0);
    windows
        .chunk_by(|before, next| {
            (count, longest) = (count + 1, before.len().max(longest).max(next.len()));
            let room = count < most && (count + 1) * longest * longest <= most * USUAL * USUAL;
            if !room {
                (count, longest) = (0, 0);
            }
            room
        })
        .collect()
}

/// Joins the vectors of windows, in order, to texts: `windows` has, for each text, the number of tokens of its windows.
///
/// # Errors
/// When the windows of a text point nowhere together.
pub(super) fn joined(
    windows: &[Vec<usize>],
    vectors: impl IntoIterator<Item = Embedding>,
) -> Result<Vec<TextEmbedding>, EmbeddingError> {
    let mut vectors = vectors.into_iter();
    let text = |windows: &Vec<usize>| {
        let embedding = mean(vectors.by_ref().take(windows.len()).collect())?;
        Ok(TextEmbedding { embedding, tokens: windows.iter().sum() })
    };
    windows.iter().map(text).collect()
}

/// The direction of the mean of unit vectors.
fn mean(mut windows: Vec<Embedding>) -> Result<Embedding, EmbeddingError> {
    if windows.len() == 1 {
        return windows.pop().ok_or(EmbeddingError::Empty);
    }
    let mut sum = vec![0.0_f32; windows.first().map_or(0, Embedding::dim)];
    for window in &windows {
        for (sum, value) in sum.iter_mut().zip(window.as_slice()) {
            *sum += value;
        }
    }
    Embedding::new(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_go_through_a_device_in_smaller_company() {
        let (short, long) = ([0; 8], [0; 512]);
        let sizes = |windows: &[&[u32]]| batches(windows, 4).iter().map(|b| b.len()).collect::<Vec<_>>();
        assert_eq!(sizes(&[&short[..]; 10]), [4, 4, 2]);
        assert_eq!(sizes(&[&long[..]; 3]), [1, 1, 1]);
        assert_eq!(sizes(&[&short[..], &short, &long, &short]), [2, 1, 1]);
        assert!(sizes(&[]).is_empty());
    }
}
