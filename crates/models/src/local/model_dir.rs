//! A model in a folder, laid out as the Hugging Face hub does it. A folder that the user picked works like a
//! downloaded one.

use std::fs::File;
use std::io::Read;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memmap2::Mmap;
use serde_json::Value;

use super::weights::{RELEASED, Weights, release};
use super::{guard, json, torch};
use crate::TowerError;

/// Where the sizes of a network stand; the first that is there counts.
const CONFIGS: [&str; 2] = ["config.json", OPEN_CLIP];
const OPEN_CLIP: &str = "open_clip_config.json";
/// Lists which tensor is in which of several weight files.
const INDEX: &str = "model.safetensors.index.json";
/// Whole models in one file.
const SAFETENSORS: [&str; 2] = ["model.safetensors", "open_clip_model.safetensors"];
/// The older format of PyTorch, a pickle; it is read as data and nothing in it is run.
const PICKLES: [&str; 2] = ["pytorch_model.bin", "open_clip_pytorch_model.bin"];
/// How pictures are prepared, in the file that transformers writes up to version 4.
pub const PREPROCESSOR_CONFIG: &str = "preprocessor_config.json";
/// The same from version 5 on, in a part of the file.
pub const PROCESSOR_CONFIG: &str = "processor_config.json";
/// Files beside weights and configuration that decide a picture's vector; the first that exists counts.
const PREPARATIONS: [&str; 2] = [PREPROCESSOR_CONFIG, PROCESSOR_CONFIG];
/// Files that weights may be split into; the largest published model of any kind has 200.
const MAX_PARTS: usize = 1000;
/// Bytes of all weights; the largest published CLIP has 10 GB. What is mapped is hashed, and most of it is unpacked into
/// memory.
const MAX_WEIGHT_BYTES: u64 = 16 << 30;
/// Letters of a licence's name.
const LICENCE: usize = 100;
/// Why SigLIP 2's other kind is refused: its pictures become patches of any number.
const NAFLEX: &str = "it is a SigLIP 2 with variable image shapes (NaFlex), which is not supported; choose one \
                       with a fixed size, such as google/siglip2-base-patch16-224";
/// Hexadecimal digits of [`ModelDir::revision`].
const DIGITS: usize = 16;

/// An opened model folder.
pub struct ModelDir {
    dir: PathBuf,
    config: Value,
    config_file: &'static str,
    parts: Vec<(String, Bytes)>,
}

/// Bytes of a weights file: mapped, or converted from a pickle.
enum Bytes {
    Mapped(Arc<Mmap>),
    Converted(Vec<u8>),
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => map,
            Self::Converted(bytes) => bytes,
        }
    }
}

impl ModelDir {
    /// Reads the configuration and maps the weights, without looking at the tensors yet.
    ///
    /// # Errors
    /// When a file is missing or cannot be read; the message names it.
    pub fn open(dir: &Path) -> Result<Self, TowerError> {
        if !dir.is_dir() {
            return Err(TowerError::file(dir.display().to_string(), "it is not a folder; choose a model folder"));
        }
        let config_file = CONFIGS.into_iter().find(|name| dir.join(name).is_file()).ok_or_else(|| {
            let reason = "it is missing; choose a folder that contains config.json or open_clip_config.json";
            TowerError::file(shown(dir, CONFIGS[0]), reason)
        })?;
        let config = json(dir, config_file, &json::CONFIG)?;
        Ok(Self { config, config_file, parts: parts(dir)?, dir: dir.to_owned() })
    }

    /// What `config.json`, or else `open_clip_config.json`, holds.
    pub fn config(&self) -> &Value {
        &self.config
    }

    /// Name of the file that [`Self::config`] came from, for error messages.
    pub fn config_file(&self) -> &'static str {
        self.config_file
    }

    /// Name of the model: that of the folder, or `owner/name` if it is in the hub's cache.
    pub fn name(&self) -> String {
        name(&self.dir)
    }

    /// As [`Self::name`], of any folder.
    pub(super) fn name_of(dir: &Path) -> String {
        name(dir)
    }

    /// Where the model is.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Whether a file is there.
    pub fn has(&self, name: &str) -> bool {
        self.dir.join(name).is_file()
    }

    /// A whole file of the folder.
    ///
    /// # Errors
    /// When it is missing or cannot be read.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, TowerError> {
        read(&self.dir, name)
    }

    /// The tensors.
    ///
    /// # Errors
    /// When a file is damaged or cut off.
    pub fn weights(&self) -> Result<Weights<'_>, TowerError> {
        let parts = self.parts.iter().map(|(name, bytes)| match bytes {
            Bytes::Mapped(map) => Weights::mapped(name.clone(), map.clone()),
            Bytes::Converted(bytes) => Weights::parse(name, bytes),
        });
        let all = parts.reduce(|all, part| Ok(all?.and(part?)));
        all.unwrap_or_else(|| Err(TowerError::file(INDEX, "it names no file; download it again")))
    }

    /// Identifies the model by its content: the first digits of the BLAKE3 hash of weights, configuration, and the
    /// preparation of pictures where that has its own file. Reads every byte of the weights.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn revision(&self) -> Result<String, TowerError> {
        let mut hasher = blake3::Hasher::new();
        for (_, bytes) in &self.parts {
            for (start, piece) in (0..).step_by(RELEASED).zip(bytes.chunks(RELEASED)) {
                hasher.update(piece);
                if let Bytes::Mapped(map) = bytes {
                    release(map, start..start + piece.len());
                }
            }
        }
        hasher.update(&self.read(self.config_file)?);
        if let Some(name) = PREPARATIONS.into_iter().find(|name| self.has(name)) {
            hasher.update(&self.read(name)?);
        }
        Ok(hasher.finalize().to_hex()[..DIGITS].to_owned())
    }

    /// The licence that the folder's `README.md` declares at its top.
    pub fn licence(&self) -> Option<String> {
        let readme = String::from_utf8(self.read("README.md").ok()?).ok()?;
        let declared = readme.strip_prefix("---")?.split("\n---").next()?;
        let value = |key: &str| declared.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
        let licence = value("license:").filter(|l| *l != "other").or_else(|| value("license_name:"))?;
        Some(licence.trim_matches(['"', '\'']).chars().take(LICENCE).collect()).filter(|l: &String| !l.is_empty())
    }

    /// Which network the configuration describes.
    ///
    /// # Errors
    /// When it is none of [`Architecture`].
    pub fn architecture(&self) -> Result<Architecture, TowerError> {
        let config = &self.config;
        let open_clip = &config["model_cfg"];
        let class = config["architectures"][0].as_str().unwrap_or_default();
        let found = match config["model_type"].as_str().unwrap_or_default() {
            "clip" => Some(Architecture::Clip),
            "siglip" => Some(Architecture::Siglip),
            "siglip2" => return Err(TowerError::file(shown(&self.dir, self.config_file), NAFLEX)),
            "nomic_bert" if class.contains("Vision") || !config["img_size"].is_null() => {
                Some(Architecture::NomicVision)
            }
            "nomic_bert" => Some(Architecture::NomicText),
            _ => match open_clip["vision_cfg"]["timm_model_name"].as_str() {
                Some(name) if name.starts_with("fastvit") => Some(Architecture::MobileClip),
                None if open_clip["vision_cfg"]["patch_size"].is_u64() => Some(Architecture::Clip),
                _ => None,
            },
        };
        found.ok_or_else(|| {
            let model = &config["model_type"];
            let reason = format!(
                "unknown architecture (model_type {model}, {class:?}); \
                 CLIP, SigLIP, Nomic Embed and MobileCLIP are supported"
            );
            TowerError::file(shown(&self.dir, self.config_file), reason)
        })
    }
}

/// The networks that a folder may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Architecture {
    /// CLIP, in the layout of transformers or open_clip.
    Clip,
    /// SigLIP, and SigLIP 2 of one resolution.
    Siglip,
    /// The text half of Nomic Embed.
    NomicText,
    /// The picture half of Nomic Embed.
    NomicVision,
    /// MobileCLIP in the layout of open_clip.
    MobileClip,
}

/// The weights files of a folder, in the order of their names.
fn parts(dir: &Path) -> Result<Vec<(String, Bytes)>, TowerError> {
    let there = |name: &&str| dir.join(name).is_file();
    if let Some(name) = SAFETENSORS.into_iter().find(|name| there(name)) {
        return Ok(vec![(name.to_owned(), map(dir, name)?)]);
    }
    if there(&INDEX) {
        let index = json(dir, INDEX, &json::INDEX)?;
        let map_of = index["weight_map"].as_object();
        let map_of = map_of.ok_or_else(|| TowerError::file(INDEX, "it has no weight_map; download it again"))?;
        let mut names: Vec<&str> = map_of.values().filter_map(Value::as_str).collect();
        names.sort_unstable();
        names.dedup();
        if names.len() > MAX_PARTS {
            return Err(TowerError::file(INDEX, format!("it names {} files; no model has so many", names.len())));
        }
        // A name with a separator could lead out of the folder.
        if let Some(odd) = names.iter().find(|name| Path::new(name).file_name() != Some(std::ffi::OsStr::new(name))) {
            return Err(TowerError::file(INDEX, format!("it names {odd:?}, which is not a file beside it")));
        }
        let parts = names.into_iter().map(|name| Ok((name.to_owned(), map(dir, name)?)));
        let parts = parts.collect::<Result<Vec<_>, TowerError>>()?;
        allowed(dir, INDEX, parts.iter().map(|(_, bytes)| bytes.len() as u64).sum())?;
        return Ok(parts);
    }
    if let Some(name) = PICKLES.into_iter().find(there) {
        return Ok(vec![(name.to_owned(), Bytes::Converted(convert(&dir.join(name), name)?))]);
    }
    Err(TowerError::file(shown(dir, SAFETENSORS[0]), "it is missing; download the weights into the folder"))
}

fn map(dir: &Path, name: &str) -> Result<Bytes, TowerError> {
    let file = File::open(dir.join(name)).map_err(|e| unreadable(dir, name, &e))?;
    allowed(dir, name, file.metadata().map_err(|e| unreadable(dir, name, &e))?.len())?;
    // SAFETY: models are not changed in place; one that is cut off while it is mapped would end the program, like a
    // disk that is taken away.
    let map = unsafe { Mmap::map(&file) }.map_err(|e| unreadable(dir, name, &e))?;
    Ok(Bytes::Mapped(Arc::new(map)))
}

/// Refuses weights that are larger than those of any model, which a file with holes has for nothing.
fn allowed(dir: &Path, name: &str, bytes: u64) -> Result<(), TowerError> {
    if bytes <= MAX_WEIGHT_BYTES {
        return Ok(());
    }
    Err(TowerError::file(shown(dir, name), format!("it has {} GB of weights, too much for such a model", bytes >> 30)))
}

/// A safetensors file in memory from PyTorch's pickle.
fn convert(path: &Path, name: &str) -> Result<Vec<u8>, TowerError> {
    let damaged = |e: &dyn std::fmt::Display| {
        TowerError::file(name, format!("it is not a whole PyTorch file ({e}); download model.safetensors instead"))
    };
    let file = File::open(path).map_err(|e| damaged(&e))?;
    if file.metadata().map_err(|e| damaged(&e))?.len() > MAX_WEIGHT_BYTES {
        return Err(damaged(&"it is larger than any supported model"));
    }
    // SAFETY: as in `map`.
    let map = unsafe { Mmap::map(&file) }.map_err(|e| damaged(&e))?;
    guard::catch(|| torch::convert(&file, &map).map_err(|e| damaged(&e)))
}

fn json(dir: &Path, name: &str, limits: &json::JsonLimits) -> Result<Value, TowerError> {
    json::parse(&shown(dir, name), &read(dir, name)?, limits)
}

/// The most bytes that a file beside weights has.
fn longest(name: &str) -> u64 {
    match name {
        "tokenizer.json" | "vocab.json" | "vocab.txt" | "merges.txt" => json::TOKENIZER.bytes,
        INDEX => json::INDEX.bytes,
        _ => json::CONFIG.bytes,
    }
}

fn read(dir: &Path, name: &str) -> Result<Vec<u8>, TowerError> {
    let (path, most) = (dir.join(name), longest(name));
    let data = std::fs::metadata(&path).map_err(|e| unreadable(dir, name, &e))?;
    // Opening a pipe would wait for somebody who writes into it.
    if !data.is_file() {
        return Err(TowerError::file(shown(dir, name), "it is not a file"));
    }
    if data.len() > most {
        return Err(TowerError::file(shown(dir, name), json::too_long(data.len())));
    }
    let file = File::open(&path).map_err(|e| unreadable(dir, name, &e))?;
    // It may grow while it is read.
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).map_err(|e| unreadable(dir, name, &e))?;
    if bytes.len() as u64 > most {
        return Err(TowerError::file(shown(dir, name), json::too_long(bytes.len() as u64)));
    }
    Ok(bytes)
}

fn unreadable(dir: &Path, name: &str, error: &std::io::Error) -> TowerError {
    let reason = match error.kind() {
        std::io::ErrorKind::NotFound => "it is missing; download it into the folder".to_owned(),
        _ => format!("it cannot be read ({error})"),
    };
    TowerError::file(shown(dir, name), reason)
}

/// `folder/file`, to find it again.
pub(super) fn shown(dir: &Path, name: &str) -> String {
    dir.join(name).display().to_string()
}

/// The hub's cache keeps `models--owner--name/snapshots/<revision>`.
fn name(dir: &Path) -> String {
    let part = |path: &Path| path.file_name().map(|n| n.to_string_lossy().into_owned());
    let cached = dir.parent().and_then(Path::parent).and_then(part);
    let cached = cached.and_then(|n| n.strip_prefix("models--").map(|n| n.replacen("--", "/", 1)));
    cached.or_else(|| part(dir)).unwrap_or_else(|| dir.display().to_string())
}
