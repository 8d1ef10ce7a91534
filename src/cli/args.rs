//! The arguments.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use super::output::escaped;
use crate::app;
use crate::context::ThemeChoice;
use vicinity_core::Modality;
use vicinity_engine::choice::ModelSource;
use vicinity_engine::running::{DEVICE_VARIABLE, Running, Wishes};
use vicinity_models::compute_target::Precision;
use vicinity_models::device::{self, DeviceChoice, DeviceId};
use vicinity_models::remote::inference_mode::InferenceMode;
use vicinity_models::remote::{GeminiTask, Provider};
use vicinity_models::{LongText, TextTask};

/// See and search a collection of pictures and texts by meaning, on your own machine.
///
/// Without a command the window opens, with the given folders in it.
#[derive(Debug, Parser)]
#[command(
    name = "vicinity",
    version,
    subcommand_precedence_over_arg = true,
    after_help = "Exit codes: 0 done or found, 1 nothing found, 2 error.\n\
                  The library is $VICINITY_LIBRARY, or else `default` in the user's data folder, unless --library names one."
)]
pub struct Arguments {
    /// What to do without a window.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Folders or files to open.
    pub folders: Vec<PathBuf>,
    /// Which library.
    #[command(flatten)]
    pub place: Place,
    /// Keep settings, libraries and models beside the program, in `vicinity-data`. Once that folder is there, the option
    /// may be left out.
    #[arg(long, global = true)]
    pub portable: bool,
    /// Open a window of its own, even where one has the library open already; it can search there, but change nothing.
    #[arg(long)]
    pub new_window: bool,
    /// Colours of the window.
    #[arg(long, value_name = "THEME", ignore_case = true)]
    pub theme: Option<ThemeChoice>,
}

impl Arguments {
    /// Those of this program; ends it where they make no sense.
    pub fn get() -> Self {
        let all = Self::try_parse().unwrap_or_else(|error| refuse(&error));
        if let (Some(_), Some(folder)) = (&all.command, all.folders.first()) {
            let folder = folder.to_string_lossy();
            let text = format!("a command takes its files after its name; {} stands before it", escaped(&folder));
            <Self as CommandFactory>::command().error(clap::error::ErrorKind::ArgumentConflict, text).exit();
        }
        all
    }
}

/// Ends the program as clap does it, but what was typed steers no terminal.
fn refuse(error: &clap::Error) -> ! {
    // Looked for in the arguments: clap leaves control sequences out of its plain text, but not on a terminal.
    let tame = |word: std::ffi::OsString| matches!(escaped(&word.to_string_lossy()), Cow::Borrowed(_));
    if !error.use_stderr() || std::env::args_os().all(tame) {
        error.exit();
    }
    error.render().to_string().lines().for_each(|line| eprintln!("{}", escaped(line)));
    std::process::exit(error.exit_code());
}

/// A library, and the model that it is seen through.
#[derive(Debug, Clone, Default, Args)]
pub struct Place {
    /// Folder of the library (made where there is none).
    #[arg(long, global = true, value_name = "DIR")]
    pub library: Option<PathBuf>,
    /// Model to embed and search with: `starter`, one of `vicinity models list --here`, or a folder that holds one. The
    /// library remembers it; going back to a model costs nothing.
    #[arg(long, global = true, value_name = "MODEL")]
    pub model: Option<String>,
    /// Device that models run on: auto (the fastest that computes what the CPU does), cpu, cuda, cuda:1, metal [default:
    /// $VICINITY_DEVICE, or else as set in the window].
    #[arg(long, global = true, value_name = "DEVICE")]
    pub device: Option<String>,
    /// Precision [default: the fastest that agrees on graphics cards, f32 on the CPU].
    #[arg(long, global = true, value_enum)]
    pub precision: Option<Precision>,
}

/// What can be done without a window.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add folders or files to the library and embed what is new.
    ///
    /// Without folders those of the library are looked at again. Files that could not be read are reported, and
    /// are no error.
    Index(IndexArgs),
    /// Find items by words, by a picture, or by both.
    Search(SearchArgs),
    /// Rank labels for pictures or texts.
    Labels(LabelsArgs),
    /// Lay the library out on a map and draw it.
    Map(MapArgs),
    /// Write the vectors and the list of items, rows in the same order.
    Export(ExportArgs),
    /// Print the embedding of files or texts as one JSON object.
    Embed(EmbedArgs),
    /// Offer the model to other programs, in the shapes of Nomic's, OpenAI's and Gemini's services.
    ///
    /// Programs written for these services run against this machine when they are told its address:
    ///
    ///   ATLAS_API_PATH=http://127.0.0.1:7878             (nomic)
    ///   OPENAI_BASE_URL=http://127.0.0.1:7878/v1         (openai)
    ///   GOOGLE_GEMINI_BASE_URL=http://127.0.0.1:7878     (google-genai)
    ///
    /// They ask for a model by name; `curl http://127.0.0.1:7878/v1/models` lists the names that are answered to. Ctrl-C
    /// finishes what is under way and ends.
    #[command(verbatim_doc_comment)]
    Serve(ServeArgs),
    /// Say what is in the library.
    Info(InfoArgs),
    /// Check devices, model and library.
    Doctor(DoctorArgs),
    /// List, get, import, check and remove models.
    ///
    /// Models lie in $VICINITY_MODELS, or else in the user's data folder. They come from huggingface.co, or the
    /// mirror that $HF_ENDPOINT names; $HF_TOKEN is sent there only. Files in the cache of other programs ($HF_HOME)
    /// are taken from there.
    #[command(subcommand)]
    Models(ModelsCommand),
    /// Print the completions of a shell, for the file where it looks for them.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Write the manual's pages into a folder.
    #[command(hide = true)]
    Manual {
        /// The folder.
        dir: PathBuf,
    },
}

impl Command {
    /// Whether it may create something: a library, a model.
    pub fn writes(&self) -> bool {
        match self {
            Self::Index(_) => true,
            Self::Models(command) => !matches!(command, ModelsCommand::List(_) | ModelsCommand::Verify(_)),
            _ => false,
        }
    }
}

/// Of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Print what a report of a bug needs: versions, devices, drivers, models, the last crash. No names of files.
    #[arg(long)]
    pub report: bool,
    /// Names of files and folders too.
    #[arg(long, requires = "report")]
    pub names: bool,
}

/// Of `models`.
#[derive(Debug, Subcommand)]
pub enum ModelsCommand {
    /// Say which models there are, what they are good at, and which are here.
    List(ModelsListArgs),
    /// Get a model, or go on with one that was cut off.
    Get(ModelsNamed),
    /// Copy a model in from a folder or a zip, tar or tar.gz archive.
    Import(ModelsImportArgs),
    /// Delete models.
    Remove(ModelsNamed),
    /// Read all files again and compare their hashes; a damaged model is taken off the list.
    Verify(ModelsVerifyArgs),
}

/// Of `models list`.
#[derive(Debug, Args)]
pub struct ModelsListArgs {
    /// Only those that are here.
    #[arg(long)]
    pub here: bool,
    /// Print JSON lines.
    #[arg(long)]
    pub json: bool,
}

/// Of `models get` and `models remove`.
#[derive(Debug, Args)]
pub struct ModelsNamed {
    /// Names, as `models list` has them.
    #[arg(required = true, value_name = "MODEL")]
    pub ids: Vec<String>,
    /// Print one JSON object a model.
    #[arg(long)]
    pub json: bool,
}

/// Of `models import`.
#[derive(Debug, Args)]
pub struct ModelsImportArgs {
    /// The folder or archive.
    pub path: PathBuf,
    /// Under which name; else that of the folder or archive.
    #[arg(long = "as", value_name = "NAME")]
    pub name: Option<String>,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Of `models verify`.
#[derive(Debug, Args)]
pub struct ModelsVerifyArgs {
    /// Names; else all that are here.
    #[arg(value_name = "MODEL")]
    pub ids: Vec<String>,
    /// Print one JSON object a model.
    #[arg(long)]
    pub json: bool,
}

/// Of `index`.
#[derive(Debug, Args)]
pub struct IndexArgs {
    /// Folders or files.
    pub folders: Vec<PathBuf>,
    /// Take csv, tsv, tab and jsonl files apart, one item per row.
    #[arg(long)]
    pub rows: bool,
    /// What to do with long texts (remembered in the library).
    #[arg(long, value_enum)]
    pub long_text: Option<LongText>,
    /// Also skip files and folders of this name; a glob, may be repeated (remembered in the library).
    #[arg(long, value_name = "GLOB")]
    pub exclude: Vec<String>,
    /// Also try again the files that could not be read, or that the model refused.
    #[arg(long)]
    pub retry: bool,
    /// No longer skip what this pattern matches, one of those that `vicinity info` lists; may be repeated.
    #[arg(long, value_name = "GLOB")]
    pub no_exclude: Vec<String>,
    /// A service that embeds instead of this machine, with --model as it calls its models; the library remembers it.
    /// Before anything is sent the command says what, and asks. Its key comes from the environment (NOMIC_API_KEY,
    /// GEMINI_API_KEY or GOOGLE_API_KEY, OPENAI_API_KEY) or from the system's key store.
    #[arg(long, value_enum)]
    pub provider: Option<Provider>,
    /// Address of the service, for a server of your own that speaks as the provider does.
    #[arg(long, value_name = "URL", requires = "provider")]
    pub base_url: Option<String>,
    /// Where to embed: by the service, or wherever is better [default: remote].
    #[arg(long, value_enum, requires = "provider")]
    pub inference_mode: Option<InferenceMode>,
    /// Agree to what is sent, without being asked.
    #[arg(long, requires = "provider")]
    pub yes_send: bool,
    /// Print JSON lines: one a failed file, then a summary.
    #[arg(long)]
    pub json: bool,
}

/// Kinds of items wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kinds {
    /// Both.
    All,
    /// Pictures.
    Image,
    /// Texts.
    Text,
}

impl Place {
    /// The model that is named.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn source(&self) -> anyhow::Result<Option<ModelSource>> {
        let parse = |name: &String| name.parse().map_err(|reason: String| anyhow::anyhow!("--model {name}: {reason}"));
        self.model.as_ref().map(parse).transpose()
    }
}

impl Place {
    /// What is said of devices, here or in $VICINITY_DEVICE, over what the settings say.
    ///
    /// # Errors
    /// When there is no such device, or this build cannot use it.
    pub fn wishes(&self) -> anyhow::Result<Wishes> {
        let named = match &self.device {
            Some(text) => Some(("--device", text.clone())),
            None => std::env::var(DEVICE_VARIABLE).ok().filter(|text| !text.is_empty()).map(|t| (DEVICE_VARIABLE, t)),
        };
        let mut wishes = app::kept_wishes();
        if let Some((by, text)) = named {
            let wrong = |reason: String| anyhow::anyhow!("{by} {text}: {reason}");
            wishes.device = text.parse().map_err(wrong)?;
            if let DeviceChoice::This(id) = wishes.device {
                device::find(id).map_err(wrong)?;
            }
        }
        wishes.precision = self.precision.or(wishes.precision);
        let half = self.precision.is_some_and(|precision| precision != Precision::F32);
        if half && wishes.device == DeviceChoice::This(DeviceId::Cpu) {
            anyhow::bail!("--precision is for graphics cards; on the CPU models run in f32");
        }
        Ok(wishes)
    }

    /// How models are run.
    ///
    /// # Errors
    /// As for [`Self::wishes`].
    pub fn running(&self) -> anyhow::Result<Running> {
        Ok(Running::new(self.wishes()?))
    }
}

impl Kinds {
    /// As a filter.
    pub fn modality(self) -> Option<Modality> {
        match self {
            Self::All => None,
            Self::Image => Some(Modality::Image),
            Self::Text => Some(Modality::Text),
        }
    }
}

/// How much of each vector is looked at.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct Cut {
    /// Look at the first N dimensions of each vector only, one of those that the model was made for (`vicinity models
    /// list`). Nothing is embedded again; the library remembers it, and the model's own number goes back.
    #[arg(long, value_name = "N")]
    pub dimensions: Option<usize>,
}

/// Of `search`.
#[derive(Debug, Args)]
pub struct SearchArgs {
    /// Dimensions.
    #[command(flatten)]
    pub cut: Cut,
    /// Words.
    #[arg(required_unless_present = "image")]
    pub text: Option<String>,
    /// A picture (or text) file to search by; together with words both count.
    #[arg(long, value_name = "FILE")]
    pub image: Option<PathBuf>,
    /// Which items.
    #[arg(long, value_enum, default_value_t = Kinds::All)]
    pub modality: Kinds,
    /// Only items below this folder.
    #[arg(long, value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// The most hits.
    #[arg(short, value_name = "N", default_value_t = 10)]
    pub k: usize,
    /// Rank by plain cosine similarity, without centring each modality.
    #[arg(long)]
    pub raw: bool,
    /// Print JSON lines.
    #[arg(long)]
    pub json: bool,
}

/// Of `labels`.
#[derive(Debug, Args)]
pub struct LabelsArgs {
    /// Dimensions.
    #[command(flatten)]
    pub cut: Cut,
    /// Pictures or texts.
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// Labels, one per line, or the first column of a csv file; else the built-in everyday ones.
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,
    /// The most labels a file.
    #[arg(short, value_name = "N")]
    pub k: Option<usize>,
    /// Print JSON lines.
    #[arg(long)]
    pub json: bool,
}

/// Of `map`.
#[derive(Debug, Args)]
pub struct MapArgs {
    /// Dimensions.
    #[command(flatten)]
    pub cut: Cut,
    /// The picture to write; its name tells the format: .png, .jpg, .webp, .bmp, .tif.
    #[arg(long, value_name = "FILE", required_unless_present = "positions")]
    pub out: Option<PathBuf>,
    /// A table to write, .csv or .tsv: path,modality,x,y. Where a name is not Unicode there is a column path_bytes, too.
    #[arg(long, value_name = "CSV")]
    pub positions: Option<PathBuf>,
    /// Width and height of the picture, pixels.
    #[arg(long, value_name = "N", default_value_t = 1600)]
    pub size: u32,
    /// Draw on a dark ground.
    #[arg(long)]
    pub dark: bool,
}

/// Of `export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Dimensions.
    #[command(flatten)]
    pub cut: Cut,
    /// Vectors, a NumPy file (f32, one row an item).
    #[arg(long, value_name = "NPY")]
    pub vectors: PathBuf,
    /// Items, a csv file. Where a name is not Unicode it has a column path_bytes, too: the name in base64.
    #[arg(long, value_name = "CSV")]
    pub items: PathBuf,
}

/// Of `embed`.
#[derive(Debug, Args)]
pub struct EmbedArgs {
    /// Pictures or text files; for Nomic also addresses of pictures.
    #[arg(required_unless_present = "text")]
    pub files: Vec<PathBuf>,
    /// Texts.
    #[arg(long, value_name = "TEXT", num_args = 1.., conflicts_with = "files")]
    pub text: Vec<String>,
    /// What the texts are embedded for: search_document, search_query, classification, clustering; with Gemini also
    /// semantic_similarity, question_answering, fact_verification, code_retrieval_query. The built-in model makes no
    /// difference.
    #[arg(long, value_parser = task, default_value = "search_document")]
    pub task: Task,
    /// What to do with long texts.
    #[arg(long, value_enum, default_value_t = LongText::Truncate)]
    pub long_text: LongText,
    /// A service that embeds instead of this machine. Its key comes from the environment (NOMIC_API_KEY,
    /// GEMINI_API_KEY or GOOGLE_API_KEY, OPENAI_API_KEY) or from the system's key store.
    #[arg(long, value_enum)]
    pub provider: Option<Provider>,
    /// Fewer dimensions than the model has.
    #[arg(long, value_name = "N")]
    pub dimensions: Option<usize>,
    /// Tokens of a text that count (Nomic).
    #[arg(long, value_name = "N")]
    pub max_tokens: Option<usize>,
    /// Title of the documents (Gemini).
    #[arg(long)]
    pub title: Option<String>,
    /// Where to embed: on this machine, by the service, or wherever is better [default: local, or remote with
    /// --provider].
    #[arg(long, value_enum)]
    pub inference_mode: Option<InferenceMode>,
    /// Address of the service, for a server of your own that speaks as the provider does.
    #[arg(long, value_name = "URL")]
    pub base_url: Option<String>,
}

/// Of `serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Where to listen. Anywhere but on this machine a token is needed; port 0 takes any free one.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7878", value_parser = super::serve::address)]
    pub listen: SocketAddr,
    /// What callers have to show as their API key. Better set as a variable: others on this machine see arguments.
    #[arg(long, value_name = "TOKEN", env = "VICINITY_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// Also answer to this name, for programs that ask for a model that is not here (text-embedding-3-small). Its
    /// vectors are still this model's. May be repeated.
    #[arg(long, value_name = "NAME")]
    pub alias: Vec<String>,
    /// How long a caller may pause while it sends a request or takes an answer, seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub patience: u64,
}

/// A task of all models, or one that only Gemini knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Of all models.
    Common(TextTask),
    /// Of Gemini.
    Gemini(GeminiTask),
}

fn task(word: &str) -> Result<Task, String> {
    let gemini = GeminiTask::ALL.into_iter().find(|task| task.as_str() == word).map(Task::Gemini);
    gemini.map_or_else(|| TextTask::from_str(word, false).map(Task::Common), Ok)
}

/// Of `info`.
#[derive(Debug, Args)]
pub struct InfoArgs {
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}
