//! `vicinity embed`: prints what Nomic's SDK returns, for every model and service.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use serde::Serialize;

use super::args::{EmbedArgs, GlobalArgs};
use super::outcome::Outcome;
use super::output::{print_error, print_json};
use super::session;
use super::values::TaskArg;
use vicinity_core::{Embedding, Picture};
use vicinity_engine::file_content::open;
use vicinity_engine::model_source::ModelSource;
use vicinity_engine::runtime;
use vicinity_engine::searcher::embed_picture;
use vicinity_media::{Content, FilePart, PartContent, ReadOptions};
use vicinity_models::remote::inference_mode::{self, EmbedPlace, EmbedSituation, InferenceMode};
use vicinity_models::remote::picture::encode;
use vicinity_models::remote::{Estimate, Input, Key, Provider, ProviderSpec, Remote};
use vicinity_models::{Model, TextOptions, TextTask, builtin};

#[derive(Serialize)]
struct EmbedOutput<'a> {
    embeddings: Vec<Option<&'a [f32]>>,
    inference_mode: EmbedPlace,
    model: &'a str,
    usage: TokenUsage,
}

#[derive(Serialize, Clone, Copy, Default)]
struct TokenUsage {
    prompt_tokens: u64,
    total_tokens: u64,
}

/// An input of the command.
enum EmbedInput {
    Text(String),
    Picture(Picture),
    Url(String),
    /// A file that could not be read; the error was printed.
    Unreadable,
}

/// Vectors in order; `None` for failed items, whose error was printed.
type Vectors = (Vec<Option<Embedding>>, TokenUsage);

/// Embeds and prints. Failed items are `null` in the list, and the command ends with an error.
pub fn run(args: EmbedArgs, global: &GlobalArgs) -> anyhow::Result<Outcome> {
    let named = global.model.as_deref();
    let inputs = read(&args);
    let mode = args.inference_mode.unwrap_or(match args.provider {
        Some(_) => InferenceMode::Remote,
        None => InferenceMode::Local,
    });
    let provider = args.provider.or((mode != InferenceMode::Local).then_some(Provider::Nomic));
    let (place, model, (embeddings, usage)) = match provider {
        None => local(&args, global, named.unwrap_or(builtin::NAME), &inputs)?,
        Some(provider) => by_provider(&args, global, provider, mode, inputs)?,
    };
    let failed = embeddings.iter().filter(|embedding| embedding.is_none()).count();
    let count = embeddings.len();
    let embeddings = embeddings.iter().map(|embedding| embedding.as_ref().map(Embedding::as_slice)).collect();
    print_json(&EmbedOutput { embeddings, inference_mode: place, model: &model, usage })?;
    match failed {
        0 => Ok(Outcome::Done),
        _ => bail!("{failed} of {count} items could not be embedded"),
    }
}

fn read(args: &EmbedArgs) -> Vec<EmbedInput> {
    let texts = args.text.iter().cloned().map(EmbedInput::Text);
    texts.chain(args.files.iter().map(|path| read_one(path))).collect()
}

fn read_one(path: &Path) -> EmbedInput {
    if let Some(url) = path.to_str().filter(|text| text.starts_with("https://") || text.starts_with("http://")) {
        return EmbedInput::Url(url.to_owned());
    }
    match open(path, ReadOptions::default()) {
        Ok(Content::Image { picture, .. }) => EmbedInput::Picture(picture),
        Ok(Content::Text(text)) => EmbedInput::Text(text),
        Ok(Content::Rows(rows)) => EmbedInput::Text(rows.joined()),
        Ok(Content::Parts(mut parts)) => match parts.next() {
            Some(Ok(FilePart { content: PartContent::Picture { picture, .. }, .. })) => EmbedInput::Picture(picture),
            Some(Ok(FilePart { content: PartContent::Text(text), .. })) => EmbedInput::Text(text),
            Some(Err(error)) => {
                print_error(&format!("{}: {}", path.display(), error.problem));
                EmbedInput::Unreadable
            }
            None => EmbedInput::Unreadable,
        },
        Err(error) => {
            print_error(&error.to_string());
            EmbedInput::Unreadable
        }
    }
}

fn options(args: &EmbedArgs) -> TextOptions {
    let task = match args.task {
        TaskArg::Common(task) => task,
        TaskArg::Gemini(_) => TextTask::default(),
    };
    TextOptions { task, long_text: args.long_text }
}

/// Where the items were embedded, the model's name, and the vectors.
type Embedded = (EmbedPlace, String, Vectors);

fn local(args: &EmbedArgs, global: &GlobalArgs, name: &str, inputs: &[EmbedInput]) -> anyhow::Result<Embedded> {
    let model = load(name, global)?
        .with_context(|| format!("the model {name} is not installed; run `vicinity models list`"))?;
    Ok((EmbedPlace::Local, name.to_owned(), embed_locally(args, &model, inputs)?))
}

fn load(name: &str, global: &GlobalArgs) -> anyhow::Result<Option<Model>> {
    name.parse::<ModelSource>().ok().map(|source| session::load(&source, &global.runtime_settings()?)).transpose()
}

fn embed_locally(args: &EmbedArgs, model: &Model, inputs: &[EmbedInput]) -> anyhow::Result<Vectors> {
    if matches!(args.task, TaskArg::Gemini(_)) {
        bail!("only Gemini supports this task; use search_document, search_query, classification or clustering");
    }
    let dim = model.info.key.dim;
    let wanted = args.dimensions.unwrap_or(dim);
    if wanted != dim && (model.info.matryoshka.is_empty() || wanted > dim || wanted == 0) {
        bail!("{} has {dim} dimensions; {wanted} is not supported", model.info.key.name);
    }
    let (mut vectors, mut tokens) = (Vec::new(), 0);
    for (at, one) in inputs.iter().enumerate() {
        vectors.push(match embed_one(args, model, one, wanted) {
            Ok(Some((embedding, spent))) => {
                tokens += spent;
                Some(embedding)
            }
            Ok(None) => None,
            Err(reason) => {
                print_error(&format!("item {}: {reason}", at + 1));
                None
            }
        });
    }
    Ok((vectors, TokenUsage { prompt_tokens: tokens, total_tokens: tokens }))
}

/// A vector and its number of tokens; `None` for an unreadable file.
fn embed_one(
    args: &EmbedArgs,
    model: &Model,
    one: &EmbedInput,
    dim: usize,
) -> Result<Option<(Embedding, u64)>, String> {
    let (embedding, tokens) = match one {
        EmbedInput::Text(text) => {
            let mut found = model.text.embed_to(&[text], options(args), dim).map_err(|error| error.to_string())?;
            let found = found.pop().ok_or("the model returned no vector")?;
            (found.embedding, found.tokens as u64)
        }
        EmbedInput::Picture(picture) => {
            (embed_picture(model, picture).map_err(|error| error.to_string())?.embedding, 0)
        }
        EmbedInput::Url(url) => return Err(format!("{url}: local models do not fetch URLs; pass a file")),
        EmbedInput::Unreadable => return Ok(None),
    };
    let embedding = inference_mode::shorten(&embedding, dim).map_err(|error| error.to_string())?;
    Ok(Some((embedding, tokens)))
}

fn spec(args: &EmbedArgs, named: Option<&str>, provider: Provider) -> anyhow::Result<ProviderSpec> {
    let gemini_task = match args.task {
        TaskArg::Common(_) => None,
        TaskArg::Gemini(task) if provider == Provider::Gemini => Some(task),
        TaskArg::Gemini(task) => bail!("only Gemini supports the task {}", task.as_str()),
    };
    let spec = ProviderSpec {
        base_url: args.base_url.clone(),
        dimensions: args.dimensions,
        max_tokens: args.max_tokens,
        title: args.title.clone(),
        gemini_task,
        ..ProviderSpec::new(provider, named)
    };
    spec.check()?;
    Ok(spec)
}

fn by_provider(
    args: &EmbedArgs,
    global: &GlobalArgs,
    provider: Provider,
    mode: InferenceMode,
    inputs: Vec<EmbedInput>,
) -> anyhow::Result<Embedded> {
    let spec = spec(args, global.model.as_deref(), provider)?;
    let space = spec.key(0)?.name;
    if mode == InferenceMode::Local {
        return local(args, global, &space, &inputs).map(|(place, _, vectors)| (place, spec.model, vectors));
    }
    let key = Key::find(provider)?;
    let ours = if mode == InferenceMode::Dynamic { load(&space, global)? } else { None };
    let runtime = runtime::network(2).context("could not start the network threads")?;
    let remote = match (Remote::open(&spec, key, runtime.handle().clone()), &ours) {
        (Ok(remote), _) => Some(remote),
        (Err(error), Some(_)) => {
            print_error(&error.to_string());
            None
        }
        (Err(error), None) => return Err(error.into()),
    };
    match (place(mode, ours.as_ref(), remote.as_ref(), &inputs)?, ours, remote) {
        (EmbedPlace::Local, Some(model), _) => {
            Ok((EmbedPlace::Local, spec.model, embed_locally(args, &model, &inputs)?))
        }
        (_, _, Some(remote)) => {
            Ok((EmbedPlace::Remote, spec.model.clone(), embed_remotely(args, &spec, &remote, inputs)?))
        }
        _ => bail!("neither the local model nor the service is available"),
    }
}

/// Decides where to embed; for `dynamic` it also prints whether model and service agree.
fn place(
    mode: InferenceMode,
    ours: Option<&Model>,
    remote: Option<&Remote>,
    inputs: &[EmbedInput],
) -> anyhow::Result<EmbedPlace> {
    let mut situation = EmbedSituation { service: remote.is_some(), ..EmbedSituation::default() };
    if let Some(model) = ours {
        situation.local = Some(Duration::ZERO);
        if let Some(remote) = remote {
            let found = inference_mode::agreement(model, &remote.model(), true)?;
            print_error(&found.to_string());
            situation.agreed = found.passed();
            situation.local = Some(found.local_text.saturating_mul(inputs.len().try_into().unwrap_or(u32::MAX)));
        }
    }
    Ok(inference_mode::choose(mode, &situation)?)
}

fn embed_remotely(
    args: &EmbedArgs,
    spec: &ProviderSpec,
    remote: &Remote,
    inputs: Vec<EmbedInput>,
) -> anyhow::Result<Vectors> {
    let input = |one| match one {
        EmbedInput::Text(text) => Some(Input::Text(text)),
        EmbedInput::Picture(picture) => Some(Input::Picture(Arc::from(encode(&picture)))),
        EmbedInput::Url(url) => Some(Input::Url(url)),
        EmbedInput::Unreadable => None,
    };
    let inputs: Vec<Option<Input>> = inputs.into_iter().map(input).collect();
    let readable: Vec<bool> = inputs.iter().map(Option::is_some).collect();
    let inputs: Vec<Input> = inputs.into_iter().flatten().collect();
    let mut vectors = vec![None; readable.len()];
    if inputs.is_empty() {
        return Ok((vectors, TokenUsage::default()));
    }
    print_error(&Estimate::of(spec, &inputs)?.to_string());
    let before = remote.usage();
    let results = remote.embed(inputs, options(args));
    let places = (0..readable.len()).filter(|at| readable[*at]);
    for (at, result) in places.zip(results) {
        vectors[at] = match result {
            Ok(found) => Some(found.embedding),
            Err(error) if error.concerns_item() => {
                print_error(&format!("item {}: {error}", at + 1));
                None
            }
            Err(error) => return Err(error.into()),
        };
    }
    let after = remote.usage();
    let usage = TokenUsage {
        prompt_tokens: after.prompt_tokens - before.prompt_tokens,
        total_tokens: after.total_tokens - before.total_tokens,
    };
    Ok((vectors, usage))
}
