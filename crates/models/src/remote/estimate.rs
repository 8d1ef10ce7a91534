//! What a job would send, for the user to read before anything leaves this machine.

use std::fmt;

use super::picture;
use super::protocol::Input;
use super::provider_spec::ProviderSpec;
use crate::RemoteError;

/// What a job would send, for the user to read before anything leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Estimate {
    /// Texts and pictures.
    pub items: u64,
    /// Bytes of texts and shrunk pictures.
    pub bytes: u64,
    /// Tokens of the texts, roughly; pictures are counted differently by each service.
    pub tokens: u64,
    /// Requests, when none has to be repeated.
    pub requests: u64,
    /// What is sent, as a phrase.
    pub what: String,
    /// Host that receives it.
    pub host: String,
}

impl Estimate {
    /// For items at hand.
    ///
    /// # Errors
    /// When the provider is not configured correctly.
    pub fn of(spec: &ProviderSpec, inputs: &[Input]) -> Result<Self, RemoteError> {
        let mut sums = Sums::default();
        inputs.iter().for_each(|input| sums.add(input.is_picture(), input.bytes() as u64, input.tokens()));
        sums.estimate(spec)
    }

    /// For items that are not read yet: bytes of each text, width and height of each picture.
    ///
    /// # Errors
    /// When the provider is not configured correctly.
    pub fn of_sizes(
        spec: &ProviderSpec,
        texts: impl IntoIterator<Item = u64>,
        pictures: impl IntoIterator<Item = [u32; 2]>,
    ) -> Result<Self, RemoteError> {
        let mut sums = Sums::default();
        texts.into_iter().for_each(|bytes| sums.add(false, bytes, bytes.div_ceil(4)));
        pictures.into_iter().for_each(|size| sums.add(true, picture::about_bytes(size), 0));
        sums.estimate(spec)
    }
}

/// Texts, then pictures.
#[derive(Default)]
struct Sums {
    items: [u64; 2],
    bytes: [u64; 2],
    tokens: u64,
}

impl Sums {
    fn add(&mut self, picture: bool, bytes: u64, tokens: u64) {
        self.items[usize::from(picture)] += 1;
        self.bytes[usize::from(picture)] += bytes;
        self.tokens += tokens;
    }

    fn estimate(&self, spec: &ProviderSpec) -> Result<Estimate, RemoteError> {
        let [texts, pictures] = self.items;
        let requests = |of: usize| {
            let limits = spec.limits(of == 1);
            self.items[of].div_ceil(limits.items as u64).max(self.bytes[of].div_ceil(limits.bytes as u64))
        };
        let what = match (texts, pictures) {
            (_, 0) => "texts in full",
            (0, _) => "images reduced in size, without EXIF or GPS data",
            _ => "texts in full, and images reduced in size, without EXIF or GPS data",
        };
        Ok(Estimate {
            items: texts + pictures,
            bytes: self.bytes.iter().sum(),
            tokens: self.tokens,
            requests: requests(0) + requests(1),
            what: what.to_owned(),
            host: spec.host()?,
        })
    }
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { items, bytes, tokens, requests, what, host } = self;
        let kilobytes = bytes.div_ceil(1000);
        write!(f, "sent to {host}: {what}: {items} items, {kilobytes} kB, about {tokens} tokens, {requests} requests")
    }
}
