//! The frames of a running `ffmpeg`, each with its time. Two threads read what it writes, so that whoever waits for a frame
//! can stop waiting.

use std::io::{BufReader, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use vicinity_core::Picture;
use vicinity_core::monitor::Monitor;
use vicinity_core::worker::Worker;

use super::CancelFlag;
use super::error::VideoError;
use super::log::{self, FrameNote, Log};
use super::ppm;
use super::program::{Ffmpeg, FrameRequest, Running};

/// How often a wait looks whether it was cancelled.
const POLL: Duration = Duration::from_millis(50);
/// How long after its pixels the time of a frame may arrive: it was written before them.
const LATE: Duration = Duration::from_secs(10);

/// A frame as it was read.
#[derive(Debug)]
pub struct Frame {
    /// Time from the start of the video, milliseconds; `None` where the file does not say.
    pub ms: Option<u32>,
    /// Its pixels.
    pub picture: Picture,
    /// Width and height before it was scaled.
    pub original: [u32; 2],
}

/// Frames as they come. Dropping it ends the program; the order of the fields is that in which this works.
#[derive(Debug)]
pub struct FrameStream {
    pictures: Receiver<Result<Picture, ErrorKind>>,
    running: Running,
    log: Arc<Monitor<Log>>,
    cancelled: CancelFlag,
    from_ms: u32,
    limits: [Duration; 2],
    /// Time spent waiting for frames.
    waited: Duration,
    _readers: [Worker; 2],
}

impl FrameStream {
    /// Starts the program.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(ffmpeg: &Ffmpeg, request: &FrameRequest<'_>, cancelled: CancelFlag) -> Result<Self, VideoError> {
        let not_started = |error: std::io::Error| {
            ::log::warn!("ffmpeg could not be started: {error}");
            VideoError::NotStarted
        };
        let (running, output, messages) = ffmpeg.start(request).map_err(not_started)?;
        let (sender, pictures) = sync_channel(1);
        let longest_side = request.longest_side;
        let read_pictures = move || {
            let mut output = BufReader::new(output);
            loop {
                let picture = match ppm::read(&mut output, longest_side) {
                    Ok(None) => return,
                    Ok(Some(picture)) => Ok(picture),
                    Err(error) => Err(error.kind()),
                };
                let is_last = picture.is_err();
                // Without a receiver nobody wants more.
                if sender.send(picture).is_err() || is_last {
                    return;
                }
            }
        };
        let log = Arc::new(Monitor::new(Log::default()));
        let written = Arc::clone(&log);
        let read_messages = move || {
            let _cut_short = log::follow(BufReader::new(messages), &written);
            written.update(|log| log.has_ended = true);
        };
        let failed = |reason: String| ::log::error!("reading from ffmpeg: {reason}");
        let readers = [
            Worker::once("video-frames", || {}, read_pictures, failed).map_err(not_started)?,
            Worker::once("video-messages", || {}, read_messages, failed).map_err(not_started)?,
        ];
        let limits = [ffmpeg.frame_limit, ffmpeg.file_limit];
        let from_ms = request.from_ms;
        Ok(Self { pictures, running, log, cancelled, from_ms, limits, waited: Duration::ZERO, _readers: readers })
    }

    /// Waits for the next frame; `None` at the end.
    pub fn next(&mut self) -> Option<Result<Frame, VideoError>> {
        let start = Instant::now();
        let frame = self.wait(start);
        self.waited += start.elapsed();
        frame
    }

    fn wait(&self, start: Instant) -> Option<Result<Frame, VideoError>> {
        let [frame_limit, file_limit] = self.limits;
        let limit = frame_limit.min(file_limit.saturating_sub(self.waited));
        loop {
            if self.cancelled.load(Ordering::Relaxed) {
                return Some(Err(VideoError::Cancelled));
            }
            match self.pictures.recv_timeout(POLL) {
                Ok(Ok(picture)) => return Some(self.with_note(picture)),
                // The program has ended within a frame, or wrote something else.
                Ok(Err(ErrorKind::UnexpectedEof)) | Err(RecvTimeoutError::Disconnected) => return None,
                Ok(Err(_)) => return Some(Err(VideoError::InvalidFrames)),
                Err(RecvTimeoutError::Timeout) if start.elapsed() < limit => {}
                Err(RecvTimeoutError::Timeout) => {
                    return Some(Err(VideoError::TooSlow { seconds: frame_limit.as_secs() }));
                }
            }
        }
    }

    fn with_note(&self, picture: Picture) -> Result<Frame, VideoError> {
        let take = |log: &mut Log| log.notes.pop_front().map(Some).or_else(|| log.has_ended.then_some(None));
        let note = self.log.wait_until(Instant::now() + LATE.min(self.limits[0]), take).flatten();
        let FrameNote { ms, size } = note.ok_or(VideoError::InvalidFrames)?;
        let ms = ms.map(|ms| ms.saturating_add(self.from_ms));
        Ok(Frame { ms, picture, original: size })
    }

    /// Length of the video, milliseconds, where the file says. Known once there is a frame.
    pub fn duration_ms(&self) -> Option<u64> {
        self.log.read(|log| log.duration_ms)
    }

    /// Why there were no frames, after the end.
    pub fn problem(&mut self) -> VideoError {
        let status = self.running.status();
        let is_sound = |log: &mut Log| log.has_ended.then_some(log.has_no_video && log.has_sound);
        let has_sound_alone = self.log.wait_until(Instant::now() + LATE.min(self.limits[0]), is_sound);
        match (has_sound_alone, status) {
            (Some(true), _) => VideoError::NoVideo,
            (_, status) => {
                ::log::info!("ffmpeg gave no frames: {status:?}");
                VideoError::Unreadable
            }
        }
    }
}
