//! The facts of an item that a condition can name.

use super::operator::Operator;

/// A fact of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// When a photo was taken, as its camera's clock showed it.
    Taken,
    /// When the file was modified.
    Modified,
    /// Maker and model of the camera.
    Camera,
    /// Model of the lens.
    Lens,
    /// Focal length, millimetres.
    Focal,
    /// Aperture as an f-number.
    Aperture,
    /// Exposure time, seconds.
    Exposure,
    /// Sensitivity as an ISO speed.
    Iso,
    /// Stars, 0 to 5; -1 for a rejected picture.
    Rating,
    /// Colour label.
    Colour,
    /// Keywords and keyword paths.
    Keyword,
    /// Where a photo was taken.
    Place,
    /// Width of an upright picture, pixels.
    Width,
    /// Height of an upright picture, pixels.
    Height,
    /// Size of the file, bytes.
    Size,
    /// Image or text.
    Type,
    /// Extension of the file name.
    Format,
    /// The folders in which the file is stored.
    Folder,
    /// Name of the file.
    Name,
    /// Groups that the user keeps under names.
    Group,
}

/// What values a field has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// Moments.
    Time,
    /// Numbers, some with a unit.
    Number,
    /// Texts.
    Text,
    /// Modalities.
    Type,
    /// Places on Earth.
    Place,
}

impl Field {
    /// All of them, as the help lists them.
    pub const ALL: [Self; 20] = [
        Self::Taken,
        Self::Modified,
        Self::Camera,
        Self::Lens,
        Self::Focal,
        Self::Aperture,
        Self::Exposure,
        Self::Iso,
        Self::Rating,
        Self::Colour,
        Self::Keyword,
        Self::Place,
        Self::Width,
        Self::Height,
        Self::Size,
        Self::Type,
        Self::Format,
        Self::Folder,
        Self::Name,
        Self::Group,
    ];

    /// The word for it in a condition.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Modified => "modified",
            Self::Camera => "camera",
            Self::Lens => "lens",
            Self::Focal => "focal",
            Self::Aperture => "aperture",
            Self::Exposure => "exposure",
            Self::Iso => "iso",
            Self::Rating => "rating",
            Self::Colour => "colour",
            Self::Keyword => "keyword",
            Self::Place => "place",
            Self::Width => "width",
            Self::Height => "height",
            Self::Size => "size",
            Self::Type => "type",
            Self::Format => "format",
            Self::Folder => "folder",
            Self::Name => "name",
            Self::Group => "group",
        }
    }

    /// The field that a word names, in any case.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.as_str().eq_ignore_ascii_case(word))
    }

    /// The field that was probably meant by another word.
    pub fn suggested(word: &str) -> Option<Self> {
        let word = word.to_lowercase();
        let other_word = OTHER_WORDS.iter().find(|(other, _)| *other == word).map(|(_, field)| *field);
        other_word.or_else(|| {
            let distance = |field: &Self| edit_distance(field.as_str(), &word);
            let nearest = Self::ALL.into_iter().min_by_key(distance)?;
            (distance(&nearest) <= (word.chars().count() / 3).min(2)).then_some(nearest)
        })
    }

    /// Whether people use a word for some field in other programs, so that it is no slip of the pen.
    pub fn is_synonym(word: &str) -> bool {
        OTHER_WORDS.iter().any(|(other, _)| other.eq_ignore_ascii_case(word))
    }

    /// What values it has.
    pub fn kind(self) -> FieldKind {
        match self {
            Self::Taken | Self::Modified => FieldKind::Time,
            Self::Camera
            | Self::Lens
            | Self::Colour
            | Self::Keyword
            | Self::Format
            | Self::Folder
            | Self::Name
            | Self::Group => FieldKind::Text,
            Self::Focal
            | Self::Aperture
            | Self::Exposure
            | Self::Iso
            | Self::Rating
            | Self::Width
            | Self::Height
            | Self::Size => FieldKind::Number,
            Self::Type => FieldKind::Type,
            Self::Place => FieldKind::Place,
        }
    }

    /// The operators that compare it with one value.
    pub fn operators(self) -> &'static [Operator] {
        use Operator::{Contains, Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotContains, NotEqual};
        match self.kind() {
            FieldKind::Time | FieldKind::Number => &[Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual],
            FieldKind::Text => &[Equal, NotEqual, Contains, NotContains],
            FieldKind::Type => &[Equal, NotEqual],
            FieldKind::Place => &[],
        }
    }

    /// A value as it may be written.
    pub fn example(self) -> &'static str {
        match self {
            Self::Taken | Self::Modified => "2023-06-14, 2023-06, 2023 or 2023-06-14 15:30",
            Self::Camera => "\"Canon EOS R5\"",
            Self::Lens => "\"XF35mmF2 R WR\"",
            Self::Focal => "35 mm",
            Self::Aperture => "f/2.8",
            Self::Exposure => "1/250 or 0.5 s",
            Self::Iso => "400",
            Self::Rating => "3",
            Self::Colour => "red",
            Self::Keyword => "dog or \"Animals|Dogs\"",
            Self::Place => "near 47.37,8.54 10 km, or within 45.8,5.9 47.8,10.5",
            Self::Width | Self::Height => "1920",
            Self::Size => "2 MB",
            Self::Type => "image or text",
            Self::Format => "jpg",
            Self::Folder => "Italy or \"2023/Italy\"",
            Self::Name => "\"IMG_0001.jpg\"",
            Self::Group => "\"Best of June\"",
        }
    }
}

/// Words that people use for a field, in other programs or by habit.
const OTHER_WORDS: [(&str, Field); 28] = [
    ("date", Field::Taken),
    ("time", Field::Taken),
    ("year", Field::Taken),
    ("changed", Field::Modified),
    ("mtime", Field::Modified),
    ("model", Field::Camera),
    ("make", Field::Camera),
    ("focallength", Field::Focal),
    ("f", Field::Aperture),
    ("fnumber", Field::Aperture),
    ("shutter", Field::Exposure),
    ("speed", Field::Exposure),
    ("stars", Field::Rating),
    ("star", Field::Rating),
    ("label", Field::Colour),
    ("color", Field::Colour),
    ("tag", Field::Keyword),
    ("tags", Field::Keyword),
    ("subject", Field::Keyword),
    ("gps", Field::Place),
    ("location", Field::Place),
    ("bytes", Field::Size),
    ("kind", Field::Type),
    ("modality", Field::Type),
    ("ext", Field::Format),
    ("extension", Field::Format),
    ("path", Field::Folder),
    ("file", Field::Name),
];

/// Number of letters to insert, remove or replace (Levenshtein).
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(24).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}
