//! How a library is opened.

/// How a library is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OpenMode {
    /// What it may be used for.
    pub access: Access,
    /// When the map is laid out.
    pub layout: LayoutUpdates,
    /// When it is verified.
    pub verify: Verify,
}

/// When a library is verified against its checksums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verify {
    /// While it is used already. Damage is reported by [`Event::Notice`](super::Event::Notice) and taken out of the
    /// collection then; imports wait for the end of it.
    #[default]
    InBackground,
    /// Before it is used, for whoever looks at it once.
    BeforeUse,
}

/// What an open library may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// Reading and writing; only reading where another process writes it, or its disk is write-protected or full.
    #[default]
    ReadWrite,
    /// Reading, whoever writes it meanwhile. There has to be a library; nothing is created, repaired or locked.
    Read,
}

/// When the map is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LayoutUpdates {
    /// Whenever the collection has changed.
    #[default]
    Automatic,
    /// By [`Job::ComputeLayout`](super::Job::ComputeLayout) only, where nobody looks at a map.
    OnRequest,
}
