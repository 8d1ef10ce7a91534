//! Videos and companions on the command line, where `ffmpeg` is installed.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::create_dir(place.files()).unwrap();
        place
    }

    fn files(&self) -> PathBuf {
        self.0.path().join("files")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vicinity"));
        command.args(arguments).env("VICINITY_LIBRARY", self.0.path().join("library")).stdin(Stdio::null());
        command.env("XDG_CONFIG_HOME", self.0.path().join("config"));
        command.env("XDG_CACHE_HOME", self.0.path().join("cache")).env_remove("VICINITY_DEVICE");
        command
    }

    fn run(&self, arguments: &[&str]) -> Vec<Value> {
        lines(&self.command(arguments).output().unwrap())
    }

    /// A video of two scenes, ten seconds each, with a time in its header; false where there is no `ffmpeg`,
    /// so that the test is skipped.
    fn make_video(&self, name: &str, test: &str) -> bool {
        let half = |colour: &str, label: &str| format!("color={colour}:s=64x64:d=10:r=10[{label}];");
        let source = format!(
            "{}{}{}{}[a][b]hstack[x];[c][d]hstack[y];[x][y]concat",
            half("red", "a"),
            half("blue", "b"),
            half("white", "c"),
            half("green", "d")
        );
        let mut command = Command::new("ffmpeg");
        command.args(["-v", "error", "-nostdin", "-f", "lavfi", "-i", &source, "-c:v", "mpeg4", "-g", "100"]);
        command.args(["-metadata", "creation_time=2023-06-14T13:30:12Z"]).arg(self.files().join(name));
        match command.status() {
            Ok(status) => {
                assert!(status.success());
                true
            }
            Err(_) => {
                eprintln!("skipped: {test} (ffmpeg is absent)");
                false
            }
        }
    }
}

fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn frames_of_a_video_are_found_with_their_times_once_ffmpeg_is_installed() {
    let place = Place::new();
    if !place.make_video("clip.mp4", "frames_of_a_video_are_found_with_their_times_once_ffmpeg_is_installed") {
        return;
    }
    let files = place.files();
    let without = place
        .command(&["index", files.to_str().unwrap(), "--json"])
        .env("PATH", place.0.path().join("nothing"))
        .output()
        .unwrap();
    let summary = lines(&without).pop().unwrap();
    assert_eq!((&summary["items"], &summary["left_out"]["video_without_ffmpeg"]), (&0.into(), &1.into()));
    let summary = place.run(&["index", "--json"]).pop().unwrap();
    assert_eq!((&summary["images"], &summary["failed"], &summary["skipped"]), (&2.into(), &0.into(), &0.into()));
    let summary = place.run(&["index", "--json"]).pop().unwrap();
    assert_eq!((&summary["embedded"], &summary["reused"]), (&0.into(), &2.into()), "nothing is read again");

    // Touched while there is no ffmpeg: nothing is known of what it contains now, so its frames stay.
    let clip = fs::File::options().append(true).open(files.join("clip.mp4")).unwrap();
    clip.set_modified(std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000)).unwrap();
    drop(clip);
    let without = place.command(&["index", "--json"]).env("PATH", place.0.path().join("nothing")).output().unwrap();
    assert_eq!(lines(&without).pop().unwrap()["items"], 2);
    let summary = place.run(&["index", "--json"]).pop().unwrap();
    assert_eq!((&summary["items"], &summary["embedded"]), (&2.into(), &0.into()));
    let from_there = place.command(&["search", "--image", "clip.mp4", "--json"]).current_dir(&files).output().unwrap();
    assert_eq!(lines(&from_there).len(), 2, "a relative path, too");

    let hits = place.run(&["search", "--json", "red and blue"]);
    let mut seconds: Vec<f64> = hits.iter().filter_map(|hit| hit["seconds"].as_f64()).collect();
    seconds.sort_by(f64::total_cmp);
    assert_eq!(seconds, [0.0, 10.0], "{hits:?}");
    let clip = files.join("clip.mp4").display().to_string();
    let met = |condition: &str| place.run(&["search", "--json", "--where", condition, "red and blue"]).len();
    assert_eq!(met("taken >= 2023-06-14 and taken < 2023-06-15"), 2, "frames were taken when the video was");
    let second = format!("{clip} at 0:10");
    let found = place.run(&["search", "--json", "--like", &second]);
    assert!(!found.is_empty());
    let refused = place.command(&["search", "--like", &clip]).output().unwrap();
    let refused = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.contains("has 2 frames; name one, as in \"clip.mp4 at 0:00\""), "{refused}");
    let known = place.run(&["info", "--json", &clip]);
    assert_eq!(known[0]["frames"], 2);
    let copy = files.join("copy.mp4");
    fs::copy(files.join("clip.mp4"), &copy).unwrap();
    place.run(&["index", "--json"]);
    let same = place.run(&["duplicates", "--json"]);
    assert_eq!(same[0]["files"].as_array().map(Vec::len), Some(2), "{same:?}");
    assert_eq!(
        (&known[0]["duration_secs"], &known[0]["taken"]["local"]),
        (&20.0.into(), &"2023-06-14T13:30:12".into())
    );
}

#[test]
fn companions_are_counted_and_named_with_their_picture() {
    let place = Place::new();
    let pixel = |x: u32, y: u32| image::Rgb([x as u8, y as u8, (x * y) as u8]);
    image::RgbImage::from_fn(64, 48, pixel).save(place.files().join("IMG_1.jpg")).unwrap();
    fs::write(place.files().join("IMG_1.CR2"), b"II*\0\x10\0\0\0CR\x02\0 raw pixels").unwrap();
    let summary = place.run(&["index", place.files().to_str().unwrap(), "--json"]).pop().unwrap();
    assert_eq!((&summary["items"], &summary["left_out"]["companion"]), (&1.into(), &1.into()));
    let picture = place.files().join("IMG_1.jpg").display().to_string();
    assert_eq!(place.run(&["info", "--json", &picture])[0]["companions"][0], "IMG_1.CR2");
    let text = place.command(&["info", &picture]).output().unwrap().stdout;
    assert!(String::from_utf8_lossy(&text).contains("companions IMG_1.CR2"));
}
