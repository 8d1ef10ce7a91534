//! What is taken along from a library on the command line: the map as an image, a drawing and a web page, lists, and copies of files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::support::places::project_dir;

/// The sample collection with its map.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        let sample = project_dir().join("assets/sample");
        place.done(&["index", sample.to_str().unwrap()]);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vicinity"));
        command.args(arguments).current_dir(self.0.path()).stdin(Stdio::null());
        command.env("VICINITY_HOME", self.path("home")).env("XDG_CACHE_HOME", self.path("home/cache"));
        command.env("VICINITY_LIBRARY", self.path("library")).env_remove("VICINITY_DEVICE");
        command.output().unwrap()
    }

    fn done(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn refused(&self, arguments: &[&str], word: &str) {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && said.contains(word), "{arguments:?}: {said}");
    }

    /// The file names in a list of items.
    fn names(&self, list: &str) -> Vec<String> {
        let mut table = csv::Reader::from_path(self.path(list)).unwrap();
        let rows = table.records().map(Result::unwrap);
        rows.map(|row| Path::new(&row[1]).file_name().unwrap().to_str().unwrap().to_owned()).collect()
    }
}

#[test]
fn items_are_chosen_by_condition_search_and_cluster_and_their_files_copied() {
    let place = Place::new();
    place.done(&["export", "--items", "all.csv"]);
    let all = place.names("all.csv").len();
    place.done(&["export", "--items", "balls.csv", "--where", "name ~ ball", "--modality", "image"]);
    let mut balls = place.names("balls.csv");
    balls.sort();
    let wanted = [
        "basketball.jpg",
        "golf_ball_on_tee.jpg",
        "golf_balls.jpg",
        "hot_air_balloon.jpg",
        "soccer_ball.jpg",
        "tennis_ball.jpg",
    ];
    assert_eq!(balls, wanted);

    place.done(&[
        "export",
        "--search",
        "a lighthouse by the sea",
        "-k",
        "3",
        "--items",
        "found.csv",
        "--vectors",
        "v.npy",
    ]);
    let found = place.names("found.csv");
    assert!(found.len() == 3 && found.contains(&"lighthouse.jpg".to_owned()), "{found:?}");
    let scores: Vec<f32> = {
        let mut table = csv::Reader::from_path(place.path("found.csv")).unwrap();
        let at = table.headers().unwrap().iter().position(|name| name == "score").unwrap();
        table.records().map(|row| row.unwrap()[at].parse().unwrap()).collect()
    };
    assert!(scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
    assert!(fs::read(place.path("v.npy")).unwrap().starts_with(b"\x93NUMPY"));

    let clusters = place.done(&["clusters", "--json"]);
    let first: serde_json::Value = serde_json::from_str(clusters.lines().next().unwrap()).unwrap();
    let (name, count) = (first["names"][0].as_str().unwrap_or("0"), first["items"].as_u64().unwrap() as usize);
    place.done(&["export", "--cluster", name, "--items", "cluster.parquet"]);
    place.done(&["export", "--cluster", name, "--items", "cluster.csv"]);
    assert!(place.names("cluster.csv").len() == count && count < all + 1, "{name} has {count}");
    assert!(fs::read(place.path("cluster.parquet")).unwrap().starts_with(b"PAR1"));

    let balls = ["export", "--where", "name ~ ball", "--modality", "image", "--copy-to", "copies/balls"];
    assert!(place.done(&balls).starts_with("6 files copied, "));
    assert!(place.done(&balls).starts_with("6 files copied, 6 under another name, "));
    let copies = fs::read_dir(place.path("copies/balls")).unwrap().count();
    assert!(copies == 12 && place.path("copies/balls/golf_balls (2).jpg").exists(), "{copies}");

    place.refused(&["export", "--cluster", "no such thing", "--items", "x.csv"], "vicinity clusters");
    place.refused(&["export", "--copy-to", "library/x"], "inside the library");
    place.refused(&["export", "--copy-to", "all.csv"], "is a file");
    assert_eq!(place.run(&["export", "--where", "name ~ nothing", "--copy-to", "none"]).status.code(), Some(1));
    assert!(!place.path("none").exists());
}

#[test]
fn a_map_is_written_with_names_in_many_forms() {
    let place = Place::new();
    for (name, beginning) in [("m.png", &b"\x89PNG"[..]), ("m.svg", b"<svg "), ("m.webp", b"RIFF")] {
        place.done(&["map", "--out", name, "--size", "900x600", "--pictures", "--dark"]);
        assert!(fs::read(place.path(name)).unwrap().starts_with(beginning), "{name}");
    }
    assert_eq!(image::image_dimensions(place.path("m.png")).unwrap(), (900, 600));
    let drawing = fs::read_to_string(place.path("m.svg")).unwrap();
    let clusters = place.done(&["clusters", "--json"]);
    let names: Vec<serde_json::Value> = clusters.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let shown = names
        .iter()
        .filter_map(|line| line["names"][0].as_str())
        .filter(|name| drawing.contains(&format!(">{name}</text>")));
    assert!(shown.count() > 0, "names of clusters are in the drawing");
    assert!(!drawing.contains("assets/sample"), "no paths");
    place.done(&["map", "--out", "plain.svg", "--plain", "--colour", "type"]);
    assert!(!fs::read_to_string(place.path("plain.svg")).unwrap().contains("<text"));
    place.refused(&["map", "--out", "m.png", "--size", "9000"], "1920x1080");
    place.refused(&["map", "--out", "m.png", "--colour", "label"], "no item has a label");
}

/// A browser without a window; `None` (reported on stderr) where there is none.
fn chromium(test: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    let found =
        names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name))).find(|file| file.is_file());
    if found.is_none() {
        eprintln!("skipped: {test} (chromium is absent)");
    }
    found
}

/// What a browser makes of a page, which it opens from a file, with arguments of its own.
fn browsed(chromium: &Path, place: &Place, page: &str, argument: &str) -> String {
    let profile = tempfile::tempdir().unwrap();
    let mut command = Command::new(chromium);
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1200,800"]);
    command.args(["--virtual-time-budget=10000", "--host-resolver-rules=MAP * ~NOTFOUND"]);
    command.arg(format!("--user-data-dir={}", profile.path().display())).arg(argument);
    let output = command.arg(format!("file://{}", place.path(page).display())).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The value of an attribute of the body.
fn said<'a>(page: &'a str, name: &str) -> Option<&'a str> {
    let body = &page[page.find("<body")?..];
    let body = &body[..body.find('>')?];
    let (_, value) = body.split_once(&format!("data-{name}=\""))?;
    value.split('"').next()
}

#[test]
fn a_browser_draws_the_report_and_finds_names_in_it() {
    let name = "a_browser_draws_the_report_and_finds_names_in_it";
    let Some(chromium) = chromium(name) else { return };
    let place = Place::new();
    let written = place.done(&["map", "--out", "map.html", "--title", "Sample & <more>"]);
    let items: usize = written.split(' ').next().unwrap().parse().unwrap();
    let source = fs::read_to_string(place.path("map.html")).unwrap();
    assert!(!source.contains("assets/sample") && source.len() < 2_000_000, "{} bytes", source.len());

    let page = browsed(&chromium, &place, "map.html#search=BALL%20golf", "--dump-dom");
    let count = |name: &str| said(&page, name).and_then(|text| text.parse::<usize>().ok());
    assert_eq!(said(&page, "drawn"), Some("yes"), "{}", &page[page.len().saturating_sub(2_000)..]);
    assert_eq!((count("items"), count("points")), (Some(items), Some(items)));
    let matches = count("matches").unwrap();
    assert!(matches >= 2 && matches < items, "{matches} of {items}");
    for found in ["golf_balls.jpg", "golf_ball_on_tee.jpg"] {
        assert!(page.contains(&format!(">{found}</button>")), "{found} is listed");
    }
    assert!(page.contains("<h1>Sample &amp; &lt;more&gt;</h1>"));
    let all = browsed(&chromium, &place, "map.html", "--dump-dom");
    assert!(said(&all, "tiles").and_then(|text| text.parse::<usize>().ok()).is_some_and(|tiles| tiles > 5), "pictures");

    let picture = place.path("page.png");
    browsed(&chromium, &place, "map.html", &format!("--screenshot={}", picture.display()));
    let picture = image::open(&picture).expect("a picture of the page").into_rgb8();
    let ground = *picture.get_pixel(600, 1);
    let drawn = picture.pixels().filter(|pixel| pixel.0.iter().zip(ground.0).any(|(a, b)| a.abs_diff(b) > 60)).count();
    assert!(drawn > 20_000, "{drawn} pixels are drawn");

    place.done(&["map", "--out", "paths.html", "--paths"]);
    assert!(fs::read_to_string(place.path("paths.html")).unwrap().contains("assets/sample"));
}

#[cfg(feature = "window")]
#[test]
fn a_map_that_is_taken_along_has_the_colours_of_the_window() {
    use egui::Color32;
    use vicinity::ui::theme::{DARK, LIGHT};
    use vicinity_engine::map_image::MapPalette;

    for (theme, dark) in [(&DARK, true), (&LIGHT, false)] {
        let (palette, number) = (MapPalette::of(dark), |colour: Color32| {
            u32::from(colour.r()) << 16 | u32::from(colour.g()) << 8 | u32::from(colour.b())
        });
        let colours = [theme.map_ground, theme.text1, theme.text2, theme.images, theme.texts, theme.other].map(number);
        let [images, texts] = palette.types;
        assert_eq!(colours, [palette.ground, palette.text1, palette.text2, images, texts, palette.other]);
        assert_eq!([0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map(|at| number(theme.category(at))), palette.categories);
    }
}
