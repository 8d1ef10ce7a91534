//! JSON files of a model folder, read with limits: on their bytes, their depth, and the number of their values, since a
//! value takes up to thirty times the memory of its text.

use serde_json::Value;

use crate::TowerError;

/// What a file may hold.
#[derive(Debug, Clone, Copy)]
pub struct JsonLimits {
    /// Bytes.
    pub bytes: u64,
    /// Lists and objects within one another.
    pub depth: usize,
    /// Values: numbers, texts, lists and objects.
    pub values: usize,
}

/// Of sizes and preparations; the largest published ones have 10 kB.
pub const CONFIG: JsonLimits = JsonLimits { bytes: 1 << 20, depth: 32, values: 50_000 };
/// Of the list of tensors in several files; 2 MB where a model has 20,000 tensors.
pub const INDEX: JsonLimits = JsonLimits { bytes: 16 << 20, depth: 8, values: 200_000 };
/// Of a tokenizer: one of 256,000 tokens and 580,000 merges has 34 MB and 2.4 million values.
pub const TOKENIZER: JsonLimits = JsonLimits { bytes: 64 << 20, depth: 16, values: 4_000_000 };

/// Looks at brackets, commas and quotes only; whether it is JSON is found by parsing.
///
/// # Errors
/// A part of a sentence: which limit is passed.
pub fn check(bytes: &[u8], limits: &JsonLimits) -> Result<(), String> {
    if bytes.len() as u64 > limits.bytes {
        return Err(too_long(bytes.len() as u64));
    }
    let (mut depth, mut values) = (0_usize, 1_usize);
    let mut rest = bytes.iter();
    while let Some(byte) = rest.next() {
        match byte {
            b'"' => skip_text(&mut rest),
            b'[' | b'{' => {
                (depth, values) = (depth + 1, values + 1);
                if depth > limits.depth {
                    return Err(format!("its lists are nested more than {} deep", limits.depth));
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b',' | b':' => values += 1,
            _ => {}
        }
        if values > limits.values {
            return Err(format!("it contains more than {} values, too many for such a file", limits.values));
        }
    }
    Ok(())
}

/// Up to the end of a text.
fn skip_text(rest: &mut std::slice::Iter<'_, u8>) {
    while let Some(byte) = rest.next() {
        match byte {
            b'"' => return,
            b'\\' => _ = rest.next(),
            _ => {}
        }
    }
}

/// The error for the length of a file.
pub fn too_long(bytes: u64) -> String {
    format!("it is {bytes} bytes long, too long for such a file")
}

/// Parses a file within its limits; `name` is named in the error.
///
/// # Errors
/// When it is not JSON, or passes a limit.
pub fn parse(name: &str, bytes: &[u8], limits: &JsonLimits) -> Result<Value, TowerError> {
    check(bytes, limits).map_err(|reason| TowerError::file(name, reason))?;
    serde_json::from_slice(bytes)
        .map_err(|e| TowerError::file(name, format!("it is not JSON ({e}); download it again")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_values_and_bytes_have_limits_and_texts_count_once() {
        let limits = JsonLimits { bytes: 100, depth: 2, values: 6 };
        let ok = |text: &str| check(text.as_bytes(), &limits).is_ok();
        assert!(ok(r#"{"a": [1, 2]}"#) && ok(r#"{"a,[[[": "\"{{{,,,,,,,,"}"#) && ok("") && ok(r#""open \"#));
        assert!(!ok("[[[1]]]") && !ok("[1,2,3,4,5,6,7]") && !ok(&" ".repeat(101)));
        assert!(parse("a.json", b"{", &limits).is_err() && parse("a.json", b"{}", &limits).is_ok());
    }
}
