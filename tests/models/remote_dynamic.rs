//! `dynamic`: batches go where they are done sooner, and vectors that differ are never mixed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::support::service::{KEY, Service, nomic, vector};
use vicinity_core::{Embedding, Picture};
use vicinity_models::remote::{Key, Provider, ProviderSpec, Remote, hybrid, picture};
use vicinity_models::{ImageTower, Model, Pixels, TextEmbedding, TextOptions, TextTower, TowerError};

/// A local model whose vectors are those of the played service, but for a word before each text.
#[derive(Clone, Default)]
struct Local {
    /// Milliseconds for an item.
    pace: Arc<AtomicU64>,
    embedded: Arc<AtomicU64>,
    accent: &'static str,
}

impl Local {
    fn embed(&self, content: &[u8]) -> Result<Embedding, TowerError> {
        self.embedded.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(self.pace.load(Ordering::Relaxed)));
        Ok(Embedding::new(vector(content, 768))?)
    }
}

impl ImageTower for Local {
    fn prepare(&self, picture: &Picture) -> Pixels {
        Pixels(picture::encode(picture).into_iter().map(f32::from).collect())
    }

    fn embed(&self, batch: &[Pixels]) -> Result<Vec<Embedding>, TowerError> {
        batch.iter().map(|pixels| self.embed(&pixels.0.iter().map(|byte| *byte as u8).collect::<Vec<_>>())).collect()
    }
}

impl TextTower for Local {
    fn embed(&self, texts: &[&str], _: TextOptions) -> Result<Vec<TextEmbedding>, TowerError> {
        let embed = |text: &&str| {
            let content = format!("{}search_document truncate {text}", self.accent);
            Ok(TextEmbedding { embedding: self.embed(content.as_bytes())?, tokens: 1 })
        };
        texts.iter().map(embed).collect()
    }
}

fn model(local: &Local, spec: &ProviderSpec) -> Model {
    Model { info: spec.info(768).unwrap(), image: Box::new(local.clone()), text: Box::new(local.clone()) }
}

fn remote(service: &Service, runtime: &tokio::runtime::Runtime) -> (ProviderSpec, Remote) {
    let spec = ProviderSpec { base_url: Some(service.url()), ..ProviderSpec::new(Provider::Nomic, None) };
    let remote = Remote::open(&spec, Key::new(KEY).ok(), runtime.handle().clone()).unwrap();
    (spec, remote)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

#[test]
fn slow_batches_go_to_the_service_and_come_back_when_it_is_gone() {
    let (service, runtime) = (Service::start(|request, _| nomic(request)), runtime());
    let (spec, remote) = remote(&service, &runtime);
    let local = Local::default();
    local.pace.store(60, Ordering::Relaxed);
    let (joined, found) = hybrid::join(model(&local, &spec), &remote, true).unwrap();
    assert!(found.passed() && found.picture.is_some_and(|cosine| cosine > 0.999), "{found}");
    let asked = service.count();

    let few = joined.text.embed(&["one", "two"], TextOptions::default()).unwrap();
    assert_eq!(service.count(), asked, "a small batch stays here");
    local.embedded.store(0, Ordering::Relaxed);
    let texts: Vec<String> = (0..200).map(|i| format!("text {i}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).chain(["one"]).collect();
    let many = joined.text.embed(&texts, TextOptions::default()).unwrap();
    assert_eq!((service.count(), local.embedded.load(Ordering::Relaxed)), (asked + 21, 0), "12 s here: sent");
    assert!(many[200].embedding.cosine(&few[0].embedding) > 0.9999, "one space");

    remote.shut();
    local.pace.store(0, Ordering::Relaxed);
    assert_eq!(joined.text.embed(&texts, TextOptions::default()).unwrap().len(), 201);
    assert_eq!((service.count(), local.embedded.load(Ordering::Relaxed)), (asked + 21, 201), "done here instead");
    let picture = Picture::new(8, 8, vec![90; 192]).unwrap();
    assert_eq!(joined.image.embed(&[joined.image.prepare(&picture)]).unwrap()[0].dim(), 768);
}

#[test]
fn vectors_that_differ_are_never_mixed() {
    let (service, runtime) = (Service::start(|request, _| nomic(request)), runtime());
    let (spec, remote) = remote(&service, &runtime);
    let local = Local { accent: "another ", ..Local::default() };
    let (alone, found) = hybrid::join(model(&local, &spec), &remote, false).unwrap();
    assert!(!found.passed() && found.to_string().contains("DIFFER"), "{found}");
    let asked = service.count();
    local.pace.store(1, Ordering::Relaxed);
    let texts: Vec<&str> = std::iter::repeat_n("a", 300).collect();
    assert_eq!(alone.text.embed(&texts, TextOptions::default()).unwrap().len(), 300);
    assert_eq!(service.count(), asked, "all of it here");

    let short = ProviderSpec { dimensions: Some(64), ..spec };
    let remote = Remote::open(&short, Key::new(KEY).ok(), runtime.handle().clone()).unwrap();
    let said = hybrid::join(model(&Local::default(), &short_info(&short)), &remote, false).err().unwrap().to_string();
    assert!(said.contains("cannot be mixed"), "{said}");
}

/// The same service with all dimensions, for the local model's description.
fn short_info(spec: &ProviderSpec) -> ProviderSpec {
    ProviderSpec { dimensions: None, ..spec.clone() }
}
