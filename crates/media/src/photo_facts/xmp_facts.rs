//! What the properties of an XMP packet tell about a picture.

use vicinity_core::{GeoPosition, PhotoFacts};

use super::block_facts::{BlockFacts, above_zero, add, rating, rating_of_percent, whole};
use super::dates::{self, LocalTime};
use super::exif;
use super::xmp::{self, Property};

struct Values(Vec<Property>);

impl Values {
    fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a Property> {
        self.0.iter().filter(move |property| property.name == name)
    }

    fn first(&self, name: &str) -> Option<&str> {
        self.all(name).next().map(|property| property.text.as_str())
    }

    /// The text of the main language.
    fn text(&self, name: &str) -> Option<String> {
        let main = self.all(name).find(|property| property.language.as_deref() == Some("x-default"));
        main.or_else(|| self.all(name).next()).map(|property| property.text.clone())
    }

    /// A number, or a fraction: `1/250`.
    fn real(&self, name: &str) -> Option<f64> {
        real(self.first(name)?)
    }

    fn time(&self, name: &str) -> Option<LocalTime> {
        dates::parse(self.first(name)?)
    }

    /// All values of these properties, each once.
    fn list(&self, names: &[&str]) -> Vec<String> {
        let mut list = Vec::new();
        names.iter().flat_map(|name| self.all(name)).for_each(|property| add(&mut list, &property.text));
        list
    }
}

fn real(text: &str) -> Option<f64> {
    let number = |text: &str| text.trim().parse::<f64>().ok();
    let value = match text.split_once('/') {
        Some((above, below)) => number(above)? / number(below)?,
        None => number(text)?,
    };
    value.is_finite().then_some(value)
}

/// What a packet says.
pub fn read(packet: &[u8]) -> BlockFacts {
    let values = Values(xmp::properties(packet));
    let text = |name: &str| values.text(name);
    let facts = PhotoFacts {
        camera_maker: text("tiff:Make"),
        camera_model: text("tiff:Model"),
        lens: text("exifEX:LensModel").or_else(|| text("aux:Lens")),
        focal_length_mm: above_zero(values.real("exif:FocalLength")),
        focal_length_35mm: above_zero(values.real("exif:FocalLengthIn35mmFilm")),
        aperture: above_zero(values.real("exif:FNumber")),
        exposure_secs: above_zero(values.real("exif:ExposureTime")),
        iso: ["exif:ISOSpeedRatings", "exifEX:PhotographicSensitivity"]
            .into_iter()
            .find_map(|name| whole(values.real(name))),
        orientation: values.real("tiff:Orientation").and_then(exif::orientation),
        position: position(&values),
        rating: values
            .real("xmp:Rating")
            .and_then(rating)
            .or_else(|| values.real("MicrosoftPhoto:Rating").and_then(rating_of_percent)),
        colour_label: text("xmp:Label"),
        keywords: values.list(&["dc:subject"]),
        keyword_paths: keyword_paths(&values),
        title: text("dc:title").or_else(|| text("photoshop:Headline")),
        caption: text("dc:description").or_else(|| text("exif:UserComment")),
        creators: values.list(&["dc:creator"]),
        software: text("xmp:CreatorTool"),
        ..PhotoFacts::default()
    };
    BlockFacts {
        facts,
        original: values.time("exif:DateTimeOriginal").or_else(|| values.time("photoshop:DateCreated")),
        digitized: values.time("xmp:CreateDate").or_else(|| values.time("exif:DateTimeDigitized")),
        written: None,
    }
}

/// Keywords of several levels; programs disagree on what stands between these.
fn keyword_paths(values: &Values) -> Vec<String> {
    let mut paths = values.list(&["lr:hierarchicalSubject"]);
    for path in values.list(&["digiKam:TagsList", "MicrosoftPhoto:LastKeywordXMP"]) {
        add(&mut paths, &path.replace('/', "|"));
    }
    paths
}

fn position(values: &Values) -> Option<GeoPosition> {
    let latitude = degrees(values.first("exif:GPSLatitude")?, ['N', 'S'])?;
    let longitude = degrees(values.first("exif:GPSLongitude")?, ['E', 'W'])?;
    let below_sea = values.first("exif:GPSAltitudeRef") == Some("1");
    let altitude = values.real("exif:GPSAltitude").map(|metres| if below_sea { -metres } else { metres });
    GeoPosition::new(latitude, longitude, altitude)
}

/// `30,37.659N` or `30,37,39.5N`: degrees, minutes and perhaps seconds, and a hemisphere.
fn degrees(text: &str, [positive, negative]: [char; 2]) -> Option<f64> {
    let hemisphere = text.chars().next_back()?.to_ascii_uppercase();
    let sign = if hemisphere == positive { 1.0 } else { -1.0 };
    let parts = text.get(..text.len().checked_sub(1)?)?.split(',').take(4);
    let parts: Option<Vec<f64>> = parts.map(|part| part.trim().parse().ok()).collect();
    let degrees = match parts?.as_slice() {
        [degrees] => *degrees,
        [degrees, minutes] => degrees + minutes / 60.0,
        [degrees, minutes, seconds] => degrees + minutes / 60.0 + seconds / 3600.0,
        _ => return None,
    };
    (hemisphere == positive || hemisphere == negative).then_some(sign * degrees)
}
