//! What metadata say, compared with what ExifTool reads.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::{Map, Value};
use vicinity_core::PhotoFacts;
use vicinity_media::photo_facts::embedded_facts;

type Tags = Map<String, Value>;

/// What ExifTool reads of all files below some folders: numbers, with the group of each tag.
fn exiftool(folders: &[&Path]) -> Option<Vec<Tags>> {
    let mut command = Command::new("exiftool");
    command.args(["-r", "-q", "-j", "-n", "-G1"]).args(folders);
    let out = command.output().ok()?;
    Some(serde_json::from_slice(&out.stdout).expect("JSON"))
}

fn text(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    // Of what it takes for no text it prints the length only.
    let text = if text.starts_with("(Binary data ") { "" } else { &text };
    text.replace("\r\n", "\n").replace('\r', "\n").trim().to_owned()
}

/// A tag's value; that of PNG's texts may have a language in its name.
fn tag<'a>(tags: &'a Tags, name: &str) -> Option<&'a Value> {
    let in_a_language = || {
        let prefix = format!("{name}-");
        tags.iter().find(|(key, _)| name.starts_with("PNG:") && key.starts_with(&prefix)).map(|(_, value)| value)
    };
    tags.get(name).or_else(in_a_language)
}

/// The first of these tags that has a text.
fn first(tags: &Tags, names: &[&str]) -> Option<String> {
    names.iter().filter_map(|name| tag(tags, name)).map(text).find(|text| !text.is_empty())
}

fn number(tags: &Tags, names: &[&str]) -> Option<f64> {
    let mut numbers = names.iter().filter_map(|name| first(tags, &[name])?.split(' ').next()?.parse::<f64>().ok());
    numbers.find(|number| number.is_finite() && *number > 0.0)
}

fn list(tags: &Tags, names: &[&str]) -> Vec<String> {
    let mut all = Vec::new();
    for value in names.iter().filter_map(|name| tag(tags, name)) {
        let values = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
        for value in values.iter().map(text).filter(|text| !text.is_empty()) {
            if !all.contains(&value) {
                all.push(value);
            }
        }
    }
    all
}

/// `2014:03:02 13:30:00.5+02:00` as `2014-03-02T13:30:00` and `+02:00`; `None` for blanks and zeros.
fn time(written: &str) -> Option<(String, Option<String>)> {
    let date = written.get(..10)?.replace(':', "-");
    date.parse::<jiff::civil::Date>().ok().filter(|date| date.year() > 0)?;
    let clock = written.get(11..19).unwrap_or("00:00:00");
    clock.parse::<jiff::civil::Time>().ok()?;
    let offset = written.get(19..).map(|rest| rest.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit()));
    let offset = offset.filter(|offset| !offset.is_empty()).map(|offset| offset.replace('Z', "+00:00"));
    Some((format!("{date}T{clock}"), offset))
}

/// When a picture was taken by ExifTool's tags, in the order in which they are to count.
fn taken(tags: &Tags) -> Option<String> {
    let of = |name: &str, offset: &str| {
        let (time, own) = time(&first(tags, &[name])?)?;
        Some((time, own.or_else(|| first(tags, &[offset]).map(|offset| offset.replace('Z', "+00:00")))))
    };
    let joined = |date: &str, clock: &str| {
        let clock = first(tags, &[clock]).map(|clock| format!(" {clock}")).unwrap_or_default();
        time(&format!("{}{clock}", first(tags, &[date])?))
    };
    let is_photo = first(tags, &["IFD0:Make", "IFD0:Model"]).is_some();
    let times = [
        of("ExifIFD:DateTimeOriginal", "ExifIFD:OffsetTimeOriginal"),
        of("XMP-exif:DateTimeOriginal", "").or_else(|| of("XMP-photoshop:DateCreated", "")),
        joined("IPTC:DateCreated", "IPTC:TimeCreated"),
        of("ExifIFD:CreateDate", "ExifIFD:OffsetTimeDigitized"),
        of("XMP-xmp:CreateDate", "").or_else(|| of("XMP-exif:DateTimeDigitized", "")),
        joined("IPTC:DigitalCreationDate", "IPTC:DigitalCreationTime"),
        of("PNG:CreationTime", ""),
        of("IFD0:ModifyDate", "ExifIFD:OffsetTime").filter(|_| is_photo),
    ];
    let times: Vec<_> = times.into_iter().flatten().collect();
    let (time, offset) = times.first()?;
    let other = || times.iter().find(|(other, offset)| other == time && offset.is_some())?.1.clone();
    Some(format!("{time} {}", offset.clone().or_else(other).unwrap_or_default()))
}

/// Numbers to seven digits, so that the last bit does not count.
fn rounded(number: f64) -> String {
    format!("{number:.6e}")
}

fn expected(tags: &Tags) -> BTreeMap<&'static str, String> {
    let one = |names: &[&str]| first(tags, names);
    let real = |names: &[&str]| number(tags, names).map(rounded);
    let whole = |names: &[&str]| number(tags, names).map(|number| number.round().to_string());
    let joined = |names: &[&str]| Some(list(tags, names).join("; ")).filter(|all| !all.is_empty());
    let place = || {
        let degrees = |of: &str| one(&[&format!("Composite:GPS{of}"), &format!("XMP-exif:GPS{of}")]);
        let degrees = [degrees("Latitude")?, degrees("Longitude")?].map(|d| d.parse().map(rounded).unwrap_or_default());
        let altitude = one(&["Composite:GPSAltitude"]).and_then(|metres| metres.parse().ok()).map(rounded);
        Some(format!("{} {}", degrees.join(" "), altitude.unwrap_or_default()))
    };
    let orientation = ["IFD0:Orientation", "XMP-tiff:Orientation"].map(|name| number(tags, &[name]));
    let orientation = orientation.into_iter().flatten().find(|number| (1.0..=8.0).contains(number));
    let title =
        ["XMP-dc:Title", "XMP-photoshop:Headline", "IPTC:ObjectName", "IPTC:Headline", "IFD0:XPTitle", "PNG:Title"];
    let software = ["IFD0:Software", "PNG:Software", "XMP-xmp:CreatorTool", "IPTC:OriginatingProgram"];
    let creators = [&["XMP-dc:Creator"], &["IPTC:By-line"], &["IFD0:Artist"], &["IFD0:XPAuthor"], &["PNG:Author"]];
    let caption = [
        "XMP-dc:Description",
        "XMP-exif:UserComment",
        "IPTC:Caption-Abstract",
        "IFD0:ImageDescription",
        "IFD0:XPComment",
        "ExifIFD:UserComment",
        "PNG:Description",
        "PNG:Comment",
    ];
    let values = [
        ("taken", taken(tags)),
        ("camera maker", one(&["IFD0:Make", "XMP-tiff:Make"])),
        ("camera model", one(&["IFD0:Model", "XMP-tiff:Model"])),
        ("lens", one(&["ExifIFD:LensModel", "IFD0:LensModel", "XMP-exifEX:LensModel", "XMP-aux:Lens"])),
        ("focal length", real(&["ExifIFD:FocalLength", "XMP-exif:FocalLength"])),
        ("35 mm", real(&["ExifIFD:FocalLengthIn35mmFormat", "XMP-exif:FocalLengthIn35mmFormat"])),
        ("aperture", real(&["ExifIFD:FNumber", "ExifIFD:ApertureValue", "XMP-exif:FNumber"])),
        ("exposure", real(&["ExifIFD:ExposureTime", "ExifIFD:ShutterSpeedValue", "XMP-exif:ExposureTime"])),
        ("ISO", whole(&["ExifIFD:ISO", "XMP-exif:ISO", "XMP-exifEX:PhotographicSensitivity"])),
        ("orientation", orientation.map(|number| number.to_string())),
        ("pixels", one(&["Composite:ImageSize"]).filter(|size| !size.split(' ').any(|side| side == "0"))),
        ("place", place()),
        ("rating", one(&["XMP-xmp:Rating", "IFD0:Rating"])),
        ("colour label", one(&["XMP-xmp:Label"])),
        ("keywords", joined(&["XMP-dc:Subject", "IPTC:Keywords", "IFD0:XPKeywords"])),
        ("keyword paths", joined(&["XMP-lr:HierarchicalSubject", "XMP-digiKam:TagsList"])),
        ("title", one(&title)),
        ("caption", one(&caption)),
        ("creators", creators.iter().find_map(|names| joined(*names))),
        ("software", one(&software)),
    ];
    values.into_iter().filter_map(|(field, value)| Some((field, value?))).collect()
}

fn found(facts: &PhotoFacts) -> BTreeMap<&'static str, String> {
    let joined = |list: &[String]| Some(list.join("; ")).filter(|all| !all.is_empty());
    let taken = facts.taken.map(|taken| {
        let offset = taken.offset.map(|offset| {
            let minutes = offset.seconds() / 60;
            let sign = if minutes < 0 { '-' } else { '+' };
            format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
        });
        format!("{} {}", taken.local.strftime("%Y-%m-%dT%H:%M:%S"), offset.unwrap_or_default())
    });
    let place = facts.position.map(|place| {
        let altitude = place.altitude_m.map(rounded).unwrap_or_default();
        format!("{} {} {altitude}", rounded(place.latitude), rounded(place.longitude))
    });
    let values = [
        ("taken", taken),
        ("camera maker", facts.camera_maker.clone()),
        ("camera model", facts.camera_model.clone()),
        ("lens", facts.lens.clone()),
        ("focal length", facts.focal_length_mm.map(rounded)),
        ("35 mm", facts.focal_length_35mm.map(rounded)),
        ("aperture", facts.aperture.map(rounded)),
        ("exposure", facts.exposure_secs.map(rounded)),
        ("ISO", facts.iso.map(|iso| iso.to_string())),
        ("orientation", facts.orientation.map(|number| number.to_string())),
        ("pixels", facts.pixels.map(|[width, height]| format!("{width} {height}"))),
        ("place", place),
        ("rating", facts.rating.map(|stars| stars.to_string())),
        ("colour label", facts.colour_label.clone()),
        ("keywords", joined(&facts.keywords)),
        ("keyword paths", joined(&facts.keyword_paths)),
        ("title", facts.title.clone()),
        ("caption", facts.caption.clone()),
        ("creators", joined(&facts.creators)),
        ("software", facts.software.clone()),
    ];
    values.into_iter().filter_map(|(field, value)| Some((field, value?))).collect()
}

const FORMATS: [&str; 13] =
    ["JPEG", "MPO", "PNG", "APNG", "TIFF", "Extended WEBP", "WEBP", "HEIC", "HEIF", "AVIF", "PSD", "JP2", "GIF"];

/// How many values of each fact are equal, and how many there are.
#[derive(Default)]
struct Comparison {
    files: usize,
    counts: BTreeMap<&'static str, [usize; 2]>,
}

impl Comparison {
    /// Compares what both read of one file, and prints the differences.
    fn add(&mut self, tags: &Tags) {
        let is_read = first(tags, &["File:FileType"]).is_some_and(|kind| FORMATS.contains(&kind.as_str()));
        if !is_read || tags.contains_key("ExifTool:Error") {
            return;
        }
        self.files += 1;
        let path = first(tags, &["SourceFile"]).expect("a path");
        let bytes = std::fs::read(&path).expect("a readable file");
        let (found, expected) = (found(&embedded_facts(&bytes)), expected(tags));
        let fields: BTreeSet<_> = found.keys().chain(expected.keys()).copied().collect();
        for field in fields {
            let (ours, theirs) = (found.get(field), expected.get(field));
            let count = self.counts.entry(field).or_default();
            count[0] += usize::from(ours == theirs);
            count[1] += 1;
            if ours != theirs {
                println!("{path}: {field}: {ours:?}, ExifTool {theirs:?}");
            }
        }
    }

    fn sum(&self, except: &str) -> [usize; 2] {
        let counted = self.counts.iter().filter(|(field, _)| **field != except);
        counted.fold([0; 2], |sum, (_, count)| [sum[0] + count[0], sum[1] + count[1]])
    }
}

/// On every file that both read, and whose format has metadata.
#[test]
fn facts_agree_with_exiftool() {
    let Some(shared) = crate::support::shared("facts_agree_with_exiftool") else { return };
    let folders = ["awkward_images", "photos", "art"].map(|name| shared.join("data").join(name));
    let Some(all) = exiftool(&folders.each_ref().map(|folder| folder.as_path())) else {
        eprintln!("skipped: facts_agree_with_exiftool (exiftool is absent)");
        return;
    };
    let mut comparison = Comparison::default();
    all.iter().for_each(|tags| comparison.add(tags));
    for (field, [equal, all]) in &comparison.counts {
        println!("{field}: {equal} of {all} equal");
    }
    let (all, but_size) = (comparison.sum(""), comparison.sum("pixels"));
    println!("{} files: {all:?} values equal, without pixel sizes {but_size:?}", comparison.files);
    assert!(comparison.files > 1000 && but_size[1] > 300, "{} files, {but_size:?}", comparison.files);
    for [equal, all] in [all, but_size] {
        assert!(equal * 100 >= all * 99, "{equal} of {all} values equal");
    }
}

/// What ExifTool is to write: every fact, in each kind of metadata.
const WRITTEN: [&[&str]; 3] = [
    &[
        "-EXIF:Make=Fuji",
        "-EXIF:Model=X100é",
        "-EXIF:LensModel=23mm f/2",
        "-EXIF:FocalLength=23.5",
        "-EXIF:FocalLengthIn35mmFormat=35",
        "-EXIF:FNumber=2.8",
        "-EXIF:ExposureTime=1/250",
        "-EXIF:ISO=400",
        "-EXIF:Orientation#=6",
        "-EXIF:GPSLatitude=30.62765",
        "-EXIF:GPSLatitudeRef=S",
        "-EXIF:GPSLongitude=94.28877",
        "-EXIF:GPSLongitudeRef=W",
        "-EXIF:GPSAltitude=12.5",
        "-EXIF:GPSAltitudeRef#=1",
        "-EXIF:Artist=Änn",
        "-EXIF:ImageDescription=A dög ☕",
        "-EXIF:UserComment=日本",
        "-EXIF:Software=v1",
        "-EXIF:DateTimeOriginal=2023:06:14 15:30:12",
        "-EXIF:OffsetTimeOriginal=+05:30",
        "-EXIF:SubSecTimeOriginal=25",
        "-EXIF:XPTitle=Gärten 🌻",
    ],
    &[
        "-XMP-tiff:Make=Fuji",
        "-XMP-tiff:Model=X100é",
        "-XMP-exifEX:LensModel=23mm",
        "-XMP-exif:FocalLength=23.5",
        "-XMP-exif:FocalLengthIn35mmFormat=35",
        "-XMP-exif:FNumber=2.8",
        "-XMP-exif:ExposureTime=1/250",
        "-XMP-exif:ISO=400",
        "-XMP-tiff:Orientation#=8",
        "-XMP-exif:GPSLatitude=30.62765",
        "-XMP-exif:GPSLongitude=-94.28877",
        "-XMP-xmp:Rating=4",
        "-XMP-xmp:Label=Grün",
        "-XMP-dc:Subject=dog",
        "-XMP-dc:Subject=日本 & <b>",
        "-XMP-lr:HierarchicalSubject=Animals|Dogs",
        "-XMP-digiKam:TagsList=Places|Home",
        "-XMP-dc:Title=Gärten",
        "-XMP-dc:Description=two\nlines",
        "-XMP-dc:Creator=Änn",
        "-XMP-dc:Creator=Bob",
        "-XMP-xmp:CreatorTool=tool",
        "-XMP-xmp:CreateDate=2023:06:14 15:30:12+02:00",
    ],
    &[
        "-IPTC:Keywords=dog",
        "-IPTC:Keywords=café",
        "-IPTC:ObjectName=Gärten",
        "-IPTC:Caption-Abstract=A dög",
        "-IPTC:By-line=Änn",
        "-IPTC:By-line=Bob",
        "-IPTC:OriginatingProgram=tool",
        "-IPTC:DateCreated=2023:06:14",
        "-IPTC:TimeCreated=15:30:12+02:00",
    ],
];

/// Kinds of metadata one by one and together, in each format that ExifTool writes them into.
#[test]
fn facts_that_exiftool_writes_are_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let encodings = [&["-IPTC:CodedCharacterSet=UTF8"][..], &[]];
    let kinds = [&WRITTEN[..1], &WRITTEN[1..2], &WRITTEN[2..], &WRITTEN];
    let mut files = 0;
    for (number, (kinds, encoding)) in
        kinds.iter().flat_map(|kinds| encodings.map(|encoding| (kinds, encoding))).enumerate()
    {
        let paths = ["jpg", "png", "tif", "webp"].map(|ending| folder.path().join(format!("{number}.{ending}")));
        for path in &paths {
            image::RgbImage::new(3, 2).save(path).expect("a picture");
        }
        let mut command = Command::new("exiftool");
        command.args(["-q", "-m", "-overwrite_original"]).args(encoding).args(kinds.concat()).args(&paths);
        // It fails for IPTC alone in WebP, which has no place for it.
        if command.output().is_err() {
            eprintln!("skipped: facts_that_exiftool_writes_are_read (exiftool is absent)");
            return;
        }
        files += paths.len();
    }
    let mut comparison = Comparison::default();
    let all = exiftool(&[folder.path()]).expect("exiftool");
    all.iter().for_each(|tags| comparison.add(tags));
    let [equal, all] = comparison.sum("");
    println!("{} files: {equal} of {all} values equal", comparison.files);
    assert!(comparison.files == files && all > 400 && comparison.counts.len() == 20, "{all} values");
    assert_eq!(equal, all, "values equal");
}
