//! Switching embedding services on and off for the open library. Whatever may wait (a key store, the network, the
//! library) is done on threads of its own; what comes of it arrives as [`Answer`].

use std::sync::Arc;

use super::backend::{Remark, Through};
use super::keys::Keys;
use super::receive::notice;
use super::window::{App, Message};
use crate::context::services::{KeyPlace, Offer, ServiceErrand, Trouble};
use crate::context::{Floating, Snapshot};
use vicinity_core::Modality;
use vicinity_engine::Severity;
use vicinity_engine::remote::{self, Service};
use vicinity_models::remote::{Key, Provider, Remote, RemoteError};

/// What a thread has found out.
pub(super) enum Answer {
    /// Where keys are.
    Keys([KeyPlace; 3]),
    /// What a service would be sent, and something to know about the key. The number tells for which opened library.
    Offer(u64, Result<Offer, RemoteError>, Option<String>),
    /// The service took our word, or what it has against it. Consent is for one library: see the number.
    Tried(u64, Service, Result<(), RemoteError>),
}

/// A change of the list of services that may be sent items of the library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Consent {
    /// Who.
    pub host: String,
    /// On or off.
    pub on: bool,
}

impl App {
    pub(super) fn services_dialog(&mut self) {
        let open = !self.state.floats(Floating::Services);
        self.float(Floating::Services, open);
        if open && self.state.services.keys.is_none() {
            self.service_errand(ServiceErrand::FindKeys);
        }
    }

    pub(super) fn service_errand(&mut self, errand: ServiceErrand) {
        match errand {
            ServiceErrand::FindKeys => self.ask_about_keys(|_| Ok(())),
            ServiceErrand::ForgetKey(provider) => {
                self.ask_about_keys(move |keys| keys.forget(provider).map_err(|error| error.to_string()));
            }
            ServiceErrand::Prepare(service, key) => self.prepare(service, key),
            ServiceErrand::SwitchOn => self.try_offer(),
            ServiceErrand::Back => {
                self.state.services.offer = None;
                self.state.services.trouble = None;
            }
            ServiceErrand::SwitchOff => self.switch_off(),
        }
    }

    fn ask_about_keys(&mut self, first: impl FnOnce(&dyn Keys) -> Result<(), String> + Send + 'static) {
        let (keys, sender, waker) = (Arc::clone(&self.network.keys), self.inbox.0.clone(), self.waker());
        self.spawn("keys", move || {
            if let Err(why) = first(keys.as_ref()) {
                let _ = sender.send(Message::Failed(why));
            }
            let _ = sender.send(Message::Service(Answer::Keys(places(keys.as_ref()))));
            waker();
        });
    }

    /// Works out what would be sent. Sends nothing.
    fn prepare(&mut self, service: Service, key: Option<Key>) {
        let services = &mut self.state.services;
        (services.trouble, services.note, services.busy) = (None, None, Some("Looking what would be sent…".to_owned()));
        let Some(snapshot) = self.state.snapshot.clone() else {
            services.busy = None;
            let text = "Services are switched on for one library: open a folder first".to_owned();
            services.trouble = Some(Trouble { text, key: false });
            return;
        };
        let attempt = self.attempt;
        let (keys, sender, waker) = (Arc::clone(&self.network.keys), self.inbox.0.clone(), self.waker());
        self.spawn("service-offer", move || {
            let kept = key.and_then(|key| keys.keep(service.provider, key).err());
            let offer = offer(service, &snapshot, keys.as_ref());
            let _ = sender.send(Message::Service(Answer::Keys(places(keys.as_ref()))));
            let _ = sender.send(Message::Service(Answer::Offer(attempt, offer, kept)));
            waker();
        });
    }

    /// The user agreed: asks the service for the vector of a word of ours first, so that a wrong key is told here, and
    /// the library stays open as it is meanwhile.
    fn try_offer(&mut self) {
        let services = &mut self.state.services;
        let Some(Offer { service, estimate, .. }) = services.offer.clone() else { return };
        services.trouble = None;
        services.busy = Some(format!("Asking {}…", estimate.host));
        let attempt = self.attempt;
        let (network, sender, waker) = (self.network.clone(), self.inbox.0.clone(), self.waker());
        self.spawn("service-try", move || {
            let tried = network.keys.find(service.provider).and_then(|key| {
                let key = key.map(|(key, _)| key);
                Remote::open_noting(&service.spec(), key, network.handle()?, network.ledger)?.try_out()
            });
            let _ = sender.send(Message::Service(Answer::Tried(attempt, service, tried)));
            waker();
        });
    }

    fn switch_off(&mut self) {
        let Some(host) = self.state.services.on.as_ref().map(|on| on.host.clone()) else { return };
        self.consent = Some(Consent { host, on: false });
        self.see_through(Through::Local);
    }

    pub(super) fn service_answer(&mut self, answer: Answer) {
        let services = &mut self.state.services;
        match answer {
            Answer::Keys(places) => services.keys = Some(places),
            Answer::Offer(attempt, ..) | Answer::Tried(attempt, ..) if attempt != self.attempt => services.busy = None,
            Answer::Offer(_, offer, note) => {
                services.busy = None;
                services.note = note;
                match offer {
                    Ok(offer) => services.offer = Some(offer),
                    Err(error) => services.trouble = Some(trouble(&error)),
                }
            }
            Answer::Tried(_, service, Ok(())) => {
                services.busy = Some("Opening the library…".to_owned());
                services.offer = None;
                if let Ok(host) = service.spec().host() {
                    self.consent = Some(Consent { host, on: true });
                    self.see_through(Through::Service(service));
                }
            }
            Answer::Tried(_, _, Err(error)) => {
                services.busy = None;
                (services.offer, services.note) = (None, None);
                services.trouble = Some(trouble(&error));
            }
        }
    }

    /// After a library was opened: what it is seen through.
    pub(super) fn service_opened(&mut self) {
        let services = &mut self.state.services;
        services.busy = None;
        services.on = self.backend.as_ref().and_then(|backend| backend.service());
        match self.backend.as_ref().and_then(|backend| backend.remark()) {
            Some(Remark::Fallback(why)) => {
                let text = format!("{why}; the local model is used");
                services.trouble = Some(Trouble { text: text.clone(), key: false });
                notice(self, Severity::Warning, text);
            }
            Some(Remark::Found(found)) => {
                services.note = Some(found.clone());
                notice(self, Severity::Info, found);
            }
            None => {}
        }
    }

    /// What was spent and what the network was used for, as of now. Cheap: counters and a short list.
    pub(super) fn look_at_network(&mut self) {
        if let Some(on) = &mut self.state.services.on
            && let Some(now) = self.backend.as_ref().and_then(|backend| backend.service())
        {
            *on = now;
        }
        self.state.network = self.network.ledger.uses();
    }

    /// An import by a service that has stopped is told in its dialog, too.
    pub(super) fn note_trouble(&mut self, text: &str) {
        if self.state.services.on.is_some() {
            let key = text.contains("does not accept the key");
            self.state.services.trouble = Some(Trouble { text: text.to_owned(), key });
        }
    }
}

fn places(keys: &dyn Keys) -> [KeyPlace; 3] {
    Provider::ALL.map(|provider| keys.find(provider).ok().flatten().map_or(KeyPlace::Nowhere, |(_, place)| place))
}

fn offer(service: Service, snapshot: &Snapshot, keys: &dyn Keys) -> Result<Offer, RemoteError> {
    let spec = service.spec();
    spec.check()?;
    let key = keys.find(service.provider)?;
    if key.is_none() && spec.needs_key() {
        return Err(RemoteError::Setup(spec.provider.wants_key()));
    }
    let estimate = remote::estimate(snapshot, &spec)?;
    let left_out = if spec.takes_pictures() { 0 } else { snapshot.count(Modality::Image) as u64 };
    Ok(Offer { service, estimate, left_out })
}

fn trouble(error: &RemoteError) -> Trouble {
    Trouble { text: error.to_string(), key: matches!(error, RemoteError::Key { .. }) }
}
