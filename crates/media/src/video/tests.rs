//! Videos as `ffmpeg` makes them, where one is installed; and programs that claim to be `ffmpeg`.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::*;

/// The `ffmpeg` of this computer; where there is none the test says that it is skipped.
fn installed(test: &str) -> Option<Ffmpeg> {
    let found = Ffmpeg::find();
    if found.is_none() {
        eprintln!("skipped: {test} (ffmpeg is absent)");
    }
    found
}

/// Makes a video of this name from ffmpeg's own test pictures.
fn make(folder: &Path, name: &str, source: &str, options: &[&str]) -> PathBuf {
    let path = folder.join(name);
    let mut target = std::ffi::OsString::from("file:");
    target.push(&path);
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", source]).args(options).arg(target);
    assert!(command.status().unwrap().success(), "{name}");
    path
}

fn all(ffmpeg: &Ffmpeg, path: &Path) -> Vec<Result<KeyFrame, VideoError>> {
    let bytes = std::fs::read(path).unwrap();
    let format = detect(&bytes[..bytes.len().min(65_536)]).expect("a video");
    KeyFrames::start(ffmpeg.clone(), path, format, CancelFlag::default()).unwrap().collect()
}

/// The frames of a video, by time.
#[track_caller]
fn frames(ffmpeg: &Ffmpeg, path: &Path) -> Vec<KeyFrame> {
    let mut frames: Vec<_> = all(ffmpeg, path).into_iter().map(|frame| frame.expect("a frame")).collect();
    frames.sort_by_key(|frame| frame.ms);
    frames
}

/// The colour at a place, in parts of width and height.
fn colour(picture: &Picture, x: f64, y: f64) -> [u8; 3] {
    let at = |part: f64, side: u32| (part * f64::from(side)) as usize;
    let start = (at(y, picture.height()) * picture.width() as usize + at(x, picture.width())) * 3;
    [0, 1, 2].map(|channel| picture.rgb()[start + channel])
}

#[track_caller]
fn assert_colour(picture: &Picture, (x, y): (f64, f64), expected: [u8; 3]) {
    let found = colour(picture, x, y);
    assert!(found.iter().zip(expected).all(|(a, b)| a.abs_diff(b) < 40), "{found:?} at {x}, {y}");
}

/// Two halves, left and right.
fn halves(left: &str, right: &str, seconds: u32) -> String {
    format!("color={left}:s=64x64:d={seconds}[l];color={right}:s=64x64:d={seconds}[r];[l][r]hstack")
}

#[test]
fn each_scene_has_a_frame_with_its_time_and_black_frames_none() {
    let Some(ffmpeg) = installed("each_scene_has_a_frame_with_its_time_and_black_frames_none") else { return };
    let folder = tempfile::tempdir().unwrap();
    let scenes = [
        "color=black:s=128x64:d=2".to_owned(),
        halves("red", "blue", 6),
        halves("green", "white", 7),
        halves("white", "red", 5),
    ];
    let mut source: String = scenes.iter().zip(0..).map(|(scene, at)| format!("{scene}[s{at}];")).collect();
    // The labels of the halves have to differ between scenes.
    for (at, scene) in scenes.iter().enumerate() {
        let own = scene.replace("[l]", &format!("[l{at}]")).replace("[r]", &format!("[r{at}]"));
        source = source.replacen(scene, &own, 1);
    }
    source.push_str("[s0][s1][s2][s3]concat=n=4");
    // Whole pictures where scenes begin, and hardly any at all.
    let options: [&[&str]; 2] = [&["-c:v", "mpeg4", "-force_key_frames", "0,2,8,15"], &["-c:v", "mpeg4", "-g", "250"]];
    for options in options {
        let video = make(folder.path(), "scenes.mp4", &source, &[options, &["-pix_fmt", "yuv420p"]].concat());
        let frames = frames(&ffmpeg, &video);
        let times: Vec<u32> = frames.iter().map(|frame| frame.ms).collect();
        assert_eq!(times.len(), 3, "{times:?}");
        for ((frame, scene), left) in
            frames.iter().zip([2_000..8_000, 8_000..15_000, 15_000..20_000]).zip([[255, 0, 0], [0, 128, 0], [255; 3]])
        {
            assert!(scene.contains(&frame.ms), "{times:?}");
            assert_colour(&frame.picture, (0.25, 0.5), left);
            assert_eq!((frame.original, frame.picture.width(), frame.picture.height()), ([128, 64], 128, 64));
        }
        assert!(times.is_sorted_by(|a, b| b - a >= 5_000), "{times:?}");
        let again = read_frame_with(&ffmpeg, &video, VideoFormat::Mp4, times[1]).unwrap().0;
        assert_colour(&again, (0.25, 0.5), [0, 128, 0]);
    }
}

#[test]
fn every_container_is_recognised_and_read() {
    let Some(ffmpeg) = installed("every_container_is_recognised_and_read") else { return };
    let folder = tempfile::tempdir().unwrap();
    let kinds: [(&str, &[&str], VideoFormat); 11] = [
        ("a.mp4", &["-c:v", "mpeg4"], VideoFormat::Mp4),
        ("a.mov", &["-c:v", "mjpeg"], VideoFormat::Mp4),
        ("a.3gp", &["-c:v", "mpeg4"], VideoFormat::Mp4),
        ("a.mkv", &["-c:v", "mpeg4"], VideoFormat::Matroska),
        ("a.avi", &["-c:v", "mpeg4"], VideoFormat::Avi),
        ("a.ts", &["-c:v", "mpeg2video"], VideoFormat::MpegTs),
        ("a.m2ts", &["-c:v", "mpeg2video", "-f", "mpegts", "-mpegts_m2ts_mode", "1"], VideoFormat::MpegTs),
        ("a.mpg", &["-c:v", "mpeg2video", "-f", "mpeg"], VideoFormat::MpegPs),
        ("a.vob", &["-c:v", "mpeg2video", "-f", "vob"], VideoFormat::MpegPs),
        ("a.wmv", &["-c:v", "wmv2"], VideoFormat::Asf),
        ("a.flv", &["-c:v", "flv1"], VideoFormat::Flv),
    ];
    for (name, options, format) in kinds {
        let video = make(folder.path(), name, &halves("red", "blue", 2), &[&["-r", "25"], options].concat());
        let head = std::fs::read(&video).unwrap();
        assert_eq!(detect(&head), Some(format), "{name}");
        let frames = frames(&ffmpeg, &video);
        assert_eq!(frames.iter().map(|frame| frame.ms).collect::<Vec<_>>(), [0], "{name}");
        assert_colour(&frames[0].picture, (0.25, 0.5), [255, 0, 0]);
        assert_colour(&read_frame_with(&ffmpeg, &video, format, 0).unwrap().0, (0.75, 0.5), [0, 0, 255]);
    }
}

#[test]
fn frames_are_upright_of_the_right_shape_and_not_too_large() {
    let Some(ffmpeg) = installed("frames_are_upright_of_the_right_shape_and_not_too_large") else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut options = ["-vf", "scale=1600:800,setsar=1/2", "-c:v", "mpeg4", "-qscale:v", "3"];
    let video = make(folder.path(), "narrow.mp4", &halves("red", "blue", 1), &options);
    let narrow = &frames(&ffmpeg, &video)[0];
    assert_eq!((narrow.original, narrow.picture.width(), narrow.picture.height()), ([800, 800], 800, 800));

    options[1] = "scale=2048:1024";
    let video = make(folder.path(), "turned.mp4", &halves("red", "blue", 1), &options);
    let mut bytes = std::fs::read(&video).unwrap();
    // A quarter turn clockwise, in the header of the track.
    let matrix = bytes.windows(4).position(|word| word == b"tkhd").unwrap() + 4 + 40;
    for (at, value) in [(0, 0_u32), (1, 0x1_0000), (3, (-0x1_0000_i32).cast_unsigned()), (4, 0)] {
        bytes[matrix + at * 4..][..4].copy_from_slice(&value.to_be_bytes());
    }
    std::fs::write(&video, bytes).unwrap();
    let turned = &frames(&ffmpeg, &video)[0];
    assert_eq!((turned.original, turned.picture.width(), turned.picture.height()), ([1024, 2048], 512, 1024));
    assert_colour(&turned.picture, (0.5, 0.25), [255, 0, 0]);
    assert_colour(&turned.picture, (0.5, 0.75), [0, 0, 255]);
    let (preview, original) = read_frame_with(&ffmpeg, &video, VideoFormat::Mp4, turned.ms).unwrap();
    assert_eq!((original, preview.width(), preview.height()), ([1024, 2048], 800, 1600));
}

#[test]
fn names_are_never_options_patterns_or_addresses() {
    let Some(ffmpeg) = installed("names_are_never_options_patterns_or_addresses") else { return };
    let folder = tempfile::tempdir().unwrap();
    let video = make(folder.path(), "plain.mp4", &halves("red", "blue", 1), &["-c:v", "mpeg4"]);
    for name in ["-i.mp4", "a%03d.mp4", "it's [a] film; 100 %, 'x'.mp4", "ü\u{202e}.mp4", " a\nb.mp4", "#EXTM3U"] {
        let other = folder.path().join(name);
        std::fs::copy(&video, &other).unwrap();
        assert_eq!(frames(&ffmpeg, &other).len(), 1, "{name}");
    }
    // What names other files is not followed, whatever it is called.
    let list = folder.path().join("list.mp4");
    let only_error = |format| {
        let all: Vec<_> = KeyFrames::start(ffmpeg.clone(), &list, format, CancelFlag::default()).unwrap().collect();
        assert!(matches!(all[..], [Err(VideoError::Unreadable | VideoError::NoVideo)]), "{format:?}: {all:?}");
    };
    for text in
        [format!("ffconcat version 1.0\nfile '{}'\n", video.display()), format!("#EXTM3U\n{}\n", video.display())]
    {
        std::fs::write(&list, text).unwrap();
        [VideoFormat::Mp4, VideoFormat::MpegTs, VideoFormat::Avi].into_iter().for_each(only_error);
    }
}

#[test]
fn what_shows_nothing_has_no_frames_and_what_is_damaged_or_sound_is_an_error() {
    let Some(ffmpeg) = installed("what_shows_nothing_has_no_frames_and_what_is_damaged_or_sound_is_an_error") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let black = make(folder.path(), "black.mkv", "color=black:s=64x64:d=3", &["-c:v", "mpeg4"]);
    assert_eq!(all(&ffmpeg, &black), []);
    let sound = make(folder.path(), "sound.mp4", "sine=d=1", &["-c:a", "aac"]);
    assert_eq!(all(&ffmpeg, &sound), [Err(VideoError::NoVideo)]);
    let video = make(folder.path(), "a.mp4", &halves("red", "blue", 1), &["-c:v", "mpeg4"]);
    let bytes = std::fs::read(&video).unwrap();
    std::fs::write(&video, &bytes[..bytes.len() / 2]).unwrap();
    assert_eq!(all(&ffmpeg, &video), [Err(VideoError::Unreadable)], "the index at its end is missing");
    let stream = make(folder.path(), "a.ts", &halves("red", "blue", 4), &["-c:v", "mpeg2video"]);
    let bytes = std::fs::read(&stream).unwrap();
    std::fs::write(&stream, &bytes[..bytes.len() / 2]).unwrap();
    assert_eq!(frames(&ffmpeg, &stream).len(), 1);
}

#[cfg(unix)] // Tested here.
mod fake {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A program that does this instead of what it is asked for.
    fn script(folder: &Path, commands: &str) -> Ffmpeg {
        let path = folder.join("ffmpeg");
        std::fs::write(&path, format!("#!/bin/sh\n{commands}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let (frame_limit, file_limit) = (Duration::from_millis(600), Duration::from_secs(30));
        Ffmpeg { frame_limit, file_limit, ..Ffmpeg::new(path) }
    }

    const NOTE: &str = "echo '[Parsed_showinfo_2 @ 0] n: 0 pts: 40 pts_time:1 sar:1/1 s:2x1 i:P' >&2;";
    const FRAME: &str = r"printf 'P6\n2 1\n255\n\000\000\000zzz';";

    #[test]
    fn programs_that_hang_lie_or_end_early_cost_one_error() {
        let folder = tempfile::tempdir().unwrap();
        let start = Instant::now();
        let cases = [
            ("exec sleep 600", VideoError::TooSlow { seconds: 0 }),
            ("sleep 600 & sleep 600", VideoError::TooSlow { seconds: 0 }),
            ("exec cat /dev/zero", VideoError::InvalidFrames),
            ("while true; do echo x >&2; done", VideoError::TooSlow { seconds: 0 }),
            ("echo no picture; exec sleep 600", VideoError::InvalidFrames),
            ("printf 'P6\\n4000000000 4000000000\\n255\\n'; exec sleep 600", VideoError::InvalidFrames),
            ("exit 0", VideoError::Unreadable),
            ("kill -SEGV $$", VideoError::Unreadable),
            ("printf 'P6\\n2 1\\n255\\nab'", VideoError::Unreadable),
            ("echo \"Stream map '0:V:0' matches no streams.\" >&2; exit 1", VideoError::Unreadable),
            (
                "echo \"  Stream #0:0: Audio: aac\n Stream map '0:V:0' matches no streams.\" >&2; exit 1",
                VideoError::NoVideo,
            ),
        ];
        for (commands, expected) in cases {
            let ffmpeg = script(folder.path(), commands);
            let mut frames =
                KeyFrames::start(ffmpeg, Path::new("/a.mp4"), VideoFormat::Mp4, CancelFlag::default()).unwrap();
            assert_eq!(frames.next(), Some(Err(expected)), "{commands}");
            assert_eq!(frames.next(), None, "{commands}");
        }
        assert!(start.elapsed() < Duration::from_secs(300), "nothing waits for a program that sleeps");
    }

    #[test]
    fn what_came_before_a_fault_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let of = |commands: &str| {
            let ffmpeg = script(folder.path(), commands);
            KeyFrames::start(ffmpeg, Path::new("/a.mp4"), VideoFormat::Mp4, CancelFlag::default())
                .unwrap()
                .map(|frame| frame.map(|frame| frame.ms))
                .collect::<Vec<_>>()
        };
        assert_eq!(of(&format!("{NOTE} {FRAME}")), [Ok(40)]);
        assert_eq!(of(&format!("{NOTE} {FRAME} exit 1")), [Ok(40)]);
        assert_eq!(of(&format!("{NOTE} {FRAME} printf 'P6\\n2'")), [Ok(40)], "cut short");
        assert_eq!(of(&format!("{NOTE} {FRAME} exec sleep 600")), [Ok(40), Err(VideoError::TooSlow { seconds: 0 })]);
        assert_eq!(of(&format!("{NOTE} {FRAME} {FRAME}")), [Ok(40), Err(VideoError::InvalidFrames)], "no time");
        assert_eq!(of(FRAME), [Err(VideoError::InvalidFrames)], "no time");
        assert_eq!(of(&format!("{NOTE} {NOTE} {FRAME}")), [Ok(40)]);
    }

    #[test]
    fn a_missing_program_is_no_fault_of_the_file() {
        let missing = Ffmpeg::new("/nowhere/ffmpeg".into());
        let error =
            KeyFrames::start(missing, Path::new("/a.mp4"), VideoFormat::Mp4, CancelFlag::default()).unwrap_err();
        assert_eq!((error.concerns_file(), error), (false, VideoError::NotStarted));
    }

    #[test]
    fn a_cancel_or_the_end_of_reading_ends_the_program_and_what_it_started() {
        for cancels in [true, false] {
            let folder = tempfile::tempdir().unwrap();
            // No file: it may write none.
            let commands = format!("sleep 600 & mkdir {}/$!; {NOTE} {FRAME} wait", folder.path().display());
            let ffmpeg = Ffmpeg { frame_limit: Duration::from_secs(500), ..script(folder.path(), &commands) };
            let cancelled = CancelFlag::default();
            let flag = CancelFlag::clone(&cancelled);
            let mut frames = KeyFrames::start(ffmpeg, Path::new("/a.mp4"), VideoFormat::Mp4, cancelled).unwrap();
            assert!(frames.next().is_some_and(|frame| frame.is_ok()));
            let pid = noted(folder.path());
            if cancels {
                flag.store(true, Ordering::Relaxed);
                assert_eq!(frames.next(), Some(Err(VideoError::Cancelled)));
            }
            drop(frames);
            let lists_processes_as_files = cfg!(target_os = "linux"); // Tested here.
            if lists_processes_as_files {
                wait_for_end(&pid);
            }
        }
    }

    /// The number of a process that was noted as the name of a folder.
    fn noted(folder: &Path) -> String {
        let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.into_iter().find(|name| name.bytes().all(|byte| byte.is_ascii_digit())).unwrap()
    }

    /// Waits until a process has ended; one that did may still be in the list until it is collected.
    #[track_caller]
    fn wait_for_end(pid: &str) {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            if state.is_empty() || state.contains(") Z ") {
                return;
            }
            assert!(Instant::now() < deadline, "{state}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn frames_beyond_the_limit_of_a_file_are_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let commands = format!(
            "i=0; while true; do i=$((i+60000)); echo \"[Parsed_showinfo_2 @ 0] n: 0 pts: $i sar:1/1 s:2x1 i:P\" >&2; {FRAME} done"
        );
        let ffmpeg = Ffmpeg { frame_limit: Duration::from_secs(60), ..script(folder.path(), &commands) };
        let frames = KeyFrames::start(ffmpeg, Path::new("/a.mp4"), VideoFormat::Mp4, CancelFlag::default()).unwrap();
        assert_eq!(frames.flatten().count(), selection::MAX_FRAMES);
    }
}
