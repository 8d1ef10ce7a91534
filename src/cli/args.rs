//! The command line arguments.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ArgGroup, Args, CommandFactory, Parser, Subcommand};

use super::filters::FilterArgs;
use super::output::escaped;
use super::values::{self, AutoOr, ReadTextArg, TaskArg};
use crate::settings::{SharedSettings, ThemeChoice};
use vicinity_core::AxisSource;
use vicinity_core::table::{Decimal, TableOptions};
use vicinity_engine::map_image::MapColouring;
use vicinity_engine::model_source::ModelSource;
use vicinity_engine::runtime_settings::{DEVICE_VARIABLE, DevicePreferences, RuntimeSettings};
use vicinity_models::LongText;
use vicinity_models::compute_target::Precision;
use vicinity_models::device::{self, DeviceChoice, DeviceId, InvalidDevice};
use vicinity_models::remote::Provider;
use vicinity_models::remote::inference_mode::InferenceMode;

/// Search and explore a collection of images and texts by meaning, on your own computer.
///
/// Without a command, the window opens and shows the given folders.
#[derive(Debug, Parser)]
#[command(
    name = "vicinity",
    version,
    subcommand_precedence_over_arg = true,
    after_help = "Exit codes: 0 success, 1 nothing found, 2 error.\n\
                  Without --library, the library is $VICINITY_LIBRARY, or `default` in the user's data folder."
)]
pub struct Arguments {
    /// Command to run (omit to open the window).
    #[command(subcommand)]
    pub command: Option<CliCommand>,
    /// Folders or files to open.
    pub folders: Vec<PathBuf>,
    /// Library, model and device to use.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// Keep settings, libraries and models in `vicinity-data` beside the program. Not needed again once that folder
    /// exists.
    #[arg(long, global = true)]
    pub portable: bool,
    /// Open a new window even if another one has the library open. The new one is read-only.
    #[arg(long)]
    pub new_window: bool,
    /// Theme of the window.
    #[arg(long, value_name = "THEME", ignore_case = true)]
    pub theme: Option<ThemeChoice>,
}

impl Arguments {
    /// Parses the arguments; exits with a message if they are invalid.
    pub fn get() -> Self {
        let all = Self::try_parse().unwrap_or_else(|error| exit_with(&error));
        if let (Some(_), Some(folder)) = (&all.command, all.folders.first()) {
            let folder = folder.to_string_lossy();
            let text = format!("files must follow the command; {} precedes it", escaped(&folder));
            <Self as CommandFactory>::command().error(clap::error::ErrorKind::ArgumentConflict, text).exit();
        }
        all
    }
}

/// Exits as clap does, but without sending control sequences from the arguments to the terminal.
fn exit_with(error: &clap::Error) -> ! {
    // Checked in the arguments: clap removes control sequences from plain text, but not on a terminal.
    let is_harmless = |word: std::ffi::OsString| matches!(escaped(&word.to_string_lossy()), Cow::Borrowed(_));
    if !error.use_stderr() || std::env::args_os().all(is_harmless) {
        error.exit();
    }
    error.render().to_string().lines().for_each(|line| eprintln!("{}", escaped(line)));
    std::process::exit(error.exit_code());
}

/// The library to use, with the model and the device.
#[derive(Debug, Clone, Default, Args)]
pub struct GlobalArgs {
    /// Library to use; created if missing.
    #[arg(long, global = true, value_name = "DIR")]
    pub library: Option<PathBuf>,
    /// Model for embedding and search: `starter`, one of `vicinity models list --installed`, or a folder with a model.
    /// The library remembers it; switching back reuses existing embeddings.
    #[arg(long, global = true, value_name = "MODEL")]
    pub model: Option<String>,
    /// Device to run models on: auto (the fastest whose results match the CPU's), cpu, cuda, cuda:1, metal [default:
    /// $VICINITY_DEVICE, or the setting of the window].
    #[arg(long, global = true, value_name = "DEVICE")]
    pub device: Option<String>,
    /// Precision of the model [default: on graphics cards the fastest whose results match the CPU's, on the CPU f32].
    #[arg(long, global = true, value_parser = values::precision())]
    pub precision: Option<Precision>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum CliCommand {
    /// Add folders or files to the library and embed new items.
    ///
    /// Without folders, the folders of the library are rescanned. Unreadable files are reported but do not change the
    /// exit code. With --vectors nothing is embedded: the rows of a table get vectors of your own.
    Index(IndexArgs),
    /// Search by text, by an image, or by both.
    Search(SearchArgs),
    /// Rank labels for images or texts.
    Labels(LabelsArgs),
    /// Compute a map of the library and write it as an image or a web page.
    Map(MapArgs),
    /// List the clusters of the map and what they are called.
    ///
    /// There are three levels, from few large clusters to many small ones. Pictures are named by the words of a vocabulary that fit
    /// best (nothing is sent to a service for this) or by your own keywords and labels, texts by words that they have in common. Names
    /// that you gave in the window come first.
    Clusters(ClustersArgs),
    /// Place all items between opposites, or by date or number, as the axes of the window do.
    ///
    /// An axis is two opposites (`indoor|outdoor`: how much more an item is like the second than like the first), a time or
    /// number that conditions know (taken, modified, rating, iso, size, ...), or a column of tables with numbers or dates
    /// (`price`, or `column taken` where it has the name of a field).
    ///
    ///   vicinity axes --x "indoor|outdoor" --y taken
    #[command(
        verbatim_doc_comment,
        about = "Place all items between opposites, or by date or number, as the axes of the window do"
    )]
    Axes(AxesArgs),
    /// List the groups that were created in the window, or the items of one.
    Groups(GroupsArgs),
    /// Export vectors and a list of items, with rows in the same order, or copy their files to a folder.
    ///
    /// Without further options all items are exported; a search, a cluster, and the options that filter choose among them.
    Export(ExportArgs),
    /// Print embeddings of files or texts as one JSON object.
    Embed(EmbedArgs),
    /// Serve the model over HTTP, compatible with the APIs of Nomic, OpenAI and Gemini.
    ///
    /// Point programs written for these services at this computer:
    ///
    ///   ATLAS_API_PATH=http://127.0.0.1:7878             (nomic)
    ///   OPENAI_BASE_URL=http://127.0.0.1:7878/v1         (openai)
    ///   GOOGLE_GEMINI_BASE_URL=http://127.0.0.1:7878     (google-genai)
    ///
    /// `curl http://127.0.0.1:7878/v1/models` lists the model names that are accepted. Ctrl-C finishes the requests in
    /// progress and exits.
    #[command(
        verbatim_doc_comment,
        about = "Serve the model over HTTP, compatible with the APIs of Nomic, OpenAI and Gemini"
    )]
    Serve(ServeArgs),
    /// Show what the library contains, or what is known of some of its photos.
    Info(InfoArgs),
    /// Check the devices, the model and the library.
    Doctor(DoctorArgs),
    /// List files with the same content.
    ///
    /// Prints one path per line, with a blank line between groups. The file that was added first comes first. Exits with 1
    /// if there are no duplicates.
    Duplicates(DuplicatesArgs),
    /// Free the space of removed items.
    ///
    /// Vectors of removed files are kept until then, so that adding the same files again embeds nothing. Other windows and
    /// commands may go on reading the library meanwhile.
    Compact(CompactArgs),
    /// List, download, import, verify and remove models.
    ///
    /// Models are stored in $VICINITY_MODELS, or in the user's data folder. They are downloaded from huggingface.co, or
    /// from the mirror in $HF_ENDPOINT; $HF_TOKEN is sent only there. Files in the Hugging Face cache ($HF_HOME) are
    /// reused.
    #[command(subcommand)]
    Models(ModelsCommand),
    /// Print shell completions.
    Completions {
        /// Shell to generate completions for.
        shell: clap_complete::Shell,
    },
    /// Write the manual pages into a folder.
    #[command(hide = true)]
    Manual {
        /// Folder to write to.
        dir: PathBuf,
    },
}

impl CliCommand {
    /// Whether it may create a library or a model.
    pub fn writes(&self) -> bool {
        match self {
            Self::Index(_) => true,
            Self::Models(command) => !matches!(command, ModelsCommand::List(_) | ModelsCommand::Verify(_)),
            _ => false,
        }
    }
}

/// Arguments of `vicinity doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Print information for a bug report: versions, devices, drivers, models, the last crash. Without file names.
    #[arg(long)]
    pub report: bool,
    /// Include the paths of files and folders in the report.
    #[arg(long, alias = "names", requires = "report")]
    pub include_paths: bool,
}

/// Subcommands of `vicinity models`.
#[derive(Debug, Subcommand)]
pub enum ModelsCommand {
    /// List the available models, what they are good at, and which are installed.
    List(ModelsListArgs),
    /// Download models, or resume interrupted downloads.
    #[command(alias = "get")]
    Download(ModelNamesArgs),
    /// Import a model from a folder or a zip, tar or tar.gz archive.
    Import(ModelsImportArgs),
    /// Remove models.
    Remove(ModelNamesArgs),
    /// Compare all files with their checksums; a damaged model is no longer listed as installed.
    Verify(ModelsVerifyArgs),
}

/// Arguments of `vicinity models list`.
#[derive(Debug, Args)]
pub struct ModelsListArgs {
    /// List only installed models.
    #[arg(long, alias = "here")]
    pub installed: bool,
    /// Print JSON lines.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `vicinity models download` and `vicinity models remove`.
#[derive(Debug, Args)]
pub struct ModelNamesArgs {
    /// Model names from `vicinity models list`.
    #[arg(required = true, value_name = "MODEL")]
    pub ids: Vec<String>,
    /// Print one JSON object per model.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `vicinity models import`.
#[derive(Debug, Args)]
pub struct ModelsImportArgs {
    /// Folder or archive to import.
    pub path: PathBuf,
    /// Name for the model [default: the name of the folder or archive].
    #[arg(long = "as", value_name = "NAME")]
    pub name: Option<String>,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `vicinity models verify`.
#[derive(Debug, Args)]
pub struct ModelsVerifyArgs {
    /// Model names [default: all installed models].
    #[arg(value_name = "MODEL")]
    pub ids: Vec<String>,
    /// Print one JSON object per model.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `vicinity index`.
#[derive(Debug, Args)]
pub struct IndexArgs {
    /// Folders or files to add.
    pub folders: Vec<PathBuf>,
    /// Treat each row of csv, tsv, tab, jsonl, Parquet and xlsx files as an item.
    #[arg(long)]
    pub rows: bool,
    /// The character between the cells of csv and tsv files, such as `;` or `tab`, instead of the one that is detected;
    /// `auto` detects it again (remembered in the library, as the next four).
    #[arg(long, value_name = "CHARACTER", value_parser = values::delimiter, help_heading = "Tables")]
    pub delimiter: Option<AutoOr<char>>,
    /// What stands before the decimals of numbers in them: `,` or `.`, or `auto`.
    #[arg(long, value_name = "SIGN", value_parser = values::decimal, help_heading = "Tables")]
    pub decimal: Option<AutoOr<Decimal>>,
    /// Their first row names the columns; `--header=auto` detects whether it does.
    #[arg(
        long, value_name = "YES", value_parser = values::header, num_args = 0..=1, require_equals = true,
        default_missing_value = "yes", help_heading = "Tables"
    )]
    pub header: Option<AutoOr<bool>>,
    /// Their first row is a row like the others.
    #[arg(long, conflicts_with = "header", help_heading = "Tables")]
    pub no_header: bool,
    /// The column that is embedded, in tables that have it; an empty name detects it again.
    #[arg(long, value_name = "NAME", help_heading = "Tables")]
    pub text_column: Option<String>,
    /// Treat each page of a TIFF file, and each frame of an animation that differs from the others, as an item.
    #[arg(long)]
    pub pages: bool,
    /// How to embed long texts (remembered in the library).
    #[arg(long, value_parser = values::long_text())]
    pub long_text: Option<LongText>,
    /// Also skip files and folders whose name matches this glob; may be repeated (remembered in the library).
    #[arg(long, value_name = "GLOB")]
    pub exclude: Vec<String>,
    /// Retry files that could not be read or that the model rejected, and videos and raw photos that were skipped.
    #[arg(long)]
    pub retry: bool,
    /// Remove one of the --exclude patterns that `vicinity info` lists; may be repeated.
    #[arg(long, value_name = "GLOB")]
    pub no_exclude: Vec<String>,
    /// Read the text in pictures with Tesseract, if it is installed, in these languages: eng+deu (remembered in the
    /// library). `off` reads no more; what was read stays.
    #[arg(long, value_name = "LANGUAGES", value_parser = values::read_text)]
    pub read_text: Option<ReadTextArg>,
    /// Embed with a service instead of this computer; --model is then one of its models. The library remembers it.
    /// Before anything is sent, the command shows what and asks for confirmation. The API key comes from the
    /// environment (NOMIC_API_KEY, GEMINI_API_KEY or GOOGLE_API_KEY, OPENAI_API_KEY) or the system's key store.
    #[arg(long, value_parser = values::provider())]
    pub provider: Option<Provider>,
    /// URL of the service, for your own server that is compatible with the provider's API.
    #[arg(long, value_name = "URL", requires = "provider")]
    pub base_url: Option<String>,
    /// Where to embed: with the service, or dynamically [default: remote].
    #[arg(long, value_parser = values::inference_mode(), requires = "provider")]
    pub inference_mode: Option<InferenceMode>,
    /// Agree to send the files, without asking for confirmation.
    #[arg(long, alias = "yes-send", requires = "provider")]
    pub yes: bool,
    /// Vectors of your own for the rows of the table that is added, instead of a model: a NumPy file (.npy) with one row of
    /// numbers per row of the table. The library then shows these rows, searched by item (`vicinity search --like`).
    #[arg(long, value_name = "NPY", conflicts_with = "provider")]
    pub vectors: Option<PathBuf>,
    /// The same, with the vectors in a field of the table itself: lists of numbers in a .jsonl, .ndjson or .parquet file.
    #[arg(long, value_name = "FIELD", conflicts_with_all = ["provider", "vectors"])]
    pub vectors_column: Option<String>,
    /// Positions of your own for the map of these rows: a table with columns x and y, or a NumPy file with two columns.
    #[arg(long, value_name = "FILE")]
    pub positions: Option<PathBuf>,
    /// Print JSON lines: one per failed file, then a summary.
    #[arg(long)]
    pub json: bool,
}

impl IndexArgs {
    /// How tables are read from now on.
    pub fn tables(&self, before: TableOptions) -> TableOptions {
        let header = if self.no_header { Some(AutoOr::Is(false)) } else { self.header };
        let text_column =
            self.text_column.as_ref().map(|name| Some(name.trim().to_owned()).filter(|name| !name.is_empty()));
        TableOptions {
            separator: self.delimiter.map_or(before.separator, AutoOr::value),
            decimal: self.decimal.map_or(before.decimal, AutoOr::value),
            has_header: header.map_or(before.has_header, AutoOr::value),
            text_column: text_column.unwrap_or(before.text_column),
        }
    }
}

impl GlobalArgs {
    /// The model named by `--model`.
    ///
    /// # Errors
    /// When there is no such model.
    pub fn source(&self) -> anyhow::Result<Option<ModelSource>> {
        let parse = |name: &String| name.parse().map_err(|reason: String| anyhow::anyhow!("--model {name}: {reason}"));
        self.model.as_ref().map(parse).transpose()
    }
}

impl GlobalArgs {
    /// The device preferences from the arguments, $VICINITY_DEVICE and the settings, in this order.
    ///
    /// # Errors
    /// When there is no such device, or this build does not support it.
    pub fn device_preferences(&self) -> anyhow::Result<DevicePreferences> {
        let named = match &self.device {
            Some(text) => Some(("--device", text.clone())),
            None => std::env::var(DEVICE_VARIABLE).ok().filter(|text| !text.is_empty()).map(|t| (DEVICE_VARIABLE, t)),
        };
        let mut preferences = SharedSettings::load().running;
        if let Some((by, text)) = named {
            let invalid = |reason: &dyn std::error::Error| anyhow::anyhow!("{by} {text}: {reason}");
            preferences.device = text.parse().map_err(|error: InvalidDevice| invalid(&error))?;
            if let DeviceChoice::This(id) = preferences.device {
                device::find(id).map_err(|error| invalid(&error))?;
            }
        }
        preferences.precision = self.precision.or(preferences.precision);
        let half = self.precision.is_some_and(|precision| precision != Precision::F32);
        if half && preferences.device == DeviceChoice::This(DeviceId::Cpu) {
            anyhow::bail!("--precision applies to graphics cards; on the CPU models run in f32");
        }
        Ok(preferences)
    }

    /// The runtime settings for models.
    ///
    /// # Errors
    /// As for [`Self::device_preferences`].
    pub fn runtime_settings(&self) -> anyhow::Result<RuntimeSettings> {
        Ok(RuntimeSettings::new(self.device_preferences()?))
    }
}

/// How many dimensions of each vector are used.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct TruncationArgs {
    /// Use only the first N dimensions of each vector, one of the sizes that the model supports (`vicinity models list`).
    /// Nothing is embedded again. The library remembers it; the full number of dimensions undoes it.
    #[arg(long, value_name = "N")]
    pub dimensions: Option<usize>,
}

/// Arguments of `vicinity search`.
#[derive(Debug, Args)]
pub struct SearchArgs {
    /// Number of dimensions to use.
    #[command(flatten)]
    pub truncation: TruncationArgs,
    /// Text to search for.
    #[arg(required_unless_present_any = ["image", "like", "like_group"])]
    pub text: Option<String>,
    /// Image (or text) file to search by; can be combined with a text.
    #[arg(long, value_name = "FILE")]
    pub image: Option<PathBuf>,
    /// Item of the library to search by, as results show it: FILE, or FILE:ROW for a row of a table. Its stored vector
    /// is used.
    #[arg(long, value_name = "ITEM")]
    pub like: Option<PathBuf>,
    /// Group to search by: the average of the vectors of its items.
    #[arg(long, value_name = "NAME")]
    pub like_group: Option<String>,
    /// Find what contains all words of the text, instead of searching by meaning: in names, folders, keywords, captions,
    /// texts, and the text in pictures. Words in double quotes are a phrase.
    #[arg(long, requires = "text", conflicts_with_all = ["image", "raw", "like_group"])]
    pub words: bool,
    /// Items to search.
    #[command(flatten)]
    pub filter: FilterArgs,
    /// Maximum number of results.
    #[arg(short, value_name = "N", default_value_t = 10)]
    pub k: usize,
    /// Rank by plain cosine similarity, without centring each modality.
    #[arg(long)]
    pub raw: bool,
    /// Print JSON lines.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `vicinity labels`.
#[derive(Debug, Args)]
pub struct LabelsArgs {
    /// Number of dimensions to use.
    #[command(flatten)]
    pub truncation: TruncationArgs,
    /// Images or texts to label.
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// File of labels: the first column of a csv or tsv table, otherwise one label per line or separated by commas
    /// [default: everyday labels].
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,
    /// Maximum number of labels per file.
    #[arg(short, value_name = "N")]
    pub k: Option<usize>,
    /// Print JSON lines.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `vicinity map`.
#[derive(Debug, Args)]
pub struct MapArgs {
    /// Number of dimensions to use.
    #[command(flatten)]
    pub truncation: TruncationArgs,
    /// File to write; the extension sets the format: an image (.png, .jpg, .webp, .bmp, .tif), a drawing (.svg), or a web page
    /// (.html) that is one file and works offline, with zoom, small pictures and a search by name.
    #[arg(long, value_name = "FILE", required_unless_present_any = ["positions", "quality"])]
    pub out: Option<PathBuf>,
    /// Table to write, .csv or .tsv: path,modality,x,y; also path_bytes (base64) if a path is not Unicode.
    #[arg(long, value_name = "CSV")]
    pub positions: Option<PathBuf>,
    /// Size of the image in pixels, 16 to 8192: one number, or 1920x1080.
    #[arg(long, value_name = "N", default_value = "1600", value_parser = values::picture_size)]
    pub size: [u32; 2],
    /// Draw on a dark background.
    #[arg(long)]
    pub dark: bool,
    /// Print how far the map can be trusted: whether items close together are similar (trustworthiness), and how many of each item's 15 nearest
    /// neighbours are near it on the map.
    #[arg(long)]
    pub quality: bool,
    /// Print the quality as a JSON object.
    #[arg(long, requires = "quality")]
    pub json: bool,
    /// What to colour points by.
    #[arg(long, value_parser = values::colouring(), default_value = "cluster")]
    pub colour: MapColouring,
    /// Draw a typical picture above the name of each cluster.
    #[arg(long, conflicts_with = "plain")]
    pub pictures: bool,
    /// Draw points only, without names and legend.
    #[arg(long)]
    pub plain: bool,
    /// Title of the web page [default: Map].
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
    /// Include the paths of all files in the web page. Without this option, only file names are included.
    #[arg(long)]
    pub paths: bool,
    /// Compute a new map, even if one is stored or you brought its positions (`vicinity index --positions`).
    #[arg(long)]
    pub recompute: bool,
}

/// Arguments of `vicinity clusters`.
#[derive(Debug, Args)]
pub struct ClustersArgs {
    /// Number of dimensions to use.
    #[command(flatten)]
    pub truncation: TruncationArgs,
    /// Table to write, a csv file: the clusters of each item at all levels, from the coarsest.
    #[arg(long, value_name = "CSV")]
    pub items: Option<PathBuf>,
    /// Print one JSON object per cluster.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `vicinity axes`.
#[derive(Debug, Args)]
pub struct AxesArgs {
    /// Number of dimensions to use.
    #[command(flatten)]
    pub truncation: TruncationArgs,
    /// Horizontal axis.
    #[arg(long, value_name = "AXIS")]
    pub x: AxisSource,
    /// Vertical axis.
    #[arg(long, value_name = "AXIS")]
    pub y: AxisSource,
    /// Table to write, a csv or tsv file, in place of printing the items.
    #[arg(long, value_name = "CSV", conflicts_with = "json")]
    pub csv: Option<PathBuf>,
    /// Print one JSON object per item.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `vicinity groups`.
#[derive(Debug, Args)]
pub struct GroupsArgs {
    /// Name of a group, to list its items.
    pub name: Option<String>,
    /// Print one JSON object per group, or per item.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `vicinity export`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("output").args(["vectors", "items", "copy_to"]).required(true).multiple(true))]
#[command(group = ArgGroup::new("similar").args(["search", "like"]).multiple(true))]
pub struct ExportArgs {
    /// Number of dimensions to use.
    #[command(flatten)]
    pub truncation: TruncationArgs,
    /// Vectors to write, a NumPy file (f32, one row per item). Items without a vector are left out.
    #[arg(long, value_name = "NPY")]
    pub vectors: Option<PathBuf>,
    /// List of items to write, a .csv or .parquet file; with a column path_bytes (base64) if a path is not Unicode.
    #[arg(long, value_name = "FILE")]
    pub items: Option<PathBuf>,
    /// Folder to copy the files of the items to; created if missing. Nothing is overwritten: a file is renamed if its name
    /// is taken.
    #[arg(long, value_name = "DIR")]
    pub copy_to: Option<PathBuf>,
    /// Export only items that match this text, best first, with a column `score`.
    #[arg(long, value_name = "TEXT")]
    pub search: Option<String>,
    /// Export only items that are similar to this one: FILE, or FILE:ROW for a row of a table.
    #[arg(long, value_name = "ITEM")]
    pub like: Option<PathBuf>,
    /// With --search or --like: the best N items instead of all that match.
    #[arg(short, value_name = "N", requires = "similar")]
    pub k: Option<usize>,
    /// Export only items of this cluster of the map, by its name or number in `vicinity clusters --json`.
    #[arg(long, value_name = "NAME")]
    pub cluster: Option<String>,
    /// Items to export.
    #[command(flatten)]
    pub filter: FilterArgs,
}

/// Arguments of `vicinity embed`.
#[derive(Debug, Args)]
pub struct EmbedArgs {
    /// Image or text files to embed; with Nomic also URLs of images.
    #[arg(required_unless_present = "text")]
    pub files: Vec<PathBuf>,
    /// Texts to embed.
    #[arg(long, value_name = "TEXT", num_args = 1.., conflicts_with = "files")]
    pub text: Vec<String>,
    /// What the texts are embedded for: search_document, search_query, classification, clustering; with Gemini also
    /// semantic_similarity, question_answering, fact_verification, code_retrieval_query. The built-in model ignores it.
    #[arg(long, value_parser = values::task, default_value = "search_document")]
    pub task: TaskArg,
    /// How to embed long texts.
    #[arg(long, value_parser = values::long_text(), default_value = "truncate")]
    pub long_text: LongText,
    /// Embed with a service instead of this computer. The API key comes from the environment (NOMIC_API_KEY,
    /// GEMINI_API_KEY or GOOGLE_API_KEY, OPENAI_API_KEY) or the system's key store.
    #[arg(long, value_parser = values::provider())]
    pub provider: Option<Provider>,
    /// Number of dimensions, if fewer than the model has.
    #[arg(long, value_name = "N")]
    pub dimensions: Option<usize>,
    /// Maximum tokens of a text that are embedded (Nomic only).
    #[arg(long, value_name = "N")]
    pub max_tokens: Option<usize>,
    /// Title of the documents (Gemini only).
    #[arg(long)]
    pub title: Option<String>,
    /// Where to embed: on this computer, with the service, or dynamically [default: local, or remote with --provider].
    #[arg(long, value_parser = values::inference_mode())]
    pub inference_mode: Option<InferenceMode>,
    /// URL of the service, for your own server that is compatible with the provider's API.
    #[arg(long, value_name = "URL")]
    pub base_url: Option<String>,
}

/// Arguments of `vicinity serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Address to listen on; other than loopback it needs a token. Port 0 means any free port.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7878", value_parser = values::address)]
    pub listen: SocketAddr,
    /// API key required from clients. Prefer the variable: other users of this computer can see arguments.
    #[arg(long, value_name = "TOKEN", env = "VICINITY_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// Also accept this model name, for programs that request another model (text-embedding-3-small). The vectors are
    /// still those of the served model. May be repeated.
    #[arg(long, value_name = "NAME")]
    pub alias: Vec<String>,
    /// How long a client may pause while sending a request or receiving a response, in seconds.
    #[arg(long, alias = "patience", value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub timeout: u64,
}

/// Arguments of `vicinity duplicates`.
#[derive(Debug, Args)]
pub struct DuplicatesArgs {
    /// Print JSON lines, one per group.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `vicinity compact`.
#[derive(Debug, Args)]
pub struct CompactArgs {
    /// Print one JSON object: bytes_before, bytes_after and vectors_removed.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `vicinity info`.
#[derive(Debug, Args)]
pub struct InfoArgs {
    /// Photos of the library: show when, where and with what each was taken, and what people wrote about it. Tables: show
    /// how each is read, and its columns.
    pub files: Vec<PathBuf>,
    /// Print one JSON object, or with files one per file.
    #[arg(long)]
    pub json: bool,
}
