//! Why a video cannot be read. Each error is a sentence for the user.

use thiserror::Error;

/// Why a video cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum VideoError {
    /// No `ffmpeg` is installed; this says nothing about the file.
    #[error("Videos are read by the program ffmpeg, which was not found")]
    NoFfmpeg,
    /// `ffmpeg` could not be started; this says nothing about the file.
    #[error("The program ffmpeg could not be started")]
    NotStarted,
    /// It has sound at most.
    #[error("The file has no video in it")]
    NoVideo,
    /// `ffmpeg` found no frame that it could decode.
    #[error("The video is damaged, or of a kind that the installed ffmpeg cannot read")]
    Unreadable,
    /// `ffmpeg` was ended because it took too long.
    #[error("Reading the video was stopped after {seconds} seconds without a new frame, or 20 minutes in all")]
    TooSlow {
        /// The limit for one frame.
        seconds: u64,
    },
    /// What `ffmpeg` wrote is no picture.
    #[error("The program ffmpeg gave no valid frames of the video")]
    InvalidFrames,
    /// The import was cancelled; this says nothing about the file.
    #[error("Reading the video was cancelled")]
    Cancelled,
}

impl VideoError {
    /// Whether the file is at fault, so that it need not be tried again before it changes.
    pub fn concerns_file(&self) -> bool {
        !matches!(self, Self::NoFfmpeg | Self::NotStarted | Self::Cancelled)
    }
}
