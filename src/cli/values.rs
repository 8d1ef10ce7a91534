//! The words that options with a fixed choice accept, with their help. The types below know nothing of the command line.

use std::net::SocketAddr;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use vicinity_core::table::Decimal;
use vicinity_core::{InvalidLanguages, TextLanguages};
use vicinity_engine::map_image::MapColouring;
use vicinity_models::compute_target::Precision;
use vicinity_models::remote::inference_mode::InferenceMode;
use vicinity_models::remote::{GeminiTask, Provider};
use vicinity_models::{LongText, TextTask};

/// The values of an option: what is typed, what it means, and its help.
type Choices<T> = &'static [(&'static str, T, &'static str)];

const LONG_TEXT: Choices<LongText> = &[
    ("truncate", LongText::Truncate, "Embed only the beginning, as much as the model reads at once"),
    ("mean", LongText::Mean, "Embed overlapping parts of the whole text and average them (slower)"),
];
const PRECISION: Choices<Precision> = &[
    ("f32", Precision::F32, "32 bits"),
    ("f16", Precision::F16, "16 bits: more digits and a smaller range than bf16"),
    ("bf16", Precision::Bf16, "16 bits: the range of f32"),
];
const PROVIDER: Choices<Provider> = &[
    ("nomic", Provider::Nomic, "Nomic's Atlas"),
    ("gemini", Provider::Gemini, "Google's Gemini API"),
    ("openai", Provider::OpenAi, "OpenAI, or any server with a compatible `/v1/embeddings`"),
];
const INFERENCE_MODE: Choices<InferenceMode> = &[
    ("local", InferenceMode::Local, "On this computer; nothing is sent"),
    ("remote", InferenceMode::Remote, "With the service"),
    ("dynamic", InferenceMode::Dynamic, "On this computer if that is fast enough, otherwise with the service"),
];
const TEXT_TASK: Choices<TextTask> = &[
    ("search_document", TextTask::SearchDocument, ""),
    ("search_query", TextTask::SearchQuery, ""),
    ("classification", TextTask::Classification, ""),
    ("clustering", TextTask::Clustering, ""),
];

const COLOURING: Choices<MapColouring> = &[
    ("cluster", MapColouring::Cluster, "The largest clusters"),
    ("type", MapColouring::Type, "Images and texts"),
    ("folder", MapColouring::Folder, "Folders"),
    ("label", MapColouring::Label, "Labels that items were given in the window"),
];
/// Sides of an image, pixels.
const SIDES: std::ops::RangeInclusive<u32> = 16..=8192;

fn one_of<T: Copy + Send + Sync + 'static>(choices: Choices<T>) -> impl TypedValueParser<Value = T> {
    let values = choices.iter().map(|(word, _, help)| PossibleValue::new(*word).help(*help));
    PossibleValuesParser::new(values).try_map(move |word| find(choices, &word).ok_or("there is no such value"))
}

fn find<T: Copy>(choices: Choices<T>, word: &str) -> Option<T> {
    choices.iter().find(|(known, ..)| *known == word).map(|(_, value, _)| *value)
}

/// `--long-text`.
pub fn long_text() -> impl TypedValueParser<Value = LongText> {
    one_of(LONG_TEXT)
}

/// `--precision`.
pub fn precision() -> impl TypedValueParser<Value = Precision> {
    one_of(PRECISION)
}

/// `--colour`.
pub fn colouring() -> impl TypedValueParser<Value = MapColouring> {
    one_of(COLOURING)
}

/// `--size`: one number, or width and height.
pub fn picture_size(word: &str) -> Result<[u32; 2], String> {
    let (width, height) = word.split_once(['x', '×']).unwrap_or((word, word));
    let side = |text: &str| text.trim().parse().ok().filter(|side| SIDES.contains(side));
    let (Some(width), Some(height)) = (side(width), side(height)) else {
        return Err(format!("expected a number from {} to {}, or two as in 1920x1080", SIDES.start(), SIDES.end()));
    };
    Ok([width, height])
}

/// Something that is detected, or chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AutoOr<T> {
    /// It is detected.
    Auto,
    /// It is this.
    Is(T),
}

impl<T> AutoOr<T> {
    /// What is chosen, if anything.
    pub fn value(self) -> Option<T> {
        match self {
            Self::Auto => None,
            Self::Is(value) => Some(value),
        }
    }
}

/// `--delimiter`.
pub fn delimiter(word: &str) -> Result<AutoOr<char>, String> {
    let mut characters = word.chars();
    let is_possible = |c: char| c.is_ascii() && !c.is_ascii_alphanumeric() && !matches!(c, '"' | '\r' | '\n');
    match (word, characters.next(), characters.next()) {
        ("auto", ..) => Ok(AutoOr::Auto),
        ("tab" | "\\t", ..) => Ok(AutoOr::Is('\t')),
        (_, Some(c), None) if is_possible(c) => Ok(AutoOr::Is(c)),
        _ => Err("expected one character such as ; , or |, or `tab` or `auto`".to_owned()),
    }
}

/// `--decimal`.
pub fn decimal(word: &str) -> Result<AutoOr<Decimal>, String> {
    match word {
        "auto" => Ok(AutoOr::Auto),
        "," | "comma" => Ok(AutoOr::Is(Decimal::Comma)),
        "." | "point" => Ok(AutoOr::Is(Decimal::Point)),
        _ => Err("expected , or . or `auto`".to_owned()),
    }
}

/// `--header`.
pub fn header(word: &str) -> Result<AutoOr<bool>, String> {
    match word {
        "auto" => Ok(AutoOr::Auto),
        "yes" => Ok(AutoOr::Is(true)),
        "no" => Ok(AutoOr::Is(false)),
        _ => Err("expected yes, no or `auto`".to_owned()),
    }
}

/// `--provider`.
pub fn provider() -> impl TypedValueParser<Value = Provider> {
    one_of(PROVIDER)
}

/// `--inference-mode`.
pub fn inference_mode() -> impl TypedValueParser<Value = InferenceMode> {
    one_of(INFERENCE_MODE)
}

/// A task that all models support, or one of Gemini only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskArg {
    /// Supported by all models.
    Common(TextTask),
    /// Supported by Gemini only.
    Gemini(GeminiTask),
}

/// `--task`.
pub fn task(word: &str) -> Result<TaskArg, String> {
    let gemini = || GeminiTask::ALL.into_iter().find(|task| task.as_str() == word).map(TaskArg::Gemini);
    let found = find(TEXT_TASK, word).map(TaskArg::Common).or_else(gemini);
    found.ok_or_else(|| {
        let common = TEXT_TASK.iter().map(|(word, ..)| *word);
        let all: Vec<&str> = common.chain(GeminiTask::ALL.into_iter().map(GeminiTask::as_str)).collect();
        format!("expected one of {}", all.join(", "))
    })
}

/// Whether text in pictures is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadTextArg {
    /// It is not.
    Off,
    /// In these languages.
    In(TextLanguages),
}

/// `--read-text`.
pub fn read_text(word: &str) -> Result<ReadTextArg, InvalidLanguages> {
    if word == "off" { Ok(ReadTextArg::Off) } else { word.parse().map(ReadTextArg::In) }
}

/// Parses `ADDRESS:PORT`, where the address may be `localhost`.
pub fn address(word: &str) -> Result<SocketAddr, String> {
    let plain = match word.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}"),
        None => word.to_owned(),
    };
    plain.parse().map_err(|_| "it should look like 127.0.0.1:7878, [::1]:7878 or localhost:7878".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each word is the one that is stored and sent; `all` of them can be typed.
    fn same_words<T: Copy + serde::Serialize>(choices: Choices<T>) {
        for (word, value, _) in choices {
            assert_eq!(serde_json::to_value(value).expect("a word"), *word);
        }
    }

    #[test]
    fn what_is_typed_is_what_is_stored() {
        same_words(LONG_TEXT);
        same_words(PRECISION);
        same_words(PROVIDER);
        same_words(INFERENCE_MODE);
        same_words(TEXT_TASK);
        assert_eq!(PROVIDER.len(), Provider::ALL.len());
    }

    #[test]
    fn the_size_of_an_image_is_one_number_or_two() {
        assert_eq!(picture_size("1600"), Ok([1600, 1600]));
        assert_eq!(picture_size("1920x1080"), Ok([1920, 1080]));
        for wrong in ["", "15", "8193", "1920x", "x", "-20", "1920x1080x3", "big"] {
            assert!(picture_size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn text_in_pictures_is_read_in_languages_or_not() {
        assert_eq!(read_text("off"), Ok(ReadTextArg::Off));
        assert_eq!(read_text("eng+deu"), Ok(ReadTextArg::In("eng+deu".parse().expect("languages"))));
        assert!(read_text("").is_err() && read_text("--psm").is_err());
    }

    #[test]
    fn how_tables_are_read_is_chosen_or_detected() {
        assert_eq!([";", "tab", "auto"].map(delimiter), [AutoOr::Is(';'), AutoOr::Is('\t'), AutoOr::Auto].map(Ok));
        for wrong in ["", "ab", "a", "\"", "ß"] {
            assert!(delimiter(wrong).is_err(), "{wrong}");
        }
        assert_eq!(
            [",", "point"].map(decimal),
            [Decimal::Comma, Decimal::Point].map(|decimal| Ok(AutoOr::Is(decimal)))
        );
        assert!(decimal(";").is_err() && header("maybe").is_err());
        assert_eq!(["no", "auto"].map(header), [AutoOr::Is(false), AutoOr::Auto].map(Ok));
    }

    #[test]
    fn tasks_of_all_models_and_of_gemini() {
        assert_eq!(task("search_query"), Ok(TaskArg::Common(TextTask::SearchQuery)));
        for gemini in GeminiTask::ALL {
            assert_eq!(task(gemini.as_str()), Ok(TaskArg::Gemini(gemini)));
        }
        assert!(task("dance").is_err());
    }
}
