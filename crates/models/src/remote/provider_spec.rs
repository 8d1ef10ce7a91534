//! Which service, which model, and how: everything that must be known of a provider before anything is sent.

use std::net::IpAddr;

use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderName};

use super::gemini::{self, Gemini, GeminiTask};
use super::limits::{RequestLimits, RequestRate, RetryPolicy};
use super::nomic::{self, Nomic};
use super::openai::{self, OpenAi};
use super::protocol::Protocol;
use crate::http;
use crate::{ModelInfo, ModelKey, RemoteError};

/// Name of Nomic's space, the same for its open weights and its service.
pub const NOMIC_SPACE: &str = "nomic-embed-v1.5";
/// Goes up whenever what is sent changes the vectors.
const PREPARATION: &str = "service-1";

/// A provider of embeddings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// Nomic's Atlas.
    Nomic,
    /// Google's Gemini API.
    Gemini,
    /// OpenAI, or any server that speaks its `/v1/embeddings`.
    OpenAi,
}

impl Provider {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Nomic, Self::Gemini, Self::OpenAi];

    /// Lower-case word, as on the command line and in the key store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nomic => "nomic",
            Self::Gemini => "gemini",
            Self::OpenAi => "openai",
        }
    }

    /// For display.
    pub fn title(self) -> &'static str {
        match self {
            Self::Nomic => "Nomic",
            Self::Gemini => "Google Gemini",
            Self::OpenAi => "OpenAI or compatible",
        }
    }

    /// Environment variables that may hold the key; the first that is set counts.
    pub fn variables(self) -> &'static [&'static str] {
        match self {
            Self::Nomic => &["NOMIC_API_KEY"],
            Self::Gemini => &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
            Self::OpenAi => &["OPENAI_API_KEY"],
        }
    }

    /// The model unless another is named.
    pub fn default_model(self) -> &'static str {
        match self {
            Self::Nomic => nomic::MODEL,
            Self::Gemini => gemini::MODEL,
            Self::OpenAi => openai::MODEL,
        }
    }

    /// The address of the service, unless another one is given.
    pub fn default_base(self) -> &'static str {
        match self {
            Self::Nomic => nomic::BASE,
            Self::Gemini => gemini::BASE,
            Self::OpenAi => openai::BASE,
        }
    }

    /// The header of the key, and the prefix of its value.
    pub(super) fn header(self) -> (HeaderName, &'static str) {
        match self {
            Self::Gemini => (HeaderName::from_static("x-goog-api-key"), ""),
            Self::Nomic | Self::OpenAi => (AUTHORIZATION, "Bearer "),
        }
    }

    /// The message when there is no key.
    pub fn wants_key(self) -> String {
        let (title, variables) = (self.title(), self.variables().join(" or "));
        format!("{title} needs a key: set {variables}, or keep one in the system's key store")
    }
}

/// A provider, a model, and how to use them.
#[derive(Debug, Clone, PartialEq)]
pub struct ProviderSpec {
    /// The provider.
    pub provider: Provider,
    /// Name of the model, as the service calls it.
    pub model: String,
    /// Another address than the provider's own.
    pub base_url: Option<String>,
    /// Fewer dimensions than the model has.
    pub dimensions: Option<usize>,
    /// Tokens of a text that count (Nomic only).
    pub max_tokens: Option<usize>,
    /// A task that only Gemini knows, instead of that of each call.
    pub gemini_task: Option<GeminiTask>,
    /// Title of the documents (Gemini only).
    pub title: Option<String>,
    /// How long to try.
    pub retry_policy: RetryPolicy,
}

impl ProviderSpec {
    /// A provider with its usual model, or the one named.
    pub fn new(provider: Provider, model: Option<&str>) -> Self {
        Self {
            provider,
            model: model.unwrap_or(provider.default_model()).trim_start_matches("models/").to_owned(),
            base_url: None,
            dimensions: None,
            max_tokens: None,
            gemini_task: None,
            title: None,
            retry_policy: RetryPolicy::default(),
        }
    }

    /// Checks the settings as far as possible without contacting the service.
    ///
    /// # Errors
    /// A sentence: a retired model, an address that cannot be, too many dimensions, a key in the clear.
    pub fn check(&self) -> Result<(), RemoteError> {
        let setup = |text: String| Err(RemoteError::Setup(text));
        if let Some(sentence) = gemini::retired(&self.model) {
            return setup(sentence);
        }
        if self.model.is_empty() || !self.model.chars().all(|c| c.is_alphanumeric() || "-_.:/@".contains(c)) {
            return setup(format!("{:?} is not a valid model name", self.model));
        }
        if let Some(dim) = self.dimensions.filter(|dim| *dim == 0 || self.full_dim().is_some_and(|most| *dim > most)) {
            return setup(format!(
                "{} has {} dimensions; {dim} is not available",
                self.model,
                self.full_dim().unwrap_or(1)
            ));
        }
        self.host().map(|_| ())
    }

    pub(super) fn url(&self) -> Result<Url, RemoteError> {
        let setup = |text: String| Err(RemoteError::Setup(text));
        let text = self.base_url.as_deref().unwrap_or(self.provider.default_base());
        let Ok(url) = Url::parse(text) else {
            return setup("invalid service URL; it should look like https://host:port".to_owned());
        };
        let bare = url.username().is_empty() && url.password().is_none() && url.query().is_none();
        if !bare || url.fragment().is_some() {
            return setup("the service URL must not contain a key, a user name or a query".to_owned());
        }
        match url.scheme() {
            "http" | "https" if url.has_host() => Ok(url),
            other => setup(format!("services are reached over https or http, not {other}")),
        }
    }

    /// The host, with its port unless that is the default.
    ///
    /// # Errors
    /// When the address cannot be one.
    pub fn host(&self) -> Result<String, RemoteError> {
        Ok(http::host(&self.url()?))
    }

    /// Whether the service runs on this machine.
    ///
    /// # Errors
    /// When the address cannot be one.
    pub fn is_loopback(&self) -> Result<bool, RemoteError> {
        Ok(http::is_loopback(&self.url()?))
    }

    /// Whether keys may go there: encrypted, or over this machine's or the house's own network.
    ///
    /// # Errors
    /// A sentence, where they may not.
    pub(super) fn may_carry_key(&self) -> Result<(), RemoteError> {
        let url = self.url()?;
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let near = match host.parse::<IpAddr>() {
            Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_private(),
            Ok(IpAddr::V6(address)) => address.is_loopback() || address.is_unique_local(),
            Err(_) => host == "localhost" || host.ends_with(".local"),
        };
        if url.scheme() == "https" || near {
            return Ok(());
        }
        Err(RemoteError::Setup(format!("the key would be sent to {host} unencrypted; use https")))
    }

    /// Whether a key is needed: by the provider's own service, not by a user's own server.
    pub fn needs_key(&self) -> bool {
        self.provider != Provider::OpenAi || self.base_url.is_none()
    }

    /// Whether pictures can be embedded, too.
    pub fn takes_pictures(&self) -> bool {
        match self.provider {
            Provider::Nomic => nomic::vision(&self.model.replace("-vision-", "-text-")).is_some(),
            Provider::Gemini => gemini::takes_pictures(&self.model),
            Provider::OpenAi => false,
        }
    }

    /// Name of the open weights that make the same vectors; `None` if there are none.
    pub fn open_weights(&self) -> Option<&'static str> {
        let nomic = self.provider == Provider::Nomic && self.model.ends_with("-v1.5");
        nomic.then_some(NOMIC_SPACE)
    }

    fn full_dim(&self) -> Option<usize> {
        match self.provider {
            Provider::Nomic if self.model == "all-MiniLM-L6-v2" => Some(384),
            Provider::Nomic if self.model == "nomic-embed-code" => Some(3584),
            Provider::Nomic => Some(nomic::DIM),
            Provider::Gemini => Some(gemini::DIM),
            Provider::OpenAi => openai::dim(&self.model),
        }
    }

    /// Dimensions of the vectors; `None` where the service has to be asked.
    pub fn dim(&self) -> Option<usize> {
        self.dimensions.or_else(|| self.full_dim())
    }

    /// What one request takes, of texts or of pictures.
    pub fn limits(&self, pictures: bool) -> RequestLimits {
        match self.provider {
            Provider::Nomic => nomic::LIMITS[usize::from(pictures)],
            Provider::Gemini => gemini::LIMITS[usize::from(pictures)],
            Provider::OpenAi => openai::LIMITS[usize::from(pictures)],
        }
    }

    /// Only Nomic's own service names its rate; the others say when it is too much.
    pub(super) fn rate(&self) -> Option<RequestRate> {
        (self.provider == Provider::Nomic && self.base_url.is_none()).then_some(nomic::RATE)
    }

    pub(super) fn protocol(&self) -> Box<dyn Protocol> {
        let base = self.base_url.as_deref().unwrap_or(self.provider.default_base()).trim_end_matches('/').to_owned();
        let (model, dimensions) = (self.model.clone(), self.dimensions);
        match self.provider {
            Provider::Nomic => {
                let max_tokens = self.max_tokens.unwrap_or(nomic::MAX_TOKENS);
                let text_model = model.replace("-vision-", "-text-");
                Box::new(Nomic { base, text_model, dimensions, max_tokens })
            }
            Provider::Gemini => {
                Box::new(Gemini { base, model, dimensions, task: self.gemini_task, title: self.title.clone() })
            }
            Provider::OpenAi => Box::new(OpenAi { base, model, dimensions }),
        }
    }

    /// The space. Nomic's has the name of the open weights; the revision tells their vectors apart, so that they do
    /// not share a file.
    ///
    /// # Errors
    /// When the address cannot be one.
    pub fn key(&self, dim: usize) -> Result<ModelKey, RemoteError> {
        let name = match (self.provider, nomic::vision(&self.model)) {
            (Provider::Nomic, Some("nomic-embed-vision-v1.5")) => NOMIC_SPACE.to_owned(),
            _ => self.model.clone(),
        };
        let mut preprocessing = PREPARATION.to_owned();
        if let Some(task) = self.gemini_task {
            preprocessing = format!("{preprocessing} {}", task.as_str());
        }
        Ok(ModelKey { name, revision: self.host()?, preprocessing, dim })
    }

    /// Describes the model.
    ///
    /// # Errors
    /// When the address cannot be one.
    pub fn info(&self, dim: usize) -> Result<ModelInfo, RemoteError> {
        let host = self.host()?;
        let (about, max_tokens) = match self.provider {
            Provider::Nomic => ("Good at long English texts; images can be searched with them.", nomic::MAX_TOKENS),
            Provider::Gemini => ("Good at texts in a hundred languages, and at code.", gemini::max_tokens(&self.model)),
            Provider::OpenAi => ("Texts only.", 8191),
        };
        Ok(ModelInfo {
            key: self.key(dim)?,
            title: format!("{} at {host}", self.model),
            about: format!("{about}\nComputed by {host}: what is embedded leaves this computer."),
            licence: "A service with its owner's terms".to_owned(),
            label_scale: 20.0,
            label_prompt: "a photo of a {}".to_owned(),
            max_tokens: self.max_tokens.unwrap_or(max_tokens),
            matryoshka: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retired_names_say_what_replaces_them() {
        for name in ["embedding-gecko-001", "embedding-001", "models/text-embedding-004"] {
            let said = ProviderSpec::new(Provider::Gemini, Some(name)).check().unwrap_err().to_string();
            assert!(said.contains("ended") && said.contains("gemini-embedding-001"), "{said}");
        }
        assert_eq!(ProviderSpec::new(Provider::Gemini, None).check(), Ok(()));
    }

    #[test]
    fn addresses_name_their_host_and_hold_no_secret() {
        let at = |base: &str| ProviderSpec {
            base_url: Some(base.to_owned()),
            ..ProviderSpec::new(Provider::OpenAi, Some("m"))
        };
        assert_eq!(at("http://localhost:11434").host().as_deref(), Ok("localhost:11434"));
        assert_eq!(at("http://[::1]:8080/v1").is_loopback(), Ok(true));
        assert_eq!(at("http://10.0.0.7:8000").may_carry_key(), Ok(()));
        assert!(at("http://example.com").may_carry_key().is_err());
        for bad in ["nonsense", "ftp://a.b", "https://user:secret@a.b", "https://a.b?key=secret"] {
            let said = at(bad).check().unwrap_err().to_string();
            assert!(!said.contains("secret"), "{said}");
        }
    }

    #[test]
    fn nomics_space_has_one_name_and_its_own_revision() {
        let key = ProviderSpec::new(Provider::Nomic, None).key(768).unwrap();
        assert_eq!((key.name.as_str(), key.revision.as_str()), (NOMIC_SPACE, "api-atlas.nomic.ai"));
        let too_many = ProviderSpec { dimensions: Some(769), ..ProviderSpec::new(Provider::Nomic, None) };
        assert!(too_many.check().is_err());
    }
}
