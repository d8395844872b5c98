//! What a failure of an object store means, and what to do about it.

use object_store::Error;

use crate::layer::remote::runtime::{brief, unreachable, whole};
use crate::layer::remote::url::{ObjectUrl, Vendor};
use crate::layer::remote::{Fault, FaultKind};

pub(super) fn credentials(vendor: Vendor) -> &'static str {
    match vendor {
        Vendor::S3 => {
            "credentials come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN), a web identity or the machine's role; the region from AWS_REGION, the endpoint from AWS_ENDPOINT_URL"
        }
        Vendor::Google => {
            "credentials come from GOOGLE_APPLICATION_CREDENTIALS, GOOGLE_SERVICE_ACCOUNT or the machine's role"
        }
        Vendor::Azure => {
            "the account comes from AZURE_STORAGE_ACCOUNT_NAME, credentials from AZURE_STORAGE_ACCOUNT_KEY, AZURE_STORAGE_SAS_KEY or AZURE_CLIENT_ID and its kin"
        }
    }
}

/// Says whether a store refused the condition itself.
pub(super) fn unsupported(error: &Error) -> bool {
    matches!(
        error,
        Error::NotImplemented { .. } | Error::NotSupported { .. }
    ) || whole(error).contains("501 Not Implemented")
}

/// Says what a failure of the store means.
pub(super) fn fault(url: &ObjectUrl, error: &Error) -> Fault {
    let text = whole(error);
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let no_store = [
        "NoSuchBucket",
        "ContainerNotFound",
        "The specified bucket does not exist",
    ];
    match error {
        _ if has(&no_store) => no_bucket(url),
        Error::NotFound { .. } => Fault::new(FaultKind::Absent, "an object is not there"),
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => denied(url, &text),
        // Some stores answer a bad key with 400.
        Error::Generic { .. }
            if has(&[
                "status code: 401",
                "status code: 403",
                "InvalidAccessKeyId",
                "AuthorizationHeaderMalformed",
            ]) =>
        {
            denied(url, &text)
        }
        Error::Generic { .. } if has(&["status code: 404"]) => no_bucket(url),
        Error::Generic { .. } if has(&["169.254.169.254", "metadata.google.internal"]) => {
            Fault::new(FaultKind::Denied, "there are no credentials").hint(credentials(url.vendor))
        }
        Error::Generic { .. } => {
            let refused = has(&["status code: 4", "HTTP error: builder"]);
            let kind = match refused {
                true => FaultKind::Final,
                false => FaultKind::Passing,
            };
            Fault::new(kind, unreachable(&text)).hint("check the endpoint and the network")
        }
        _ => Fault::new(FaultKind::Final, brief(&text)),
    }
}

fn no_bucket(url: &ObjectUrl) -> Fault {
    let what = match url.vendor {
        Vendor::Azure => "container",
        Vendor::S3 | Vendor::Google => "bucket",
    };
    Fault::new(
        FaultKind::NoStore,
        format!("there is no {what} `{}`", url.bucket),
    )
    .hint("create it first, or check its name and region")
}

fn denied(url: &ObjectUrl, text: &str) -> Fault {
    let code = text
        .split_once("<Code>")
        .and_then(|(_, rest)| rest.split_once("</Code>"))
        .map(|(code, _)| format!(" ({code})"))
        .unwrap_or_default();
    Fault::new(
        FaultKind::Denied,
        format!("it refused the credentials{code}"),
    )
    .hint(credentials(url.vendor))
}
