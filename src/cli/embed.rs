//! `vicinity embed`: prints what Nomic's SDK gives, whoever computes it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use serde::Serialize;

use super::Outcome;
use super::args::{EmbedArgs, Place as Where, Task};
use super::output::{complain, json};
use super::session;
use vicinity_core::{Embedding, Picture};
use vicinity_engine::choice::ModelSource;
use vicinity_engine::content::open;
use vicinity_engine::searcher::embed_picture;
use vicinity_media::Content;
use vicinity_models::remote::inference_mode::{self, EmbedPlace, EmbedSituation, InferenceMode};
use vicinity_models::remote::picture::encode;
use vicinity_models::remote::{Estimate, Input, Key, Provider, ProviderSpec, Remote};
use vicinity_models::{Model, TextOptions, TextTask, builtin};

#[derive(Serialize)]
struct Printed<'a> {
    embeddings: Vec<Option<&'a [f32]>>,
    inference_mode: EmbedPlace,
    model: &'a str,
    usage: Spent,
}

#[derive(Serialize, Clone, Copy, Default)]
struct Spent {
    prompt_tokens: u64,
    total_tokens: u64,
}

/// Something to embed, as it was given.
enum Given {
    Text(String),
    Picture(Picture),
    Url(String),
    /// A file that could not be read, which was said.
    Unreadable,
}

/// Vectors in order; `None` where an item failed, which was said.
type Vectors = (Vec<Option<Embedding>>, Spent);

/// Embeds and prints. Items that fail alone are `null` in the list, and make the command end with an error.
pub fn run(args: EmbedArgs, place: &Where) -> anyhow::Result<Outcome> {
    let named = place.model.as_deref();
    let given = read(&args);
    let mode = args.inference_mode.unwrap_or(match args.provider {
        Some(_) => InferenceMode::Remote,
        None => InferenceMode::Local,
    });
    let provider = args.provider.or((mode != InferenceMode::Local).then_some(Provider::Nomic));
    let (place, model, (embeddings, usage)) = match provider {
        None => local(&args, place, named.unwrap_or(builtin::NAME), &given)?,
        Some(provider) => by_provider(&args, place, provider, mode, given)?,
    };
    let failed = embeddings.iter().filter(|embedding| embedding.is_none()).count();
    let count = embeddings.len();
    let embeddings = embeddings.iter().map(|embedding| embedding.as_ref().map(Embedding::as_slice)).collect();
    json(&Printed { embeddings, inference_mode: place, model: &model, usage })?;
    match failed {
        0 => Ok(Outcome::Done),
        _ => bail!("{failed} of {count} items could not be embedded"),
    }
}

fn read(args: &EmbedArgs) -> Vec<Given> {
    let texts = args.text.iter().cloned().map(Given::Text);
    texts.chain(args.files.iter().map(|path| read_one(path))).collect()
}

fn read_one(path: &Path) -> Given {
    if let Some(url) = path.to_str().filter(|text| text.starts_with("https://") || text.starts_with("http://")) {
        return Given::Url(url.to_owned());
    }
    match open(path, false) {
        Ok(Content::Image { picture, .. }) => Given::Picture(picture),
        Ok(Content::Text(text)) => Given::Text(text),
        Ok(Content::Rows(rows)) => Given::Text(rows.joined()),
        Err(reason) => {
            complain(&reason);
            Given::Unreadable
        }
    }
}

fn options(args: &EmbedArgs) -> TextOptions {
    let task = match args.task {
        Task::Common(task) => task,
        Task::Gemini(_) => TextTask::default(),
    };
    TextOptions { task, long_text: args.long_text }
}

/// Where it is embedded, the model's name, and the vectors.
type Embedded = (EmbedPlace, String, Vectors);

fn local(args: &EmbedArgs, place: &Where, name: &str, given: &[Given]) -> anyhow::Result<Embedded> {
    let model = load(name, place)?.with_context(|| format!("the model {name} is not on this machine"))?;
    Ok((EmbedPlace::Local, name.to_owned(), embed_here(args, &model, given)?))
}

fn load(name: &str, place: &Where) -> anyhow::Result<Option<Model>> {
    name.parse::<ModelSource>().ok().map(|source| session::load(&source, &place.running()?)).transpose()
}

fn embed_here(args: &EmbedArgs, model: &Model, given: &[Given]) -> anyhow::Result<Vectors> {
    if matches!(args.task, Task::Gemini(_)) {
        bail!("this task is one of Gemini's; choose search_document, search_query, classification or clustering");
    }
    let dim = model.info.key.dim;
    let wanted = args.dimensions.unwrap_or(dim);
    if wanted != dim && (model.info.matryoshka.is_empty() || wanted > dim || wanted == 0) {
        bail!("{} has {dim} dimensions; {wanted} cannot be had", model.info.key.name);
    }
    let (mut vectors, mut tokens) = (Vec::new(), 0);
    for (at, one) in given.iter().enumerate() {
        vectors.push(match embed_one(args, model, one, wanted) {
            Ok(Some((embedding, spent))) => {
                tokens += spent;
                Some(embedding)
            }
            Ok(None) => None,
            Err(reason) => {
                complain(&format!("item {}: {reason}", at + 1));
                None
            }
        });
    }
    Ok((vectors, Spent { prompt_tokens: tokens, total_tokens: tokens }))
}

/// One vector and the tokens that it cost; none of what could not even be read.
fn embed_one(args: &EmbedArgs, model: &Model, one: &Given, dim: usize) -> Result<Option<(Embedding, u64)>, String> {
    let (embedding, tokens) = match one {
        Given::Text(text) => {
            let mut found = model.text.embed_to(&[text], options(args), dim).map_err(|error| error.to_string())?;
            let found = found.pop().ok_or("the model gave no vector")?;
            (found.embedding, found.tokens as u64)
        }
        Given::Picture(picture) => (embed_picture(model, picture)?.embedding, 0),
        Given::Url(url) => return Err(format!("{url}: nothing is fetched from the network; give a file")),
        Given::Unreadable => return Ok(None),
    };
    let embedding = inference_mode::shorten(&embedding, dim).map_err(|error| error.to_string())?;
    Ok(Some((embedding, tokens)))
}

fn spec(args: &EmbedArgs, named: Option<&str>, provider: Provider) -> anyhow::Result<ProviderSpec> {
    let gemini_task = match args.task {
        Task::Common(_) => None,
        Task::Gemini(task) if provider == Provider::Gemini => Some(task),
        Task::Gemini(task) => bail!("only Gemini knows the task {}", task.as_str()),
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
    at: &Where,
    provider: Provider,
    mode: InferenceMode,
    given: Vec<Given>,
) -> anyhow::Result<Embedded> {
    let spec = spec(args, at.model.as_deref(), provider)?;
    let space = spec.key(0)?.name;
    if mode == InferenceMode::Local {
        return local(args, at, &space, &given).map(|(place, _, vectors)| (place, spec.model, vectors));
    }
    let key = Key::find(provider)?;
    let ours = if mode == InferenceMode::Dynamic { load(&space, at)? } else { None };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("vicinity-network")
        .enable_all()
        .build()
        .context("the network cannot be used")?;
    let remote = match (Remote::open(&spec, key, runtime.handle().clone()), &ours) {
        (Ok(remote), _) => Some(remote),
        (Err(error), Some(_)) => {
            complain(&error.to_string());
            None
        }
        (Err(error), None) => return Err(error.into()),
    };
    match (place(mode, ours.as_ref(), remote.as_ref(), &given)?, ours, remote) {
        (EmbedPlace::Local, Some(model), _) => Ok((EmbedPlace::Local, spec.model, embed_here(args, &model, &given)?)),
        (_, _, Some(remote)) => Ok((EmbedPlace::Remote, spec.model.clone(), embed_there(args, &spec, &remote, given)?)),
        _ => bail!("neither the model nor the service is there"),
    }
}

/// Decides, and for `dynamic` shows whether both places agree.
fn place(
    mode: InferenceMode,
    ours: Option<&Model>,
    remote: Option<&Remote>,
    given: &[Given],
) -> anyhow::Result<EmbedPlace> {
    let mut situation = EmbedSituation { service: remote.is_some(), ..EmbedSituation::default() };
    if let Some(model) = ours {
        situation.local = Some(Duration::ZERO);
        if let Some(remote) = remote {
            let found = inference_mode::agreement(model, &remote.model(), true)?;
            complain(&found.to_string());
            situation.agreed = found.passed();
            situation.local = Some(found.local_text.saturating_mul(given.len().try_into().unwrap_or(u32::MAX)));
        }
    }
    inference_mode::choose(mode, &situation).map_err(|reason| anyhow!(reason))
}

fn embed_there(args: &EmbedArgs, spec: &ProviderSpec, remote: &Remote, given: Vec<Given>) -> anyhow::Result<Vectors> {
    let input = |one| match one {
        Given::Text(text) => Some(Input::Text(text)),
        Given::Picture(picture) => Some(Input::Picture(Arc::from(encode(&picture)))),
        Given::Url(url) => Some(Input::Url(url)),
        Given::Unreadable => None,
    };
    let inputs: Vec<Option<Input>> = given.into_iter().map(input).collect();
    let readable: Vec<bool> = inputs.iter().map(Option::is_some).collect();
    let inputs: Vec<Input> = inputs.into_iter().flatten().collect();
    let mut vectors = vec![None; readable.len()];
    if inputs.is_empty() {
        return Ok((vectors, Spent::default()));
    }
    complain(&Estimate::of(spec, &inputs)?.to_string());
    let before = remote.usage();
    let results = remote.embed(inputs, options(args));
    let places = (0..readable.len()).filter(|at| readable[*at]);
    for (at, result) in places.zip(results) {
        vectors[at] = match result {
            Ok(found) => Some(found.embedding),
            Err(error) if error.concerns_item() => {
                complain(&format!("item {}: {error}", at + 1));
                None
            }
            Err(error) => return Err(error.into()),
        };
    }
    let after = remote.usage();
    let usage = Spent {
        prompt_tokens: after.prompt_tokens - before.prompt_tokens,
        total_tokens: after.total_tokens - before.total_tokens,
    };
    Ok((vectors, usage))
}
