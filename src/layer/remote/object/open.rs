//! Opens the client of a store, as the environment of its vendor's own tools says.

use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::{BackoffConfig, ClientOptions, Error, ObjectStore, RetryConfig};

use crate::layer::remote::RemoteOptions;
use crate::layer::remote::url::{ObjectUrl, Vendor};

/// Returns the store, and the endpoint or account that the environment names.
pub(super) fn client(
    url: &ObjectUrl,
    options: &RemoteOptions,
) -> Result<(Box<dyn ObjectStore>, String), Error> {
    let settings = ClientOptions::new()
        .with_connect_timeout(options.connect)
        // The whole of a transfer has no limit; each step of it has one, see `Runtime`.
        .with_timeout_disabled();
    let retry = RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(1),
            base: 2.0,
        },
        max_retries: 3,
        retry_timeout: options.silence,
    };
    let names: &[&str] = match url.vendor {
        Vendor::S3 => &["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"],
        Vendor::Google => &["GOOGLE_BASE_URL"],
        Vendor::Azure => &[
            "AZURE_STORAGE_ENDPOINT",
            "AZURE_ENDPOINT",
            "AZURE_STORAGE_ACCOUNT_NAME",
        ],
    };
    let place = names
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .unwrap_or_default();
    // Who writes http:// means it.
    let settings = settings.with_allow_http(place.starts_with("http://"));
    let store: Box<dyn ObjectStore> = match url.vendor {
        Vendor::S3 => Box::new(
            AmazonS3Builder::from_env()
                .with_bucket_name(&url.bucket)
                .with_client_options(settings)
                .with_retry(retry)
                .build()?,
        ),
        Vendor::Google => Box::new(
            GoogleCloudStorageBuilder::from_env()
                .with_bucket_name(&url.bucket)
                .with_client_options(settings)
                .with_retry(retry)
                .build()?,
        ),
        Vendor::Azure => Box::new(
            MicrosoftAzureBuilder::from_env()
                .with_container_name(&url.bucket)
                .with_client_options(settings)
                .with_retry(retry)
                .build()?,
        ),
    };
    Ok((store, place))
}
