//! Attention, pooling by attention, and rotary positions.

use proptest::prelude::*;
use vicinity_kernels::{Angles, Attention, Pairs, Pool, Rope};

use super::{Numbers, assert_close, flat, tensor};

fn weights(scores: &[f64]) -> Vec<f64> {
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = scores.iter().map(|s| (s - largest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|p| p / sum).collect()
}

/// Plain attention; the queries, keys and values of a token lie one after another in a row.
fn attention(qkv: &[f32], width: usize, heads: usize, lengths: &[usize], causal: bool, seen: &[usize]) -> Vec<f64> {
    let (tokens, size) = (qkv.len() / (3 * width), width / heads);
    let mut out = vec![0.0; tokens * width];
    let at = |token: usize, part: usize, i: usize| f64::from(qkv[token * 3 * width + part * width + i]);
    let mut first = 0;
    for (len, seen) in lengths.iter().zip(seen) {
        for (head, query) in (0..heads).flat_map(|head| (0..*len).map(move |query| (head, query))) {
            let last = if causal { (*seen).min(query + 1) } else { *seen };
            let dot = |key: usize| -> f64 {
                (0..size).map(|i| at(first + query, 0, head * size + i) * at(first + key, 1, head * size + i)).sum()
            };
            let scores: Vec<f64> = (0..last).map(|key| dot(key) / (size as f64).sqrt()).collect();
            for (key, weight) in weights(&scores).iter().enumerate() {
                for i in 0..size {
                    out[(first + query) * width + head * size + i] += weight * at(first + key, 2, head * size + i);
                }
            }
        }
        first += len;
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn attention_is_the_plain_formula(
        lengths in prop::collection::vec(0_usize..80, 1..4), heads in 1_usize..4, size in 1_usize..40,
        causal: bool, hidden in 0_usize..5, padded: bool, seed: u64,
    ) {
        let (width, tokens) = (heads * size, lengths.iter().sum::<usize>());
        // An empty sequence has no tokens that could be padding.
        prop_assume!(tokens > 0 && (!padded || !lengths.contains(&0)));
        let seen: Vec<usize> =
            lengths.iter().map(|len| if padded { len.saturating_sub(hidden).max(1) } else { *len }).collect();
        let qkv: Vec<f32> = Numbers(seed).many(tokens * 3 * width).iter().map(|x| x * 2.0).collect();
        let kernel = Attention { heads, lengths: &lengths, causal, seen: padded.then_some(&seen[..]) };
        let found = kernel.forward(&tensor(&qkv, (tokens, 3 * width))).expect("fits");
        assert_close(&flat(&found), &attention(&qkv, width, heads, &lengths, causal, &seen), size as f64);
    }

    #[test]
    fn pooling_is_attention_with_one_query(
        lengths in prop::collection::vec(1_usize..60, 1..4), heads in 1_usize..4, size in 1_usize..40, seed: u64,
    ) {
        let (width, numbers) = (heads * size, &mut Numbers(seed));
        let tokens = lengths.iter().sum::<usize>();
        let (query, keys_values) = (numbers.many(width), numbers.many(tokens * 2 * width));
        let mut wanted = Vec::new();
        let mut first = 0;
        for len in &lengths {
            for head in 0..heads {
                let key = |t: usize, i: usize| f64::from(keys_values[(first + t) * 2 * width + head * size + i]);
                let score = |t: usize| -> f64 {
                    (0..size).map(|i| f64::from(query[head * size + i]) * key(t, i)).sum::<f64>() / (size as f64).sqrt()
                };
                let weights = weights(&(0..*len).map(score).collect::<Vec<_>>());
                let value = |t: usize, i: usize| f64::from(keys_values[(first + t) * 2 * width + width + head * size + i]);
                wanted.extend((0..size).map(|i| weights.iter().enumerate().map(|(t, w)| w * value(t, i)).sum::<f64>()));
            }
            first += len;
        }
        let pool = Pool { heads, lengths: &lengths };
        let found = pool.forward(&tensor(&query, width), &tensor(&keys_values, (tokens, 2 * width))).expect("fits");
        assert_close(&flat(&found), &wanted, size as f64);
    }

    #[test]
    fn rotary_positions_turn_pairs_and_leave_values(
        lengths in prop::collection::vec(1_usize..20, 1..4), heads in 1_usize..4, pairs in 1_usize..20, halves: bool, seed: u64,
    ) {
        let (width, numbers) = (heads * 2 * pairs, &mut Numbers(seed));
        let tokens = lengths.iter().sum::<usize>();
        let longest = lengths.iter().copied().max().unwrap_or(1);
        let turns: Vec<f32> = numbers.many(longest * pairs).iter().map(|x| x * 6.0).collect();
        let (angles, before) = (Angles::new(pairs, turns.iter().copied()), numbers.many(tokens * 3 * width));
        let mut wanted: Vec<f64> = before.iter().map(|x| f64::from(*x)).collect();
        let positions = lengths.iter().flat_map(|len| 0..*len);
        for (token, position) in positions.enumerate() {
            for (head, pair) in (0..2 * heads).flat_map(|head| (0..pairs).map(move |pair| (head, pair))) {
                let start = token * 3 * width + head * 2 * pairs;
                let (a, b) = if halves { (start + pair, start + pairs + pair) } else { (start + 2 * pair, start + 2 * pair + 1) };
                let (sin, cos) = f64::from(turns[position * pairs + pair]).sin_cos();
                let (x, y) = (f64::from(before[a]), f64::from(before[b]));
                (wanted[a], wanted[b]) = (x * cos - y * sin, y * cos + x * sin);
            }
        }
        let sequences: Vec<(usize, &Angles)> = lengths.iter().map(|len| (*len, &angles)).collect();
        let qkv = tensor(&before, (tokens, 3 * width));
        let kind = if halves { Pairs::Halves } else { Pairs::Neighbours };
        Rope { pairs: kind, sequences: &sequences }.turn(&qkv).expect("fits");
        assert_close(&flat(&qkv), &wanted, 1.0);
    }
}
