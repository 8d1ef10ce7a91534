//! Switching embedding services on and off for the open library. Whatever may wait (a key store, the network, the
//! library) is done on threads of its own; what comes of it arrives as [`ServiceReply`].

use std::sync::Arc;

use super::backend::{ConsentChange, ModelOverride, OpenNote};
use super::keys::KeyStore;
use super::messages::{Message, ServiceReply};
use super::window::App;
use crate::context::commands::{ServiceAction, ServiceCommand};
use crate::context::services::{ConsentRequest, KeyLocation, ServiceError};
use crate::context::{Dialog, Snapshot};
use vicinity_core::Modality;
use vicinity_engine::Severity;
use vicinity_engine::remote;
use vicinity_engine::service::Service;
use vicinity_models::remote::{Key, Provider, Remote, RemoteError};

impl App {
    pub(super) fn service_action(&mut self, action: ServiceAction) {
        match action {
            ServiceAction::ShowServices => self.toggle_services(),
        }
    }

    fn toggle_services(&mut self) {
        self.toggle_dialog(Dialog::Services);
        if self.state.is_dialog_open(Dialog::Services) && self.state.view.key_locations.is_none() {
            self.service_command(ServiceCommand::FindKeys);
        }
    }

    pub(super) fn service_command(&mut self, command: ServiceCommand) {
        match command {
            ServiceCommand::FindKeys => self.refresh_keys(|_| Ok(())),
            ServiceCommand::ForgetKey(provider) => {
                self.refresh_keys(move |keys| keys.forget(provider).map_err(|error| error.to_string()));
            }
            ServiceCommand::Prepare(service, key) => self.prepare(service, key),
            ServiceCommand::SwitchOn => self.try_service(),
            ServiceCommand::Back => {
                self.state.library_mut().services.consent_request = None;
                self.state.library_mut().services.error = None;
            }
            ServiceCommand::SwitchOff => self.switch_off(),
        }
    }

    fn refresh_keys(&mut self, first: impl FnOnce(&dyn KeyStore) -> Result<(), String> + Send + 'static) {
        let keys = Arc::clone(&self.network.keys);
        self.spawn("keys", Message::Failed, move |messages| {
            if let Err(why) = first(keys.as_ref()) {
                messages.send(Message::Failed(why));
            }
            messages.send(Message::Service(ServiceReply::Keys(locations(keys.as_ref()))));
        });
    }

    /// Works out what would be sent. Sends nothing.
    fn prepare(&mut self, service: Service, key: Option<Key>) {
        let library = self.state.library_mut();
        let services = &mut library.services;
        (services.error, services.note, services.busy) = (None, None, Some("Preparing the review…".to_owned()));
        let Some(snapshot) = library.snapshot.clone() else {
            services.busy = None;
            let text = "Services are switched on per library; open a folder first".to_owned();
            services.error = Some(ServiceError { text, key: false });
            return;
        };
        let attempt = self.attempt;
        let keys = Arc::clone(&self.network.keys);
        let failed =
            move |why| Message::Service(ServiceReply::ConsentRequest(attempt, Err(RemoteError::Setup(why)), None));
        self.spawn("service-consent", failed, move |messages| {
            let kept = key.and_then(|key| keys.keep(service.provider, key).err());
            let request = consent_request(service, &snapshot, keys.as_ref());
            messages.send(Message::Service(ServiceReply::Keys(locations(keys.as_ref()))));
            messages.send(Message::Service(ServiceReply::ConsentRequest(attempt, request, kept)));
        });
    }

    /// After consent: requests the vector of one word first, so that a wrong key is reported while the library is still open
    /// as it was.
    fn try_service(&mut self) {
        let services = &mut self.state.library_mut().services;
        let Some(ConsentRequest { service, estimate, .. }) = services.consent_request.clone() else { return };
        services.error = None;
        services.busy = Some(format!("Contacting {}…", estimate.host));
        let attempt = self.attempt;
        let (network, asked) = (self.network.clone(), service.clone());
        let failed = move |why| Message::Service(ServiceReply::Tried(attempt, asked, Err(RemoteError::Setup(why))));
        self.spawn("service-try", failed, move |messages| {
            let tried = network.keys.find(service.provider).and_then(|key| {
                let key = key.map(|(key, _)| key);
                Remote::open_with_ledger(&service.spec(), key, network.handle()?, network.network_log)?.probe()
            });
            messages.send(Message::Service(ServiceReply::Tried(attempt, service, tried)));
        });
    }

    fn switch_off(&mut self) {
        let Some(host) = self.state.library().services.active.as_ref().map(|on| on.host.clone()) else { return };
        self.consent = Some(ConsentChange { host, on: false });
        self.reopen_with(ModelOverride::Local);
    }

    pub(super) fn service_reply(&mut self, answer: ServiceReply) {
        let services = &mut self.state.library_mut().services;
        match answer {
            ServiceReply::Keys(locations) => self.state.view.key_locations = Some(locations),
            ServiceReply::ConsentRequest(attempt, ..) | ServiceReply::Tried(attempt, ..) if attempt != self.attempt => {
                services.busy = None;
            }
            ServiceReply::ConsentRequest(_, offer, note) => {
                services.busy = None;
                services.note = note;
                match offer {
                    Ok(offer) => services.consent_request = Some(offer),
                    Err(error) => services.error = Some(service_error(&error)),
                }
            }
            ServiceReply::Tried(_, service, Ok(())) => {
                services.busy = Some("Opening library…".to_owned());
                services.consent_request = None;
                if let Ok(host) = service.spec().host() {
                    self.consent = Some(ConsentChange { host, on: true });
                    self.reopen_with(ModelOverride::Service(service));
                }
            }
            ServiceReply::Tried(_, _, Err(error)) => {
                services.busy = None;
                (services.consent_request, services.note) = (None, None);
                services.error = Some(service_error(&error));
            }
        }
    }

    /// After a library was opened: what it is seen through.
    pub(super) fn service_opened(&mut self) {
        let services = &mut self.state.library_mut().services;
        services.busy = None;
        services.active = self.backend.as_ref().and_then(|backend| backend.service());
        match self.backend.as_ref().and_then(|backend| backend.open_note()) {
            Some(OpenNote::Fallback(why)) => {
                let text = format!("{why}; the local model is used");
                services.error = Some(ServiceError { text: text.clone(), key: false });
                self.notice(Severity::Warning, text);
            }
            Some(OpenNote::Found(found)) => {
                services.note = Some(found.clone());
                self.notice(Severity::Info, found);
            }
            None => {}
        }
    }

    /// What was spent and what the network was used for, as of now. Cheap: counters and a short list.
    pub(super) fn refresh_network(&mut self) {
        if let Some(on) = &mut self.state.library_mut().services.active
            && let Some(now) = self.backend.as_ref().and_then(|backend| backend.service())
        {
            *on = now;
        }
        self.state.view.network = self.network.network_log.uses();
    }

    /// Shows in the dialog, too, why the service ended an import.
    pub(super) fn note_service_error(&mut self, error: &RemoteError) {
        if self.state.library().services.active.is_some() {
            self.state.library_mut().services.error = Some(service_error(error));
        }
    }
}

fn locations(keys: &dyn KeyStore) -> [KeyLocation; 3] {
    Provider::ALL.map(|provider| keys.find(provider).ok().flatten().map_or(KeyLocation::Nowhere, |(_, place)| place))
}

fn consent_request(service: Service, snapshot: &Snapshot, keys: &dyn KeyStore) -> Result<ConsentRequest, RemoteError> {
    let spec = service.spec();
    spec.check()?;
    let key = keys.find(service.provider)?;
    if key.is_none() && spec.needs_key() {
        return Err(RemoteError::Setup(spec.provider.wants_key()));
    }
    let estimate = remote::estimate(snapshot, &spec)?;
    let skipped_pictures = if spec.takes_pictures() { 0 } else { snapshot.count(Modality::Image) as u64 };
    Ok(ConsentRequest { service, estimate, skipped_pictures })
}

fn service_error(error: &RemoteError) -> ServiceError {
    ServiceError { text: error.to_string(), key: matches!(error, RemoteError::Key { .. }) }
}
