//! A raw photo beside a JPEG, and the video of a phone's photo, belong to the picture: one item, as long as there is one.

use std::fs;
use std::path::PathBuf;

use crate::support::engine::wait;
use vicinity_core::{ItemId, Picture, SkipReason};
use vicinity_engine::{Engine, Event, ImportSummary, Job};
use vicinity_media::thumbnail;

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

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.files().join(name), bytes).unwrap();
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.files().join(name)).unwrap();
    }

    fn open(&self) -> Engine {
        Engine::open(&self.0.path().join("library"), || {}).unwrap()
    }
}

fn import(engine: &Engine, job: Job) -> ImportSummary {
    engine.submit(job);
    wait(engine, |event| match event {
        Event::ImportFinished(summary) => Some(summary),
        _ => None,
    })
}

/// Names of items, and the number of companions.
fn rescan(engine: &Engine) -> (Vec<String>, u64) {
    let summary = import(engine, Job::Rescan);
    (names(engine), summary.skipped.get(&SkipReason::Companion).copied().unwrap_or_default())
}

fn names(engine: &Engine) -> Vec<String> {
    let mut names: Vec<String> = engine.snapshot().items().map(|item| item.name()).collect();
    names.sort();
    names
}

fn companions(engine: &Engine, name: &str) -> Vec<String> {
    let id: ItemId = engine.snapshot().items().find(|item| item.name() == name).unwrap().id;
    engine.facts(id).companions
}

fn jpeg(width: u32, seed: u32) -> Vec<u8> {
    let pixels = (0..width * 16).flat_map(|at| [(at * seed) as u8, (at / 7) as u8, (seed * 40) as u8]).collect();
    thumbnail::encode(&Picture::new(width, 16, pixels).unwrap())
}

/// A raw photo with a preview that is large enough.
fn raw() -> Vec<u8> {
    [&b"FUJIFILMCCD-RAW 0201\0\0\0\0"[..], &jpeg(1100, 9)].concat()
}

/// A video that is nothing but a header.
fn film(seconds: u32) -> Vec<u8> {
    let boxed = |kind: &[u8; 4], body: &[u8]| [&(body.len() as u32 + 8).to_be_bytes()[..], kind, body].concat();
    let mvhd: Vec<u8> = [0, 0, 0, 600, seconds * 600].iter().flat_map(|number: &u32| number.to_be_bytes()).collect();
    [boxed(b"ftyp", b"qt  \0\0\0\0qt  "), boxed(b"moov", &boxed(b"mvhd", &mvhd))].concat()
}

#[test]
fn raw_photos_and_short_films_are_companions_of_the_picture_of_their_name() {
    let place = Place::new();
    place.write("IMG_1.JPG", &jpeg(64, 1));
    place.write("img_1.raf", &raw());
    place.write("IMG_2.jpg", &jpeg(64, 2));
    place.write("IMG_2.MOV", &film(3));
    place.write("IMG_2.xmp", b"<x:xmpmeta xmlns:x='adobe:ns:meta/'></x:xmpmeta>");
    place.write("alone.raf", &raw());
    let engine = place.open();
    let summary = import(&engine, Job::Add(vec![place.files()]));
    assert_eq!(names(&engine), ["IMG_1.JPG", "IMG_2.jpg", "alone.raf"]);
    assert_eq!(summary.skipped[&SkipReason::Companion], 2);
    assert_eq!((summary.failed, summary.skipped[&SkipReason::Sidecar]), (0, 1));
    assert_eq!(companions(&engine, "IMG_1.JPG"), ["img_1.raf"]);
    assert_eq!(companions(&engine, "IMG_2.jpg"), ["IMG_2.MOV"]);
    assert_eq!(companions(&engine, "alone.raf"), Vec::<String>::new());
    assert_eq!(rescan(&engine), (names(&engine), 2), "nothing changes by itself");
}

#[test]
fn companions_follow_the_pictures_that_come_and_go() {
    let place = Place::new();
    place.write("a.raf", &raw());
    let engine = place.open();
    import(&engine, Job::Add(vec![place.files()]));
    assert_eq!(names(&engine), ["a.raf"]);
    place.write("a.jpg", &jpeg(64, 1));
    assert_eq!(rescan(&engine), (vec!["a.jpg".to_owned()], 1), "its picture came later");
    fs::rename(place.files().join("a.jpg"), place.files().join("b.jpg")).unwrap();
    assert_eq!(rescan(&engine), (vec!["a.raf".to_owned(), "b.jpg".to_owned()], 0));
    assert_eq!(companions(&engine, "b.jpg"), Vec::<String>::new());
    fs::rename(place.files().join("b.jpg"), place.files().join("A.JPG")).unwrap();
    assert_eq!(rescan(&engine), (vec!["A.JPG".to_owned()], 1));
    place.remove("A.JPG");
    place.remove("a.raf");
    place.write("other.jpg", &jpeg(64, 3));
    assert_eq!(rescan(&engine), (vec!["other.jpg".to_owned()], 0), "both have gone");
    drop(engine);
    assert_eq!(names(&place.open()), ["other.jpg"]);
}

#[test]
fn a_picture_that_cannot_be_read_or_is_not_imported_has_no_companions() {
    let place = Place::new();
    place.write("a.jpg", b"\xff\xd8\xff\xe0 damaged");
    place.write("a.raf", &raw());
    let engine = place.open();
    import(&engine, Job::Add(vec![place.files()]));
    assert_eq!(rescan(&engine), (vec!["a.raf".to_owned()], 0), "of two files one is shown");
    place.write("a.jpg", &jpeg(64, 1));
    import(&engine, Job::Rescan);
    assert_eq!(rescan(&engine), (vec!["a.jpg".to_owned()], 1), "it was repaired");

    let single = Place::new();
    single.write("a.jpg", &jpeg(64, 1));
    single.write("a.raf", &raw());
    let engine = single.open();
    import(&engine, Job::Add(vec![single.files().join("a.raf")]));
    assert_eq!(names(&engine), ["a.raf"], "its picture is no part of the collection");
}

#[test]
fn a_long_film_beside_a_picture_is_no_companion() {
    let place = Place::new();
    place.write("holiday.jpg", &jpeg(64, 1));
    place.write("holiday.mp4", &film(95));
    place.write("other.jpg", &jpeg(64, 2));
    place.write("other.mov", b"\0\0\0\x14ftypqt  \0\0\0\0qt  no header of a movie");
    let engine = place.open();
    let summary = import(&engine, Job::Add(vec![place.files()]));
    assert_eq!(summary.skipped.get(&SkipReason::Companion), None);
    assert_eq!(companions(&engine, "holiday.jpg"), Vec::<String>::new());
}

#[test]
fn a_photo_with_a_film_inside_is_one_item() {
    let place = Place::new();
    place.write("PXL_1.MP.jpg", &[jpeg(64, 1), film(2)].concat());
    let engine = place.open();
    let summary = import(&engine, Job::Add(vec![place.files()]));
    assert_eq!((names(&engine), summary.failed), (vec!["PXL_1.MP.jpg".to_owned()], 0));
}

#[test]
fn a_raw_photo_beside_a_picture_that_was_left_out_is_an_item() {
    let place = Place::new();
    // Larger than any picture that is read; it takes no room on the disk.
    place.write("a.jpg", &jpeg(64, 1));
    fs::File::options().write(true).open(place.files().join("a.jpg")).unwrap().set_len((1 << 30) + 1).unwrap();
    place.write("a.raf", &raw());
    let engine = place.open();
    let summary = import(&engine, Job::Add(vec![place.files()]));
    assert_eq!((summary.failed, summary.skipped.get(&SkipReason::TooLarge)), (0, Some(&1)));
    assert_eq!(rescan(&engine), (vec!["a.raf".to_owned()], 0));
    assert_eq!(rescan(&engine), (vec!["a.raf".to_owned()], 0), "nothing changes by itself");
}

#[test]
fn files_that_were_skipped_are_retried_and_counted_once() {
    let place = Place::new();
    place.write("a.raf", b"FUJIFILMCCD-RAW 0201\0\0\0\0 without a preview");
    let engine = place.open();
    let raw_photos = |summary: &ImportSummary| summary.skipped.get(&SkipReason::RawPhoto).copied();
    assert_eq!(raw_photos(&import(&engine, Job::Add(vec![place.files()]))), Some(1));
    assert_eq!(raw_photos(&import(&engine, Job::Rescan)), Some(1));
    let summary = import(&engine, Job::Retry(Vec::new()));
    assert_eq!((raw_photos(&summary), summary.failed, names(&engine).len()), (Some(1), 0, 0));
}
