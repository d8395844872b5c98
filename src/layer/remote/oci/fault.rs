//! What a failure of a registry means, and what to do about it.

use oci_client::errors::{OciDistributionError, OciErrorCode};
use oci_client::secrets::RegistryAuth;

use super::Registry;
use crate::layer::remote::runtime::{brief, unreachable, whole};
use crate::layer::remote::{Fault, FaultKind};

impl Registry {
    /// Says what a failure means.
    pub(super) fn fault(&self, error: &OciDistributionError) -> Fault {
        use OciDistributionError as E;
        let text = whole(error);
        let no_store = || {
            Fault::new(
                FaultKind::NoStore,
                format!("there is no repository `{}`", self.url.repository),
            )
            .hint("the first persist or push makes it, where the registry allows that; check its name")
        };
        let by_code = |code: u16| match code {
            401 | 403 => self.denied(),
            404 => Fault::new(FaultKind::Absent, "it is not there"),
            408 | 429 | 500.. => Fault::new(FaultKind::Passing, brief(&text)),
            _ => Fault::new(FaultKind::Final, brief(&text)),
        };
        match error {
            E::AuthenticationFailure(_) | E::UnauthorizedError { .. } => self.denied(),
            E::RegistryError { envelope, .. } => match envelope.errors.first().map(|e| &e.code) {
                Some(OciErrorCode::NameUnknown) => no_store(),
                Some(OciErrorCode::Unauthorized | OciErrorCode::Denied) => self.denied(),
                Some(
                    OciErrorCode::ManifestUnknown
                    | OciErrorCode::BlobUnknown
                    | OciErrorCode::NotFound,
                ) => Fault::new(FaultKind::Absent, "it is not there"),
                Some(OciErrorCode::Toomanyrequests) => Fault::new(FaultKind::Passing, brief(&text)),
                _ => Fault::new(FaultKind::Final, brief(&text)),
            },
            E::ServerError { code, .. } => by_code(*code),
            E::ImageManifestNotFoundError(_) => Fault::new(FaultKind::Absent, "it is not there"),
            E::RequestError(inner) => match inner.status() {
                Some(status) => by_code(status.as_u16()),
                None if inner.is_builder() => Fault::new(FaultKind::Final, brief(&text)),
                None => Fault::new(FaultKind::Passing, unreachable(&text))
                    .hint("check the registry's address and the network"),
            },
            E::IoError(_) => Fault::new(FaultKind::Passing, brief(&text)),
            _ => Fault::new(FaultKind::Final, brief(&text)),
        }
    }

    fn denied(&self) -> Fault {
        let what = match self.auth {
            RegistryAuth::Anonymous => "it wants credentials, and there are none",
            _ => "it refused the credentials",
        };
        Fault::new(FaultKind::Denied, what).hint(format!(
            "log in with `docker login {}`, or set HOLDALL_REGISTRY_USER and HOLDALL_REGISTRY_PASSWORD; they must allow to pull, and to push where layers are made",
            self.url.registry
        ))
    }
}
