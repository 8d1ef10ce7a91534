//! The exclude patterns of a library, as `vicinity index` changes them.

use anyhow::{anyhow, bail};

use super::args::IndexArgs;
use vicinity_engine::scan::Excludes;

/// The library's exclude patterns after `--no-exclude` and `--exclude`.
pub fn apply(kept: &[String], args: &IndexArgs) -> anyhow::Result<Vec<String>> {
    let mut excludes = kept.to_vec();
    for pattern in &args.no_exclude {
        if !kept.contains(pattern) {
            bail!("--no-exclude {pattern}: the library has no such pattern; run `vicinity info` to list them");
        }
        excludes.retain(|kept| kept != pattern);
    }
    for pattern in &args.exclude {
        // Checked before it is remembered: an invalid pattern would make every later scan fail.
        Excludes::new(std::slice::from_ref(pattern)).map_err(|reason| anyhow!("--exclude: {reason}"))?;
        if !excludes.contains(pattern) {
            excludes.push(pattern.clone());
        }
    }
    Ok(excludes)
}
