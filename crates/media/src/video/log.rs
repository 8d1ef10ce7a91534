//! What `ffmpeg` says about its frames on stderr.

use std::collections::VecDeque;
use std::io::{self, BufRead, Read};

use vicinity_core::monitor::Monitor;

/// The longest line of which anything is used, bytes.
const MAX_LINE: u64 = 4096;
/// Frames that may be announced before their pixels arrive.
const MAX_WAITING: usize = 1000;

/// What is known of a frame beside its pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FrameNote {
    /// Time from where the reading began, milliseconds; `None` where the file does not say.
    pub ms: Option<u32>,
    /// Width and height, upright and with square pixels, before it was scaled.
    pub size: [u32; 2],
}

/// What was said so far.
#[derive(Debug, Default)]
pub struct Log {
    /// Frames whose pixels have not been read yet.
    pub notes: VecDeque<FrameNote>,
    /// Length of the video, milliseconds, where the file says.
    pub duration_ms: Option<u64>,
    /// Whether there is sound in it.
    pub has_sound: bool,
    /// Whether there is no video in it, or none that is left of a damaged file.
    pub has_no_video: bool,
    /// Whether nothing more comes.
    pub has_ended: bool,
}

/// Reads all that a program says.
///
/// # Errors
/// When the pipe fails.
pub fn follow(mut from: impl BufRead, log: &Monitor<Log>) -> io::Result<()> {
    let mut line = Vec::new();
    let mut continues = false;
    while from.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)? > 0 {
        let is_whole = line.ends_with(b"\n");
        if !continues {
            note(&String::from_utf8_lossy(&line), log);
        }
        continues = !is_whole;
        line.clear();
    }
    Ok(())
}

fn note(line: &str, log: &Monitor<Log>) {
    if line.starts_with("[Parsed_showinfo_") {
        if let Some(note) = frame_note(line) {
            log.update(|log| {
                if log.notes.len() < MAX_WAITING {
                    log.notes.push_back(note);
                }
            });
        }
    } else if let Some(rest) = line.strip_prefix("  Duration: ") {
        let duration = rest.split(',').next().and_then(clock_ms);
        log.update(|log| log.duration_ms = log.duration_ms.or(duration));
    } else if line.starts_with("  Stream #") && line.contains(": Audio: ") {
        log.update(|log| log.has_sound = true);
    } else if line.contains("Stream map '") && line.contains("matches no streams") {
        log.update(|log| log.has_no_video = true);
    }
}

/// `… n:   1 pts:  10000 pts_time:10 … sar:1/1 s:320x240 …`, in milliseconds.
fn frame_note(line: &str) -> Option<FrameNote> {
    let after = |name: &str| line.split_once(name).map(|(_, rest)| rest.split_whitespace().next().unwrap_or_default());
    let (pts, sar, size) = (after(" pts:")?, after(" sar:")?, after(" s:")?);
    let (width, height) = size.split_once('x')?;
    let (width, height): (u32, u32) = (width.parse().ok()?, height.parse().ok()?);
    let (wide, high) = sar.split_once('/')?;
    let (wide, high): (f64, f64) = (wide.parse().ok()?, high.parse().ok()?);
    let stretch = if wide > 0.0 && high > 0.0 { wide / high } else { 1.0 };
    let width = (f64::from(width) * stretch).round().max(1.0) as u32;
    let ms = pts.parse::<i64>().ok().map(|ms| u32::try_from(ms.max(0)).unwrap_or(u32::MAX));
    Some(FrameNote { ms, size: [width, height.max(1)] })
}

/// `01:02:03.45` in milliseconds.
fn clock_ms(text: &str) -> Option<u64> {
    let mut parts = text.trim().split(':');
    let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next()?);
    let (hours, minutes): (u64, u64) = (hours.parse().ok()?, minutes.parse().ok()?);
    let seconds: f64 = seconds.parse().ok()?;
    hours.checked_mul(60)?.checked_add(minutes)?.checked_mul(60_000)?.checked_add((seconds * 1000.0) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_and_the_length_are_found_among_all_that_is_said() {
        let said = "Input #0, mov, from 'file:a.mp4':\n  Metadata:\n    title : [Parsed_showinfo_2 @ 0] pts: 9 sar:1/1 s:9x9\n\
            \x20 Duration: 00:01:20.50, start: 0.000000\n\
            [Parsed_showinfo_2 @ 0x55] config in time_base: 1/1000, frame_rate: 25/1\n\
            [Parsed_showinfo_2 @ 0x55] n:   0 pts:      0 pts_time:0 pos: 48 fmt:yuv420p sar:0/1 s:320x240 i:P\n\
            [Parsed_showinfo_2 @ 0x55] n:   1 pts:  10040 pts_time:10.04 fmt:yuv420p sar:16/15 s:720x576 i:P\n\
            [Parsed_showinfo_2 @ 0x55] n:   2 pts: NOPTS pts_time:NOPTS fmt:yuv420p sar:1/1 s:32x24 i:P\n";
        let long = format!("{}[Parsed_showinfo_2 @ 0x55] n: 3 pts: 7 sar:1/1 s:1x1\n", "x".repeat(MAX_LINE as usize));
        let log = Monitor::new(Log::default());
        follow([said.as_bytes(), long.as_bytes()].concat().as_slice(), &log).unwrap();
        log.read(|log| {
            let notes: Vec<_> = log.notes.iter().map(|note| (note.ms, note.size)).collect();
            assert_eq!(notes, [(Some(0), [320, 240]), (Some(10_040), [768, 576]), (None, [32, 24])]);
            assert_eq!((log.duration_ms, log.has_no_video), (Some(80_500), false));
        });
    }
}
